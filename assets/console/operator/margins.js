import { html, useMemo, useState } from "../dom.js";
import { money, size } from "../format.js";
import { ProblemNote } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { LongTable } from "../parts/long-table.js";
import { Empty, Loaded, Page } from "../parts/page.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { costOf, MOST, nameOf, reloadMargins, useMargins } from "./fleet.js";
import { o } from "./strings.js";

/** What a line is ordered by. @type {Record<string, (one: any) => any>} */
const VALUES = {
  name: (one) => nameOf(one.tenant).toLowerCase(), plan: (one) => one.plan, revenue: (one) => Number(one.revenue_cents), cost: (one) => costOf(one) ?? 0,
  margin: (one) => Number(one.margin_cents ?? 0), storage: (one) => one.serving.storage_bytes, database: (one) => one.serving.database_ms,
};

const moneyOf = (/** @type {any} */ cents, /** @type {any} */ one) => (cents === null ? html`<span class="soft">—</span>` : money(cents, one.currency));

const COLUMNS = [
  { label: o.tenant, sort: "name", cell: (/** @type {any} */ one) => html`<span class="two"><a class="cut" href=${toOperator("tenants", one.tenant.slug)}><b>${nameOf(one.tenant)}</b></a><span class="soft small cut">${one.tenant.slug}</span></span>` },
  { label: o.plan, sort: "plan", class: "narrow", cell: (/** @type {any} */ one) => one.plan },
  { label: o.revenue, sort: "revenue", class: "narrow end", cell: (/** @type {any} */ one) => moneyOf(one.revenue_cents, one) },
  { label: o.cost, sort: "cost", class: "narrow end", cell: (/** @type {any} */ one) => moneyOf(costOf(one), one) },
  { label: o.margin, sort: "margin", class: "narrow end", cell: (/** @type {any} */ one) => html`<span class=${Number(one.margin_cents) < 0 ? "bad" : ""}>${moneyOf(one.margin_cents, one)}</span>` },
  { label: o.storage, sort: "storage", class: "narrow end", cell: (/** @type {any} */ one) => size(one.serving.storage_bytes) },
];

/** What each tenant brings in and costs this month. @param {{ route: import("../router.js").Route }} props */
export default function Margins({ route }) {
  const known = useMargins();
  const [q, setQ] = useState("");
  const order = new URLSearchParams(route.search).get("order") || "-revenue";
  const found = useMemo(() => {
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    const value = VALUES[order.replace("-", "")] ?? VALUES.revenue;
    const turned = order.startsWith("-") ? -1 : 1;
    const keyed = known.all.filter((one) => words.every((word) => `${one.tenant.name} ${one.tenant.slug}`.toLowerCase().includes(word))).map((one) => ({ one, key: value(one) }));
    return keyed.sort((a, b) => (a.key < b.key ? -turned : a.key > b.key ? turned : 0)).map(({ one }) => one);
  }, [known, q, order]);
  const state = { data: known.at || known.all.length ? found : undefined, problem: known.problem, busy: false, reload: reloadMargins };
  return html`<${Page} title=${s.operator.screens.margins} of=${o.of} about=${o.margins.about} actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${reloadMargins}><${Icon} name="reload" /></button>`}>
    <div class="tools"><label class="field grow"><span class="label small soft">${s.search}</span><input class="input" type="search" placeholder=${o.margins.search} spellcheck="false" value=${q} onInput=${(/** @type {any} */ event) => setQ(event.target.value)} /></label></div>
    ${known.problem && state.data && html`<${ProblemNote} problem=${known.problem} retry=${reloadMargins} />`}
    ${known.done && known.all.length >= MOST && html`<div class="note warn"><${Icon} name="warn" /><p>${o.tenants.capped(MOST)}</p></div>`}
    <${Loaded} of=${state}>${(/** @type {any[]} */ all) => (all.length === 0
      ? html`<div class="card"><${Empty} icon="search" title=${known.done ? o.tenants.none : o.tenants.loading} /></div>`
      : html`<${LongTable} label=${s.operator.screens.margins} columns=${COLUMNS} rows=${all} keyOf=${(/** @type {any} */ one) => one.tenant.id} order=${order} onOrder=${(/** @type {string} */ next) => navigate(`${toOperator("margins")}?order=${next}`)} />`)}<//>
  <//>`;
}
