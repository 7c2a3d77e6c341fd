// Editing a cell: shown at once, written with the ETag of what was seen, taken back with the reason where that fails.

import { call, send } from "../api.js";
import { useRef, useState } from "../dom.js";
import { toast } from "../parts/toasts.js";
import { s } from "../strings.js";
import { keyOf, read } from "./schema.js";

/** The path of one record. @param {import("../shell.js").At} at @param {import("./schema.js").TableOf} table @param {string} key */
export const recordPath = (at, table, key) => at.api(`/records/${encodeURIComponent(table.name)}/${key}`);

/** A record with its ETag. @param {import("../shell.js").At} at @param {import("./schema.js").TableOf} table @param {string} key @returns {Promise<{ record: import("./schema.js").Rec, etag: string }>} */
export async function fetchRecord(at, table, key) {
  const answer = await send("GET", recordPath(at, table, key));
  return { record: await answer.json(), etag: answer.headers.get("etag") ?? "" };
}

/**
 * @param {import("../shell.js").At} at
 * @param {import("./schema.js").TableOf} table
 * @param {import("./rows.js").Rows} rows
 */
export function useEditing(at, table, rows) {
  const [cell, setCell] = useState(/** @type {{ key: string, column: import("./schema.js").Column, typed?: string, seen: Promise<any> } | null} */ (null));
  const [faults, setFaults] = useState(/** @type {Record<string, string>} */ ({}));
  const [sending, setSending] = useState(/** @type {Record<string, boolean>} */ ({}));
  const current = useRef(rows);
  current.current = rows;
  const place = (/** @type {string} */ key, /** @type {string} */ column) => `${key}\n${column}`;

  const begin = (/** @type {import("./schema.js").Rec} */ record, /** @type {import("./schema.js").Column} */ column, /** @type {string | undefined} */ typed = undefined) => {
    const key = keyOf(table, record);
    if (key === null) return;
    setFaults(({ [place(key, column.name)]: _, ...rest }) => rest);
    const seen = fetchRecord(at, table, key);
    seen.then((found) => current.current.replace(key, found.record), () => {});
    setCell({ key, column, typed, seen });
  };

  const commit = async (/** @type {string} */ text, /** @type {any} */ related = undefined) => {
    if (!cell) return;
    const { key, column, seen } = cell;
    setCell(null);
    const index = rows.indexOf(key);
    const old = rows.records[index];
    if (!old) return;
    const fail = (/** @type {string} */ message) => {
      setFaults((all) => ({ ...all, [place(key, column.name)]: message }));
      toast(s.records.notSaved(column.name, message), { bad: true, act: { label: s.records.editAgain, run: () => begin(rows.records[rows.indexOf(key)] ?? old, column, text) } });
    };
    let value;
    try {
      value = read(text, column, s.records.faults);
    } catch (fault) {
      return fail(/** @type {Error} */ (fault).message);
    }
    if (JSON.stringify(value) === JSON.stringify(old[column.name] ?? null)) return;
    const expand = related ? { expand: { ...old.expand, [column.name]: related } } : {};
    rows.replace(key, { ...old, [column.name]: value, ...expand });
    setSending((all) => ({ ...all, [place(key, column.name)]: true }));
    try {
      const { etag } = await seen;
      const written = await call("PATCH", recordPath(at, table, key), { body: { [column.name]: value }, headers: etag ? { "if-match": etag } : {} });
      rows.replace(key, { ...written, ...expand });
    } catch (problem) {
      rows.replace(key, old);
      if (problem.status === 412) {
        const now = await fetchRecord(at, table, key).catch(() => null);
        if (now) rows.replace(key, now.record, true);
        fail(s.records.changedMeanwhile);
      } else if (problem.status === 404) {
        rows.drop([key]);
        toast(s.records.goneMeanwhile, { bad: true });
      } else fail(problem.fields?.find((/** @type {any} */ one) => one.field === column.name)?.message ?? problem.message);
    } finally {
      setSending(({ [place(key, column.name)]: _, ...rest }) => rest);
    }
  };

  return {
    cell,
    begin,
    commit,
    cancel: () => setCell(null),
    isAt: (/** @type {string} */ key, /** @type {string} */ column) => cell?.key === key && cell.column.name === column,
    faultAt: (/** @type {string} */ key, /** @type {string} */ column) => faults[place(key, column)],
    isSending: (/** @type {string} */ key, /** @type {string} */ column) => Boolean(sending[place(key, column)]),
  };
}
