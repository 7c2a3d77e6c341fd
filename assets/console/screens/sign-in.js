import { get, post } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Field, Form } from "../parts/form.js";
import { enter } from "../session.js";
import { s } from "../strings.js";
import { Outside } from "./outside.js";

/** Signing in: the password, then the code of a second factor where there is one. */
export default function SignIn() {
  const [mfaToken, setMfaToken] = useState("");
  const offers = useLoad(async () => get("/auth/sign-up", { anonymous: true }), []);
  const byPassword = async (/** @type {Record<string, string>} */ { email, password }) => {
    const answer = await post("/auth/sign-in?cookies=1", { email, password }, { anonymous: true });
    if (answer.mfa_required) setMfaToken(answer.mfa_token);
    else await enter(answer);
  };
  const byCode = async (/** @type {Record<string, string>} */ { code }) => {
    try {
      await enter(await post("/auth/mfa?cookies=1", { mfa_token: mfaToken, code }, { anonymous: true }));
    } catch (problem) {
      // A wrong code may be tried again; what has run out begins anew.
      if (problem.code === "mfa_token_invalid") setMfaToken("");
      throw problem;
    }
  };
  if (mfaToken) {
    return html`<${Outside} title=${s.auth.codeTitle} text=${s.auth.codeText}>
      <${Form} key="code" onSubmit=${byCode} submit=${s.auth.signIn} wide>
        <${Field} label=${s.auth.code} name="code" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" autofocus required />
      <//>
      <p class="small"><button class="link" onClick=${() => setMfaToken("")}>${s.auth.startAgain}</button></p>
    <//>`;
  }
  return html`<${Outside} title=${s.auth.signInTitle}>
    <${Form} key="password" onSubmit=${byPassword} submit=${s.auth.signIn} wide>
      <${Field} label=${s.auth.email} name="email" type="email" autocomplete="username" autofocus required />
      <${Field} label=${s.auth.password} name="password" type="password" autocomplete="current-password" required />
    <//>
    <p class="row apart small"><a href=${`/console/forgot`}>${s.auth.forgot}</a>${offers.data && offers.data.mode !== "closed" && html`<a href=${`/console/sign-up${location.search}`}>${s.auth.signUpLink}</a>`}</p>
  <//>`;
}
