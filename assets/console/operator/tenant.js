// One tenant, as its operator sees it.

import { get, list, post, put } from "../api.js";
import { html, useState } from "../dom.js";
import { day, money, number, size } from "../format.js";
import { useLoad } from "../load.js";
import { AuditDownload, AuditEntries } from "../parts/audit-log.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Field, Form, Select } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Figure, LimitFigure, SeatsFigure } from "../parts/limits.js";
import { Item, Menu } from "../parts/menu.js";
import { Badge, Loaded, Page, Table, Time } from "../parts/page.js";
import { Tabs } from "../parts/tabs.js";
import { TenantStatus } from "../parts/tenant-status.js";
import { attempt, toast } from "../parts/toasts.js";
import { navigate, toOperator } from "../router.js";
import { InvoiceFiles, InvoiceList, InvoiceSheet, titleOf } from "../screens/invoices.js";
import { s } from "../strings.js";
import { Activity } from "./activity.js";
import { actorName } from "./actor.js";
import { CloneMark, ClonesOf, Expiry, NewClone } from "./clones.js";
import { costOf, nameOf } from "./fleet.js";
import { Move, MoveState } from "./move.js";
import { BackupsOf } from "./restore.js";
import { Rollback } from "./rollback.js";
import { o } from "./strings.js";

const JOB_KINDS = /** @type {Record<string, string>} */ ({ succeeded: "good", running: "info", queued: "", dead: "bad", cancelled: "warn" });

/** What may be missing, without taking the page along. @param {Promise<any>} asked */
const orNone = (asked) => asked.catch(() => null);

const TABS = ["", "activity", "invoices", "audit", "backups", "clones"];

/** @param {{ selector: string, rest: string[], search: string }} props */
export function TenantPage({ selector, rest: [tab = "", item], search }) {
  const base = `/operator/tenants/${encodeURIComponent(selector)}`;
  const found = useLoad(() => get(base), [base]);
  const [open, setOpen] = useState("");
  const [turn, setTurn] = useState(0);
  const [whereto, setWhereto] = useState("");
  const tabs = found.data?.is_clone ? TABS.filter((name) => name !== "clones") : TABS;
  const shown = tabs.includes(tab) ? tab : "";
  const close = () => setOpen("");
  const tenant = found.data;
  const took = (/** @type {any} */ next, /** @type {string} */ said) => {
    found.set(next);
    toast(said);
  };
  const act = (/** @type {string} */ what, /** @type {string} */ said) => async () => took(await post(`${base}/${what}`), said);
  const erase = async () => {
    await post(`${base}/erase`, { confirm: tenant.slug });
    toast(o.one.erased);
    navigate(toOperator("erasures", tenant.id));
  };
  const move = (/** @type {string} */ to) => {
    setWhereto(to);
    setOpen("move");
  };
  const isGone = tenant && ["erasing", "erased"].includes(tenant.status);
  return html`<${Page} title=${tenant ? nameOf(tenant) : s.operator.screens.tenants} of=${o.of} about=${html`<a href=${toOperator("tenants")}>${s.operator.screens.tenants}</a>${tenant && html` · <span class="mono">${tenant.slug}</span>`}`}
    actions=${tenant && !isGone && html`
      ${tenant.status === "active" && html`<button class="button" onClick=${() => setOpen("suspend")}><${Icon} name="stop" />${o.one.suspend}</button>`}
      ${tenant.status === "suspended" && html`<button class="button primary" onClick=${() => attempt(act("resume", o.one.resumed))}><${Icon} name="play" />${o.one.resume}</button>`}
      <${Menu} button=${html`<${Icon} name="dots" />`} label=${s.actions} class="button square">
        <${Item} icon="plan" onClick=${() => setOpen("plan")}>${o.one.plan}…<//><${Item} icon="invoices" onClick=${() => setOpen("tax")}>${o.one.tax}…<//><hr />
        ${["active", "suspended"].includes(tenant.status) && !tenant.is_clone && html`<${Item} icon="copy" onClick=${() => setOpen("clone")}>${o.clones.action}<//>`}
        ${tenant.status === "active" && html`<${Item} icon="up" onClick=${() => move("")}>${o.move.action}<//>`}<hr />
        <${Item} icon="migrations" danger onClick=${() => setOpen("rollback")}>${o.rollback.action}<//>
        ${["active", "suspended"].includes(tenant.status) && html`<${Item} icon="leave" danger onClick=${() => setOpen("close")}>${o.one.close}…<//>`}
        ${tenant.status === "closing" && html`<${Item} icon="bin" danger onClick=${() => setOpen("erase")}>${o.one.erase}…<//>`}<//>`}>
    <${Loaded} of=${found}>${() => html`
      ${isGone && html`<div class="note"><${Icon} name="info" /><div><p>${o.one.gone}</p><p><a href=${toOperator("erasures", tenant.id)}>${o.one.receipt}</a></p></div></div>`}
      ${!isGone && html`<${Tabs} label=${o.one.tabsLabel} of=${tabs.map((name) => ({ href: toOperator("tenants", selector, ...(name ? [name] : [])), text: o.one.tabs[name], current: name === shown }))} />`}
      ${!isGone && html`<${MoveState} key=${`move ${turn}`} base=${base} onEnd=${() => void found.reload()} onMove=${move} />`}
      ${isGone || shown === "" ? html`<${Body} key=${`${tenant.status} ${turn}`} tenant=${tenant} base=${base} onTax=${() => setOpen("tax")} onExpiry=${() => setOpen("expiry")} />`
        : shown === "activity" ? html`<${Activity} tenant=${tenant} base=${base} search=${search} />`
          : shown === "invoices" ? html`<${InvoicesOf} selector=${selector} base=${base} id=${item} />`
            : shown === "audit" ? html`<${AuditOf} selector=${selector} tenant=${tenant} base=${base} search=${search} />` : shown === "clones" ? html`<${ClonesOf} tenant=${tenant} base=${base} onNew=${() => setOpen("clone")} />` : html`<${BackupsOf} key=${turn} tenant=${tenant} base=${base} />`}`}<//>
    ${open === "suspend" && html`<${Confirm} title=${o.one.suspendTitle(tenant.name)} text=${o.one.suspendText} action=${o.one.suspend} onClose=${close} onConfirm=${act("suspend", o.one.suspended)} />`}
    ${open === "close" && html`<${Confirm} title=${o.one.closeTitle(tenant.name)} text=${o.one.closeText} action=${o.one.close} word=${tenant.slug} onClose=${close} onConfirm=${act("close", o.one.closing)} />`}
    ${open === "erase" && html`<${Confirm} title=${o.one.eraseTitle(tenant.name)} text=${o.one.eraseText} action=${o.one.erase} word=${tenant.slug} onClose=${close} onConfirm=${erase} />`}
    ${open === "rollback" && html`<${Rollback} tenant=${tenant} onClose=${close} onDone=${(/** @type {any} */ done) => { close(); toast(o.rollback.done(done.app)); setTurn(turn + 1); }} />`}
    ${open === "move" && html`<${Move} tenant=${tenant} base=${base} to=${whereto} onClose=${close} onBegun=${() => { close(); toast(o.move.begun); setTurn(turn + 1); }} />`}
    ${open === "clone" && html`<${NewClone} tenant=${tenant} base=${base} onClose=${close} onMade=${(/** @type {any} */ clone) => { close(); toast(o.clones.made); navigate(toOperator("tenants", clone.slug)); }} />`}
    ${open === "expiry" && html`<${Expiry} clone=${tenant} onClose=${close} onDone=${(/** @type {any} */ next) => { close(); took(next, o.clones.set); }} />`}
    ${open === "plan" && html`<${PlanChange} tenant=${tenant} base=${base} onClose=${close} onDone=${() => { close(); toast(o.one.planned); setTurn(turn + 1); void found.reload(); }} />`}
    ${open === "tax" && html`<${Tax} base=${base} onClose=${close} onDone=${() => { close(); toast(s.saved); setTurn(turn + 1); void found.reload(); }} />`}
  <//>`;
}

/** @param {{ tenant: any, base: string, onTax: () => void, onExpiry: () => void }} props */
function Body({ tenant, base, onTax, onExpiry }) {
  const isHere = !["erasing", "erased", "provisioning"].includes(tenant.status);
  const only = `tenant=${encodeURIComponent(tenant.id)}`;
  const month = useLoad(async () => (await orNone(get(`/operator/margins?${only}`)))?.items[0] ?? null, [base]);
  const margin = month.data;
  const version = useLoad(async () => (await orNone(get(`/operator/migrations/tenants?${only}`)))?.items[0] ?? null, [base]);
  const failed = version.data?.state === "failed" && version.data;
  const held = version.data?.state === "held" && version.data;
  const more = useLoad(async () => {
    if (!isHere) return null;
    // A file that cannot be opened now is not waited for.
    const ask = (/** @type {string} */ path) => orNone(get(path, { tries: 2 }));
    const [subscription, limits, jobs, counts, tax] = await Promise.all([
      ask(`${base}/subscription`), ask(`${base}/limits`), ask(`${base}/jobs?limit=10`), ask(`/operator/jobs?${only}`), ask(`${base}/tax-rate`),
    ]);
    return { subscription, limits, jobs: jobs?.items ?? [], counts: counts?.items[0], tax: tax?.tax };
  }, [base]);
  const data = more.data;
  if (isHere && data === undefined) return html`<${Loaded} key="waiting" of=${more} lines=${9} />`;
  const release = () => attempt(async () => { await post(`${base}/jobs/release`); await more.reload(); }, o.one.released);
  const subscription = data?.subscription;
  return html`
    ${failed && html`<div class="note bad"><${Icon} name="warn" /><div><p><b>${o.one.failed}</b> <a href=${toOperator("migrations")}>${s.operator.screens.migrations}</a></p><p class="mono small">${failed.error}</p></div></div>`}
    ${held && html`<div class="note warn"><${Icon} name="warn" /><div><p><b>${o.one.heldVersion}</b></p><p class="small">${held.error}</p></div></div>`}
    ${data?.counts?.held_since && html`<div class="note warn"><${Icon} name="warn" /><div><p><b>${o.one.held}</b> ${data.counts.held_because}</p><p><button class="link" onClick=${release}>${o.one.release}</button></p></div></div>`}
    <div class="dash turned"><div class="card"><header><h2>${o.one.state}</h2><span class="row">${tenant.is_clone && html`<${CloneMark} />`}<${TenantStatus} status=${tenant.status} />${subscription && subscription.status !== "active" && html`<${Badge} kind=${subscription.status === "trialing" ? "info" : "bad"}>${s.plan.statuses[subscription.status] ?? subscription.status}<//>`}</span></header>
      <dl class="facts"><dt>${o.plan}</dt><dd>${html`<a href=${toOperator("plans", tenant.plan)}>${tenant.plan}</a>`}${subscription && html` <span class="soft">${o.plans.version.toLowerCase()} ${subscription.version}${subscription.newest_version > subscription.version ? ` (${s.plan.newest(subscription.newest_version)})` : ""}</span>`}</dd>
        ${subscription && html`<dt>${s.plan.period}</dt><dd><${Time} at=${subscription.period_start} /> – <${Time} at=${subscription.period_end} /></dd>`}
        ${subscription?.scheduled_change && html`<dt>${s.plan.next}</dt><dd>${s.plan.nextIs(subscription.scheduled_change.plan, day(subscription.scheduled_change.at))}</dd>`}
        ${isHere && html`<dt>${o.one.tax}</dt><dd>${data?.tax ? `${data.tax.name} ${data.tax.percent} %` : html`<span class="soft">${o.one.noTax}</span>`} <button class="link small" onClick=${onTax}>${s.edit}</button></dd>`}
        ${version.data && html`<dt>${o.one.tables}</dt><dd>${o.migrations.versions(version.data.app, version.data.system)}</dd>`}
        ${tenant.copy_of && html`<dt>${o.clones.source}</dt><dd><a class="mono small" href=${toOperator("tenants", tenant.copy_of)}>${tenant.copy_of}</a></dd>`}
        ${tenant.is_clone && html`<dt>${o.clones.expires}</dt><dd>${tenant.expires_at ? html`<${Time} at=${tenant.expires_at} />` : html`<span class="soft">${o.clones.kept}</span>`} ${tenant.status !== "closing" && html`<button class="link small" onClick=${onExpiry}>${s.edit}</button>`}</dd>`}
        <dt>${o.move.volume}</dt><dd>${tenant.volume}</dd>
        ${tenant.erase_after && html`<dt>${o.one.erasedAfter}</dt><dd><${Time} at=${tenant.erase_after} /></dd>`}
        <dt>${o.one.zone}</dt><dd>${tenant.timezone}</dd><dt>${o.made}</dt><dd><${Time} at=${tenant.created_at} /></dd><dt>ID</dt><dd class="mono small">${tenant.id}</dd></dl></div>
    <div class="stack">${margin !== null && html`<section class="stack" aria-label=${o.one.month}><h2>${o.one.month}</h2><div class="figures many">
      <${Figure} label=${o.revenue} value=${margin ? money(margin.revenue_cents, margin.currency) : "…"}><span class="soft small">${o.about.revenue}</span><//>
      <${Figure} label=${o.cost} value=${margin ? money(costOf(margin) ?? 0, margin.currency) : "…"}><span class="soft small">${o.about.cost}</span><//>
      <${Figure} label=${o.margin} value=${!margin ? "…" : margin.margin_cents === null ? "—" : html`<span class=${Number(margin.margin_cents) < 0 ? "bad" : ""}>${money(margin.margin_cents, margin.currency)}</span>`}><span class="soft small">${o.about.margin}</span><//>
      <${Figure} label=${o.storage} value=${margin ? size(margin.serving.storage_bytes) : "…"}><span class="soft small">${o.one.database}: ${margin ? `${number(margin.serving.database_ms)} ms` : "…"}</span><//></div></section>`}
    ${isHere && html`<${Loaded} of=${more}>${() => html`
      ${data && !data.limits && html`<div class="note warn"><${Icon} name="warn" /><div><p>${o.one.unread}</p><p><button class="link" onClick=${more.reload}>${s.tryAgain}</button></p></div></div>`}
      ${data?.limits && html`<section class="stack" aria-label=${o.one.usage}><h2>${o.one.usage}</h2><div class="figures">
        <${Figure} label=${s.usage.spend} value=${money(data.limits.spend.spent_cents, data.limits.spend.currency)}><span class="soft small">${data.limits.spend.cap_cents === null ? s.usage.noCap : `/ ${money(data.limits.spend.cap_cents, data.limits.spend.currency)}`}</span><//>
        <${SeatsFigure} seats=${data.limits.seats} />${data.limits.items.map((/** @type {any} */ one) => html`<${LimitFigure} key=${one.meter + one.window} limit=${one} />`)}</div></section>`}
      <div class="row apart"><h2>${o.one.jobs}</h2>${data?.counts && html`<span class="row soft small"><span>${o.jobs.queued} ${number(data.counts.queued ?? 0)}</span><span>${o.jobs.running} ${number(data.counts.running ?? 0)}</span><span class=${data.counts.dead > 0 ? "bad" : ""}>${o.jobs.dead} ${number(data.counts.dead ?? 0)}</span></span>`}</div>
      ${data?.jobs.length ? html`<${Table} label=${o.one.jobs} rows=${data.jobs} keyOf=${(/** @type {any} */ job) => job.id} columns=${JOBS} />` : data?.limits && html`<p class="soft">${o.one.noJobs}</p>`}
      <p class="soft small">${o.one.looked}</p>`}<//>`}</div></div>`;
}

/** Its invoices, or one of them. @param {{ selector: string, base: string, id?: string }} props */
function InvoicesOf({ selector, base, id }) {
  const hrefOf = (/** @type {string} */ id) => toOperator("tenants", selector, "invoices", id);
  return id ? html`<${InvoiceOf} key=${id} path=${`${base}/invoices/${encodeURIComponent(id)}`} back=${toOperator("tenants", selector, "invoices")} />` : html`<${InvoiceList} api=${`${base}/invoices`} hrefOf=${hrefOf} />`;
}

/** @param {{ path: string, back: string }} props */
function InvoiceOf({ path, back }) {
  const found = useLoad(() => get(path), [path]);
  return html`<${Loaded} of=${found}>${(/** @type {any} */ invoice) => html`<div class="row apart"><div class="stack tight"><h2>${titleOf(invoice)}</h2><a class="small" href=${back}>${o.one.allInvoices}</a></div><div class="actions"><${InvoiceFiles} path=${path} invoice=${invoice} /></div></div>
    <${InvoiceSheet} invoice=${invoice} />`}<//>`;
}

/** Who did what in it. @param {{ selector: string, tenant: any, base: string, search: string }} props */
function AuditOf({ selector, tenant, base, search }) {
  const log = { api: `${base}/audit`, address: toOperator("tenants", selector, "audit"), search, actorOf: actorName, file: tenant.slug };
  return html`<${AuditEntries} ...${log} tools=${html`<${AuditDownload} ...${log} />`} />`;
}

const JOBS = [
  { label: s.jobs.kind, cell: (/** @type {any} */ job) => html`<span class="two"><b class="cut">${job.kind}</b>${job.last_error && html`<span class="small bad cut" title=${job.last_error}>${job.last_error}</span>`}</span>` },
  { label: o.status, class: "narrow", cell: (/** @type {any} */ job) => html`<${Badge} kind=${JOB_KINDS[job.status] ?? ""}>${s.jobs.statuses[job.status] ?? job.status}<//>` },
  { label: s.jobs.attemptsLabel, class: "narrow", cell: (/** @type {any} */ job) => html`<span class="soft">${s.jobs.attempts(job.attempts, job.max_attempts)}</span>` },
  { label: s.jobs.when, class: "narrow", cell: (/** @type {any} */ job) => html`<${Time} at=${job.finished_at ?? job.run_at} near />` },
];

/** @param {{ tenant: any, base: string, onClose: () => void, onDone: () => void }} props */
function PlanChange({ tenant, base, onClose, onDone }) {
  const plans = useLoad(() => list("/operator/plans"), []);
  return html`<${Dialog} title=${o.one.plan} onClose=${onClose}><${Loaded} of=${plans} lines=${2}>${(/** @type {any[]} */ all) => html`<${Form} onSubmit=${async (/** @type {Record<string, string>} */ { plan, when }) => { await put(`${base}/subscription`, { plan, when }); onDone(); }} submit=${o.one.plan} onCancel=${onClose}>
    <${Select} label=${o.one.newPlan} name="plan" value=${tenant.plan} options=${all.map((one) => [one.key, `${one.document.title} (${one.key}, ${money(one.document.fee_cents, one.document.currency)})`])} />
    <${Select} label=${o.one.when} name="when" value="now" options=${[["now", o.one.now], ["period_end", o.one.end]]} />
  <//>`}<//><//>`;
}

/** @param {{ base: string, onClose: () => void, onDone: () => void }} props */
function Tax({ base, onClose, onDone }) {
  const found = useLoad(() => get(`${base}/tax-rate`), [base]);
  const submit = async (/** @type {Record<string, string>} */ values) => {
    const [name, percent] = [values["tax.name"].trim(), values["tax.percent"].trim().replace(",", ".")];
    await put(`${base}/tax-rate`, name || percent ? { tax: { name, percent } } : { tax: null });
    onDone();
  };
  return html`<${Dialog} title=${o.one.tax} onClose=${onClose}><${Loaded} of=${found} lines=${2}>${(/** @type {any} */ { tax }) => html`<${Form} onSubmit=${submit} submit=${s.save} onCancel=${onClose}>
    <p class="soft">${o.one.taxText}</p>
    <${Field} label=${o.one.taxName} name="tax.name" defaultValue=${tax?.name ?? ""} hint=${o.one.taxHint} autocomplete="off" autofocus />
    <${Field} label=${o.one.taxPercent} name="tax.percent" defaultValue=${tax?.percent ?? ""} inputmode="decimal" autocomplete="off" />
  <//>`}<//><//>`;
}
