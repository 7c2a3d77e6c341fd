// The records of one query, fetched page by page as far as somebody has scrolled.

import { get } from "../api.js";
import { keyOf } from "./schema.js";

const FIRST = 100;
const NEXT = 500;

/** @typedef {import("./schema.js").Rec} Rec */

export class Rows {
  /** @param {import("../shell.js").At} at @param {import("./schema.js").TableOf} table @param {string} query @param {string[]} expand */
  constructor(at, table, query, expand) {
    this.at = at;
    this.table = table;
    this.query = query;
    this.expand = expand;
    /** @type {Rec[]} */
    this.records = [];
    /** @type {number | null} */
    this.total = null;
    /** @type {string | null} */
    this.next = null;
    /** @type {any} */
    this.problem = null;
    this.loaded = false;
    this.wanted = 0;
    this.created = 0;
    /** @type {Set<string>} keys of what somebody else changed just now */
    this.fresh = new Set();
    this.told = () => {};
    this.ending = new AbortController();
    /** @type {Promise<void> | null} */
    this.running = null;
  }

  path(/** @type {Record<string, string>} */ more) {
    const query = new URLSearchParams(more);
    if (this.expand.length) query.set("expand", this.expand.join(","));
    return this.at.api(`/records/${encodeURIComponent(this.table.name)}?${[this.query, query].filter(String).join("&")}`);
  }

  /** How many lines the grid has; of those not fetched yet, as many as are known to be there. */
  get size() {
    return this.next === null ? this.records.length : Math.max(this.total ?? 0, this.records.length + 20);
  }

  /** Fetches until the line at `index` is there. @param {number} index */
  want(index) {
    this.wanted = Math.max(index, 0);
    this.running ??= this.fetch().finally(() => void (this.running = null));
  }

  async fetch() {
    while (!this.ending.signal.aborted && (!this.loaded || (this.next !== null && this.records.length <= this.wanted + 30))) {
      const asked = this.loaded ? { limit: String(NEXT), cursor: /** @type {string} */ (this.next) } : { limit: String(FIRST), count: "exact" };
      try {
        const page = await get(this.path(/** @type {any} */ (asked)), { signal: this.ending.signal });
        if (!this.loaded) this.total = page.total ?? null;
        this.records.push(...page.items);
        this.next = page.next_cursor ?? null;
        this.loaded = true;
        this.problem = null;
      } catch (problem) {
        if (this.ending.signal.aborted) return;
        this.problem = problem;
        this.told();
        return;
      }
      this.told();
    }
  }

  /** @param {string} key */
  indexOf(key) {
    return this.records.findIndex((record) => keyOf(this.table, record) === key);
  }

  /** Puts a record where it stood before; what was expanded stays unless it refers elsewhere now. @param {string} key @param {Rec} record @param {boolean} [isFresh] */
  replace(key, record, isFresh = false) {
    const index = this.indexOf(key);
    if (index < 0) return;
    const old = this.records[index];
    const expand = { ...old.expand, ...record.expand };
    for (const name of this.expand) if (old[name] !== record[name] && !record.expand?.[name]) delete expand[name];
    this.records[index] = { ...record, ...(Object.keys(expand).length ? { expand } : {}) };
    if (isFresh) {
      this.fresh.add(key);
      setTimeout(() => this.fresh.delete(key), 2000);
    }
    this.told();
  }

  /** @param {string[]} keys */
  drop(keys) {
    const gone = new Set(keys);
    const before = this.records.length;
    this.records = this.records.filter((record) => !gone.has(keyOf(this.table, record) ?? ""));
    if (this.total !== null) this.total -= before - this.records.length;
    this.told();
  }

  /** A change that somebody made, as the feed tells it. @param {{ op: string, record: Rec | null }} change @param {string} key */
  take(change, key) {
    const index = this.indexOf(key);
    if (change.op === "delete") return index >= 0 && this.drop([key]);
    if (index < 0) {
      if (change.op === "create") this.created += 1;
      return this.told();
    }
    const record = change.record;
    const old = this.records[index];
    if (record && Object.keys(record).some((name) => JSON.stringify(record[name]) !== JSON.stringify(old[name]))) this.replace(key, record, true);
  }

  end() {
    this.ending.abort();
    this.told = () => {};
  }
}
