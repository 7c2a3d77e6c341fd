import { list } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { money, percent, size } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { Icon } from "../parts/icon.js";
import { LongTable } from "../parts/long-table.js";
import { NewTenant } from "../parts/new-tenant.js";
import { Empty, Loaded, Page, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { TenantStatus } from "../parts/tenant-status.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { ms, share, SLOW_MS, tally } from "./figures.js";
import { CloneMark } from "./clones.js";
import { nameOf } from "./fleet.js";
import { o } from "./strings.js";
import { TenantPage } from "./tenant.js";

const STATUSES = ["active", "suspended", "closing", "erasing", "erased", "provisioning"];
const STEP = 100;
/** Tenants of the pages after the first, which come while somebody scrolls. */
const FURTHER = 500;
/** How long somebody may pause while typing, in milliseconds. */
const PAUSE = 200;
/** How often the figures are new, in milliseconds. */
const SUMMED_UP = 60_000;

/** The fleet, or one tenant of it. @param {{ route: import("../router.js").Route }} props */
export default function Tenants({ route }) {
  const [selector, ...rest] = route.rest;
  return selector ? html`<${TenantPage} key=${selector} selector=${selector} rest=${rest} search=${route.search} />` : html`<${All} route=${route} />`;
}

const NOTHING = html`<span class="soft">—</span>`;
/** @param {string | null} cents @param {any} one */
const moneyOf = (cents, one) => (cents === null || one.currency === null ? NOTHING : Number(cents) === 0 ? html`<span class="soft">${money(0, one.currency)}</span>` : money(cents, one.currency));

const COLUMNS = [
  { label: o.tenant, sort: "name", cell: (/** @type {any} */ one) => html`<span class="two named"><a class="cut" href=${toOperator("tenants", one.slug)}><b>${nameOf(one)}</b></a><span class="soft small cut">${one.slug}${one.is_clone && html` <${CloneMark} />`}</span></span>` },
  { label: o.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${TenantStatus} status=${one.status} />` },
  { label: o.plan, class: "narrow", cell: (/** @type {any} */ one) => one.plan },
  { label: o.live.requests, sort: "requests", class: "narrow end", cell: (/** @type {any} */ one) => tally(one.requests) },
  { label: o.live.errors, sort: "error_rate", class: "narrow end", cell: (/** @type {any} */ one) => html`<span class=${one.errors > 0 ? "bad" : "soft"}>${share(one.error_rate)}</span>` },
  { label: o.live.refused, sort: "refused", class: "narrow end lesser", cell: (/** @type {any} */ one) => tally(one.refused) },
  ...["p50", "p95", "p99"].map((name) => ({ label: name, sort: `${name}_ms`, class: name === "p95" ? "narrow end" : "narrow end lesser roomy", cell: (/** @type {any} */ one) => html`<span class=${one[`${name}_ms`] === null ? "soft" : name === "p95" && one.p95_ms >= SLOW_MS ? "bad" : ""}>${ms(one[`${name}_ms`])}</span>` })),
  { label: o.live.database, sort: "database_ms", class: "narrow end lesser roomy", cell: (/** @type {any} */ one) => html`<span class=${one.database_ms ? "" : "soft"}>${one.database_ms ? ms(one.database_ms) : "—"}</span>` },
  { label: o.tenants.size, sort: "size_bytes", class: "narrow end lesser spacious", cell: (/** @type {any} */ one) => (one.size_bytes === null ? NOTHING : size(one.size_bytes)) },
  { label: o.revenue, sort: "revenue_cents", class: "narrow end lesser vast", cell: (/** @type {any} */ one) => moneyOf(one.revenue_cents, one) },
  { label: o.cost, sort: "cost_cents", class: "narrow end lesser vast", cell: (/** @type {any} */ one) => moneyOf(one.cost_cents, one) },
  { label: o.margin, sort: "margin_cents", class: "narrow end lesser spacious", cell: (/** @type {any} */ one) => html`<span class=${Number(one.margin_cents) < 0 ? "bad" : ""}>${moneyOf(one.margin_cents, one)}</span>` },
  { label: o.tenants.growth, sort: "growth_percent", class: "narrow end lesser vast", cell: (/** @type {any} */ one) => (one.growth_percent === null ? NOTHING : `+${percent(one.growth_percent)}`) },
  { label: o.tenants.active, sort: "last_active_at", class: "narrow wider lesser vast", cell: (/** @type {any} */ one) => (one.last_active_at ? html`<${Time} at=${one.last_active_at} near />` : NOTHING) },
  { label: o.made, sort: "created_at", class: "narrow wider lesser", cell: (/** @type {any} */ one) => html`<${Time} at=${one.created_at} near />` },
];
/** What the API sorts by, besides the columns. */
const ORDERS = new Set([...COLUMNS.flatMap(({ sort }) => sort ?? []), "slug", "errors"]);

/** @param {{ route: import("../router.js").Route }} props */
function All({ route }) {
  const asked = new URLSearchParams(route.search);
  const [q, status, plan, wanted] = ["q", "status", "plan", "order"].map((name) => asked.get(name) ?? "");
  const order = ORDERS.has(wanted.replace("-", "")) ? wanted : "-created_at";
  const query = new URLSearchParams(Object.entries({ q, status, plan, order }).filter(([, value]) => value));
  const pages = usePages(`/operator/tenants?${query}`, STEP, FURTHER);
  const plans = useLoad(() => list("/operator/plans"), []);
  const [making, setMaking] = useState(false);
  const [typed, setTyped] = useState(q);
  useEffect(() => setTyped(q), [q]);
  const set = (/** @type {string} */ name, /** @type {string} */ value) => {
    const now = new URLSearchParams(location.search);
    if (value) now.set(name, value);
    else now.delete(name);
    navigate(`${toOperator("tenants")}${String(now) ? `?${now}` : ""}`, { replace: name === "q" });
  };
  useEffect(() => {
    if (typed === q) return;
    const timer = setTimeout(() => set("q", typed), PAUSE);
    return () => clearTimeout(timer);
  }, [typed]);
  useEvery(() => void pages.reload(), SUMMED_UP, (pages.data?.length ?? 0) <= STEP);
  // What is erased is shown to who asks for it.
  const rows = pages.data?.filter((one) => status === "erased" || one.status !== "erased");
  const asOf = rows?.[0]?.as_of;
  const isNarrowed = Boolean(q || status || plan);
  const create = html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${s.tenants.create}</button>`;
  const about = html`<span role="status">${rows ? o.tenants.counted(pages.more ? pages.data?.length ?? 0 : rows.length, pages.more !== null) : o.overview.counting}</span> · ${o.live.lately}${asOf && Date.parse(asOf) > 0 && html`, ${o.live.asOf} <${Time} at=${asOf} />`}`;
  return html`<${Page} title=${s.operator.screens.tenants} of=${o.of} about=${about}
    actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${pages.reload}><${Icon} name="reload" /></button>${create}`}>
    <div class="tools fleet">
      <label class="field grow"><span class="label small soft">${s.search}</span><input class="input" type="search" placeholder=${o.tenants.search} spellcheck="false" maxlength="200" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} /></label>
      <label class="field"><span class="label small soft">${o.status}</span><select class="input" value=${status} onChange=${(/** @type {any} */ event) => set("status", event.target.value)}><option value="">${o.tenants.anyStatus}</option>${STATUSES.map((name) => html`<option value=${name} selected=${name === status}>${s.status[name]}</option>`)}</select></label>
      <label class="field"><span class="label small soft">${o.plan}</span><select class="input" value=${plan} onChange=${(/** @type {any} */ event) => set("plan", event.target.value)}><option value="">${o.tenants.anyPlan}</option>${[...new Set([...(plans.data ?? []).map((one) => one.key), ...(plan ? [plan] : [])])].map((name) => html`<option value=${name} selected=${name === plan}>${name}</option>`)}</select></label>
      <label class="field orderpick"><span class="label small soft">${o.tenants.order}</span><select class="input" value=${order} onChange=${(/** @type {any} */ event) => set("order", event.target.value)}>${o.tenants.orders.map(([name, text]) => html`<option value=${name} selected=${name === order}>${text}</option>`)}${!o.tenants.orders.some(([name]) => name === order) && html`<option value=${order} selected>${order}</option>`}</select></label>
      ${isNarrowed && html`<button class="button plain" onClick=${() => navigate(toOperator("tenants"))}>${s.records.clear}</button>`}
    </div>
    <${Loaded} of=${{ ...pages, data: rows }}>${(/** @type {any[]} */ all) => (all.length === 0 && !pages.more
      ? html`<div class="card">${isNarrowed ? html`<${Empty} icon="search" title=${o.tenants.none} text=${o.tenants.noneText} />` : html`<${Empty} icon="tenant" title=${o.overview.first} text=${o.overview.firstText}>${create}<//>`}</div>`
      : html`<${LongTable} label=${s.operator.screens.tenants} columns=${COLUMNS} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} order=${order} onOrder=${(/** @type {string} */ next) => set("order", downFirst(next, order))} onMore=${pages.more} busy=${pages.busy} />`)}<//>
    ${making && html`<${NewTenant} onClose=${() => setMaking(false)} onMade=${() => void pages.reload()} />`}
  <//>`;
}

/** Who orders by a figure wants the most first. @param {string} next @param {string} before */
function downFirst(next, before) {
  const name = next.replace("-", "");
  return name === before.replace("-", "") || name === "name" ? next : `-${name}`;
}
