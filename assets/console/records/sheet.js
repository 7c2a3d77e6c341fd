// One table: what can be done with its records, and the grid of them.

import { post } from "../api.js";
import { html, useEffect, useMemo, useReducer, useState } from "../dom.js";
import { number } from "../format.js";
import { Confirm } from "../parts/dialog.js";
import { ProblemNote } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Item, Menu } from "../parts/menu.js";
import { Empty } from "../parts/page.js";
import { attempt, toast } from "../parts/toasts.js";
import { navigate, to } from "../router.js";
import { s } from "../strings.js";
import { ColumnChooser, useColumns } from "./columns.js";
import { useEditing } from "./editing.js";
import { exportSeen } from "./export.js";
import { Filters } from "./filters.js";
import { Grid } from "./grid.js";
import { Import } from "./import.js";
import { follow } from "./live.js";
import { parseQuery, writeQuery } from "./query.js";
import { NewRecord, RecordPanel } from "./record.js";
import { Rows } from "./rows.js";
import { idOf, keyOf, keyOfId } from "./schema.js";

const AT_ONCE = 1000;

/** @param {{ at: import("../shell.js").At, table: import("./schema.js").TableOf, tables: import("./schema.js").TableOf[], search: string, openKey: string | undefined }} props */
export function Sheet({ at, table, tables, search, openKey }) {
  const query = useMemo(() => parseQuery(search), [search]);
  const text = writeQuery(query);
  const [columns, hidden, setHidden] = useColumns(at, table);
  const [turn, again] = useReducer((/** @type {number} */ old) => old + 1, 0);
  const [, drawn] = useReducer((/** @type {number} */ old) => old + 1, 0);
  const [live, setLive] = useState(false);
  const [filtering, setFiltering] = useState(query.conditions.length > 0);
  const [panel, setPanel] = useState(/** @type {"" | "new" | "import"} */ (""));
  const [picked, setPicked] = useState(/** @type {Set<string>} */ (new Set()));
  const [deleting, setDeleting] = useState(/** @type {import("./schema.js").Rec[] | null} */ (null));
  const writable = at.writable && table.permissions.includes("write");
  const expand = columns.filter((column) => column.references && tables.some((one) => one.name === column.references?.table)).slice(0, 10).map((column) => column.name);
  const rows = useMemo(() => new Rows(at, table, text, expand), [at.tenant.id, table, text, expand.join(), turn]);
  const editing = useEditing(at, table, rows);
  useEffect(() => {
    rows.told = () => drawn(undefined);
    rows.want(0);
    setPicked(new Set());
    return () => rows.abort();
  }, [rows]);
  useEffect(() => {
    if (table.kind !== "table" || table.key.length === 0) return;
    return follow(at, table.name, {
      onState: setLive,
      onGap: () => again(undefined),
      onChange: (change) => change.table === table.name && rows.take(change, keyOfId(table, change.id)),
    });
  }, [rows]);
  const address = (/** @type {string} */ made, /** @type {string[]} */ ...more) => `${to(at.slug, "records", table.name, ...more)}${made ? `?${made}` : ""}`;
  const show = (/** @type {Partial<import("./query.js").Query>} */ part) => navigate(address(writeQuery({ ...query, ...part })));
  const path = `/api/v1${at.api(`/records/${encodeURIComponent(table.name)}`)}`;

  const remove = async (/** @type {import("./schema.js").Rec[]} */ records) => {
    for (let from = 0; from < records.length; from += AT_ONCE) {
      const part = records.slice(from, from + AT_ONCE);
      await post(at.api("/batch"), { operations: part.map((record) => ({ op: "delete", table: table.name, id: idOf(table, record) })) }, { headers: { prefer: "return=minimal" } });
      rows.drop(part.map((record) => keyOf(table, record) ?? ""));
    }
    setPicked(new Set());
    if (openKey) navigate(address(text), { replace: true });
    const restore = () => attempt(async () => {
      const given = table.columns.filter((column) => !column.generated && !column.read_only).map((column) => column.name);
      const whole = records.map((record) => Object.fromEntries(given.filter((name) => name in record).map((name) => [name, record[name]])));
      for (let from = 0; from < whole.length; from += AT_ONCE) await post(at.api(`/records/${encodeURIComponent(table.name)}`), whole.slice(from, from + AT_ONCE), { headers: { prefer: "return=minimal" } });
      again(undefined);
    }, s.records.restored(records.length));
    toast(s.records.deleted(records.length), { act: { label: s.undo, run: async () => void (await restore()) } });
  };
  const save = (/** @type {"csv" | "ndjson"} */ format) => attempt(async () => {
    const count = await exportSeen(at, table, text, columns, format, () => {});
    toast(s.records.exported(count));
  });
  const referring = tables.filter((one) => one.columns.some((column) => column.references?.table === table.name)).map((one) => one.name);
  const isFiltered = query.conditions.length + query.rest.length > 0;
  const empty = isFiltered
    ? html`<${Empty} icon="filter" title=${s.records.noMatch} text=${s.records.noMatchText}><button class="button" onClick=${() => show({ conditions: [], rest: [] })}>${s.records.clear}</button><//>`
    : html`<${Empty} icon="records" title=${s.records.none(table.name)} text=${writable ? s.records.noneText : s.records.noneRead}>
        ${writable && html`<button class="button primary" onClick=${() => setPanel("new")}><${Icon} name="plus" />${s.records.create}</button><button class="button" onClick=${() => setPanel("import")}><${Icon} name="upload" />${s.records.import}</button>`}<//>`;
  const chosen = rows.records.filter((record) => picked.has(keyOf(table, record) ?? ""));
  return html`<section class="sheet" aria-label=${table.name}>
    <div class="sheet-head">
      <h1><select class="input tablepick" aria-label=${s.records.tables} value=${table.name} onChange=${(/** @type {any} */ event) => navigate(to(at.slug, "records", event.target.value))}>
          ${tables.map((one) => html`<option value=${one.name} selected=${one.name === table.name}>${one.name}</option>`)}</select>
        <span class="cut tablename">${table.name}</span><span class="count numeric" role="status">${rows.loaded ? (rows.total === null ? s.records.many(rows.head + rows.tail) : number(rows.total)) : ""}</span></h1>
      ${rows.created > 0 && html`<button class="button" onClick=${() => again(undefined)}><${Icon} name="reload" />${s.records.fresh(rows.created)}</button>`}
      <button class="button" aria-pressed=${filtering} onClick=${() => setFiltering(!filtering)} aria-label=${s.records.filter}><${Icon} name="filter" /><span class="label">${s.records.filter}</span>${query.conditions.length > 0 && html`<span class="badge info">${query.conditions.length}</span>`}</button>
      <${ColumnChooser} table=${table} hidden=${hidden} onChange=${setHidden} />
      <${Menu} button=${html`<${Icon} name="dots" />`} label=${s.actions} class="button square">
        ${writable && html`<${Item} icon="upload" onClick=${() => setPanel("import")}>${s.records.import}…<//>`}
        <${Item} icon="download" onClick=${() => save("csv")}>${s.records.exportCsv}<//>
        <${Item} icon="download" onClick=${() => save("ndjson")}>${s.records.exportNdjson}<//>
        <${Item} icon="reload" onClick=${() => again(undefined)}>${s.refresh}<//>
      <//>
      ${writable && html`<button class="button primary" onClick=${() => setPanel("new")} aria-label=${s.records.create}><${Icon} name="plus" /><span class="label">${s.records.create}</span></button>`}
    </div>
    <div>${filtering && html`<${Filters} table=${table} query=${query} path=${path} onApply=${(/** @type {any} */ conditions) => show({ conditions })} />`}
      ${rows.problem && html`<div class="page"><${ProblemNote} problem=${rows.problem} retry=${() => rows.want(rows.wanted)} /></div>`}</div>
    <${Grid} at=${at} table=${table} tables=${tables} columns=${columns} rows=${rows} order=${query.order} writable=${writable} picked=${picked} onPick=${setPicked} editing=${editing} empty=${empty}
      onOrder=${(/** @type {string} */ order) => show({ order })} onOpen=${(/** @type {any} */ record) => navigate(address(text, keyOf(table, record) ?? ""))} />
    ${chosen.length > 0
      ? html`<div class="bar"><span><b>${s.records.picked(chosen.length)}</b></span><button class="button danger" onClick=${() => setDeleting(chosen)}><${Icon} name="bin" />${s.delete}</button><button class="button plain" onClick=${() => setPicked(new Set())}>${s.cancel}</button></div>`
      : html`<div class="sheet-foot"><span class="row">${table.kind === "table" && html`<span class=${`badge ${live ? "good" : ""}`}>${live ? s.records.live : s.records.notLive}</span>`}</span>
          <code class="cut query" title=${`GET ${path}${text ? `?${text}` : ""}`}>GET ${path}${text ? `?${text}` : ""}</code><span class="keys">${s.records.keys}</span></div>`}
    ${panel === "new" && html`<${NewRecord} at=${at} table=${table} tables=${tables} writable=${writable} onClose=${() => setPanel("")} onSaved=${() => { setPanel(""); again(undefined); }} />`}
    ${panel === "import" && html`<${Import} at=${at} table=${table} onClose=${() => setPanel("")} onDone=${() => again(undefined)} />`}
    ${openKey && html`<${RecordPanel} key=${openKey} at=${at} table=${table} tables=${tables} writable=${writable} recordKey=${openKey} onClose=${() => navigate(address(text))} onDelete=${(/** @type {any} */ record) => setDeleting([record])}
      onSaved=${(/** @type {any} */ record) => { rows.replace(openKey, record); navigate(address(text)); }} />`}
    ${deleting && html`<${Confirm} title=${s.records.deleteTitle(deleting.length)} text=${referring.length ? s.records.deleteReferred(referring.join(", ")) : s.records.deleteText} action=${s.delete} onClose=${() => setDeleting(null)} onConfirm=${() => remove(deleting)} />`}
  </section>`;
}
