import { get, post } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { number, size } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { Dialog } from "../parts/dialog.js";
import { Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Figure } from "../parts/limits.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { toast } from "../parts/toasts.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { actorName } from "./actor.js";
import { o } from "./strings.js";

const b = o.backups;
const KINDS = /** @type {Record<string, string>} */ ({ running: "info", done: "good", failed: "bad", cut_off: "warn" });
/** How often a round under way is looked at, in milliseconds. */
const LOOK = 1000;
/** Tenants that could not be backed up, of which the reason is shown. */
const SHOWN = 5;

/** Whether somebody restored it to see, and what came of that. @param {{ backup: any }} props */
export const Verified = ({ backup }) => (backup.fault
  ? html`<span class="two"><span><${Badge} kind="bad">${b.fault}<//></span><span class="small bad wraps">${backup.fault}</span></span>`
  : backup.verified_at ? html`<span title=${b.sound}><${Badge} kind="good"><${Time} at=${backup.verified_at} near /><//></span>` : html`<span class="soft">${b.unchecked}</span>`);

/** What a backup is, wherever it is listed. */
export const FACTS = [
  { label: b.size, class: "narrow end", cell: (/** @type {any} */ one) => html`<span title=${`${b.storedSize}: ${size(one.stored_bytes)}`}>${size(one.size_bytes)}</span>` },
  { label: b.uploads, class: "narrow end", cell: (/** @type {any} */ one) => (one.files ? html`<span title=${size(one.file_bytes)}>${number(one.files)}</span>` : html`<span class="soft">—</span>`) },
  { label: b.until, class: "narrow", cell: (/** @type {any} */ one) => (one.keep_until ? html`<${Time} at=${one.keep_until} near />` : html`<span class="soft">${b.always}</span>`) },
  { label: b.verified, class: "narrow", cell: (/** @type {any} */ one) => html`<${Verified} backup=${one} />` },
];

const COLUMNS = [
  { label: b.tenantOrCatalog, cell: (/** @type {any} */ one) => (one.tenant_id ? html`<a class="cut block" href=${toOperator("tenants", one.tenant_id, "backups")}><b>${one.slug ?? one.tenant_id}</b></a>` : html`<span><b>${b.catalog}</b></span>`) },
  { label: b.taken, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.taken_at} />` },
  ...FACTS,
];

const ROUNDS = [
  { label: b.begun, cell: (/** @type {any} */ one) => html`<span class="two"><span><${Time} at=${one.started_at} /></span><span class="soft small">${actorName(one.started_by)}</span></span>` },
  { label: o.status, class: "narrow", cell: (/** @type {any} */ one) => html`<span title=${one.error ?? ""}><${Badge} kind=${KINDS[one.status] ?? ""}>${b.statuses[one.status] ?? one.status}<//></span>` },
  { label: b.stored, class: "narrow end", cell: (/** @type {any} */ one) => number(one.stored) },
  { label: b.unchanged, class: "narrow end", cell: (/** @type {any} */ one) => number(one.unchanged) },
  { label: b.failed, class: "narrow end", cell: (/** @type {any} */ one) => html`<span class=${one.failed > 0 ? "bad" : ""}>${number(one.failed)}</span>` },
  { label: b.bytes, class: "narrow end", cell: (/** @type {any} */ one) => size(one.stored_bytes) },
  { label: b.pruned, class: "narrow end", cell: (/** @type {any} */ one) => number(one.pruned) },
  { label: b.took, class: "narrow", cell: (/** @type {any} */ one) => (one.ended_at ? html`<${Time} at=${one.ended_at} near />` : html`<span class="soft">—</span>`) },
];

/** What is in the store, and rounds as they go on. @param {{ route: import("../router.js").Route }} props */
export default function Backups({ route }) {
  const tenant = new URLSearchParams(route.search).get("tenant") ?? "";
  const all = usePages(`/operator/backups${tenant ? `?tenant=${encodeURIComponent(tenant)}` : ""}`);
  const rounds = usePages("/operator/backups/runs", 10);
  const state = useLoad(() => get("/operator/backups/state"), []);
  const [starting, setStarting] = useState(false);
  const last = rounds.data?.[0];
  const isRunning = last?.status === "running";
  const again = async () => {
    await Promise.all([rounds.reload(), all.reload(), state.reload()]);
  };
  useEvery(() => void rounds.reload(), LOOK, isRunning);
  // At its end there are others.
  useEffect(() => {
    if (!last?.ended_at) return;
    void all.reload();
    void state.reload();
  }, [last?.id, last?.ended_at]);
  const known = state.data;
  const failures = known?.failures ?? [];
  const broken = (all.data ?? []).filter((one) => one.fault).length;
  return html`<${Page} title=${s.operator.screens.backups} of=${o.of} about=${b.about} actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${again}><${Icon} name="reload" /></button>
      <button class="button primary" disabled=${isRunning} onClick=${() => setStarting(true)}><${Icon} name="play" />${b.run}</button>`}>
    ${isRunning && html`<${UnderWay} run=${last} />`}
    ${last?.error && html`<div class="note bad"><${Icon} name="warn" /><p>${last.error}</p></div>`}
    <div class="figures many">
      <${Figure} label=${b.last} value=${!rounds.data ? html`<span class="soft">…</span>` : last ? html`<${Time} at=${last.started_at} near />` : s.never}><span class="soft small">${last ? b.statuses[last.status] ?? last.status : " "}</span><//>
      <${Figure} label=${b.inStore} value=${!all.data ? html`<span class="soft">…</span>` : all.data[0] ? html`<${Time} at=${all.data[0].taken_at} near />` : s.never}><span class="soft small">${all.data?.[0] ? all.data[0].slug ?? b.catalog : " "}</span><//>
      <${Figure} label=${b.verified} value=${!known ? html`<span class="soft">…</span>` : known.last_verified_at ? html`<${Time} at=${known.last_verified_at} near />` : b.notVerified}><span class="soft small">${known && !known.last_verified_at ? b.notVerifiedText : b.verifiedText}</span><//>
      <${Figure} label=${b.due} value=${known ? number(known.due) : html`<span class="soft">…</span>`}><span class="soft small">${b.dueText}</span><//>
      <${Figure} label=${b.broken} value=${html`<span class=${broken ? "bad" : ""}>${number(broken)}</span>`}><span class="soft small">${b.among}</span><//>
    </div>
    ${failures.length > 0 && html`<div class="note bad"><${Icon} name="warn" /><div><p><b>${b.failures(failures.length)}</b></p>${failures.slice(0, SHOWN).map((/** @type {any} */ one) => html`<p class="small" key=${one.slug}><a href=${toOperator("tenants", one.slug, "backups")}>${one.slug}</a> ${one.error}</p>`)}
      ${failures.length > SHOWN && html`<p class="small">${b.others(failures.length - SHOWN)}</p>`}</div></div>`}
    <div class="pair"><div class="stack"><h2>${b.rounds}</h2>
    <${Loaded} of=${rounds} lines=${3}>${(/** @type {any[]} */ rows) => (rows.length === 0
      ? html`<div class="card"><${Empty} icon="backups" title=${b.noRounds} text=${b.noneText} /></div>`
      : html`<${Table} label=${b.rounds} columns=${ROUNDS} rows=${rows} keyOf=${(/** @type {any} */ one) => one.id} onMore=${rounds.more} busy=${rounds.busy && !isRunning} />`)}<//></div>
    ${(rounds.data || rounds.problem) && html`<div class="stack"><div class="row apart"><h2>${b.all}</h2><form class="row" onSubmit=${(/** @type {any} */ event) => { event.preventDefault(); const value = event.target.elements.tenant.value.trim(); navigate(`${toOperator("backups")}${value ? `?tenant=${encodeURIComponent(value)}` : ""}`); }}>
      <input class="input slim" key=${tenant} name="tenant" type="search" aria-label=${b.onlyTenant} placeholder=${b.search} defaultValue=${tenant} spellcheck="false" autocapitalize="none" /><button class="button">${s.search}</button></form></div>
    <${Loaded} of=${all} lines=${4}>${(/** @type {any[]} */ rows) => (rows.length === 0
      ? html`<div class="card"><${Empty} icon="backups" title=${tenant ? b.noneOf : b.none} text=${tenant ? b.noneOfText : b.noneText} /></div>`
      : html`<${Table} label=${b.all} columns=${COLUMNS} rows=${rows} keyOf=${(/** @type {any} */ one) => one.id} onMore=${all.more} busy=${all.busy} />`)}<//></div>`}</div>
    ${starting && html`<${Start} onClose=${() => setStarting(false)} onDone=${() => { setStarting(false); toast(b.started); void rounds.reload(); }} />`}
  <//>`;
}

/** @param {{ run: any }} props */
function UnderWay({ run }) {
  const done = run.stored + run.unchanged;
  const left = Math.max(0, run.tenants - done - run.failed);
  return html`<div class="card stack" aria-live="polite"><div class="row apart"><div class="row"><h2>${b.running}</h2><${Badge} kind="info">${b.statuses.running}<//></div><span class="soft">${b.progress(done + run.failed, run.tenants)} · ${size(run.stored_bytes)}</span></div>
    <div class="shares" role="progressbar" aria-label=${b.running} aria-valuemin="0" aria-valuemax=${Math.max(1, run.tenants)} aria-valuenow=${done + run.failed}>${done > 0 && html`<div class="good" style=${{ flexGrow: done }}></div>`}${run.failed > 0 && html`<div class="bad" style=${{ flexGrow: run.failed }}></div>`}<div style=${{ flexGrow: left || (done ? 0 : 1) }}></div></div></div>`;
}

/** @param {{ onClose: () => void, onDone: () => void }} props */
function Start({ onClose, onDone }) {
  const [full, setFull] = useState(false);
  const submit = async () => {
    await post("/operator/backups", { full });
    onDone();
  };
  return html`<${Dialog} title=${b.runTitle} onClose=${onClose}><${Form} onSubmit=${submit} submit=${b.run} onCancel=${onClose}>
    <p>${b.runText}</p>
    <label class="check"><input type="checkbox" checked=${full} onChange=${(/** @type {any} */ event) => setFull(event.target.checked)} /><span>${b.full}</span></label>
  <//><//>`;
}

/** Has one tenant backed up, and waits for that. @param {string} tenant @returns {Promise<any>} the round */
export async function backUp(tenant) {
  let run = await post("/operator/backups", { tenant });
  while (run.status === "running") {
    await new Promise((resolve) => setTimeout(resolve, LOOK / 2));
    run = await get(`/operator/backups/runs/${run.id}`);
  }
  return run;
}
