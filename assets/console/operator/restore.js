// The backups of one tenant, and putting it back to one of them, or what it was beside it.

import { post } from "../api.js";
import { html, useState } from "../dom.js";
import { size, time } from "../format.js";
import { Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Empty, Loaded, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { attempt, toast } from "../parts/toasts.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { backUp, FACTS } from "./backups.js";
import { nameOf } from "./fleet.js";
import { o } from "./strings.js";

const [b, r] = [o.backups, o.restore];

/** @param {{ tenant: any, base: string }} props */
export function BackupsOf({ tenant, base }) {
  const all = usePages(`/operator/backups?tenant=${encodeURIComponent(tenant.id)}`);
  const [chosen, setChosen] = useState(/** @type {any} */ (null));
  const [done, setDone] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const run = () => {
    setBusy(true);
    void attempt(async () => {
      const round = await backUp(tenant.id);
      toast(round.stored > 0 ? b.kept(size(round.stored_bytes)) : round.failed > 0 || round.error ? round.error ?? b.didFail : b.same, { bad: round.status !== "done" });
      await all.reload();
    }).finally(() => setBusy(false));
  };
  const release = () => attempt(async () => { await post(`${base}/jobs/release`); setDone(null); }, o.one.released);
  const take = async (/** @type {any} */ restored) => {
    setChosen(null);
    if (restored.tenant_id !== tenant.id) {
      toast(r.doneBeside);
      navigate(toOperator("tenants", restored.slug));
      return;
    }
    setDone(restored);
    await all.reload();
  };
  const columns = [
    { label: b.taken, cell: (/** @type {any} */ one) => html`<span class="two"><b><${Time} at=${one.taken_at} /></b><span class="soft small">${o.plans.version} ${one.app} / ${one.system}</span></span>` },
    ...FACTS,
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => html`<button class="button" disabled=${Boolean(one.fault)} aria-label=${`${b.restore} ${time(one.taken_at)}`} onClick=${() => setChosen(one)}><${Icon} name="audit" />${b.restore}</button>` },
  ];
  return html`<div class="row apart"><div class="stack tight"><h2>${b.ofTenant}</h2><p class="soft">${b.ofTenantText}</p></div>
      <button class=${`button primary ${busy ? "busy" : ""}`} disabled=${busy} onClick=${run}><${Icon} name=${busy ? "reload" : "play"} />${b.run}</button></div>
    <div role="status">${done && html`<div class="note good"><${Icon} name="check" /><div><p><b>${r.done(done.discarded?.count ?? 0)}</b></p>${done.before && html`<p>${r.before}</p>`}
      ${done.missing_uploads.length > 0 && html`<p>${r.missing(done.missing_uploads.length)}</p>`}<p>${r.doneText} <button class="link" onClick=${release}>${o.one.release}</button></p></div></div>`}</div>
    <${Loaded} of=${all} lines=${4}>${(/** @type {any[]} */ rows) => (rows.length === 0
      ? html`<div class="card"><${Empty} icon="backups" title=${b.noneOf} text=${b.noneOfText} /></div>`
      : html`<${Table} label=${b.ofTenant} columns=${columns} rows=${rows} keyOf=${(/** @type {any} */ one) => one.id} onMore=${all.more} busy=${all.busy} />`)}<//>
    ${chosen && html`<${Restore} tenant=${tenant} base=${base} backup=${chosen} onClose=${() => setChosen(null)} onDone=${take} />`}`;
}

/** @param {{ tenant: any, base: string, backup: any, onClose: () => void, onDone: (restored: any) => Promise<void> }} props */
function Restore({ tenant, base, backup, onClose, onDone }) {
  const [where, setWhere] = useState("beside");
  const [typed, setTyped] = useState("");
  const isBeside = where === "beside";
  const submit = async () => {
    await onDone(await post(`${base}/restore`, { backup: backup.id, ...(isBeside && { as: typed.trim() }) }));
  };
  const pick = (/** @type {string} */ next) => () => {
    setWhere(next);
    setTyped("");
  };
  return html`<${Dialog} title=${r.title(nameOf(tenant))} onClose=${onClose}><${Form} onSubmit=${submit} submit=${isBeside ? r.besideAct : r.act} danger=${!isBeside} onCancel=${onClose} blocked=${isBeside ? !typed.trim() : typed !== tenant.slug}>
    <p>${r.from} <b><${Time} at=${backup.taken_at} /></b></p>
    <fieldset><legend><b>${r.where}</b></legend><div class="stack tight choices">
      ${[["beside", r.beside], ["in_place", r.inPlace]].map(([name, text]) => html`<label key=${name} class="check"><input type="radio" name="where" value=${name} checked=${where === name} onChange=${pick(name)} /><span>${text}</span></label>`)}</div></fieldset>
    <p class="soft">${isBeside ? r.besideText : r.inPlaceText}</p>
    <${Field} key=${where} label=${isBeside ? r.slug : s.typeToConfirm(tenant.slug)} name=${isBeside ? "slug" : "confirm"} class="input mono" hint=${isBeside ? r.slugHint : undefined} placeholder=${isBeside ? `${tenant.slug}-restored` : ""} autocomplete="off" autocapitalize="none" spellcheck="false" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} />
  <//><//>`;
}
