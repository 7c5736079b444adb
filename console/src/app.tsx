/** Signed out: the form. Signed in: the shell with the page of the address. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Redirect, Route, Router, Switch } from "wouter-preact";
import { loadSession, type Session } from "./api";
import { connectFeed, disconnectFeed, onSessionEnd } from "./feed";
import { Toasts } from "./components/parts";
import { ListeningBar } from "./listening/bar";
import { stopListening } from "./listening/state";
import { Shell } from "./shell";
import { CallPage } from "./pages/call/page";
import { CallsPage } from "./pages/calls";
import { ConferencePage } from "./pages/conference/page";
import { ConferencesPage } from "./pages/conferences";
import { DebuggerPage } from "./pages/debugger";
import { LivePage } from "./pages/live";
import { NodesPage } from "./pages/nodes";
import { PhoneAlone, PhonePage } from "./pages/phone";
import { QueuesPage } from "./pages/queues";
import { RecordingsPage } from "./pages/recordings";
import { RESOURCES, ResourcePage } from "./pages/resources";
import { SignInPage } from "./pages/signin";
import { TryPage } from "./pages/try";

export function App(): JSX.Element | null {
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  useEffect(() => {
    onSessionEnd(() => {
      disconnectFeed();
      stopListening();
      setSession(null);
    });
    loadSession().then(setSession, () => setSession(null));
  }, []);
  useEffect(() => {
    if (session) connectFeed();
  }, [session]);
  if (session === undefined) return null;
  if (session === null) {
    return (
      <Router base="/console">
        <Switch>
          <Route path="/phone">
            <PhoneAlone />
          </Route>
          <Route>
            <SignInPage onSignedIn={setSession} />
          </Route>
        </Switch>
      </Router>
    );
  }
  return (
    <Router base="/console">
      <Shell session={session}>
        <Switch>
          <Route path="/">
            <LivePage />
          </Route>
          <Route path="/calls">
            <CallsPage />
          </Route>
          <Route path="/calls/:sid">{({ sid }) => <CallPage key={sid} sid={sid} />}</Route>
          <Route path="/debugger">
            <DebuggerPage />
          </Route>
          <Route path="/recordings">
            <RecordingsPage />
          </Route>
          <Route path="/conferences">
            <ConferencesPage />
          </Route>
          <Route path="/conferences/:sid">{({ sid }) => <ConferencePage key={sid} sid={sid} />}</Route>
          <Route path="/queues">
            <QueuesPage />
          </Route>
          <Route path="/try">
            <TryPage />
          </Route>
          <Route path="/phone">
            <PhonePage isSignedIn />
          </Route>
          <Route path="/nodes">
            <NodesPage />
          </Route>
          {RESOURCES.map((each) => (
            <Route key={each.address} path={`/${each.address}`}>
              <ResourcePage key={each.address} resource={each} />
            </Route>
          ))}
          <Route>
            <Redirect to="/" />
          </Route>
        </Switch>
      </Shell>
      <ListeningBar />
      <Toasts />
    </Router>
  );
}
