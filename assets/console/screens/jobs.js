import { get, post } from "../api.js";
import { html, useState } from "../dom.js";
import { percent } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { useActors } from "../parts/actor.js";
import { Dialog } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { attempt } from "../parts/toasts.js";
import { navigate, to } from "../router.js";
import { s } from "../strings.js";
import { JobTabs, Schedules } from "./schedules.js";

const KINDS = /** @type {Record<string, string>} */ ({ succeeded: "good", running: "info", queued: "", dead: "bad", cancelled: "warn" });
const STATUSES = ["queued", "running", "succeeded", "dead", "cancelled"];

/** @param {{ job: any }} props */
const Status = ({ job }) => html`<${Badge} kind=${KINDS[job.status] ?? ""}>${s.jobs.statuses[job.status] ?? job.status}<//>`;
/** @param {any} job */
const isOpen = (job) => job.status === "queued" || job.status === "running";

/** Work behind the answers: what waits, runs, is done, has failed. @param {{ at: import("../shell.js").At, route: import("../router.js").Route }} props */
export default function Jobs({ at, route }) {
  return route.rest[0] === "schedules" ? html`<${Schedules} at=${at} route=${route} />` : html`<${All} at=${at} route=${route} />`;
}

/** @param {{ at: import("../shell.js").At, route: import("../router.js").Route }} props */
function All({ at, route }) {
  const status = new URLSearchParams(route.search).get("status") ?? "";
  const pages = usePages(at.api(`/jobs${status ? `?status=${status}` : ""}`));
  useEvery(() => void pages.reload(), 2500, Boolean(pages.data?.some(isOpen)));
  const act = (/** @type {any} */ job, /** @type {string} */ what) => attempt(async () => {
    await post(at.api(`/jobs/${job.id}/${what}`));
    await pages.reload();
  }, what === "retry" ? s.jobs.retried : s.jobs.cancelled);
  const columns = [
    { label: s.jobs.kind, cell: (/** @type {any} */ job) => html`<span class="two"><a class="cut" href=${to(at.slug, "jobs", job.id)}><b>${job.kind}</b></a><span class="soft small cut" title=${job.last_error ?? job.message ?? ""}>${job.status === "dead" ? job.last_error : job.message ?? ""}</span></span>` },
    { label: s.invoices.status, class: "narrow", cell: (/** @type {any} */ job) => html`<${Status} job=${job} />` },
    { label: s.jobs.progress, class: "narrow", cell: (/** @type {any} */ job) => (job.status === "running" ? html`<${Progress} job=${job} />` : html`<span class="soft">${s.jobs.attempts(job.attempts, job.max_attempts)}</span>`) },
    { label: s.jobs.when, class: "narrow", cell: (/** @type {any} */ job) => html`<${Time} at=${job.finished_at ?? job.run_at} near />` },
    { label: "", class: "narrow end", cell: (/** @type {any} */ job) => at.can("jobs:write") && html`<div class="row nowrap end">
      ${isOpen(job) && html`<button class="button plain" onClick=${() => act(job, "cancel")}><${Icon} name="stop" />${s.cancel}</button>`}
      ${(job.status === "dead" || job.status === "cancelled") && html`<button class="button plain" onClick=${() => act(job, "retry")}><${Icon} name="reload" />${s.jobs.retry}</button>`}</div>` },
  ];
  return html`<${Page} title=${s.screens.jobs} of=${at.tenant.name} actions=${html`<select class="input slim" aria-label=${s.invoices.status} value=${status} onChange=${(/** @type {any} */ event) => navigate(`${to(at.slug, "jobs")}${event.target.value ? `?status=${event.target.value}` : ""}`)}>
      <option value="">${s.all}</option>${STATUSES.map((name) => html`<option value=${name} selected=${name === status}>${s.jobs.statuses[name]}</option>`)}</select><button class="button square" aria-label=${s.refresh} onClick=${pages.reload}><${Icon} name="reload" /></button>`}>
    <${JobTabs} at=${at} />
    <${Loaded} of=${pages}>${(/** @type {any[]} */ all) => all.length === 0
      ? html`<div class="card"><${Empty} icon="jobs" title=${status ? s.jobs.noneOf : s.jobs.none} text=${s.jobs.noneText} /></div>`
      : html`<${Table} label=${s.screens.jobs} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ job) => job.id} onMore=${pages.more} busy=${pages.busy} />`}<//>
    ${route.rest[0] && html`<${One} key=${route.rest[0]} at=${at} id=${route.rest[0]} onAct=${act} onClose=${() => navigate(`${to(at.slug, "jobs")}${route.search ? `?${route.search}` : ""}`)} />`}
  <//>`;
}

/** @param {{ job: any }} props */
const Progress = ({ job }) => html`<div class="row nowrap"><div class="progress" role="progressbar" aria-label=${s.jobs.progress} aria-valuenow=${job.progress ?? 0} aria-valuemax="100"><div style=${{ width: `${job.progress ?? 0}%` }}></div></div><span class="soft small numeric">${percent(job.progress ?? 0)}</span></div>`;

/** @param {{ at: import("../shell.js").At, id: string, onAct: (job: any, what: string) => Promise<any>, onClose: () => void }} props */
function One({ at, id, onAct, onClose }) {
  const [raw, setRaw] = useState(false);
  const found = useLoad(() => get(at.api(`/jobs/${encodeURIComponent(id)}`)), [id]);
  const actorOf = useActors(at);
  useEvery(() => void found.reload(), 2000, Boolean(found.data && isOpen(found.data)));
  const act = async (/** @type {string} */ what) => {
    await onAct(found.data, what);
    await found.reload();
  };
  return html`<${Dialog} kind="drawer" title=${found.data?.kind ?? s.screens.jobs} onClose=${onClose}><${Loaded} of=${found}>${(/** @type {any} */ job) => html`<div class="stack">
    <div class="row"><${Status} job=${job} />${job.status === "running" && html`<${Progress} job=${job} />`}</div>
    ${job.last_error && html`<div class="note bad"><${Icon} name="warn" /><p>${job.last_error}</p></div>`}
    <dl class="facts">${job.message && html`<dt>${s.jobs.message}</dt><dd>${job.message}</dd>`}<dt>${s.jobs.attemptsLabel}</dt><dd>${s.jobs.attempts(job.attempts, job.max_attempts)}</dd><dt>${s.jobs.runAt}</dt><dd><${Time} at=${job.run_at} /></dd>
      <dt>${s.jobs.createdAt}</dt><dd><${Time} at=${job.created_at} /> <span class="soft">${actorOf(job.created_by ?? "system")}</span></dd>${job.finished_at && html`<dt>${s.jobs.finishedAt}</dt><dd><${Time} at=${job.finished_at} /></dd>`}<dt>ID</dt><dd class="mono small">${job.id}</dd></dl>
    <div class="tabs" role="tablist">${[false, true].map((which) => html`<button role="tab" aria-selected=${raw === which} onClick=${() => setRaw(which)}>${which ? s.jobs.result : s.jobs.payload}</button>`)}</div>
    <pre class="secret small">${JSON.stringify(raw ? job.result ?? null : job.payload ?? null, null, 2)}</pre>
    ${at.can("jobs:write") && html`<div class="actions">${isOpen(job) && html`<button class="button danger" onClick=${() => act("cancel")}>${s.jobs.cancel}</button>`}${["dead", "cancelled"].includes(job.status) && html`<button class="button primary" onClick=${() => act("retry")}>${s.jobs.retry}</button>`}</div>`}
  </div>`}<//><//>`;
}
