// What a statement answered: as a grid, and as a file.

import { html, useState } from "../dom.js";
import { saveAs } from "../records/export.js";
import { csvField } from "../records/parse.js";
import { s } from "../strings.js";

/** @param {{ columns: string[], rows: any[][] }} answer @param {string} name */
export const saveCsv = ({ columns, rows }, name) => saveAs(new Blob([[columns, ...rows].map((row) => `${row.map(csvField).join(",")}\r\n`).join("")], { type: "text/csv" }), name);

/** @param {{ answer: { columns: string[], rows: any[][] } }} props */
export function Result({ answer }) {
  const [shown, setShown] = useState(200);
  return html`<div class="card flush"><div class="result" tabindex="0" role="region" aria-label=${s.sql.result}><table class="table small"><thead><tr>${answer.columns.map((name, index) => html`<th scope="col" class=${typeof answer.rows[0]?.[index] === "number" ? "end" : ""}>${name}</th>`)}</tr></thead>
    <tbody>${answer.rows.slice(0, shown).map((row) => html`<tr>${row.map((value) => html`<td class=${typeof value === "number" ? "end" : ""} title=${typeof value === "string" && value.length > 40 ? value : undefined}>${value === null ? html`<span class="soft">null</span>` : typeof value === "object" ? JSON.stringify(value) : String(value)}</td>`)}</tr>`)}</tbody></table></div>
    ${answer.rows.length > shown && html`<div class="more"><button class="button plain" onClick=${() => setShown(shown + 500)}>${s.more}</button></div>`}</div>`;
}
