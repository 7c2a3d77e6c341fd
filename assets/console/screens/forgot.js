import { post } from "../api.js";
import { html, useState } from "../dom.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { s } from "../strings.js";
import { Outside } from "./outside.js";

/** Asks for a mail by which a new password can be set. */
export default function Forgot() {
  const [sent, setSent] = useState("");
  const submit = async (/** @type {Record<string, string>} */ { email }) => {
    await post("/auth/password/forgot", { email }, { anonymous: true });
    setSent(email);
  };
  return html`<${Outside} title=${s.auth.forgotTitle} text=${sent ? "" : s.auth.forgotText}>
    ${sent
      ? html`<div class="note good"><${Icon} name="check" /><p>${s.auth.forgotSent(sent)}</p></div>`
      : html`<${Form} onSubmit=${submit} submit=${s.auth.sendMail} wide><${Field} label=${s.auth.email} name="email" type="email" autocomplete="username" autofocus required /><//>`}
    <p class="small"><a href="/console/sign-in">${s.auth.backToSignIn}</a></p>
  <//>`;
}
