// What all tenants bring in and cost, asked for page by page and kept while the console is open. The API has no order for that,
// so that is done here, over what has come so far. The overview needs the sums alone, which the API has. The list of tenants itself is searched and ordered by the API.

import { get } from "../api.js";
import { useEffect } from "../dom.js";
import { createStore, useStore } from "../store.js";

/** Tenants that are looked through at most. */
export const MOST = 20_000;
const PAGE = 500;
/** How long what was loaded is good enough to be shown again. */
const FRESH = 60_000;
/** Tenants that the palette is told of at once. */
const FOUND = 20;

/**
 * @typedef {{ tenant: { id: string, slug: string, name: string }, plan: string, currency: string, revenue_cents: string, cost_cents: string, margin_cents: string | null, serving: { currency: string, cost_cents: string, storage_bytes: number, database_ms: number } }} Margin
 * @typedef {{ all: Margin[], done: boolean, at: number, problem: any }} Margins
 */

/** @type {import("../store.js").Store<Margins>} */
const margins = createStore(/** @type {Margins} */ ({ all: [], done: false, at: 0, problem: null }));
let turn = 0;

/** Asks for all again. What is shown stays until the first page is there. */
export async function reloadMargins() {
  const mine = ++turn;
  /** @type {Margin[]} */
  let all = [];
  let cursor = "";
  try {
    do {
      const page = await get(`/operator/margins?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
      if (mine !== turn) return;
      all = [...all, ...page.items];
      cursor = page.next_cursor ?? "";
      margins.set({ all, done: !cursor || all.length >= MOST, at: Date.now(), problem: null });
    } while (cursor && all.length < MOST);
  } catch (problem) {
    if (mine === turn) margins.set((old) => ({ ...old, problem, at: 0 }));
  }
}

/** What is known of it so far. @returns {Margins} */
export function useMargins() {
  const known = useStore(margins);
  useEffect(() => {
    if (Date.now() - margins.get().at > FRESH) void reloadMargins();
  }, []);
  return known;
}

/** What it is called: of an erased one the slug alone is left. @param {{ name: string, slug: string }} tenant */
export const nameOf = ({ name, slug }) => name || slug;

/** What usage and serving cost, where both are in one currency. @param {Margin | undefined} one */
export function costOf(one) {
  if (!one) return null;
  return Number(one.cost_cents) + (one.serving.currency === one.currency ? Number(one.serving.cost_cents) : 0);
}

/** Tenants whose name or slug holds what was typed. @param {string} typed @returns {Promise<{ slug: string, name: string }[]>} */
export async function findTenants(typed) {
  const { items } = await get(`/operator/tenants?limit=${FOUND}&order=name&q=${encodeURIComponent(typed)}`);
  return items.filter((/** @type {any} */ one) => one.status !== "erased");
}
