// What is seen, as a file: the columns on show and the filters and order of now.

import { get } from "../api.js";
import { csvField } from "./parse.js";

/**
 * @param {import("../shell.js").At} at
 * @param {import("./schema.js").TableOf} table
 * @param {string} query
 * @param {import("./schema.js").Column[]} columns
 * @param {"csv" | "ndjson"} format
 * @param {(count: number) => void} told
 */
export async function exportSeen(at, table, query, columns, format, told) {
  const names = columns.map((column) => column.name);
  const pieces = format === "csv" ? [`${names.map(csvField).join(",")}\r\n`] : [];
  let cursor = "";
  let count = 0;
  do {
    const more = new URLSearchParams({ limit: "500", fields: names.join(","), ...(cursor ? { cursor } : {}) });
    const page = await get(at.api(`/records/${encodeURIComponent(table.name)}?${[query, more].filter(String).join("&")}`));
    pieces.push(...page.items.map((/** @type {any} */ record) => (format === "csv" ? `${names.map((name) => csvField(record[name])).join(",")}\r\n` : `${JSON.stringify(record)}\n`)));
    count += page.items.length;
    told(count);
    cursor = page.next_cursor ?? "";
  } while (cursor);
  saveAs(new Blob(pieces, { type: format === "csv" ? "text/csv" : "application/x-ndjson" }), `${at.slug}-${table.name}.${format}`);
  return count;
}

/** @param {Blob} blob @param {string} name */
export function saveAs(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
