// One record beside the grid: a form made from the schema, and what became of it.

import { call } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Empty, Loaded } from "../parts/page.js";
import { toast } from "../parts/toasts.js";
import { s } from "../strings.js";
import { fetchRecord, recordPath } from "./editing.js";
import { History } from "./history.js";
import { Relation } from "./relation.js";
import { draft, isLong, labelOf, looksTimed, read } from "./schema.js";

/**
 * @typedef {object} Props
 * @property {import("../shell.js").At} at
 * @property {import("./schema.js").TableOf} table
 * @property {import("./schema.js").TableOf[]} tables
 * @property {boolean} writable
 * @property {() => void} onClose
 * @property {(record: import("./schema.js").Rec) => void} onSaved
 */

/** @param {Props & { recordKey: string, onDelete: (record: import("./schema.js").Rec) => void }} props */
export function RecordPanel({ recordKey, onDelete, ...props }) {
  const { at, table, writable, onClose } = props;
  const [tab, setTab] = useState("form");
  const found = useLoad(() => fetchRecord(at, table, recordKey), [recordKey]);
  const label = found.data ? labelOf(table, found.data.record) : decodeURIComponent(recordKey);
  const title = /^\d+$/.test(label) ? `${table.name} ${label}` : label;
  const bin = writable && found.data && html`<button type="button" class="button plain square danger" aria-label=${s.delete} title=${s.delete} onClick=${() => onDelete(/** @type {any} */ (found.data).record)}><${Icon} name="bin" /></button>`;
  return html`<${Dialog} kind="drawer" title=${title} onClose=${onClose} tools=${bin}>
    <div class="tabs" role="tablist">${["form", "history"].map((name) => html`<button type="button" role="tab" aria-selected=${tab === name} onClick=${() => setTab(name)}>${s.records.tabs[name]}</button>`)}</div>
    ${tab === "history" ? html`<${History} at=${at} table=${table} recordKey=${recordKey} />` : html`<${Loaded} of=${found}>${(/** @type {any} */ { record, etag }) => html`
      <${Fields} key=${etag} ...${props} record=${record} etag=${etag} recordKey=${recordKey} onStale=${found.reload} />`}<//>`}
  <//>`;
}

/** @param {Props} props */
export function NewRecord(props) {
  return html`<${Dialog} kind="drawer" title=${s.records.newIn(props.table.name)} onClose=${props.onClose}><${Fields} ...${props} record=${null} etag="" recordKey="" onStale=${() => {}} /><//>`;
}

/** @param {Props & { record: import("./schema.js").Rec | null, etag: string, recordKey: string, onStale: () => void }} props */
function Fields({ at, table, tables, writable, record, etag, recordKey, onClose, onSaved, onStale }) {
  const [texts, setTexts] = useState(() => Object.fromEntries(table.columns.map((column) => [column.name, draft(record?.[column.name])])));
  const [stale, setStale] = useState(false);
  const set = (/** @type {string} */ name, /** @type {string} */ text) => setTexts((old) => ({ ...old, [name]: text }));
  const columns = table.columns.filter((column) => record || !column.read_only);
  const submit = async () => {
    /** @type {Record<string, any>} */
    const body = {};
    /** @type {{ field: string, code: string, message: string }[]} */
    const fields = [];
    for (const column of columns) {
      const text = texts[column.name];
      if (column.read_only || text === draft(record?.[column.name])) {
        // What a new record is not given, the table's default or key gives.
        if (record || !column.required || column.has_default || table.key.includes(column.name)) continue;
      }
      try {
        body[column.name] = read(text, column, s.records.faults);
      } catch (fault) {
        fields.push({ field: column.name, code: "type", message: /** @type {Error} */ (fault).message });
      }
    }
    if (fields.length) throw Object.assign(new Error(s.records.someInvalid), { fields });
    if (record && Object.keys(body).length === 0) return onClose();
    try {
      const written = record
        ? await call("PATCH", recordPath(at, table, recordKey), { body, headers: etag ? { "if-match": etag } : {} })
        : await call("POST", at.api(`/records/${encodeURIComponent(table.name)}`), { body });
      toast(record ? s.saved : s.records.made);
      onSaved(written);
    } catch (problem) {
      if (problem.status === 412) setStale(true);
      throw problem.status === 412 ? Object.assign(new Error(s.records.changedMeanwhile), { fields: [] }) : problem;
    }
  };
  if (columns.length === 0) return html`<${Empty} icon="records" title=${s.records.noColumns} />`;
  const inner = html`<fieldset class="form" disabled=${!writable}>${columns.map((column) => html`
    <${Field} key=${column.name} name=${column.name} label=${column.name} mark=${markOf(column, table, record)}>
      ${(/** @type {any} */ ties) => html`<${ValueInput} at=${at} column=${column} target=${tables.find((one) => one.name === column.references?.table)} ties=${ties} text=${texts[column.name]}
        fixed=${column.read_only || (Boolean(record) && table.key.includes(column.name))} onInput=${(/** @type {string} */ text) => set(column.name, text)} />`}<//>`)}</fieldset>`;
  if (!writable) return inner;
  return html`<${Form} onSubmit=${submit} submit=${record ? s.save : s.records.create} onCancel=${onClose}>${inner}
    ${stale && html`<p><button type="button" class="link" onClick=${onStale}>${s.records.loadTheirs}</button></p>`}<//>`;
}

/** @param {import("./schema.js").Column} column @param {import("./schema.js").TableOf} table @param {any} record */
function markOf(column, table, record) {
  if (record && table.key.includes(column.name)) return s.records.key;
  if (column.references) return `→ ${column.references.table}`;
  if (!record && (column.has_default || table.key.includes(column.name))) return s.records.filledIn;
  return column.required ? column.type : `${column.type}, ${s.optional}`;
}

/**
 * @param {object} props
 * @param {import("../shell.js").At} props.at
 * @param {import("./schema.js").Column} props.column
 * @param {import("./schema.js").TableOf | undefined} props.target
 * @param {any} props.ties
 * @param {string} props.text
 * @param {boolean} props.fixed
 * @param {(text: string) => void} props.onInput
 */
function ValueInput({ at, column, target, ties, text, fixed, onInput }) {
  const typed = (/** @type {any} */ event) => onInput(event.target.value);
  if (target && column.references && !fixed) {
    return html`<${Relation} at=${at} target=${target} column=${column.references.column} value=${text} ties=${ties} onPick=${(/** @type {any} */ value) => onInput(value === null ? "" : String(value))} />`;
  }
  if (column.type === "boolean") {
    return html`<select class="input" ...${ties} value=${text} disabled=${fixed} onChange=${typed}>
      <option value="" selected=${text === ""}>${column.required ? "" : s.none}</option><option value="true" selected=${text === "true"}>${s.yes}</option><option value="false" selected=${text === "false"}>${s.no}</option></select>`;
  }
  if (column.type === "json" || isLong(column) || text.includes("\n")) {
    return html`<textarea class=${`input ${column.type === "json" ? "mono" : ""}`} ...${ties} value=${text} readonly=${fixed} spellcheck=${column.type !== "json"} onInput=${typed}></textarea>`;
  }
  const number = { integer: "numeric", real: "decimal", numeric: "decimal" }[column.type];
  const input = html`<input class="input" ...${ties} value=${text} readonly=${fixed} inputmode=${number} spellcheck="false" autocomplete="off" placeholder=${looksTimed(column) ? "2030-01-31T12:00:00.000Z" : ""} onInput=${typed} />`;
  if (!looksTimed(column) || fixed) return input;
  return html`<div class="row nowrap">${input}<button type="button" class="button plain" onClick=${() => onInput(new Date().toISOString())}>${s.records.now}</button></div>`;
}
