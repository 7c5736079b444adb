/** The form of a resource, made of the parameters that REST declares: the checks are REST's own. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { OpenApi, Schema } from "../api";
import { words } from "../format";

export interface FormField {
  name: string;
  schema: Schema;
  isRequired: boolean;
}

const SECRET = /password|secret|token/i;

/** The parameters of `POST path`, those that REST needs first. */
export function fieldsOf(api: OpenApi, path: string): FormField[] {
  const operation = api.paths[`${path}.json`]?.["post"];
  const schema = operation?.requestBody?.content["application/x-www-form-urlencoded"]?.schema;
  if (!schema) return [];
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties).map(([name, property]) => ({
    name,
    schema: plain(property),
    isRequired: required.has(name),
  }));
  return fields.sort((one, other) => Number(other.isRequired) - Number(one.isRequired));
}

/** An optional parameter may also be empty: the schema without that. */
function plain(schema: Schema): Schema {
  const first = schema.anyOf?.[0];
  return first ? { ...first, default: schema.default ?? first.default, ...(schema.description ? { description: schema.description } : {}) } : schema;
}

export function ResourceForm({ fields, record, action, onSubmit }: { fields: FormField[]; record: Record<string, unknown> | null; action: string; onSubmit: (form: Record<string, string>) => Promise<void> }): JSX.Element {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const form: Record<string, string> = {};
    for (const field of fields) {
      const value = String(given.get(field.name) ?? "").trim();
      const before = record ? shown(record, field) : "";
      if (value !== before) form[field.name] = value;
    }
    setBusy(true);
    setError("");
    try {
      await onSubmit(form);
    } catch (caught) {
      setError((caught as Error).message);
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      {error ? (
        <p class="note is-bad" role="alert">
          {error}
        </p>
      ) : null}
      {fields.map((field, index) => (
        <Field key={field.name} field={field} value={record ? shown(record, field) : ""} isFirst={index === 0} isNew={record === null} />
      ))}
      <div class="buttons">
        <button type="submit" class="button is-primary" disabled={isBusy}>
          {action}
        </button>
      </div>
    </form>
  );
}

function Field({ field, value, isFirst, isNew }: { field: FormField; value: string; isFirst: boolean; isNew: boolean }): JSX.Element {
  const { name, schema } = field;
  const id = `field-${name}`;
  const hint = [schema.description, isNew && schema.default !== undefined && schema.default !== "" ? `default ${String(schema.default)}` : ""].filter(Boolean).join("; ");
  const common = { id, name, class: "input", required: field.isRequired, autofocus: isFirst, "aria-describedby": hint ? `${id}-hint` : undefined };
  const choices = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : null);
  return (
    <div class="field">
      <label for={id}>
        {words(name)}
        {field.isRequired ? <span class="soft"> (needed)</span> : null}
      </label>
      {choices ? (
        <select {...common} defaultValue={value}>
          {field.isRequired ? null : <option value="">–</option>}
          {choices.map((each) => (
            <option key={each} selected={each === value}>
              {each}
            </option>
          ))}
        </select>
      ) : (
        <input {...common} type={SECRET.test(name) ? "password" : schema.type === "integer" ? "number" : "text"} defaultValue={value} spellcheck={false} autocomplete={SECRET.test(name) ? "new-password" : "off"} />
      )}
      {hint ? (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      ) : null}
    </div>
  );
}

/** The value of a parameter in a record: `VoiceUrl` is `voice_url`. */
function shown(record: Record<string, unknown>, field: FormField): string {
  const value = record[field.name.replace(/[A-Z]/g, (letter, at: number) => `${at ? "_" : ""}${letter.toLowerCase()}`)];
  if (value === null || value === undefined) return "";
  return Array.isArray(value) ? value.join(" ") : String(value);
}
