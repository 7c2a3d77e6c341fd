// The usage events that a line of an invoice is made of.

import { html } from "../dom.js";
import { number } from "../format.js";
import { Dialog } from "../parts/dialog.js";
import { Empty, Loaded, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { s } from "../strings.js";

/** @param {{ at: import("../shell.js").At, line: any, onClose: () => void }} props */
export function LineEvents({ at, line, onClose }) {
  const query = new URLSearchParams({ ...(line.meter && { meter: line.meter }), seq_from: line.seq_from, seq_to: line.seq_to });
  const pages = usePages(at.api(`/usage-events?${query}`), 100);
  const columns = [
    { label: s.invoices.eventNumber, class: "narrow end", cell: (/** @type {any} */ one) => html`<span class="numeric">${one.seq}</span>` },
    { label: s.invoices.occurred, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.occurred_at} />` },
    { label: s.invoices.quantity, class: "narrow end", cell: (/** @type {any} */ one) => html`<span class="numeric">${number(one.quantity)}</span>` },
    { label: s.invoices.key, cell: (/** @type {any} */ one) => html`<span class="two"><span class="mono small cut" title=${one.idempotency_key}>${one.voids ? s.invoices.voids(one.voids) : one.idempotency_key}</span>${one.properties && html`<span class="soft small mono cut" title=${JSON.stringify(one.properties)}>${JSON.stringify(one.properties)}</span>`}</span>` },
  ];
  return html`<${Dialog} kind="wide" title=${line.description} onClose=${onClose}><div class="stack">
    <p class="soft small">${s.invoices.eventsText(line.meter ?? "", number(line.events), line.seq_from, line.seq_to)}</p>
    <${Loaded} of=${pages}>${(/** @type {any[]} */ all) => all.length === 0
      ? html`<${Empty} icon="usage" title=${s.invoices.noEvents} text=${s.invoices.noEventsText} />`
      : html`<${Table} label=${s.invoices.eventsLabel} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.seq} onMore=${pages.more} busy=${pages.busy} />`}<//>
  </div><//>`;
}
