import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { signIn, type Session } from "../api";
import { Logo } from "../components/icons";
import { useTitle } from "../hooks";

export function SignInPage({ onSignedIn }: { onSignedIn: (session: Session) => void }): JSX.Element {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  useTitle("Sign in");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setError("");
    try {
      onSignedIn(await signIn(String(form.get("sid")), String(form.get("secret"))));
    } catch (caught) {
      setError((caught as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="signin">
      <form onSubmit={(event) => void submit(event)}>
        <h1>
          <Logo /> CallAPI
        </h1>
        {error ? (
          <p class="note is-bad" role="alert">
            {error}
          </p>
        ) : null}
        <div class="field">
          <label for="sid">Account sid or API key</label>
          <input id="sid" name="sid" type="text" class="input mono" autocomplete="username" placeholder="AC… or SK…" required autofocus spellcheck={false} autocapitalize="none" />
        </div>
        <div class="field">
          <label for="secret">Auth token or secret</label>
          <input id="secret" name="secret" type="password" class="input" autocomplete="current-password" required />
        </div>
        <button type="submit" class="button is-primary" disabled={isBusy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
