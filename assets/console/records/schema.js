// What `GET /tables` tells, and how its values are shown and read.

import { number, time, utc } from "../format.js";

/**
 * @typedef {{ name: string, type: string, declared: string, required: boolean, has_default: boolean, generated: boolean, read_only: boolean, references: { table: string, column: string } | null }} Column
 * @typedef {{ name: string, kind: "table" | "view" | "search", key: string[], columns: Column[], permissions: string[] }} TableOf
 * @typedef {Record<string, any>} Rec
 */

/** The part of an address that names a record; null where the table has no key. @param {TableOf} table @param {Rec} record */
export function keyOf(table, record) {
  if (table.key.length === 0) return null;
  return table.key.map((name) => keyPart(record[name], table.columns.find((column) => column.name === name))).join(",");
}

/** @param {any} value @param {Column | undefined} column */
function keyPart(value, column) {
  const text = String(value);
  return encodeURIComponent(column?.type === "blob" ? text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "") : text);
}

/** The key that a change names: one value, or one for each part. @param {TableOf} table @param {any} id */
export function keyOfId(table, id) {
  const parts = Array.isArray(id) ? id : [id];
  return parts.map((part, index) => keyPart(part, table.columns.find((column) => column.name === table.key[index]))).join(",");
}

/** As `id` of an operation of a batch. @param {TableOf} table @param {Rec} record */
export const idOf = (table, record) => (table.key.length === 1 ? record[table.key[0]] : table.key.map((name) => record[name]));

/** The column by which people know a record. @param {TableOf} table */
export function labelColumn(table) {
  const known = ["name", "title", "label", "subject", "email", "number", "slug", "code"];
  const named = known.map((name) => table.columns.find((column) => column.name === name)).find(Boolean);
  return named ?? table.columns.find((column) => column.type === "text" && !table.key.includes(column.name) && !column.references) ?? table.columns[0];
}

/** @param {TableOf | undefined} table @param {Rec} record */
export function labelOf(table, record) {
  const label = table && record[labelColumn(table).name];
  return label === null || label === undefined || label === "" ? (table ? decodeURIComponent(keyOf(table, record) ?? "") : "") : String(label);
}

/** @param {Column} column */
export const isNumeric = (column) => ["integer", "real", "numeric"].includes(column.type) && !column.references;
const AMOUNT = /(cents|amount|total|quantity|count|size|bytes|price|sum)$/i;
const TIMED = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/;
/** @param {any} value */
export const isTime = (value) => typeof value === "string" && TIMED.test(value);
/** @param {Column} column */
export const isLong = (column) => column.type === "text" && /(body|description|memo|note|notes|comment|text|content|address|message)$/i.test(column.name);
/** @param {Column} column */
export const looksTimed = (column) => column.type === "text" && /(_at|_on|date|time)$/i.test(column.name);

/** @param {any} value @param {Column} column @returns {string} */
export function print(value, column) {
  if (value === null || value === undefined) return "";
  if (typeof value === "object") return JSON.stringify(value);
  if (typeof value === "number" && AMOUNT.test(column.name)) return number(value);
  if (isTime(value)) return time(value);
  return String(value);
}

/** What a pointer over a cell says. @param {any} value */
export const hint = (value) => (isTime(value) ? utc(value) : typeof value === "string" && value.length > 20 ? value : undefined);

/** As it stands in an input. @param {any} value */
export const draft = (value) => (value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value, null, 2) : String(value));

/**
 * What was typed as a value of the column; throws an error with a sentence where it is none.
 * @param {string} text @param {Column} column @param {{ number: string, whole: string, flag: string, json: string }} words
 */
export function read(text, column, words) {
  if (text === "" && (column.type !== "text" || !column.required)) return null;
  switch (column.type) {
    case "integer":
      if (!/^[+-]?\d+$/.test(text.trim())) throw new Error(words.whole);
      return Number.isSafeInteger(Number(text)) ? Number(text) : text.trim();
    case "real":
    case "numeric":
      if (!Number.isFinite(Number(text)) || text.trim() === "") throw new Error(words.number);
      return Number(text);
    case "boolean":
      if (/^(true|yes|1)$/i.test(text.trim())) return true;
      if (/^(false|no|0)$/i.test(text.trim())) return false;
      throw new Error(words.flag);
    case "json":
      try {
        return JSON.parse(text);
      } catch {
        throw new Error(words.json);
      }
    default:
      return text;
  }
}

/** Width of a column in the grid, in pixels. @param {Column} column @param {TableOf} table */
export function widthOf(column, table) {
  if (column.references) return 190;
  if (isNumeric(column)) return 120;
  if (column.type === "boolean") return 90;
  if (looksTimed(column)) return 180;
  if (table.key.includes(column.name)) return 140;
  return isLong(column) ? 260 : 200;
}
