// What every screen is made of: its head, the state of its data, tables, empty states.

import { html, useEffect } from "../dom.js";
import { ago, time, utc } from "../format.js";
import { s } from "../strings.js";
import { ProblemNote } from "./form.js";
import { Icon } from "./icon.js";
import { attempt } from "./toasts.js";

/** @param {{ title: string, about?: any, actions?: any, children?: any, of?: string }} props */
export function Page({ title, about, actions, children, of }) {
  useEffect(() => {
    document.title = [title, of, "Tenantry"].filter(Boolean).join(" · ");
  }, [title, of]);
  return html`<div class="page">
    <header class="page-head"><div class="stack tight"><h1>${title}</h1>${about && html`<p class="soft">${about}</p>`}</div>
      ${actions && html`<div class="actions">${actions}</div>`}</header>
    ${children}
  </div>`;
}

/** Waiting, failed, or `children` of the data. @param {{ of: { data: any, problem: any, busy: boolean, reload: () => void }, children?: any, lines?: number }} props */
export function Loaded({ of, children, lines = 5 }) {
  if (of.data !== undefined) return children(of.data);
  if (of.problem) return html`<${ProblemNote} problem=${of.problem} retry=${of.reload} />`;
  return html`<div class="card stack" aria-busy="true"><span class="unseen">${s.loading}</span>
    ${Array.from({ length: lines }, (_, index) => html`<div class="wait" style=${{ width: `${88 - ((index * 17) % 40)}%` }}></div>`)}</div>`;
}

/** @param {{ icon: string, title: string, text?: any, children?: any }} props */
export function Empty({ icon, title, text, children }) {
  return html`<div class="empty"><${Icon} name=${icon} /><h2>${title}</h2>${text && html`<p>${text}</p>`}
    ${children && html`<div class="actions">${children}</div>`}</div>`;
}

/**
 * @template T
 * @typedef {{ label: any, cell: (row: T) => any, class?: string, sort?: string }} Column with `sort` its head orders by that
 */

/** @param {{ columns: Column<any>[], order?: string, onOrder?: (order: string) => void }} props */
export function TableHead({ columns, order = "", onOrder }) {
  const head = (/** @type {Column<any>} */ { label: text, sort }) => (sort && onOrder
    ? html`<button class="sort" onClick=${() => onOrder(order === sort ? `-${sort}` : sort)}>${text}${order.replace("-", "") === sort && html`<${Icon} name=${order.startsWith("-") ? "down" : "up"} />`}</button>`
    : text);
  const sorted = (/** @type {Column<any>} */ { sort }) => (!sort ? undefined : order === sort ? "ascending" : order === `-${sort}` ? "descending" : "none");
  return html`<thead><tr>${columns.map((column) => html`<th scope="col" class=${column.class ?? ""} aria-sort=${sorted(column)}>${head(column)}</th>`)}</tr></thead>`;
}

/** @param {Column<any>[]} columns @param {any} row */
export const cellsOf = (columns, row) => columns.map((column) => html`<td class=${column.class ?? ""} data-label=${typeof column.label === "string" ? column.label : ""}>${column.cell(row)}</td>`);

/** @param {{ columns: Column<any>[], rows: any[], keyOf: (row: any) => string | number, label: string, onMore?: (() => void) | null, busy?: boolean, order?: string, onOrder?: (order: string) => void }} props */
export function Table({ columns, rows, keyOf, label, onMore, busy, order, onOrder }) {
  return html`<div class="card flush"><div class="table-scroll" tabindex="0" role="region" aria-label=${label}>
    <table class="table stacks"><${TableHead} columns=${columns} order=${order} onOrder=${onOrder} />
      <tbody>${rows.map((row) => html`<tr key=${keyOf(row)}>${cellsOf(columns, row)}</tr>`)}</tbody></table>
    </div>${onMore && html`<div class="more"><button class="button plain" disabled=${busy} onClick=${onMore}>${s.more}</button></div>`}</div>`;
}

/** A time in the reader's zone, with UTC for a pointer over it. @param {{ at: string | null | undefined, near?: boolean }} props */
export function Time({ at, near }) {
  if (!at) return html`<span class="soft">${s.never}</span>`;
  return html`<time datetime=${at} title=${near ? `${time(at)} · ${utc(at)}` : utc(at)}>${near ? ago(at) : time(at)}</time>`;
}

/** @param {{ kind?: string, children?: any }} props */
export const Badge = ({ kind = "", children }) => html`<span class=${`badge ${kind}`}>${children}</span>`;

/** @param {{ name: string, round?: boolean }} props */
export const Avatar = ({ name, round }) => html`<span class=${`avatar ${round ? "round" : ""}`} aria-hidden="true">${[...(name.trim() || "?")][0]}</span>`;

/** @param {{ text: string, label?: string }} props */
export function Copy({ text, label = s.copy }) {
  const copy = () => attempt(async () => {
    // Without TLS, and not on this machine, browsers give no clipboard.
    if (!navigator.clipboard) throw new Error(s.noClipboard);
    await navigator.clipboard.writeText(text);
  }, s.copied);
  return html`<button type="button" class="button" onClick=${copy}><${Icon} name="copy" />${label}</button>`;
}

/** How much of a limit is used. @param {{ percent: number, label: string }} props */
export function MeterBar({ percent, label }) {
  const kind = percent >= 100 ? "bad" : percent >= 80 ? "warn" : "";
  return html`<div class=${`meterbar ${kind}`} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.min(100, percent)}>
    <div style=${{ width: `${Math.min(100, percent)}%` }}></div></div>`;
}
