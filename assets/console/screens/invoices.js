import { get, send } from "../api.js";
import { html, useState } from "../dom.js";
import { day, money, number, price } from "../format.js";
import { useLoad } from "../load.js";
import { usePages } from "../parts/pages.js";
import { Download } from "../parts/download.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { attempt } from "../parts/toasts.js";
import { saveAs } from "../records/export.js";
import { to } from "../router.js";
import { s } from "../strings.js";
import { LineEvents } from "./line-events.js";

const KINDS = /** @type {Record<string, string>} */ ({ paid: "good", open: "info", final: "info", draft: "", void: "", uncollectible: "bad", past_due: "bad" });

/** The invoices, or one with its lines. @param {{ at: import("../shell.js").At, route: import("../router.js").Route }} props */
export default function Invoices({ at, route }) {
  return route.rest[0] ? html`<${Invoice} key=${route.rest[0]} at=${at} id=${route.rest[0]} />` : html`<${All} at=${at} />`;
}

/** @param {{ invoice: any }} props */
const Status = ({ invoice }) => html`<${Badge} kind=${KINDS[invoice.status] ?? ""}>${s.invoices.statuses[invoice.status] ?? invoice.status}<//>`;

/** @param {{ at: import("../shell.js").At }} props */
function All({ at }) {
  return html`<${Page} title=${s.screens.invoices} of=${at.tenant.name}><${InvoiceList} api=${at.api("/invoices")} hrefOf=${(/** @type {string} */ id) => to(at.slug, "invoices", id)}><a class="button" href=${to(at.slug, "usage")}>${s.banner.usageLink}</a><//><//>`;
}

/** The invoices of a tenant, newest first; `children` stand where there are none. @param {{ api: string, hrefOf: (id: string) => string, children?: any }} props */
export function InvoiceList({ api, hrefOf, children }) {
  const pages = usePages(api);
  const columns = [
    { label: s.invoices.number, class: "narrow", cell: (/** @type {any} */ one) => html`<a href=${hrefOf(one.id)}><b>${one.number ?? s.invoices.statuses.draft}</b></a>` },
    { label: s.usage.period, cell: (/** @type {any} */ one) => html`${day(one.period.from)} – ${day(one.period.to)}` },
    { label: s.invoices.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${Status} invoice=${one} />` },
    { label: s.invoices.due, class: "narrow", cell: (/** @type {any} */ one) => (one.due_at && one.status !== "paid" ? html`<${Time} at=${one.due_at} near />` : html`<span class="soft">—</span>`) },
    { label: s.invoices.total, class: "end narrow", cell: (/** @type {any} */ one) => html`<b>${money(one.total_cents, one.currency)}</b>` },
  ];
  return html`<${Loaded} of=${pages}>${(/** @type {any[]} */ all) => all.length === 0
    ? html`<div class="card"><${Empty} icon="invoices" title=${s.invoices.none} text=${s.invoices.noneText}>${children}<//></div>`
    : html`<${Table} label=${s.screens.invoices} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} onMore=${pages.more} busy=${pages.busy} />`}<//>`;
}

/** @param {{ at: import("../shell.js").At, id: string }} props */
function Invoice({ at, id }) {
  const path = at.api(`/invoices/${encodeURIComponent(id)}`);
  const found = useLoad(() => get(path), [path]);
  const [line, setLine] = useState(/** @type {any} */ (null));
  return html`<${Page} title=${found.data ? titleOf(found.data) : s.screens.invoices} of=${at.tenant.name}
      about=${html`<a href=${to(at.slug, "invoices")}>${s.screens.invoices}</a>`}
      actions=${found.data && html`<${InvoiceFiles} path=${path} invoice=${found.data} />`}>
    <${Loaded} of=${found}>${(/** @type {any} */ invoice) => html`<${InvoiceSheet} invoice=${invoice} onLine=${at.can("usage:read") ? setLine : null} />`}<//>
    ${line && html`<${LineEvents} at=${at} line=${line} onClose=${() => setLine(null)} />`}
  <//>`;
}

/** @param {any} invoice */
export const titleOf = (invoice) => s.invoices.title(invoice.number ?? s.invoices.statuses.draft);

/** The same as a file, and as a page to print. @param {{ path: string, invoice: any }} props */
export function InvoiceFiles({ path, invoice }) {
  const save = () => attempt(async () => saveAs(await (await send("GET", path, { headers: { accept: "text/csv" } })).blob(), `${invoice.number ?? invoice.id}.csv`));
  return html`<button class="button" onClick=${save}><${Icon} name="download" />CSV</button><${Printed} path=${path} />`;
}

/** What an invoice says; a line of usage opens to its events where `onLine` is given. @param {{ invoice: any, onLine?: ((line: any) => void) | null }} props */
export function InvoiceSheet({ invoice, onLine }) {
  const eventsOf = (/** @type {any} */ line) => s.invoices.events(number(line.events), line.seq_from, line.seq_to);
  const columns = [
    { label: s.invoices.what, cell: (/** @type {any} */ line) => html`<span class="two"><span>${line.description}</span>${line.events ? html`<span class="small">${onLine ? html`<button class="link" onClick=${() => onLine(line)}>${eventsOf(line)}</button>` : html`<span class="soft">${eventsOf(line)}</span>`}</span>` : null}</span>` },
    { label: s.invoices.quantity, class: "end narrow", cell: (/** @type {any} */ line) => number(line.quantity) },
    { label: s.invoices.unit, class: "end narrow", cell: (/** @type {any} */ line) => (line.unit_cents === null ? html`<span class="soft">—</span>` : price(line.unit_cents, invoice.currency)) },
    { label: s.invoices.amount, class: "end narrow", cell: (/** @type {any} */ line) => money(line.amount_cents, invoice.currency) },
  ];
  return html`
    <div class="card"><header><h2>${money(invoice.total_cents, invoice.currency)}</h2><${Status} invoice=${invoice} /></header>
      <dl class="facts"><dt>${s.usage.period}</dt><dd>${day(invoice.period.from)} – ${day(invoice.period.to)}</dd>
        ${invoice.issuer && html`<dt>${s.invoices.from}</dt><dd>${invoice.issuer}</dd>`}
        ${invoice.issued_at && html`<dt>${s.invoices.issued}</dt><dd><${Time} at=${invoice.issued_at} /></dd>`}
        ${invoice.due_at && html`<dt>${s.invoices.due}</dt><dd><${Time} at=${invoice.due_at} /></dd>`}
        ${invoice.paid_at && html`<dt>${s.invoices.paid}</dt><dd><${Time} at=${invoice.paid_at} /></dd>`}
        <dt>${s.invoices.digest}</dt><dd class="mono small">${invoice.digest}</dd></dl></div>
    <${Table} label=${s.invoices.lines} columns=${columns} rows=${invoice.lines} keyOf=${(/** @type {any} */ line) => line.id} />
    <div class="card totals"><dl class="facts numeric"><dt>${s.invoices.subtotal}</dt><dd class="end">${money(invoice.subtotal_cents, invoice.currency)}</dd>
      <dt>${s.invoices.tax}${invoice.tax_rate ? ` (${invoice.tax_rate.name ?? ""} ${invoice.tax_rate.percent ?? ""} %)` : ""}</dt><dd class="end">${money(invoice.tax_cents, invoice.currency)}</dd>
      <dt><b>${s.invoices.total}</b></dt><dd class="end"><b>${money(invoice.total_cents, invoice.currency)}</b></dd>
      ${invoice.credited_cents > 0 && html`<dt>${s.invoices.credited}</dt><dd class="end">−${money(invoice.credited_cents, invoice.currency)}</dd>`}
      ${invoice.due_cents !== invoice.total_cents && html`<dt>${s.invoices.left}</dt><dd class="end">${money(invoice.due_cents, invoice.currency)}</dd>`}</dl></div>`;
}

/** The printable page is the same address as HTML, which a link asks for. @param {{ path: string }} props */
const Printed = ({ path }) => html`<${Download} class="button" blank href=${`/api/v1${path}`}><${Icon} name="link" />${s.invoices.print}<//>`;
