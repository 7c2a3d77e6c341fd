import { forgetSession, list, patch, post, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Copy, Loaded, Page, Table, Time } from "../parts/page.js";
import { attempt, toast } from "../parts/toasts.js";
import { loadMe, me as signedIn, signOut } from "../session.js";
import { s } from "../strings.js";

/** Oneself: name, address, password, second factor, sessions. @param {{ me: import("../session.js").Me }} props */
export default function Account({ me }) {
  const [open, setOpen] = useState("");
  const close = () => setOpen("");
  return html`<${Page} title=${s.account.title}>
    <div class="pair"><div class="stack"><section class="card"><header><h2>${s.account.profile}</h2></header><${Form} submit=${s.save} onSubmit=${async (/** @type {Record<string, string>} */ { name }) => { await patch("/me", { name }); await loadMe(); toast(s.saved); }}>
      <${Field} label=${s.auth.name} name="name" defaultValue=${me.name} autocomplete="name" required /><//></section>
    <section class="card stack"><div class="row apart"><div class="two"><h2>${s.auth.email}</h2><span class="soft">${me.email} ${!me.email_verified && html`<${Badge} kind="warn">${s.account.unverified}<//>`}</span></div>
      <div class="row">${!me.email_verified && html`<button class="button" onClick=${() => attempt(() => post("/auth/email/resend"), s.account.resent)}>${s.account.resend}</button>`}<button class="button" onClick=${() => setOpen("email")}>${s.account.changeEmail}</button></div></div>
      <div class="row apart"><div class="two"><h2>${s.auth.password}</h2><span class="soft">${s.auth.passwordRule}</span></div><button class="button" onClick=${() => setOpen("password")}>${s.account.changePassword}</button></div>
      <div class="row apart"><div class="two"><h2>${s.auth.codeTitle}</h2><span class="soft">${s.account.factorText}</span></div>
        <div class="row">${me.second_factor !== true && html`<button class="button" onClick=${() => setOpen("factor")}>${s.account.setUp}</button>`}${me.second_factor !== false && html`<button class="button" onClick=${() => setOpen("codes")}>${s.account.newCodes}</button><button class="button danger" onClick=${() => setOpen("no-factor")}>${s.remove}</button>`}</div></div></section></div>
    <div class="stack"><${Sessions}><section class="card danger row apart"><div class="two"><h2>${s.account.delete}</h2><span class="soft">${s.account.deleteText}</span></div><button class="button danger" onClick=${() => setOpen("delete")}>${s.account.delete}…</button></section><//></div></div>
    ${open === "email" && html`<${Dialog} title=${s.account.changeEmail} onClose=${close}><${Form} submit=${s.account.changeEmail} onCancel=${close} onSubmit=${async (/** @type {Record<string, string>} */ { new_email: address, password }) => { await post("/auth/email/change", { new_email: address, password }); toast(s.account.emailSent(address)); close(); }}>
      <${Field} label=${s.account.newEmail} name="new_email" type="email" autocomplete="email" autofocus required /><${Field} label=${s.auth.password} name="password" type="password" autocomplete="current-password" required /><//><//>`}
    ${open === "password" && html`<${Dialog} title=${s.account.changePassword} onClose=${close}><${Form} submit=${s.account.changePassword} onCancel=${close} onSubmit=${async (/** @type {Record<string, string>} */ values) => { await post("/auth/password/change", values); toast(s.account.passwordChanged); close(); }}>
      <${Field} label=${s.account.currentPassword} name="current_password" type="password" autocomplete="current-password" autofocus required /><${Field} label=${s.account.newPassword} name="new_password" type="password" autocomplete="new-password" hint=${s.auth.passwordRule} required /><//><//>`}
    ${open === "factor" && html`<${SecondFactor} onClose=${close} />`}
    ${open === "codes" && html`<${NewCodes} onClose=${close} />`}
    ${open === "no-factor" && html`<${Dialog} title=${s.account.removeFactor} onClose=${close}><${Form} submit=${s.remove} danger onCancel=${close} onSubmit=${async (/** @type {Record<string, string>} */ values) => { await remove("/auth/totp", { body: values }); await loadMe(); toast(s.account.factorGone); close(); }}>
      <${Field} label=${s.auth.code} name="code" autocomplete="one-time-code" hint=${s.auth.codeText} autofocus required /><//><//>`}
    ${open === "delete" && html`<${Dialog} title=${s.account.delete} onClose=${close}><${Form} submit=${s.account.delete} danger onCancel=${close} onSubmit=${async (/** @type {Record<string, string>} */ { password, code }) => { await remove("/me", { body: { password, ...(code ? { code } : {}) } }); forgetSession(); signedIn.set(null); }}>
      <p>${s.account.deleteText}</p><${Field} label=${s.auth.password} name="password" type="password" autocomplete="current-password" autofocus required />${me.second_factor && html`<${Field} label=${s.auth.code} name="code" autocomplete="one-time-code" />`}<//><//>`}
  <//>`;
}

/** Sessions, and what stands below them once they are there. @param {{ children?: any }} props */
function Sessions({ children }) {
  const found = useLoad(() => list("/auth/sessions"), []);
  const [ending, setEnding] = useState(false);
  const columns = [
    { label: s.account.device, cell: (/** @type {any} */ one) => html`<span class="two"><span class="cut" title=${one.user_agent}>${deviceOf(one.user_agent)} ${one.current && html`<${Badge} kind="good">${s.account.thisOne}<//>`}</span><span class="soft small">${one.address}</span></span>` },
    { label: s.account.lastUsed, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.last_used_at} near />` },
    { label: s.account.since, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.created_at} near />` },
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => !one.current && html`<button class="button plain" onClick=${() => attempt(async () => { await remove(`/auth/sessions/${one.id}`); await found.reload(); }, s.account.ended)}>${s.account.end}</button>` },
  ];
  return html`<div class="row apart"><h2>${s.account.sessions}</h2><button class="button" onClick=${() => setEnding(true)}>${s.account.everywhere}</button></div>
    <${Loaded} of=${found}>${(/** @type {any[]} */ all) => html`<${Table} label=${s.account.sessions} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} />${children}`}<//>
    ${ending && html`<${Confirm} title=${s.account.everywhere} text=${s.account.everywhereText} action=${s.account.everywhere} onClose=${() => setEnding(false)} onConfirm=${async () => { await post("/auth/sign-out-everywhere"); await signOut(); }} />`}`;
}

/** A browser and its system, as far as what it says of itself tells. @param {string} agent */
function deviceOf(agent) {
  const browser = ["Edg", "OPR", "Firefox", "Chrome", "Safari", "curl"].find((name) => agent.includes(`${name}/`));
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"].find((name) => agent.includes(name));
  const names = /** @type {Record<string, string>} */ ({ Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS" });
  return [browser && (names[browser] ?? browser), system && (names[system] ?? system)].filter(Boolean).join(", ") || agent || s.account.unknownDevice;
}

/** @param {{ onClose: () => void }} props */
function SecondFactor({ onClose }) {
  const [enrolment, setEnrolment] = useState(/** @type {any} */ (null));
  const [codes, setCodes] = useState(/** @type {string[] | null} */ (null));
  if (codes) return html`<${Dialog} title=${s.account.recovery} onClose=${onClose}><${Codes} codes=${codes} onClose=${onClose} /><//>`;
  const confirm = async (/** @type {Record<string, string>} */ { code }) => {
    setCodes((await post("/auth/totp/confirm", { code })).recovery_codes);
    await loadMe();
  };
  return html`<${Dialog} title=${s.account.setUpTitle} onClose=${onClose}>
    ${!enrolment
      ? html`<${Form} key="begin" submit=${s.account.begin} onCancel=${onClose} onSubmit=${async () => setEnrolment(await post("/auth/totp/enroll"))}><p>${s.account.setUpText}</p><//>`
      : html`<${Form} key="code" submit=${s.account.confirm} onCancel=${onClose} onSubmit=${confirm}>
          <p>${s.account.secretText}</p><div class="secret"><code>${enrolment.secret.match(/.{1,4}/g)?.join(" ")}</code><${Copy} text=${enrolment.secret} /></div>
          <p><a href=${enrolment.otpauth_uri}>${s.account.openApp}</a></p>
          <${Field} label=${s.auth.code} name="code" autocomplete="one-time-code" inputmode="numeric" hint=${s.account.codeHint} autofocus required /><//>`}
  <//>`;
}

/** @param {{ onClose: () => void }} props */
function NewCodes({ onClose }) {
  const [codes, setCodes] = useState(/** @type {string[] | null} */ (null));
  return html`<${Dialog} title=${s.account.newCodes} onClose=${onClose}>${codes
    ? html`<${Codes} codes=${codes} onClose=${onClose} />`
    : html`<${Form} submit=${s.account.newCodes} onCancel=${onClose} onSubmit=${async (/** @type {Record<string, string>} */ { code }) => setCodes((await post("/auth/totp/recovery-codes", { code })).recovery_codes)}>
        <p>${s.account.newCodesText}</p><${Field} label=${s.auth.code} name="code" autocomplete="one-time-code" autofocus required /><//>`}<//>`;
}

/** @param {{ codes: string[], onClose: () => void }} props */
const Codes = ({ codes, onClose }) => html`<div class="stack"><div class="note warn"><${Icon} name="warn" /><p>${s.account.recoveryText}</p></div><div class="secret"><div class="codes">${codes.map((code) => html`<span>${code}</span>`)}</div></div>
  <div class="actions last"><${Copy} text=${codes.join("\n")} /><button class="button primary" onClick=${onClose}>${s.keys.kept}</button></div></div>`;
