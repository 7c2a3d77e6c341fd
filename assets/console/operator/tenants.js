import { html, useMemo, useState } from "../dom.js";
import { money, size } from "../format.js";
import { ProblemNote } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Avatar, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { TenantStatus } from "../parts/tenant-status.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { costOf, MOST, nameOf, reloadFleet, useFleet } from "./fleet.js";
import { NewTenant } from "../parts/new-tenant.js";
import { o } from "./strings.js";
import { TenantPage } from "./tenant.js";

const STATUSES = ["active", "suspended", "closing", "erasing", "erased", "provisioning"];
const STEP = 100;

/** The fleet, or one tenant of it. @param {{ route: import("../router.js").Route }} props */
export default function Tenants({ route }) {
  return route.rest[0] ? html`<${TenantPage} key=${route.rest[0]} selector=${route.rest[0]} />` : html`<${All} route=${route} />`;
}

/** What a line is ordered by. @type {Record<string, (tenant: any, margin: any) => any>} */
const VALUES = {
  name: (tenant) => nameOf(tenant).toLowerCase(), status: (tenant) => STATUSES.indexOf(tenant.status), plan: (tenant) => tenant.plan, created_at: (tenant) => tenant.created_at,
  revenue: (_, margin) => Number(margin?.revenue_cents ?? 0), cost: (_, margin) => costOf(margin) ?? 0, margin: (_, margin) => Number(margin?.margin_cents ?? 0), storage: (_, margin) => margin?.serving.storage_bytes ?? 0,
};

/** @param {{ route: import("../router.js").Route }} props */
function All({ route }) {
  const fleet = useFleet();
  const [shown, setShown] = useState(STEP);
  const [making, setMaking] = useState(false);
  const asked = new URLSearchParams(route.search);
  const [q, status, plan, order] = ["q", "status", "plan", "order"].map((name) => asked.get(name) ?? "");
  const set = (/** @type {string} */ name, /** @type {string} */ value) => {
    if (value) asked.set(name, value);
    else asked.delete(name);
    setShown(STEP);
    navigate(`${toOperator("tenants")}${String(asked) ? `?${asked}` : ""}`, { replace: name === "q" });
  };
  const found = useMemo(() => {
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    const all = fleet.tenants.filter((one) => (status ? one.status === status : one.status !== "erased") && (!plan || one.plan === plan) && words.every((word) => `${one.name} ${one.slug}`.toLowerCase().includes(word) || (word.length > 7 && one.id.startsWith(word))));
    const [name, down] = order.startsWith("-") ? [order.slice(1), -1] : [order, 1];
    const value = VALUES[name] ?? VALUES.created_at;
    const turned = VALUES[name] ? down : -1;
    const keyed = all.map((one) => ({ one, key: value(one, fleet.margins.get(one.id)) }));
    keyed.sort((a, b) => (a.key < b.key ? -turned : a.key > b.key ? turned : 0));
    return keyed.map(({ one }) => one);
  }, [fleet, q, status, plan, order]);
  // What is erased is shown to who asks for it.
  const kept = status === "erased" ? found.length : fleet.tenants.filter((one) => one.status !== "erased").length;
  const plans = useMemo(() => [...new Set(fleet.tenants.map((one) => one.plan))].sort(), [fleet.tenants]);
  const moneyOf = (/** @type {any} */ cents, /** @type {any} */ margin) => (margin && cents !== null ? money(cents, margin.currency) : html`<span class="soft">—</span>`);
  const marginOf = (/** @type {any} */ tenant) => fleet.margins.get(tenant.id);
  const columns = [
    { label: o.tenant, sort: "name", cell: (/** @type {any} */ one) => html`<span class="row nowrap"><${Avatar} name=${nameOf(one)} /><span class="two"><a class="cut" href=${toOperator("tenants", one.slug)}><b>${nameOf(one)}</b></a><span class="soft small cut">${one.slug}</span></span></span>` },
    { label: o.status, sort: "status", class: "narrow", cell: (/** @type {any} */ one) => html`<${TenantStatus} status=${one.status} />` },
    { label: o.plan, sort: "plan", class: "narrow", cell: (/** @type {any} */ one) => one.plan },
    { label: o.revenue, sort: "revenue", class: "narrow end", cell: (/** @type {any} */ one) => moneyOf(marginOf(one)?.revenue_cents ?? null, marginOf(one)) },
    { label: o.cost, sort: "cost", class: "narrow end", cell: (/** @type {any} */ one) => moneyOf(costOf(marginOf(one)), marginOf(one)) },
    { label: o.margin, sort: "margin", class: "narrow end", cell: (/** @type {any} */ one) => html`<span class=${Number(marginOf(one)?.margin_cents) < 0 ? "bad" : ""}>${moneyOf(marginOf(one)?.margin_cents ?? null, marginOf(one))}</span>` },
    { label: o.storage, sort: "storage", class: "narrow end", cell: (/** @type {any} */ one) => (marginOf(one) ? size(marginOf(one)?.serving.storage_bytes ?? 0) : html`<span class="soft">—</span>`) },
    { label: o.made, sort: "created_at", class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.created_at} near />` },
  ];
  const create = html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${s.tenants.create}</button>`;
  const state = { data: fleet.at || fleet.tenants.length ? found : undefined, problem: fleet.problem, busy: false, reload: reloadFleet };
  return html`<${Page} title=${s.operator.screens.tenants} of=${o.of} about=${html`<span role="status">${fleet.at > 0 ? o.tenants.counted(found.length, kept, fleet.done) : o.overview.counting}</span> · ${o.revenue}, ${o.cost.toLowerCase()}: ${o.thisMonth}`}
    actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${reloadFleet}><${Icon} name="reload" /></button>${create}`}>
    <div class="tools">
      <label class="field grow"><span class="label small soft">${s.search}</span><input class="input" type="search" placeholder=${o.tenants.search} spellcheck="false" value=${q} onInput=${(/** @type {any} */ event) => set("q", event.target.value)} /></label>
      <label class="field"><span class="label small soft">${o.status}</span><select class="input" value=${status} onChange=${(/** @type {any} */ event) => set("status", event.target.value)}><option value="">${o.tenants.anyStatus}</option>${STATUSES.map((name) => html`<option value=${name} selected=${name === status}>${s.status[name]}</option>`)}</select></label>
      <label class="field"><span class="label small soft">${o.plan}</span><select class="input" value=${plan} onChange=${(/** @type {any} */ event) => set("plan", event.target.value)}><option value="">${o.tenants.anyPlan}</option>${plans.map((name) => html`<option value=${name} selected=${name === plan}>${name}</option>`)}</select></label>
      ${(q || status || plan) && html`<button class="button plain" onClick=${() => navigate(toOperator("tenants"))}>${s.records.clear}</button>`}
    </div>
    ${fleet.problem && state.data && html`<${ProblemNote} problem=${fleet.problem} retry=${reloadFleet} />`}
    ${fleet.done && fleet.tenants.length >= MOST && html`<div class="note warn"><${Icon} name="warn" /><p>${o.tenants.capped(MOST)}</p></div>`}
    <${Loaded} of=${state}>${(/** @type {any[]} */ all) => (fleet.done && fleet.tenants.length === 0
      ? html`<div class="card"><${Empty} icon="tenant" title=${o.overview.first} text=${o.overview.firstText}>${create}<//></div>`
      : all.length === 0 ? html`<div class="card"><${Empty} icon="search" title=${fleet.done ? o.tenants.none : o.tenants.loading} text=${fleet.done ? o.tenants.noneText : ""} /></div>`
      : html`<${Table} label=${s.operator.screens.tenants} columns=${columns} rows=${all.slice(0, shown)} keyOf=${(/** @type {any} */ one) => one.id} order=${order || "-created_at"} onOrder=${(/** @type {string} */ next) => set("order", next)} onMore=${all.length > shown ? () => setShown(shown + 5 * STEP) : null} />`)}<//>
    ${making && html`<${NewTenant} onClose=${() => setMaking(false)} onMade=${() => void reloadFleet()} />`}
  <//>`;
}
