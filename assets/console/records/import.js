// Records from a file: looked at first, then written a thousand at a time; what is refused is named by its line.

import { post } from "../api.js";
import { html, useMemo, useRef, useState } from "../dom.js";
import { Dialog } from "../parts/dialog.js";
import { ProblemNote } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { s } from "../strings.js";
import { parseRows } from "./parse.js";
import { draft, read } from "./schema.js";

const AT_ONCE = 1000;
const SHOWN = 50;

/** @typedef {{ line: number, record: Record<string, any>, faults: Record<string, string> }} Row */

/** @param {ReturnType<typeof parseRows>} file @param {import("./schema.js").TableOf} table @returns {Row[]} */
function convert(file, table) {
  const columns = new Map(table.columns.filter((column) => !column.read_only).map((column) => [column.name, column]));
  return file.rows.map(({ line, values, fault }) => {
    /** @type {Row} */
    const row = { line, record: {}, faults: fault ? { "": s.records.importing.badLine } : {} };
    for (const [name, value] of Object.entries(values)) {
      const column = columns.get(name);
      if (!column) continue;
      if (file.kind === "json") row.record[name] = value;
      else if (value !== "" || (column.required && !column.has_default)) {
        try {
          row.record[name] = read(value, column, s.records.faults);
        } catch (problem) {
          row.record[name] = value;
          row.faults[name] = /** @type {Error} */ (problem).message;
        }
      }
    }
    return row;
  });
}

/** @param {{ at: import("../shell.js").At, table: import("./schema.js").TableOf, onClose: () => void, onDone: () => void }} props */
export function Import({ at, table, onClose, onDone }) {
  const [text, setText] = useState("");
  const [over, setOver] = useState(false);
  const [state, setState] = useState(/** @type {{ doing: boolean, done: number, problem: any, refused: Map<number, string> }} */ ({ doing: false, done: 0, problem: null, refused: new Map() }));
  const left = useRef(/** @type {Row[] | null} */ (null));
  const picker = useRef(/** @type {any} */ (null));
  const parsed = useMemo(() => {
    if (!text.trim()) return null;
    try {
      const file = parseRows(text);
      return { file, rows: convert(file, table), problem: null };
    } catch (problem) {
      return { file: null, rows: [], problem };
    }
  }, [text, table]);
  const take = async (/** @type {File | undefined} */ file) => {
    if (!file) return;
    left.current = null;
    setState({ doing: false, done: 0, problem: null, refused: new Map() });
    setText(await file.text());
  };
  const known = parsed?.file?.columns.filter((name) => table.columns.some((column) => column.name === name && !column.read_only)) ?? [];
  const unknown = parsed?.file?.columns.filter((name) => !known.includes(name)) ?? [];
  const faulty = parsed?.rows.filter((row) => Object.keys(row.faults).length > 0) ?? [];

  const run = async () => {
    const rows = (left.current ?? parsed?.rows ?? []).filter((row) => Object.keys(row.faults).length === 0 && !state.refused.has(row.line));
    setState((old) => ({ ...old, doing: true, problem: null }));
    let { done } = state;
    for (let from = 0; from < rows.length; from += AT_ONCE) {
      const chunk = rows.slice(from, from + AT_ONCE);
      try {
        await post(at.api(`/records/${encodeURIComponent(table.name)}`), chunk.map((row) => row.record), { headers: { prefer: "return=minimal" } });
      } catch (problem) {
        // All or nothing: of this thousand none was written.
        left.current = rows.slice(from);
        const refused = new Map(state.refused);
        for (const { field, message } of problem.fields ?? []) {
          const [, index, name] = /^\[(\d+)\]\.?(.*)$/.exec(field) ?? [];
          if (index !== undefined && chunk[Number(index)]) refused.set(chunk[Number(index)].line, `${name} ${message}`.trim());
        }
        setState({ doing: false, done, problem, refused });
        return;
      }
      done += chunk.length;
      setState((old) => ({ ...old, done }));
    }
    left.current = [];
    setState((old) => ({ ...old, doing: false, done }));
    onDone();
  };

  const ready = parsed?.rows.length ? parsed.rows.length - faulty.length - state.refused.size - state.done : 0;
  const finished = left.current?.length === 0;
  return html`<${Dialog} kind="wide" title=${s.records.importing.title(table.name)} onClose=${onClose}><div class="stack">
    ${!parsed && html`<div class=${`dropzone ${over ? "over" : ""}`} onDragOver=${(/** @type {Event} */ event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
        onDrop=${(/** @type {DragEvent} */ event) => { event.preventDefault(); setOver(false); void take(event.dataTransfer?.files[0]); }}>
      <${Icon} name="upload" /><p>${s.records.importing.drop}</p><button class="button primary" onClick=${() => picker.current.click()}>${s.records.importing.choose}</button>
      <p class="small">${s.records.importing.columns(table.columns.filter((column) => !column.read_only).map((column) => column.name).join(", "))}</p></div>
      <label class="field"><span class="label">${s.records.importing.paste}</span><textarea class="input mono" spellcheck="false" onChange=${(/** @type {any} */ event) => setText(event.target.value)}></textarea></label>`}
    <input type="file" class="unseen" tabindex="-1" aria-label=${s.records.importing.choose} ref=${picker} accept=".csv,.tsv,.txt,.json,.ndjson,.jsonl,text/csv,application/json" onChange=${(/** @type {any} */ event) => take(event.target.files[0])} />
    ${parsed?.problem && html`<${ProblemNote} problem=${new Error(s.records.importing.unreadable)} />`}
    ${parsed?.file && html`<div class="stack tight" role="status">
      <p>${s.records.importing.found(parsed.rows.length, parsed.file.kind === "csv" ? "CSV" : "JSON")} ${known.length === 0 ? s.records.importing.noColumn : ""}</p>
      ${unknown.length > 0 && html`<div class="note warn"><${Icon} name="warn" /><p>${s.records.importing.unknown(unknown.join(", "))}</p></div>`}
      ${faulty.length > 0 && html`<div class="note warn"><${Icon} name="warn" /><p>${s.records.importing.faulty(faulty.length)}</p></div>`}
      ${state.problem && html`<${ProblemNote} problem=${state.problem} /><p class="small">${s.records.importing.stopped(state.done, state.refused.size)}</p>`}
      ${finished && html`<div class="note good"><${Icon} name="check" /><p>${s.records.importing.done(state.done)}</p></div>`}
    </div>
    <${Preview} rows=${parsed.rows} columns=${known} refused=${state.refused} />
    <div class="actions last">
      ${state.doing && html`<div class="progress" role="progressbar" aria-valuenow=${state.done} aria-valuemax=${parsed.rows.length} aria-label=${s.records.importing.title(table.name)}><div style=${{ width: `${(100 * state.done) / Math.max(1, parsed.rows.length)}%` }}></div></div>`}
      <button class="button" onClick=${() => { setText(""); left.current = null; setState({ doing: false, done: 0, problem: null, refused: new Map() }); }} disabled=${state.doing}>${s.records.importing.other}</button>
      ${finished ? html`<button class="button primary" onClick=${onClose}>${s.close}</button>`
        : html`<button class=${`button primary ${state.doing ? "busy" : ""}`} disabled=${state.doing || ready <= 0 || known.length === 0} onClick=${run}>${state.refused.size ? s.records.importing.goOn(ready) : s.records.importing.run(ready)}</button>`}
    </div>`}
  </div><//>`;
}

/** Rows with faults come first. @param {{ rows: Row[], columns: string[], refused: Map<number, string> }} props */
function Preview({ rows, columns, refused }) {
  const isBad = (/** @type {Row} */ row) => refused.has(row.line) || Object.keys(row.faults).length > 0;
  const shown = [...rows.filter(isBad), ...rows.filter((row) => !isBad(row))].slice(0, SHOWN);
  return html`<div class="preview" tabindex="0" role="region" aria-label=${s.records.importing.preview}><table class="table small"><thead><tr><th class="narrow">${s.records.importing.line}</th>
    ${columns.map((name) => html`<th>${name}</th>`)}<th>${s.records.importing.fault}</th></tr></thead>
    <tbody>${shown.map((row) => html`<tr key=${row.line}><td class="narrow soft">${row.line}</td>
      ${columns.map((name) => html`<td class=${`cut ${row.faults[name] ? "bad" : ""}`}>${draft(row.record[name])}</td>`)}
      <td class=${isBad(row) ? "bad" : ""}>${[refused.get(row.line), ...Object.entries(row.faults).map(([name, fault]) => `${name} ${fault}`.trim())].filter(Boolean).join("; ")}</td></tr>`)}</tbody></table>
    ${rows.length > SHOWN && html`<p class="small soft more">${s.records.importing.andMore(rows.length - SHOWN)}</p>`}</div>`;
}
