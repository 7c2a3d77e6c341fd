import { html, useEffect, useState } from "../dom.js";
import { money, percent, size } from "../format.js";
import { Icon } from "../parts/icon.js";
import { LongTable } from "../parts/long-table.js";
import { Empty, Loaded, Page, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { nameOf } from "./fleet.js";
import { o } from "./strings.js";

const STEP = 100;
/** Tenants of the pages after the first, which come while somebody scrolls. */
const FURTHER = 500;
/** How long somebody may pause while typing, in milliseconds. */
const PAUSE = 200;

const NOTHING = html`<span class="soft">—</span>`;
/** An amount, told in a quieter way where it is nothing. @param {string | null} cents @param {any} one */
export const moneyOf = (cents, one) => (cents === null || one.currency === null ? NOTHING : Number(cents) === 0 ? html`<span class="soft">${money(0, one.currency)}</span>` : money(cents, one.currency));

/** What a tenant takes, brings in and costs, in the lists of it and of the fleet. */
export const FIGURES = {
  size: { label: o.storage, sort: "size_bytes", cell: (/** @type {any} */ one) => (one.size_bytes === null ? NOTHING : size(one.size_bytes)) },
  revenue: { label: o.revenue, sort: "revenue_cents", cell: (/** @type {any} */ one) => moneyOf(one.revenue_cents, one) },
  cost: { label: o.cost, sort: "cost_cents", cell: (/** @type {any} */ one) => moneyOf(one.cost_cents, one) },
  margin: { label: o.margin, sort: "margin_cents", cell: (/** @type {any} */ one) => html`<span class=${Number(one.margin_cents) < 0 ? "bad" : ""}>${moneyOf(one.margin_cents, one)}</span>` },
  growth: { label: o.tenants.growth, sort: "growth_percent", cell: (/** @type {any} */ one) => (one.growth_percent === null ? NOTHING : `+${percent(one.growth_percent)}`) },
};
const { size: room, revenue, cost, margin, growth } = FIGURES;

const COLUMNS = [
  { label: o.tenant, sort: "name", cell: (/** @type {any} */ one) => html`<span class="two named"><a class="cut" href=${toOperator("tenants", one.slug)}><b>${nameOf(one)}</b></a><span class="soft small cut">${one.slug}</span></span>` },
  { label: o.plan, class: "narrow", cell: (/** @type {any} */ one) => one.plan },
  ...[revenue, cost, margin, growth, room].map((column) => ({ ...column, class: "narrow end" })),
];
const ORDERS = new Set(COLUMNS.flatMap(({ sort }) => (sort ? [sort, `-${sort}`] : [])));

/** What each tenant brings in and costs this month, searched and ordered by the API. @param {{ route: import("../router.js").Route }} props */
export default function Margins({ route }) {
  const asked = new URLSearchParams(route.search);
  const [q, wanted] = [asked.get("q") ?? "", asked.get("order") ?? ""];
  const order = ORDERS.has(wanted) ? wanted : "-revenue_cents";
  const pages = usePages(`/operator/tenants?${new URLSearchParams({ ...(q && { q }), order })}`, STEP, FURTHER);
  const [typed, setTyped] = useState(q);
  const go = (/** @type {Record<string, string>} */ next, replace = false) => navigate(`${toOperator("margins")}?${new URLSearchParams({ ...(q && { q }), order, ...next })}`, { replace });
  useEffect(() => setTyped(q), [q]);
  useEffect(() => {
    if (typed === q) return;
    const timer = setTimeout(() => go({ q: typed }, true), PAUSE);
    return () => clearTimeout(timer);
  }, [typed]);
  const asOf = pages.data?.find((one) => one.figures_as_of)?.figures_as_of;
  return html`<${Page} title=${s.operator.screens.margins} of=${o.of} about=${html`${o.margins.about}${asOf && html` ${o.margins.asOf} <${Time} at=${asOf} near />.`}`}
    actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${pages.reload}><${Icon} name="reload" /></button>`}>
    <div class="tools"><label class="field grow"><span class="label small soft">${s.search}</span><input class="input" type="search" placeholder=${o.tenants.search} spellcheck="false" maxlength="200" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} /></label></div>
    <${Loaded} of=${pages}>${(/** @type {any[]} */ all) => (all.length === 0
      ? html`<div class="card"><${Empty} icon="search" title=${o.tenants.none} /></div>`
      : html`<${LongTable} label=${s.operator.screens.margins} columns=${COLUMNS} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} order=${order} onOrder=${(/** @type {string} */ next) => go({ order: next })} onMore=${pages.more} busy=${pages.busy} />`)}<//>
  <//>`;
}
