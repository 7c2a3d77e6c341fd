import { get } from "../api.js";
import { html } from "../dom.js";
import { number } from "../format.js";
import { useLoad } from "../load.js";
import { Icon } from "../parts/icon.js";
import { Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { toOperator } from "../router.js";
import { s } from "../strings.js";
import { ms } from "./figures.js";
import { nameOf } from "./fleet.js";
import { o } from "./strings.js";

const TENANT = { label: o.tenant, cell: (/** @type {any} */ one) => html`<a class="cut block" href=${toOperator("tenants", one.tenant.slug, "activity")}><b>${nameOf(one.tenant)}</b></a>` };
const COLUMNS = [
  { label: o.statements.statement, cell: (/** @type {any} */ one) => html`<code class="small wraps">${one.statement}</code>` },
  { label: o.statements.count, class: "narrow end", cell: (/** @type {any} */ one) => number(one.count) },
  { label: o.statements.total, class: "narrow end", cell: (/** @type {any} */ one) => ms(one.total_ms) },
  { label: o.statements.most, class: "narrow end", cell: (/** @type {any} */ one) => ms(one.most_ms) },
  { label: o.statements.last, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.last_at} near />` },
];

/** What took long: of one tenant, or of all. @param {{ tenant?: string, found: ReturnType<typeof useLoad> }} props */
const List = ({ tenant, found }) => html`<${Loaded} of=${found} lines=${3}>${(/** @type {any} */ { items }) => (items.length === 0
  ? html`<div class="card"><${Empty} icon="check" title=${o.statements.none} text=${o.statements.noneText} /></div>`
  : html`<${Table} label=${o.statements.title} columns=${tenant ? COLUMNS : [TENANT, ...COLUMNS]} rows=${items} keyOf=${(/** @type {any} */ one) => `${one.tenant.id} ${one.statement}`} />`)}<//>`;

/** @param {{ tenant: string }} props */
export function StatementsOf({ tenant }) {
  const found = useLoad(() => get(`/operator/slow-queries?tenant=${encodeURIComponent(tenant)}`), [tenant]);
  return html`<div class="row apart"><h2>${o.statements.title}</h2><span class="soft small">${o.statements.since}</span></div><${List} tenant=${tenant} found=${found} />`;
}

/** Statements of all tenants that took long since the server was started. */
export default function Statements() {
  const found = useLoad(() => get("/operator/slow-queries"), []);
  return html`<${Page} title=${s.operator.screens.statements} of=${o.of} about=${o.statements.about} actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${found.reload}><${Icon} name="reload" /></button>`}><${List} found=${found} /><//>`;
}
