import { get, list, patch, post, remove } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { useActors } from "../parts/actor.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Field, Form, Select } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { Tabs } from "../parts/tabs.js";
import { attempt, toast } from "../parts/toasts.js";
import { navigate, to } from "../router.js";
import { s } from "../strings.js";

/** @param {{ at: import("../shell.js").At, schedules?: boolean }} props */
export const JobTabs = ({ at, schedules = false }) => html`<${Tabs} label=${s.screens.jobs} of=${[
  { href: to(at.slug, "jobs"), text: s.screens.jobs, current: !schedules },
  { href: to(at.slug, "jobs", "schedules"), text: s.schedules.title, current: schedules },
]} />`;

/** Work that is done again and again. @param {{ at: import("../shell.js").At, route: import("../router.js").Route }} props */
export function Schedules({ at, route }) {
  const found = useLoad(() => list(at.api("/schedules")), [at.tenant.id]);
  const [making, setMaking] = useState(false);
  const writes = at.can("jobs:write");
  const open = route.rest[1];
  const create = writes && html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${s.schedules.create}</button>`;
  const columns = [
    { label: s.jobs.kind, cell: (/** @type {any} */ one) => html`<span class="two"><a class="cut" href=${to(at.slug, "jobs", "schedules", one.id)}><b>${one.kind}</b></a>${one.last_error && html`<span class="small bad cut" title=${one.last_error}>${one.last_error}</span>`}</span>` },
    { label: s.schedules.when, cell: (/** @type {any} */ one) => html`<span class="two"><code>${one.cron}</code><span class="soft small">${one.timezone}</span></span>` },
    { label: s.schedules.next, class: "narrow", cell: (/** @type {any} */ one) => (one.paused ? html`<${Badge}>${s.webhooks.paused}<//>` : html`<${Time} at=${one.next_run_at} near />`) },
    { label: s.schedules.last, class: "narrow", cell: (/** @type {any} */ one) => (one.last_job_id ? html`<a href=${to(at.slug, "jobs", one.last_job_id)}><${Time} at=${one.last_run_at} near /></a>` : html`<${Time} at=${one.last_run_at} near />`) },
  ];
  return html`<${Page} title=${s.screens.jobs} of=${at.tenant.name} actions=${found.data?.length ? create : null}>
    <${JobTabs} at=${at} schedules />
    <${Loaded} of=${found}>${(/** @type {any[]} */ all) => all.length === 0
      ? html`<div class="card"><${Empty} icon="audit" title=${s.schedules.none} text=${s.schedules.noneText}>${create}<//></div>`
      : html`<${Table} label=${s.schedules.title} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} />`}<//>
    ${making && html`<${Edit} at=${at} known=${found.data ?? []} onClose=${() => setMaking(false)} onDone=${(/** @type {any} */ made) => { setMaking(false); void found.reload(); toast(s.records.made); navigate(to(at.slug, "jobs", "schedules", made.id)); }} />`}
    ${open && html`<${One} key=${open} at=${at} id=${open} known=${found.data ?? []} onChanged=${found.reload} onClose=${() => navigate(to(at.slug, "jobs", "schedules"))} />`}
  <//>`;
}

/** @param {{ at: import("../shell.js").At, id: string, known: any[], onChanged: () => void, onClose: () => void }} props */
function One({ at, id, known, onChanged, onClose }) {
  const path = at.api(`/schedules/${encodeURIComponent(id)}`);
  const found = useLoad(() => get(path), [path]);
  const actorOf = useActors(at);
  const [open, setOpen] = useState("");
  const pause = (/** @type {boolean} */ paused) => attempt(async () => { found.set(await patch(path, { paused })); onChanged(); }, paused ? s.schedules.isPaused : s.schedules.resumed);
  if (open === "edit") return html`<${Edit} at=${at} schedule=${found.data} known=${known} onClose=${() => setOpen("")} onDone=${(/** @type {any} */ next) => { setOpen(""); found.set(next); onChanged(); toast(s.saved); }} />`;
  return html`<${Dialog} kind="drawer" title=${found.data?.kind ?? s.schedules.title} onClose=${onClose}><${Loaded} of=${found}>${(/** @type {any} */ one) => html`<div class="stack">
    ${one.last_error && html`<div class="note bad"><${Icon} name="warn" /><p>${one.last_error}</p></div>`}
    <dl class="facts"><dt>${s.schedules.cron}</dt><dd><code>${one.cron}</code></dd><dt>${s.settings.timezone}</dt><dd>${one.timezone}</dd>
      <dt>${s.schedules.missed}</dt><dd>${s.schedules.missedOf[one.missed] ?? one.missed}</dd>
      <dt>${s.schedules.last}</dt><dd>${one.last_job_id ? html`<a href=${to(at.slug, "jobs", one.last_job_id)}><${Time} at=${one.last_run_at} /></a>` : html`<${Time} at=${one.last_run_at} />`}</dd>
      <dt>${s.jobs.createdAt}</dt><dd><${Time} at=${one.created_at} /> <span class="soft">${actorOf(one.created_by)}</span></dd></dl>
    <h3>${s.schedules.nextRuns}</h3>
    ${one.paused ? html`<p class="soft">${s.schedules.pausedText}</p>` : html`<ol class="runs">${one.next_runs.map((/** @type {string} */ at) => html`<li key=${at}><${Time} at=${at} /><span class="soft small">${inZone(at, one.timezone)}</span></li>`)}</ol>`}
    <h3>${s.jobs.payload}</h3><pre class="secret small">${JSON.stringify(one.payload ?? null, null, 2)}</pre>
    ${at.can("jobs:write") && html`<div class="actions"><button class="button" onClick=${() => setOpen("edit")}><${Icon} name="edit" />${s.edit}</button>
      <button class="button" onClick=${() => pause(!one.paused)}><${Icon} name=${one.paused ? "play" : "stop"} />${one.paused ? s.webhooks.resume : s.webhooks.pause}</button>
      <button class="button danger" onClick=${() => setOpen("delete")}><${Icon} name="bin" />${s.delete}</button></div>`}
    ${open === "delete" && html`<${Confirm} title=${s.schedules.deleteTitle(one.kind)} text=${s.schedules.deleteText} action=${s.delete} onClose=${() => setOpen("")} onConfirm=${async () => { await remove(path); onChanged(); onClose(); }} />`}
  </div>`}<//><//>`;
}

/** The same moment by the clock of the schedule, where that is another. @param {string} at @param {string} timeZone */
function inZone(at, timeZone) {
  if (timeZone === Intl.DateTimeFormat().resolvedOptions().timeZone) return "";
  try {
    return `${new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium", timeStyle: "short", timeZone }).format(new Date(at))} ${timeZone}`;
  } catch {
    return "";
  }
}

const EXAMPLES = /** @type {[string, keyof typeof s.schedules.examples][]} */ ([["*/15 * * * *", "quarter"], ["0 * * * *", "hour"], ["0 3 * * *", "night"], ["0 8 * * MON", "monday"], ["0 6 1 * *", "month"], ["0 18 L * *", "last"]]);

/** @param {{ at: import("../shell.js").At, schedule?: any, known: any[], onClose: () => void, onDone: (made: any) => void }} props */
function Edit({ at, schedule, known, onClose, onDone }) {
  const [cron, setCron] = useState(schedule?.cron ?? "0 3 * * *");
  const [kinds, setKinds] = useState(/** @type {string[]} */ ([]));
  const zones = Intl.supportedValuesOf?.("timeZone") ?? [];
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zone = schedule?.timezone ?? mine;
  useEffect(() => {
    get(at.api("/jobs?limit=100")).then(({ items }) => setKinds([...new Set([...known, ...items].map((one) => one.kind))].sort()), () => {});
  }, []);
  const submit = async (/** @type {Record<string, string>} */ { kind, timezone, missed, payload }) => {
    const body = { kind, cron, timezone, missed, payload: payloadOf(payload) };
    onDone(schedule ? await patch(at.api(`/schedules/${schedule.id}`), body) : await post(at.api("/schedules"), body));
  };
  return html`<${Dialog} title=${schedule ? s.schedules.edit(schedule.kind) : s.schedules.create} onClose=${onClose}><${Form} onSubmit=${submit} submit=${schedule ? s.save : s.schedules.create} onCancel=${onClose}>
    <${Field} label=${s.jobs.kind} name="kind" class="input mono" list="kinds" defaultValue=${schedule?.kind ?? ""} hint=${s.schedules.kindHint} autocomplete="off" spellcheck="false" autofocus required />
    <datalist id="kinds">${kinds.map((kind) => html`<option value=${kind} />`)}</datalist>
    <${Field} label=${s.schedules.cron} name="cron" class="input mono" value=${cron} onInput=${(/** @type {any} */ event) => setCron(event.target.value)} hint=${s.schedules.cronHint} autocomplete="off" spellcheck="false" required />
    <div class="chips" role="group" aria-label=${s.schedules.examplesTitle}>${EXAMPLES.map(([text, name]) => html`<button type="button" class="chip" key=${name} aria-pressed=${cron === text} onClick=${() => setCron(text)}>${s.schedules.examples[name]}</button>`)}</div>
    <${Field} label=${s.settings.timezone} name="timezone" hint=${s.schedules.zoneHint}>${(/** @type {any} */ ties) => html`<select class="input" ...${ties}>${[...new Set([zone, mine, "UTC", ...zones])].map((each) => html`<option value=${each} selected=${each === zone}>${each}</option>`)}</select>`}<//>
    <${Select} label=${s.schedules.missed} name="missed" value=${schedule?.missed ?? "skip"} options=${[["skip", s.schedules.missedOf.skip], ["once", s.schedules.missedOf.once]]} hint=${s.schedules.missedHint} />
    <${Field} label=${s.jobs.payload} mark="JSON" name="payload">${(/** @type {any} */ ties) => html`<textarea class="input mono" spellcheck="false" ...${ties} defaultValue=${JSON.stringify(schedule?.payload ?? {}, null, 2)}></textarea>`}<//>
  <//><//>`;
}

/** @param {string} text */
function payloadOf(text) {
  try {
    return JSON.parse(text.trim() || "null");
  } catch {
    throw Object.assign(new Error(s.records.someInvalid), { fields: [{ field: "payload", message: s.records.faults.json }] });
  }
}
