import { post } from "../api.js";
import { html, useState } from "../dom.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { navigate, to } from "../router.js";
import { enter } from "../session.js";
import { s } from "../strings.js";
import { Outside } from "./outside.js";

/** An account, and a tenant of one's own where a name for it is given. */
export default function SignUp() {
  const [sent, setSent] = useState("");
  const submit = async (/** @type {Record<string, string>} */ { name, email, password, tenant }) => {
    const body = { name, email, password, ...(tenant.trim() ? { tenant: { name: tenant.trim() } } : {}) };
    const answer = await post("/auth/sign-up?cookies=1", body, { anonymous: true });
    if (answer.status === "verification_sent") return setSent(email);
    // What comes first in a tenant of one's own, unless one was on the way to somewhere else.
    if (answer.tenant && !location.search) navigate(`?to=${encodeURIComponent(to(answer.tenant.slug, "start"))}`, { replace: true });
    await enter(answer);
  };
  const back = html`<p class="small"><a href=${`/console/sign-in${location.search}`}>${s.auth.haveAccount}</a></p>`;
  if (sent) {
    return html`<${Outside} title=${s.auth.mailSent}><div class="note good"><${Icon} name="check" /><p>${s.auth.verifyText(sent)}</p></div>${back}<//>`;
  }
  return html`<${Outside} title=${s.auth.signUpTitle} text=${s.auth.signUpText}>
    <${Form} onSubmit=${submit} submit=${s.auth.signUp} wide>
      <${Field} label=${s.auth.name} name="name" autocomplete="name" autofocus required />
      <${Field} label=${s.auth.email} name="email" type="email" autocomplete="username" required />
      <${Field} label=${s.auth.password} name="password" type="password" autocomplete="new-password" hint=${s.auth.passwordRule} required />
      <${Field} label=${s.auth.tenant} mark=${s.optional} name="tenant" autocomplete="organization" hint=${s.auth.tenantHint} />
    <//>${back}
  <//>`;
}
