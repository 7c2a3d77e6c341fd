import { get, post } from "../api.js";
import { html, useState } from "../dom.js";
import { number } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { attempt, toast } from "../parts/toasts.js";
import { toOperator } from "../router.js";
import { s } from "../strings.js";
import { actorName } from "./actor.js";
import { o } from "./strings.js";

const KINDS = /** @type {Record<string, string>} */ ({ running: "info", halted: "bad", done: "good", cancelled: "warn" });
/** @param {any} run */
const isOpen = (run) => run?.status === "running" || run?.status === "halted";

/** @param {{ run: any }} props */
const Status = ({ run }) => html`<${Badge} kind=${KINDS[run.status] ?? ""}>${o.migrations.statuses[run.status] ?? run.status}<//>`;

/** Where the fleet stands, and the migration that is under way. */
export default function Migrations() {
  const plan = useLoad(() => get("/operator/migrations/plan"), []);
  const runs = usePages("/operator/migrations", 20);
  const failed = usePages("/operator/migrations/tenants?state=failed");
  const held = usePages("/operator/migrations/tenants?state=held");
  const [open, setOpen] = useState("");
  const run = plan.data?.run ?? null;
  const again = async () => {
    await Promise.all([plan.reload(), runs.reload(), failed.reload(), held.reload()]);
  };
  useEvery(() => void again(), 1500, run?.status === "running");
  const act = (/** @type {string} */ what, /** @type {string} */ said) => async () => {
    await post(`/operator/migrations/${run.id}/${what}`);
    toast(said);
    await again();
  };
  const columns = [
    { label: o.migrations.started, cell: (/** @type {any} */ one) => html`<span class="two"><span><${Time} at=${one.started_at} /></span><span class="soft small">${actorName(one.started_by)}</span></span>` },
    { label: o.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${Status} run=${one} />` },
    { label: o.plans.version, class: "narrow end", cell: (/** @type {any} */ one) => `${one.app} / ${one.system}` },
    { label: o.migrations.migrated, class: "narrow end", cell: (/** @type {any} */ one) => number(one.migrated) },
    { label: o.migrations.failedHead, class: "narrow end", cell: (/** @type {any} */ one) => html`<span class=${one.failed > 0 ? "bad" : ""}>${number(one.failed)}</span>` },
    { label: o.migrations.ended, class: "narrow", cell: (/** @type {any} */ one) => html`<span class="two">${one.ended_at ? html`<${Time} at=${one.ended_at} near />` : html`<span class="soft">—</span>`}</span>` },
  ];
  const troubled = [...(failed.data ?? []), ...(held.data ?? [])];
  return html`<${Page} title=${s.operator.screens.migrations} of=${o.of} about=${o.migrations.about} actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${again}><${Icon} name="reload" /></button>
      ${plan.data && !isOpen(run) && (plan.data.pending > 0 || plan.data.failed > 0) && html`<button class="button primary" onClick=${() => setOpen("start")}><${Icon} name="play" />${o.migrations.start}</button>`}`}>
    <${Loaded} of=${plan}>${(/** @type {any} */ data) => html`<${Standing} plan=${data} />
      ${isOpen(run) && html`<div class="card stack" aria-live="polite"><div class="row apart"><div class="row"><h2>${o.migrations.running}</h2><${Status} run=${run} /><span class="soft">${o.migrations.stages[run.stage] ?? run.stage}</span></div>
          <div class="row">${run.status === "halted" && html`<button class="button primary" onClick=${() => attempt(act("resume", o.migrations.resumed))}><${Icon} name="play" />${o.migrations.resume}</button>`}<button class="button danger" onClick=${() => setOpen("cancel")}><${Icon} name="stop" />${run.status === "running" ? o.migrations.cancel : o.migrations.giveUp}</button></div></div>
        ${run.reason && html`<div class="note bad"><${Icon} name="warn" /><p>${run.reason}</p></div>`}
        <${Progress} done=${run.migrated} failed=${run.failed} all=${run.migrated + run.failed + data.pending} />
        <p class="soft small">${o.migrations.done(run.migrated)} · ${o.migrations.failures(run.failed)} · ${number(data.pending)} ${o.migrations.pending} · ${o.migrations.started} <${Time} at=${run.started_at} near /> · ${actorName(run.started_by)}</p></div>`}`}<//>
    ${troubled.length > 0 && html`<h2>${o.migrations.troubled}</h2><${Table} label=${o.migrations.troubled} columns=${TROUBLED} rows=${troubled} keyOf=${(/** @type {any} */ one) => one.tenant_id} onMore=${failed.more ?? held.more} busy=${failed.busy} />`}
    <h2>${o.migrations.runs}</h2>
    <${Loaded} of=${runs}>${(/** @type {any[]} */ all) => (all.length === 0
      ? html`<div class="card"><${Empty} icon="migrations" title=${o.migrations.none} text=${o.migrations.noneText} /></div>`
      : html`<${Table} label=${o.migrations.runs} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} onMore=${runs.more} busy=${runs.busy} />`)}<//>
    ${open === "start" && html`<${Start} failed=${plan.data.failed} onClose=${() => setOpen("")} onDone=${() => { setOpen(""); void again(); }} />`}
    ${open === "cancel" && html`<${Confirm} title=${o.migrations.cancelTitle} text=${o.migrations.cancelText} action=${run?.status === "running" ? o.migrations.cancel : o.migrations.giveUp} onClose=${() => setOpen("")} onConfirm=${act("cancel", o.migrations.cancelled)} />`}
  <//>`;
}

const TROUBLED = [
  { label: o.tenant, cell: (/** @type {any} */ one) => html`<a href=${toOperator("tenants", one.slug)}><b>${one.slug}</b></a>` },
  { label: o.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${Badge} kind=${one.state === "failed" ? "bad" : "warn"}>${one.state === "failed" ? o.migrations.failed : o.migrations.held}<//>` },
  { label: o.plans.version, class: "narrow end", cell: (/** @type {any} */ one) => `${one.app} / ${one.system}` },
  { label: o.migrations.error, cell: (/** @type {any} */ one) => html`<span class="small mono wraps">${one.error ?? "—"}</span>` },
  { label: o.migrations.changed, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.changed_at} near />` },
];

/** @param {{ plan: any }} props */
function Standing({ plan }) {
  const shares = /** @type {[string, number, string][]} */ ([[o.migrations.current, plan.current, "good"], [o.migrations.pending, plan.pending, "info"], [o.migrations.held, plan.held, "warn"], [o.migrations.failed, plan.failed, "bad"]]);
  return html`<div class="card stack"><div class="row apart"><div class="two"><h2>${plan.pending + plan.failed + plan.held === 0 ? o.migrations.upToDate : `${number(plan.current)} / ${number(plan.tenants)} ${o.migrations.current}`}</h2><span class="soft">${o.migrations.target} ${o.migrations.versions(plan.app, plan.system)}</span></div></div>
    <div class="shares" role="img" aria-label=${shares.map(([name, count]) => `${name}: ${count}`).join(", ")}>${shares.map(([name, count, kind]) => count > 0 && html`<div key=${name} class=${kind} style=${{ flexGrow: count }}></div>`)}</div>
    <ul class="legend">${shares.map(([name, count, kind]) => html`<li key=${name}><span class=${`dot ${kind}`}></span><b class="numeric">${number(count)}</b> <span class="soft">${name}</span></li>`)}</ul>
    ${plan.pending > 0 && plan.migrations.length > 0 && html`<details><summary>${o.migrations.pendingList(plan.migrations.length)}</summary><ul class="mono small">${plan.migrations.map((/** @type {string} */ name) => html`<li key=${name}>${name}</li>`)}</ul></details>`}
  </div>`;
}

/** @param {{ done: number, failed: number, all: number }} props */
const Progress = ({ done, failed, all }) => html`<div class="shares" role="progressbar" aria-label=${o.migrations.running} aria-valuemin="0" aria-valuemax=${all} aria-valuenow=${done + failed}>
  ${done > 0 && html`<div class="good" style=${{ flexGrow: done }}></div>`}${failed > 0 && html`<div class="bad" style=${{ flexGrow: failed }}></div>`}<div style=${{ flexGrow: Math.max(0, all - done - failed) }}></div></div>`;

/** @param {{ failed: number, onClose: () => void, onDone: () => void }} props */
function Start({ failed, onClose, onDone }) {
  const [retry, setRetry] = useState(failed > 0);
  const submit = async (/** @type {Record<string, string>} */ { canary, canary_plan: plan, halt_at_errors: halt, parallel }) => {
    await post("/operator/migrations", { ...(canary && { canary: Number(canary) }), ...(plan && { canary_plan: plan }), ...(halt && { halt_at_errors: halt }), ...(parallel && { parallel: Number(parallel) }), retry });
    onDone();
  };
  return html`<${Dialog} title=${o.migrations.start} onClose=${onClose}><${Form} onSubmit=${submit} submit=${o.migrations.start} onCancel=${onClose}>
    <p class="soft">${o.migrations.startText}</p>
    <${Field} label=${o.migrations.canary} mark=${s.optional} name="canary" inputmode="numeric" hint=${o.migrations.canaryHint} autofocus />
    <${Field} label=${o.migrations.canaryPlan} mark=${s.optional} name="canary_plan" class="input mono" hint=${o.migrations.canaryPlanHint} />
    <${Field} label=${o.migrations.haltAt} mark=${s.optional} name="halt_at_errors" hint=${o.migrations.haltHint} />
    <${Field} label=${o.migrations.parallel} mark=${s.optional} name="parallel" inputmode="numeric" hint=${o.migrations.parallelHint} />
    ${failed > 0 && html`<label class="check"><input type="checkbox" checked=${retry} onChange=${(/** @type {any} */ event) => setRetry(event.target.checked)} /><span>${o.migrations.retry}</span></label>`}
  <//><//>`;
}
