import { get } from "../api.js";
import { html, useMemo, useState } from "../dom.js";
import { money, number, size } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { Icon } from "../parts/icon.js";
import { Figure } from "../parts/limits.js";
import { NewTenant } from "../parts/new-tenant.js";
import { Badge, Empty, Loaded, Page, Time } from "../parts/page.js";
import { toOperator } from "../router.js";
import { s } from "../strings.js";
import { actorName } from "./actor.js";
import { reloadFleet, sums, useFleet } from "./fleet.js";
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

async function look() {
  /** @type {string[]} */
  const missing = [];
  const [plan, jobs, failedEvents, parkedEvents, statements, drift, letters, audit] = await Promise.all([
    asked(get("/operator/migrations/plan"), missing, s.operator.screens.migrations), asked(jobsInTrouble(), missing, s.operator.screens.jobs),
    asked(get("/operator/stripe-events?status=failed&limit=100"), missing, s.operator.screens.stripe), asked(get("/operator/stripe-events?status=parked&limit=100"), missing, s.operator.screens.stripe),
    asked(get("/operator/stripe-statements?limit=100"), missing, s.operator.screens.stripe), asked(driftOf(), missing, s.operator.screens.stripe),
    asked(get("/operator/mailbox?limit=100"), missing, s.operator.screens.mailbox), asked(get("/operator/audit?limit=100"), missing, s.operator.screens.audit),
  ]);
  const i = o.overview.items;
  const open = (/** @type {any} */ report) => report?.items.filter((/** @type {any} */ one) => !one.repaired_at).length ?? 0;
  const events = (failedEvents?.items.length ?? 0) + (parkedEvents?.items.length ?? 0);
  const items = /** @type {(Item | false)[]} */ ([
    plan?.run?.status === "halted" && { kind: "bad", text: i.halted, href: toOperator("migrations") },
    plan?.failed > 0 && { kind: "bad", text: i.migrationFailed(plan.failed), href: toOperator("migrations") },
    jobs?.dead > 0 && { kind: "bad", text: i.dead(jobs.dead), href: toOperator("jobs") },
    events > 0 && { kind: "bad", text: i.stripe(events), href: `${toOperator("stripe")}?status=${failedEvents?.items.length ? "failed" : "parked"}` },
    statements?.items.length > 0 && { kind: "bad", text: i.statements(statements.items.length), href: toOperator("stripe", "statements") },
    open(drift) > 0 && { kind: "warn", text: i.drift(open(drift)), href: toOperator("stripe", "drift") },
    plan?.held > 0 && { kind: "warn", text: i.held(plan.held), href: toOperator("migrations") },
    jobs?.held > 0 && { kind: "warn", text: i.jobsHeld(jobs.held), href: toOperator("jobs") },
    plan?.pending > 0 && { kind: "info", text: i.pending(plan.pending), href: toOperator("migrations") },
    letters?.items.length > 0 && { kind: "info", text: i.letters(letters.items.length), href: toOperator("mailbox") },
  ]).filter(Boolean);
  return { items, audit: (audit?.items ?? []).filter((/** @type {any} */ one) => !one.action.startsWith("session.")).slice(0, RECENT), missing: [...new Set(missing)] };
}

/** What needs the operator first, then how the installation does. */
export default function Overview() {
  const found = useLoad(look, []);
  const fleet = useFleet();
  const [making, setMaking] = useState(false);
  useEvery(() => void found.reload(), 30_000, true);
  const byCurrency = useMemo(() => sums(fleet), [fleet]);
  const first = byCurrency[0];
  const count = (/** @type {string} */ status) => fleet.tenants.filter((one) => one.status === status).length;
  const losing = [...fleet.margins.values()].filter((one) => Number(one.margin_cents) < 0).length;
  const i = o.overview.items;
  const more = /** @type {(Item | false)[]} */ ([
    count("closing") > 0 && { kind: "warn", text: i.closing(count("closing")), href: `${toOperator("tenants")}?status=closing` },
    count("suspended") > 0 && { kind: "info", text: i.suspended(count("suspended")), href: `${toOperator("tenants")}?status=suspended` },
    losing > 0 && { kind: "info", text: i.losing(losing), href: `${toOperator("tenants")}?order=margin` },
  ]).filter(Boolean);
  const kept = fleet.tenants.length - count("erased");
  const create = html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${s.tenants.create}</button>`;
  return html`<${Page} title=${s.operator.screens.overview} of=${o.of} actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${() => { void found.reload(); void reloadFleet(); }}><${Icon} name="reload" /></button>`}>
    ${fleet.done && kept === 0 && html`<div class="card"><${Empty} icon="tenant" title=${o.overview.first} text=${o.overview.firstText}>${create}<//></div>`}
    <${Loaded} of=${found} lines=${3}>${(/** @type {any} */ data) => {
      const items = [...data.items, ...more].sort((a, b) => RANK[a.kind] - RANK[b.kind]);
      return html`<section class="card flush" aria-label=${o.overview.attention}><header class="flushhead"><h2>${o.overview.attention}</h2>${items.length > 0 && html`<${Badge} kind=${items[0].kind}>${items.length}<//>`}</header>
          ${items.length === 0 ? html`<div class="calm"><${Icon} name="check" /><span><b>${o.overview.calm}</b> <span class="soft">${o.overview.calmText}</span></span></div>` : html`<ul class="attention">${items.map((/** @type {Item} */ item) => html`<li key=${item.text}><a href=${item.href}><span class=${`dot ${item.kind}`}></span><span>${item.text}</span><${Icon} name="right" /></a></li>`)}</ul>`}</section>
        ${data.missing.length > 0 && html`<div class="note warn"><${Icon} name="warn" /><p>${o.overview.partly} ${data.missing.join(", ")}</p></div>`}`;
    }}<//>
    <div class="figures many">
      <${Figure} label=${o.overview.tenants} value=${fleet.at ? number(kept) : WAITING}><span class="soft small">${fleet.done ? o.overview.active(count("active")) : o.overview.counting}</span><//>
      <${Figure} label=${o.revenue} value=${first ? money(first.revenue, first.currency) : WAITING}><span class="soft small">${o.thisMonth}</span><//>
      <${Figure} label=${o.cost} value=${first ? money(first.cost, first.currency) : WAITING}><span class="soft small">${o.thisMonth}</span><//>
      <${Figure} label=${o.margin} value=${!first ? WAITING : first.margin === null ? "—" : html`<span class=${first.margin < 0 ? "bad" : ""}>${money(first.margin, first.currency)}</span>`}><span class="soft small">${o.thisMonth}</span><//>
      <${Figure} label=${o.storage} value=${first ? size([...fleet.margins.values()].reduce((sum, one) => sum + one.serving.storage_bytes, 0)) : WAITING}><span class="soft small">${o.allTenants}</span><//>
    </div>
    ${byCurrency.length > 1 && html`<ul class="legend">${byCurrency.slice(1).map((one) => html`<li key=${one.currency}><span class="soft">${o.revenue}</span> <b class="numeric">${money(one.revenue, one.currency)}</b></li>`)}</ul>`}
    ${(found.data?.audit.length ?? 0) > 0 && html`<section class="card flush" aria-label=${o.overview.recent}><header class="flushhead"><h2>${o.overview.recent}</h2><a class="small" href=${toOperator("audit")}>${o.overview.all}</a></header>
      <ul class="recent">${found.data?.audit.map((/** @type {any} */ one) => html`<li key=${one.seq}><code class="small cut">${one.action}</code><span class="cut soft">${actorName(one.actor)}${one.target ? ` → ${one.target}` : ""}</span><span class="soft small"><${Time} at=${one.at} near /></span></li>`)}</ul></section>`}
    ${making && html`<${NewTenant} onClose=${() => setMaking(false)} onMade=${() => void reloadFleet()} />`}
  <//>`;
}

/** While it is not known: as high as what comes. */
const WAITING = html`<span class="soft">…</span>`;
/** @type {Record<string, number>} */
const RANK = { bad: 0, warn: 1, info: 2 };
