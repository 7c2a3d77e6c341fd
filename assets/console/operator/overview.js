import { get } from "../api.js";
import { html, useState } from "../dom.js";
import { compact, money, number, size } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { Icon } from "../parts/icon.js";
import { Figure } from "../parts/limits.js";
import { NewTenant } from "../parts/new-tenant.js";
import { Badge, Empty, Loaded, Page, Time } from "../parts/page.js";
import { attempt } from "../parts/toasts.js";
import { navigate, to, toOperator } from "../router.js";
import { s } from "../strings.js";
import { actorName } from "./actor.js";
import { ms, share, SLOW_MS, StandOut, tally } from "./figures.js";
import { demoFits, makeDemo } from "./demo.js";
import { nameOf } from "./fleet.js";
import { o } from "./strings.js";

/** @typedef {{ kind: "bad" | "warn" | "info", text: string, href: string }} Item */

/** Pages of jobs that are looked through for failures. */
const JOB_PAGES = 8;

/** Entries of the log that are shown; who signed in is not among them. */
const RECENT = 8;

/** What fails to answer is told apart from what has nothing to tell. @param {Promise<any>} asked @param {string[]} missing @param {string} name */
const asked = (asked, missing, name) => asked.catch((problem) => {
  if (problem.code !== "billing_local") missing.push(name);
  return null;
});

async function jobsInTrouble() {
  const found = { dead: 0, held: 0 };
  let cursor = "";
  for (let page = 0; page < JOB_PAGES; page += 1) {
    const answer = await get(`/operator/jobs${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`);
    for (const one of answer.items) {
      if (one.dead > 0) found.dead += 1;
      if (one.held_since) found.held += 1;
    }
    cursor = answer.next_cursor ?? "";
    if (!cursor) break;
  }
  return found;
}

/** Where nothing ever came from Stripe, there is most likely no connection, and no drift to look for. */
async function driftOf() {
  const { items } = await get("/operator/stripe-events?limit=1");
  return items.length ? get("/operator/stripe-drift") : null;
}

/** Rounds of backups that are looked at, and how old the last may be, in milliseconds. */
const ROUNDS = 5;
const OLD = 2 * 86_400_000;
/** Tenants of one state that are counted at most. */
const COUNTED = 100;
/** Tenants near a limit that have a line each. */
const NEAR = 5;

const tenantsBy = (/** @type {string} */ query) => `${toOperator("tenants")}?${query}`;
const i = o.overview.items;

/** The first of those that stand out, by name. @param {any[]} all */
const who = (all) => i.who(all.slice(0, 2).map(({ tenant }) => nameOf(tenant)), Math.max(0, all.length - 2));

/** Where those are dealt with: at the one, or in order. @param {any[]} all @param {string} order @param {string} [tab] of the one */
const leadsTo = (all, order, tab = "activity") => (all.length === 1 ? toOperator("tenants", all[0].tenant.slug, ...(tab ? [tab] : [])) : tenantsBy(`order=${order}`));

/** What the figures of the last quarter of an hour say. @param {any} live @returns {(Item | false)[]} */
function liveItems(live) {
  if (!live) return [];
  const slow = live.slow.filter((/** @type {any} */ one) => one.p95_ms >= SLOW_MS);
  return [
    live.failing.length > 0 && { kind: "bad", text: i.failing(who(live.failing), live.failing.length), href: leadsTo(live.failing, "-error_rate") },
    slow.length > 0 && { kind: "warn", text: i.slow(who(slow), slow.length), href: leadsTo(slow, "-p95_ms") },
    live.refused_most.length > 0 && { kind: "warn", text: i.refused(who(live.refused_most)), href: leadsTo(live.refused_most, "-refused") },
    live.unprofitable.length > 0 && { kind: "warn", text: i.losing(who(live.unprofitable), live.unprofitable.length), href: leadsTo(live.unprofitable, "margin_cents", "") },
    live.growing.length > 0 && { kind: "info", text: i.growing(who(live.growing), live.growing.length), href: leadsTo(live.growing, "-growth_percent") },
    ...live.near_limits.slice(0, NEAR).map((/** @type {any} */ one) => ({ kind: "warn", text: i.near(nameOf(one.tenant)), href: toOperator("tenants", one.tenant.slug) })),
  ];
}

/** @param {any[] | undefined} rounds newest first @param {any} backups @returns {(Item | false)[]} */
function backupItems(rounds, backups) {
  const last = rounds?.find((one) => one.status !== "running");
  const href = toOperator("backups");
  const broken = backups?.items.filter((/** @type {any} */ one) => one.fault).length ?? 0;
  return [
    last?.status === "failed" && { kind: "bad", text: i.backupFailed, href },
    broken > 0 && { kind: "bad", text: i.broken(broken), href },
    last && Date.parse(last.started_at) < Date.now() - OLD && { kind: "warn", text: i.backupOld, href },
    rounds?.length === 0 && { kind: "info", text: i.backupNone, href },
  ];
}

async function look() {
  /** @type {string[]} */
  const missing = [];
  const names = s.operator.screens;
  const ask = (/** @type {string} */ path, /** @type {string} */ name) => asked(get(`/operator/${path}`), missing, name);
  const [live, totals, plan, jobs, failedEvents, parkedEvents, statements, drift, letters, audit, rounds, backups, closing, suspended] = await Promise.all([
    ask("overview", o.overview.lately), ask("margins/totals", names.margins), ask("migrations/plan", names.migrations), asked(jobsInTrouble(), missing, names.jobs),
    ask("stripe-events?status=failed&limit=100", names.stripe), ask("stripe-events?status=parked&limit=100", names.stripe), ask("stripe-statements?limit=100", names.stripe), asked(driftOf(), missing, names.stripe),
    ask("mailbox?limit=100", names.mailbox), ask("audit?limit=100", names.audit), ask(`backups/runs?limit=${ROUNDS}`, names.backups), ask("backups?limit=100", names.backups),
    ask(`tenants?status=closing&limit=${COUNTED}`, names.tenants), ask(`tenants?status=suspended&limit=${COUNTED}`, names.tenants),
  ]);
  const demo = plan?.tenants === 0 && (await asked(demoFits(), missing, names.settings));
  const open = (/** @type {any} */ report) => report?.items.filter((/** @type {any} */ one) => !one.repaired_at).length ?? 0;
  const events = (failedEvents?.items.length ?? 0) + (parkedEvents?.items.length ?? 0);
  const inState = (/** @type {any} */ page) => page?.items.length ?? 0;
  const some = (/** @type {any} */ page) => i.some(inState(page), Boolean(page?.next_cursor));
  const items = /** @type {Item[]} */ ([
    ...liveItems(live),
    plan?.run?.status === "halted" && { kind: "bad", text: i.halted, href: toOperator("migrations") },
    plan?.failed > 0 && { kind: "bad", text: i.migrationFailed(plan.failed), href: toOperator("migrations") },
    jobs?.dead > 0 && { kind: "bad", text: i.dead(jobs.dead), href: toOperator("jobs") },
    ...(plan?.tenants === 0 ? [] : backupItems(rounds?.items, backups)),
    events > 0 && { kind: "bad", text: i.stripe(events), href: `${toOperator("stripe")}?status=${failedEvents?.items.length ? "failed" : "parked"}` },
    statements?.items.length > 0 && { kind: "bad", text: i.statements(statements.items.length), href: toOperator("stripe", "statements") },
    open(drift) > 0 && { kind: "warn", text: i.drift(open(drift)), href: toOperator("stripe", "drift") },
    plan?.held > 0 && { kind: "warn", text: i.held(plan.held), href: toOperator("migrations") },
    jobs?.held > 0 && { kind: "warn", text: i.jobsHeld(jobs.held), href: toOperator("jobs") },
    inState(closing) > 0 && { kind: "warn", text: i.closing(some(closing), inState(closing) === 1), href: tenantsBy("status=closing") },
    plan?.pending > 0 && { kind: "info", text: i.pending(plan.pending), href: toOperator("migrations") },
    inState(suspended) > 0 && { kind: "info", text: i.suspended(some(suspended), inState(suspended) === 1), href: tenantsBy("status=suspended") },
    letters?.items.length > 0 && { kind: "info", text: i.letters(letters.items.length), href: toOperator("mailbox") },
  ].filter(Boolean));
  return { items: items.sort((a, b) => RANK[a.kind] - RANK[b.kind]), live, totals, demo, tenants: /** @type {number | null} */ (plan?.tenants ?? null), audit: (audit?.items ?? []).filter((/** @type {any} */ one) => !one.action.startsWith("session.")).slice(0, RECENT), missing: [...new Set(missing)] };
}

/** What needs the operator first, then how the installation does. */
export default function Overview() {
  const found = useLoad(look, []);
  const [making, setMaking] = useState(false);
  useEvery(() => void found.reload(), 30_000, true);
  const totals = found.data?.totals;
  const [first, ...others] = totals?.currencies ?? [];
  const create = html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${s.tenants.create}</button>`;
  const live = found.data?.live;
  return html`<${Page} title=${s.operator.screens.overview} of=${o.of} actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${found.reload}><${Icon} name="reload" /></button>`}>
    ${found.data?.tenants === 0 && html`<div class="card"><${Empty} icon="tenant" title=${o.overview.first} text=${o.overview.firstText}>${create}${found.data.demo && html`<${Demo} />`}<//></div>`}
    <div class="dash"><div class="stack">
    <${Loaded} of=${found} lines=${3}>${(/** @type {any} */ { items, missing }) => html`<section class="card flush" aria-label=${o.overview.attention}><header class="flushhead"><h2>${o.overview.attention}</h2>${items.length > 0 && html`<${Badge} kind=${items[0].kind}>${items.length}<//>`}</header>
        ${items.length === 0 ? html`<div class="calm"><${Icon} name="check" /><span><b>${o.overview.calm}</b> <span class="soft">${o.overview.calmText}</span></span></div>` : html`<ul class="attention">${items.map((/** @type {Item} */ item) => html`<li key=${item.text}><a href=${item.href}><span class=${`dot ${item.kind}`}></span><span>${item.text}</span><${Icon} name="right" /></a></li>`)}</ul>`}</section>
      ${missing.length > 0 && html`<div class="note warn"><${Icon} name="warn" /><p>${o.overview.partly} ${missing.join(", ")}</p></div>`}`}<//>
    ${found.data && found.data.tenants !== 0 && html`<div class="figures many">
      <${Figure} label=${o.overview.tenants} value=${found.data.tenants === null ? "—" : number(found.data.tenants)}><span class="soft small">${live ? o.overview.active(live.tenants) : " "}</span><//>
      <${Figure} label=${o.live.requests} value=${live ? compact(live.requests) : "—"}><span class="soft small">${o.overview.minutes}</span><//>
      <${Figure} label=${o.live.errors} value=${live ? html`<span class=${live.errors > 0 ? "bad" : ""}>${compact(live.errors)}</span>` : "—"}><span class="soft small">${live && live.requests > 0 ? share(live.errors / live.requests) : o.overview.minutes}</span><//>
      <${Figure} label=${o.live.refused} value=${live ? compact(live.refused) : "—"}><span class="soft small">${o.overview.minutes}</span><//>
    </div>
    ${live && html`<${Lately} live=${live} />`}
    <div class="figures many">
      <${Figure} label=${o.revenue} value=${sumOf(first, "revenue_cents")}><span class="soft small">${o.thisMonth}</span><//>
      <${Figure} label=${o.cost} value=${sumOf(first, "cost_cents")}><span class="soft small">${o.thisMonth}</span><//>
      <${Figure} label=${o.margin} value=${html`<span class=${Number(first?.margin_cents) < 0 ? "bad" : ""}>${sumOf(first, "margin_cents")}</span>`}><span class="soft small">${o.thisMonth}</span><//>
      <${Figure} label=${o.storage} value=${totals ? size(totals.storage_bytes) : "—"}><span class="soft small">${!totals || totals.complete ? o.allTenants : o.overview.notAll(totals.tenants)}</span><//>
    </div>`}
    ${others.length > 0 && html`<ul class="legend">${others.map((/** @type {any} */ one) => html`<li key=${one.currency}><span class="soft">${o.revenue}</span> <b class="numeric">${sumOf(one, "revenue_cents")}</b></li>`)}</ul>`}</div>
    ${(found.data?.audit.length ?? 0) > 0 && html`<section class="card flush" aria-label=${o.overview.recent}><header class="flushhead"><h2>${o.overview.recent}</h2><a class="small" href=${toOperator("audit")}>${o.overview.all}</a></header>
      <ul class="recent">${found.data?.audit.map((/** @type {any} */ one) => html`<li key=${one.seq}><code class="small cut">${one.action}</code><span class="cut soft">${actorName(one.actor)}${one.target ? ` → ${one.target}` : ""}</span><span class="soft small"><${Time} at=${one.at} near /></span></li>`)}</ul></section>`}</div>
    ${making && html`<${NewTenant} onClose=${() => setMaking(false)} onMade=${found.reload} />`}
  <//>`;
}

/** Makes a tenant with made-up records. */
function Demo() {
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    await attempt(async () => navigate(to(await makeDemo(), "start")), o.overview.demoMade);
    setBusy(false);
  };
  return html`<button class=${`button ${busy ? "busy" : ""}`} disabled=${busy} onClick=${make}><${Icon} name=${busy ? "reload" : "play"} />${o.overview.demo}</button>`;
}

/** Who stood out in the last quarter of an hour. @param {{ live: any }} props */
function Lately({ live }) {
  const title = o.overview.standouts;
  if ([live.failing, live.busy, live.unprofitable, live.growing].every((all) => all.length === 0) && live.requests === 0) return html`<p class="soft">${o.overview.idle}</p>`;
  return html`<div class="row apart"><h2>${o.overview.lately}</h2><span class="soft small">${o.live.asOf} <${Time} at=${live.as_of} /></span></div>
    <div class="standouts">
      <${StandOut} id="failing" title=${title.failing} all=${live.failing} order="-error_rate" figure=${(/** @type {any} */ one) => html`<span class="bad">${one.errors > 0 ? share(one.error_rate) : o.overview.jobsFailed(one.jobs_failed)}</span>`} />
      <${StandOut} id="slow" title=${title.slow} all=${live.slow} order="-p95_ms" figure=${(/** @type {any} */ one) => html`<span class=${one.p95_ms >= SLOW_MS ? "bad" : ""}>${ms(one.p95_ms)}</span>`} />
      <${StandOut} id="refused" title=${title.refused} all=${live.refused_most} order="-refused" figure=${(/** @type {any} */ one) => tally(one.refused)} />
      <${StandOut} id="near" title=${title.near} all=${live.near_limits} order="" figure=${(/** @type {any} */ one) => html`<a href=${toOperator("tenants", one.tenant.slug)} aria-label=${`${o.overview.isNear}: ${nameOf(one.tenant)}`}>${o.overview.isNear}</a>`} />
      <${StandOut} id="losing" title=${o.overview.unprofitable} all=${live.unprofitable} order="margin_cents" figure=${(/** @type {any} */ one) => html`<span class="bad">${money(one.margin_cents, one.currency)}</span>`} />
      <${StandOut} id="growing" title=${o.overview.growing} all=${live.growing} order="-growth_percent" figure=${(/** @type {any} */ one) => html`<span title=${o.overview.grew}>${o.overview.grows(one.growth_percent)}</span>`} />
      <${StandOut} id="busy" title=${title.busy} all=${live.busy} order="-database_ms" figure=${(/** @type {any} */ one) => html`<span title=${o.live.database}>${ms(one.database_ms)}</span>`} />
    </div>`;
}

/** A sum of those that pay in one currency. @param {any} of @param {string} name */
const sumOf = (of, name) => (!of || of[name] === null ? "—" : money(of[name], of.currency));
/** @type {Record<string, number>} */
const RANK = { bad: 0, warn: 1, info: 2 };
