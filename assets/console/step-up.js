// Showing again who one is, where an act asks for it. The act goes on by itself afterwards.

import { post } from "./api.js";
import { html, useState } from "./dom.js";
import { Dialog } from "./parts/dialog.js";
import { Field, Form } from "./parts/form.js";
import { createStore, useStore } from "./store.js";
import { s } from "./strings.js";

/** @type {import("./store.js").Store<((done: boolean) => void) | null>} */
const waiting = createStore(/** @type {any} */ (null));

/** @returns {Promise<boolean>} whether it was shown; false where the dialog was closed */
export function askForStepUp() {
  return new Promise((resolve) => {
    waiting.get()?.(false);
    waiting.set(() => resolve);
  });
}

export function StepUp() {
  const answer = useStore(waiting);
  const [withCode, setWithCode] = useState(false);
  if (!answer) return null;
  const end = (/** @type {boolean} */ done) => {
    waiting.set(null);
    answer(done);
  };
  const submit = async (/** @type {Record<string, string>} */ values) => {
    try {
      await post("/auth/step-up", values, { anonymous: true });
    } catch (problem) {
      // Where there is a second factor, a password alone does not do.
      if (problem.code === "code_required" || problem.fields?.some((/** @type {any} */ one) => one.field === "code")) setWithCode(true);
      throw problem;
    }
    end(true);
  };
  return html`<${Dialog} title=${s.stepUp.title} onClose=${() => end(false)}>
    <${Form} onSubmit=${submit} submit=${s.stepUp.action} onCancel=${() => end(false)}>
      <p class="soft">${s.stepUp.text}</p>
      ${withCode
        ? html`<${Field} key="code" label=${s.auth.code} name="code" autocomplete="one-time-code" autofocus required />`
        : html`<${Field} key="password" label=${s.auth.password} name="password" type="password" autocomplete="current-password" autofocus required />`}
      <p><button type="button" class="link" onClick=${() => setWithCode(!withCode)}>${withCode ? s.stepUp.byPassword : s.stepUp.byCode}</button></p>
    <//>
  <//>`;
}
