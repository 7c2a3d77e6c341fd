// The grid: only the lines in sight are drawn, all of one height; the keyboard moves one cell.

import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "../dom.js";
import { Icon } from "../parts/icon.js";
import { s } from "../strings.js";
import { CellEditor } from "./cell.js";
import { nextOrder } from "./query.js";
import { hint, isNumeric, keyOf, labelOf, print, widthOf } from "./schema.js";

const ROW = 34;
const BEYOND = 8;
const TICK = 68;

/**
 * @param {object} props
 * @param {import("../shell.js").At} props.at
 * @param {import("./schema.js").TableOf} props.table
 * @param {import("./schema.js").TableOf[]} props.tables
 * @param {import("./schema.js").Column[]} props.columns
 * @param {import("./rows.js").Rows} props.rows
 * @param {string} props.order
 * @param {boolean} props.writable
 * @param {Set<string>} props.picked
 * @param {(picked: Set<string>) => void} props.onPick
 * @param {(order: string) => void} props.onOrder
 * @param {(record: import("./schema.js").Rec) => void} props.onOpen
 * @param {ReturnType<typeof import("./editing.js").useEditing>} props.editing
 * @param {any} props.empty
 */
export function Grid({ at, table, tables, columns, rows, order, writable, picked, onPick, onOrder, onOpen, editing, empty }) {
  const root = useRef(/** @type {any} */ (null));
  const id = useId();
  const [view, setView] = useState({ top: 0, height: 600 });
  const [on, setOn] = useState({ row: 0, column: 0 });
  const size = rows.size;
  const first = Math.max(0, Math.floor(view.top / ROW) - BEYOND);
  const last = Math.min(size, first + Math.ceil(view.height / ROW) + 2 * BEYOND);
  useEffect(() => rows.want(last), [rows, last]);
  useLayoutEffect(() => {
    const seen = () => setView({ top: root.current.scrollTop, height: root.current.clientHeight });
    const watcher = new ResizeObserver(seen);
    watcher.observe(root.current);
    seen();
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    root.current.scrollTop = 0;
    setOn({ row: 0, column: 0 });
  }, [rows]);
  const width = columns.reduce((sum, column) => sum + widthOf(column, table), TICK);
  const template = { width: `${width}px`, gridTemplateColumns: `${TICK}px ${columns.map((column) => `minmax(${widthOf(column, table)}px, ${isNumeric(column) ? "0.6fr" : "1fr"})`).join(" ")}` };
  const targetOf = (/** @type {import("./schema.js").Column} */ column) => tables.find((one) => one.name === column.references?.table);
  const canEdit = (/** @type {import("./schema.js").Column} */ column) => writable && !column.read_only && !table.key.includes(column.name) && column.type !== "blob" && column.type !== "json";

  /** @param {number} row @param {number} column */
  const move = (row, column) => {
    const next = { row: Math.max(0, Math.min(rows.size - 1, row)), column: Math.max(0, Math.min(columns.length - 1, column)) };
    setOn(next);
    const head = ROW;
    const y = next.row * ROW;
    const box = root.current;
    // There may be more lines than were drawn last.
    box.querySelector(".body").style.height = `${rows.size * ROW}px`;
    if (y < box.scrollTop) box.scrollTop = y;
    else if (y + ROW + head > box.scrollTop + box.clientHeight) box.scrollTop = y + ROW + head - box.clientHeight;
    const cell = box.querySelector(`[data-head="${next.column}"]`);
    if (!cell) return;
    const left = cell.offsetLeft - TICK;
    if (left < box.scrollLeft) box.scrollLeft = left;
    else if (cell.offsetLeft + cell.offsetWidth > box.scrollLeft + box.clientWidth) box.scrollLeft = cell.offsetLeft + cell.offsetWidth - box.clientWidth;
  };
  const begin = (/** @type {number} */ row, /** @type {number} */ column, /** @type {string | undefined} */ typed = undefined) => {
    const record = rows.records[row];
    if (!record) return;
    if (canEdit(columns[column])) editing.begin(record, columns[column], typed);
    else onOpen(record);
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.target !== root.current) return;
    const page = Math.max(1, Math.floor(view.height / ROW) - 2);
    const whole = event.ctrlKey || event.metaKey;
    /** @type {Record<string, () => void>} */
    const moves = {
      ArrowDown: () => move(on.row + 1, on.column), ArrowUp: () => move(on.row - 1, on.column),
      ArrowRight: () => move(on.row, on.column + 1), ArrowLeft: () => move(on.row, on.column - 1),
      PageDown: () => move(on.row + page, on.column), PageUp: () => move(on.row - page, on.column),
      Home: () => (whole ? move(0, on.column) : move(on.row, 0)), End: () => (whole ? move(rows.end, on.column) : move(on.row, columns.length - 1)),
      F2: () => begin(on.row, on.column), Enter: () => (event.shiftKey && rows.records[on.row] ? onOpen(rows.records[on.row]) : begin(on.row, on.column)),
      " ": () => rows.records[on.row] && flip(rows.records[on.row]),
    };
    const act = moves[event.key];
    if (act && !event.altKey) {
      event.preventDefault();
      act();
    } else if (whole && event.key === "c" && rows.records[on.row] && !getSelection()?.toString()) {
      void navigator.clipboard?.writeText(print(rows.records[on.row][columns[on.column].name], { ...columns[on.column], name: "" }));
    } else if (event.key.length === 1 && !whole && !event.altKey && columns[on.column] && canEdit(columns[on.column]) && columns[on.column].type !== "boolean" && !columns[on.column].references) {
      event.preventDefault();
      begin(on.row, on.column, event.key);
    }
  };
  const flip = (/** @type {import("./schema.js").Rec} */ record) => {
    const key = keyOf(table, record) ?? "";
    const next = new Set(picked);
    if (!next.delete(key)) next.add(key);
    onPick(next);
  };
  const all = rows.records.length > 0 && picked.size === rows.head + rows.tail;
  const pickable = writable && table.key.length > 0;
  const lines = [];
  for (let index = first; index < last; index += 1) lines.push(index);
  return html`<div class="grid" ref=${root} role="grid" tabindex="0" aria-label=${table.name} aria-rowcount=${rows.total ?? -1} aria-colcount=${columns.length} aria-busy=${!rows.loaded}
      aria-activedescendant=${rows.records.length ? `${id}-on` : undefined} onKeyDown=${onKey}
      onScroll=${() => requestAnimationFrame(() => root.current && setView({ top: root.current.scrollTop, height: root.current.clientHeight }))}>
    <div class="line heads" role="row" style=${template}>
      <div class="head tick" role="columnheader">${pickable && html`<input type="checkbox" class="pick" tabindex="-1" aria-label=${s.records.pickAll} checked=${all} onChange=${() => onPick(all ? new Set() : new Set(Object.values(rows.records).map((record) => keyOf(table, record) ?? "")))} />`}</div>
      ${columns.map((column, index) => html`<div key=${column.name} class=${`head ${isNumeric(column) ? "end" : ""}`} data-head=${index} role="columnheader" aria-sort=${order === column.name ? "ascending" : order === `-${column.name}` ? "descending" : "none"}>
        <button tabindex="-1" title=${`${column.name} · ${column.declared || column.type}`} onClick=${() => onOrder(nextOrder(order, column.name))}><span class="cut">${column.name}</span>
          ${order.replace("-", "") === column.name && html`<${Icon} name=${order.startsWith("-") ? "down" : "up"} />`}</button></div>`)}
    </div>
    <div class="body" style=${{ height: `${size * ROW}px`, width: `${width}px` }}>
      ${lines.map((index) => {
        const record = rows.records[index];
        const key = record ? keyOf(table, record) ?? `#${index}` : `#${index}`;
        const look = `line ${picked.has(key) ? "picked" : ""} ${rows.fresh.has(key) ? "fresh" : ""}`;
        return html`<div key=${key} class=${look} role="row" aria-rowindex=${index + 1} aria-selected=${picked.has(key)} style=${{ ...template, transform: `translateY(${index * ROW}px)` }}>
          <div class="cell tick" role="gridcell">${record && pickable && html`<input type="checkbox" class="pick" tabindex="-1" aria-label=${s.records.pick(labelOf(table, record))} checked=${picked.has(key)} onChange=${() => flip(record)} />`}
            ${record && table.key.length > 0 && html`<button tabindex="-1" aria-label=${s.records.open(labelOf(table, record))} title=${s.records.openHint} onClick=${() => onOpen(record)}><${Icon} name="right" /></button>`}</div>
          ${columns.map((column, place) => {
            if (!record) return html`<div class="cell" role="gridcell" key=${column.name}><div class="wait"></div></div>`;
            const target = targetOf(column);
            if (editing.isAt(key, column.name)) {
              return html`<${CellEditor} key=${column.name} at=${at} column=${column} value=${record[column.name]} typed=${editing.cell?.typed} target=${target} label=${target && record.expand?.[column.name] ? labelOf(target, record.expand[column.name]) : undefined}
                onCancel=${() => { editing.cancel(); root.current.focus({ preventScroll: true }); }}
                onCommit=${(/** @type {string} */ text, /** @type {string} */ to, /** @type {any} */ related) => { editing.commit(text, related); if (to) { move(on.row + (to === "down" ? 1 : 0), on.column + (to === "right" ? 1 : to === "left" ? -1 : 0)); root.current.focus({ preventScroll: true }); } }} />`;
            }
            const isOn = on.row === index && on.column === place;
            const fault = editing.faultAt(key, column.name);
            const cell = `cell ${isNumeric(column) ? "end" : ""} ${isOn ? "on" : ""} ${fault ? "bad" : ""} ${editing.isSending(key, column.name) ? "sending" : ""}`;
            return html`<div key=${column.name} class=${cell} role="gridcell" id=${isOn ? `${id}-on` : undefined} aria-colindex=${place + 1} aria-invalid=${fault ? "true" : undefined} title=${fault ?? hint(record[column.name])}
              onClick=${() => move(index, place)} onDblClick=${() => begin(index, place)}><${Value} value=${record[column.name]} column=${column} related=${record.expand?.[column.name]} target=${target} /></div>`;
          })}
        </div>`;
      })}
    </div>
    ${rows.loaded && rows.records.length === 0 && empty}
  </div>`;
}

/** @param {{ value: any, column: import("./schema.js").Column, related: any, target: import("./schema.js").TableOf | undefined }} props */
function Value({ value, column, related, target }) {
  if (value === null || value === undefined) return html`<span class="none">—</span>`;
  if (value === "") return html`<span class="none">${s.records.emptyText}</span>`;
  if (related && target) return html`<span title=${String(value)}>${labelOf(target, related)}</span>`;
  if (column.type === "boolean") return html`<span>${value ? s.yes : s.no}</span>`;
  return html`<span>${print(value, column)}</span>`;
}
