// A table of thousands of lines: only those near to what is seen are drawn, and the next page comes before it is missed.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../dom.js";
import { s } from "../strings.js";
import { cellsOf, TableHead } from "./page.js";

/** Lines drawn above and below what is seen. */
const BEYOND = 15;
/** A line's height until one was measured, in pixels. */
const GUESS = 53;

/** Which lines are near. @param {number} top of the first line, from the top of the window @param {number} seen height of the window @param {number} height of a line @param {number} count @returns {[number, number]} from, and to but without */
export function near(top, seen, height, count) {
  const from = Math.min(count, Math.max(0, Math.floor(-top / height) - BEYOND));
  return [from, Math.max(from, Math.min(count, Math.ceil((seen - top) / height) + BEYOND))];
}

/** @param {{ columns: import("./page.js").Column<any>[], rows: any[], keyOf: (row: any) => string | number, label: string, onMore?: (() => void) | null, busy?: boolean, order?: string, onOrder?: (order: string) => void }} props */
export function LongTable({ columns, rows, keyOf, label, onMore, busy, order, onOrder }) {
  const body = useRef(/** @type {any} */ (null));
  const [height, setHeight] = useState(GUESS);
  const [range, setRange] = useState(/** @type {[number, number]} */ ([0, 2 * BEYOND]));
  const look = () => {
    const [from, to] = near(body.current.getBoundingClientRect().top, innerHeight, height, rows.length);
    setRange((old) => (old[0] === from && old[1] === to ? old : [from, to]));
    if (to === rows.length && onMore && !busy) onMore();
  };
  const latest = useRef(look);
  latest.current = look;
  useEffect(() => {
    let waits = 0;
    const later = () => {
      waits ||= requestAnimationFrame(() => {
        waits = 0;
        latest.current();
      });
    };
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(waits);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, []);
  const shown = useRef(/** @type {any} */ (order));
  useEffect(() => {
    // In another order the first lines are others: they are what was asked for.
    if (shown.current !== order) scrollTo(0, 0);
    shown.current = order;
    latest.current();
  }, [rows, height, order]);
  useLayoutEffect(() => {
    const drawn = body.current.querySelectorAll("tr:not(.gap)");
    if (drawn.length === 0) return;
    const measured = (drawn[drawn.length - 1].getBoundingClientRect().bottom - drawn[0].getBoundingClientRect().top) / drawn.length;
    if (measured > 0 && Math.abs(measured - height) > 0.5) setHeight(measured);
  });
  const [from, to] = [Math.min(range[0], rows.length), Math.min(range[1], rows.length)];
  // One cell: a span over columns that a narrow screen hides would take room from those that it shows.
  const gap = (/** @type {number} */ lines) => lines > 0 && html`<tr class="gap" aria-hidden="true" style=${{ height: `${lines * height}px` }}><td></td></tr>`;
  return html`<div class="card flush"><div class="table-scroll" tabindex="0" role="region" aria-label=${label}>
    <table class="table stacks long" aria-rowcount=${onMore ? -1 : rows.length + 1}><${TableHead} columns=${columns} order=${order} onOrder=${onOrder} />
      <tbody ref=${body}>${gap(from)}${rows.slice(from, to).map((row, index) => html`<tr key=${keyOf(row)} aria-rowindex=${from + index + 2}>${cellsOf(columns, row)}</tr>`)}${gap(rows.length - to)}</tbody></table>
    </div>${onMore && html`<div class="more"><button class="button plain" disabled=${busy} onClick=${onMore}>${s.more}</button></div>`}</div>`;
}
