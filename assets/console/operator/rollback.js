// Putting one tenant back to the copy from before its last migration.

import { post } from "../api.js";
import { html, useState } from "../dom.js";
import { Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { s } from "../strings.js";
import { nameOf } from "./fleet.js";
import { o } from "./strings.js";

/** @param {{ tenant: any, onClose: () => void, onDone: (rollback: any) => void }} props */
export function Rollback({ tenant, onClose, onDone }) {
  const [typed, setTyped] = useState("");
  // Asked for only once it is known that something would be lost.
  const [later, setLater] = useState(false);
  const [discard, setDiscard] = useState(false);
  const submit = async () => {
    try {
      onDone(await post("/operator/migrations/rollback", { tenant: tenant.id, discard_writes: discard }));
    } catch (/** @type {any} */ problem) {
      if (problem.code === "later_writes") setLater(true);
      throw problem;
    }
  };
  return html`<${Dialog} title=${o.rollback.title(nameOf(tenant))} onClose=${onClose}><${Form} onSubmit=${submit} submit=${o.rollback.act} danger onCancel=${onClose} blocked=${typed !== tenant.slug || (later && !discard)}>
    <p>${o.rollback.text}</p>
    ${later && html`<label class="check"><input type="checkbox" checked=${discard} onChange=${(/** @type {any} */ event) => setDiscard(event.target.checked)} /><span>${o.rollback.discard}<br /><span class="soft small">${o.rollback.discardHint}</span></span></label>`}
    <${Field} label=${s.typeToConfirm(tenant.slug)} name="confirm" class="input mono" autocomplete="off" autocapitalize="none" spellcheck="false" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} />
  <//><//>`;
}
