// Conditions in rows, and the query string that they make.

import { html, useEffect, useState } from "../dom.js";
import { Icon } from "../parts/icon.js";
import { Copy } from "../parts/page.js";
import { s } from "../strings.js";
import { writeQuery } from "./query.js";
import { isNumeric } from "./schema.js";

/** @typedef {import("./query.js").Condition} Condition */

/** @param {import("./schema.js").Column | undefined} column */
function opsOf(column) {
  if (!column) return ["eq", "neq"];
  if (column.type === "boolean") return ["eq", "neq", "is"];
  if (isNumeric(column)) return ["eq", "neq", "gt", "gte", "lt", "lte", "in", "is"];
  return ["eq", "neq", "ilike", "like", "gt", "gte", "lt", "lte", "in", "not_in", "is"];
}

/**
 * @param {object} props
 * @param {import("./schema.js").TableOf} props.table
 * @param {import("./query.js").Query} props.query
 * @param {(conditions: Condition[]) => void} props.onApply
 * @param {string} props.path of the list, as it is shown
 */
export function Filters({ table, query, onApply, path }) {
  const blank = () => ({ column: table.columns.find((column) => !table.key.includes(column.name))?.name ?? table.columns[0].name, op: "eq", value: "" });
  const [rows, setRows] = useState(() => (query.conditions.length ? query.conditions : [blank()]));
  useEffect(() => setRows(query.conditions.length ? query.conditions : [blank()]), [writeQuery(query), table.name]);
  const change = (/** @type {number} */ index, /** @type {Partial<Condition>} */ part) =>
    setRows(rows.map((row, at) => (at === index ? { ...row, ...part } : row)));
  const usable = rows.filter((row) => row.value !== "" || row.op === "eq");
  const made = writeQuery({ ...query, conditions: usable.filter((row) => row.value !== "") });
  const apply = (/** @type {Event} */ event) => {
    event.preventDefault();
    onApply(rows.filter((row) => row.value !== ""));
  };
  return html`<form class="filters" onSubmit=${apply} aria-label=${s.records.filter}>
    ${rows.map((row, index) => {
      const column = table.columns.find((one) => one.name === row.column);
      return html`<div class="condition">
        <select class="input" aria-label=${s.records.column} value=${row.column} onChange=${(/** @type {any} */ event) => change(index, { column: event.target.value, op: "eq", value: "" })}>
          ${table.columns.map((one) => html`<option value=${one.name} selected=${one.name === row.column}>${one.name}</option>`)}</select>
        <select class="input" aria-label=${s.records.condition} value=${row.op} onChange=${(/** @type {any} */ event) => change(index, { op: event.target.value, ...(event.target.value === "is" ? { value: "null" } : row.op === "is" ? { value: "" } : {}) })}>
          ${opsOf(column).map((op) => html`<option value=${op} selected=${op === row.op}>${s.records.ops[op]}</option>`)}</select>
        <${ValueOf} column=${column} row=${row} onChange=${(/** @type {string} */ value) => change(index, { value })} />
        <button type="button" class="button plain square" aria-label=${s.records.removeCondition} onClick=${() => setRows(rows.length > 1 ? rows.filter((_, at) => at !== index) : [blank()])}><${Icon} name="close" /></button>
      </div>`;
    })}
    <div class="foot"><div class="actions">
      <button class="button primary">${s.records.apply}</button>
      <button type="button" class="button plain" onClick=${() => setRows([...rows, blank()])}><${Icon} name="plus" />${s.records.addCondition}</button>
      ${query.conditions.length > 0 && html`<button type="button" class="button plain" onClick=${() => onApply([])}>${s.records.clear}</button>`}
    </div>
    <div class="made"><code>GET ${path}${made ? `?${made}` : ""}</code><${Copy} text=${`${path}${made ? `?${made}` : ""}`} /></div></div>
  </form>`;
}

/** @param {{ column: import("./schema.js").Column | undefined, row: Condition, onChange: (value: string) => void }} props */
function ValueOf({ column, row, onChange }) {
  const pick = (/** @type {any} */ event) => onChange(event.target.value);
  if (row.op === "is") {
    return html`<select class="input" aria-label=${s.records.value} value=${row.value} onChange=${pick}>
      <option value="null" selected=${row.value === "null"}>${s.records.isNull}</option><option value="not_null" selected=${row.value === "not_null"}>${s.records.isNotNull}</option></select>`;
  }
  if (column?.type === "boolean") {
    return html`<select class="input" aria-label=${s.records.value} value=${row.value} onChange=${pick}>
      <option value=""></option><option value="true" selected=${row.value === "true"}>${s.yes}</option><option value="false" selected=${row.value === "false"}>${s.no}</option></select>`;
  }
  const placeholder = row.op === "in" || row.op === "not_in" ? "(a,b,c)" : row.op.endsWith("like") ? "*part*" : "";
  return html`<input class="input" aria-label=${s.records.value} value=${row.value} placeholder=${placeholder} spellcheck="false" autocapitalize="none" onInput=${pick} />`;
}
