// The records of one query, fetched page by page as far as somebody has scrolled: from the beginning, and where the end is
// nearer, from there in the opposite order. Between the two are holes, until they meet.

import { get } from "../api.js";
import { bothWays } from "./query.js";
import { keyOf } from "./schema.js";

const FIRST = 100;
const NEXT = 500;
/** Lines that may be in sight at once, or nearly. */
const SIGHT = 80;
/** How far the end is taken to be where it was not counted. */
const FAR = 100_000;

/** @typedef {import("./schema.js").Rec} Rec */

export class Rows {
  /** @param {import("../shell.js").At} at @param {import("./schema.js").TableOf} table @param {string} query @param {string[]} expand */
  constructor(at, table, query, expand) {
    this.at = at;
    this.table = table;
    this.query = query;
    this.expand = expand;
    this.ways = bothWays(query, table.key);
    /** @type {Rec[]} by line; holes where nothing was fetched */
    this.records = [];
    /** How many are there from the first on, and from the last back. */
    this.head = 0;
    this.tail = 0;
    /** @type {number | null} */
    this.total = null;
    /** How many lines there are, as far as is known; what is beyond was counted or supposed. */
    this.length = 0;
    /** @type {string | null} */
    this.next = null;
    /** @type {string | null} */
    this.before = null;
    /** @type {any} */
    this.problem = null;
    this.loaded = false;
    this.wanted = 0;
    this.created = 0;
    /** @type {Set<string>} keys of what somebody else changed just now */
    this.fresh = new Set();
    this.told = () => {};
    this.aborting = new AbortController();
    /** @type {Promise<void> | null} */
    this.running = null;
  }

  /** @param {string} query @param {Record<string, string>} more */
  path(query, more) {
    const asked = new URLSearchParams(more);
    if (this.expand.length) asked.set("expand", this.expand.join(","));
    return this.at.api(`/records/${encodeURIComponent(this.table.name)}?${[query, asked].filter(String).join("&")}`);
  }

  /** How many lines the grid has; of those not fetched yet, as many as are known to be there. */
  get size() {
    if (this.next === null) return this.head;
    return this.tail ? this.length : Math.max(this.length, this.head + 20);
  }

  /** Where the last line is, for whoever wants to go there. */
  get end() {
    if (this.next !== null && this.total === null && this.ways) this.length = Math.max(this.length, FAR, this.head + this.tail + NEXT);
    return this.size - 1;
  }

  /** Fetches until the lines up to `index` are there, as many as are in sight. @param {number} index */
  want(index) {
    this.wanted = Math.max(index, 0);
    this.running ??= this.fetch().finally(() => void (this.running = null));
  }

  /** Which end is to be gone on from: the nearer one; neither where what is wanted is there. */
  get nearer() {
    if (!this.loaded) return "head";
    if (this.next === null || this.head > this.wanted + 30) return null;
    const size = this.size;
    const top = Math.max(0, Math.min(this.wanted, size) - SIGHT);
    if (this.tail > 0 && top >= size - this.tail) return null;
    return this.ways && size - this.tail - top < this.wanted - this.head ? "tail" : "head";
  }

  async fetch() {
    while (!this.aborting.signal.aborted) {
      const nearer = this.nearer;
      if (!nearer) return;
      try {
        await (nearer === "head" ? this.fetchNext() : this.fetchBefore());
        this.problem = null;
      } catch (problem) {
        if (this.aborting.signal.aborted) return;
        this.problem = problem;
        this.told();
        return;
      }
      this.told();
    }
  }

  async fetchNext() {
    const asked = this.loaded ? { limit: String(NEXT), cursor: /** @type {string} */ (this.next) } : { limit: String(FIRST), count: "exact" };
    const page = await get(this.path(this.ways?.forth ?? this.query, /** @type {any} */ (asked)), { signal: this.aborting.signal });
    if (!this.loaded) this.total = page.total ?? null;
    if (!this.loaded) this.length = this.total ?? 0;
    this.loaded = true;
    this.next = page.next_cursor ?? null;
    this.make(this.head + page.items.length + this.tail - this.length);
    for (const record of page.items) this.records[this.head++] = record;
    this.meet();
  }

  /** More lines before those of the end: there are others than were counted. @param {number} more */
  make(more) {
    if (more <= 0) return;
    const tail = this.tail ? this.records.splice(this.records.length - this.tail) : [];
    this.length += more;
    if (tail.length) this.place(tail);
  }

  /** @param {Rec[]} tail the last records, in their order */
  place(tail) {
    this.records.length = Math.max(this.head, this.length - tail.length);
    this.records.push(...tail);
    this.length = this.records.length;
    this.tail = tail.length;
  }

  async fetchBefore() {
    const asked = this.before ? { limit: String(NEXT), cursor: this.before } : { limit: String(NEXT) };
    const page = await get(this.path(/** @type {any} */ (this.ways).back, /** @type {any} */ (asked)), { signal: this.aborting.signal });
    this.before = page.next_cursor ?? null;
    const tail = [...page.items.reverse(), ...this.records.slice(this.records.length - this.tail)];
    if (this.before === null) {
      // It came to the first of all.
      this.records = tail;
      this.head = tail.length;
      this.next = null;
      return this.close();
    }
    this.length = Math.max(this.length, this.head + tail.length);
    this.place(tail);
    this.meet();
  }

  /** Where what comes from the end is what is at the head already, the two are one. */
  meet() {
    if (this.next === null) return this.close();
    if (this.tail === 0 || this.head === 0) return;
    const first = keyOf(this.table, this.records[this.records.length - this.tail]);
    for (let index = this.head - 1; index >= Math.max(0, this.head - NEXT); index -= 1) {
      if (keyOf(this.table, this.records[index]) !== first) continue;
      const tail = this.records.slice(this.records.length - this.tail);
      this.records.length = index;
      this.records.push(...tail);
      this.head = this.records.length;
      this.next = null;
      return this.close();
    }
    // They touch and are not one: others came between.
    if (this.head + this.tail >= this.length) this.make(20);
  }

  /** All is there. */
  close() {
    this.records.length = this.length = this.head;
    this.tail = 0;
    this.total = this.head;
  }

  /** @param {string} key */
  indexOf(key) {
    return this.records.findIndex((record) => record && keyOf(this.table, record) === key);
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
    for (let index = this.records.length - 1; index >= 0; index -= 1) {
      if (!(index in this.records) || !gone.has(keyOf(this.table, this.records[index]) ?? "")) continue;
      this.records.splice(index, 1);
      if (index < this.head) this.head -= 1;
      else this.tail -= 1;
      this.length -= 1;
      if (this.total !== null) this.total -= 1;
    }
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

  abort() {
    this.aborting.abort();
    this.told = () => {};
  }
}
