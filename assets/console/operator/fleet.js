// All tenants with what they bring in and cost, asked for page by page and kept while the console is open. The list of the
// API has neither search nor order, so that is done here, over what has come so far.

import { get } from "../api.js";
import { useEffect } from "../dom.js";
import { createStore, useStore } from "../store.js";

/** Tenants that are looked through at most. */
export const MOST = 20_000;
const PAGE = 500;
/** How long what was loaded is good enough to be shown again. */
const FRESH = 60_000;

/**
 * @typedef {{ id: string, slug: string, name: string, status: string, plan: string, timezone: string, created_at: string, erase_after?: string }} Tenant
 * @typedef {{ currency: string, revenue_cents: string, cost_cents: string, margin_cents: string | null, serving: { currency: string, cost_cents: string, storage_bytes: number, database_ms: number } }} Margin
 * @typedef {{ tenants: Tenant[], margins: Map<string, Margin>, done: boolean, at: number, problem: any }} Fleet
 */

/** @type {import("../store.js").Store<Fleet>} */
const fleet = createStore(/** @type {Fleet} */ ({ tenants: [], margins: new Map(), done: false, at: 0, problem: null }));
let turn = 0;

/** @param {string} path @param {(items: any[]) => void} take @param {number} mine */
async function pages(path, take, mine) {
  let cursor = "";
  let count = 0;
  do {
    const page = await get(`${path}?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    if (mine !== turn) return;
    take(page.items);
    count += page.items.length;
    cursor = page.next_cursor ?? "";
  } while (cursor && count < MOST);
}

/** Asks for all again. What is shown stays until the first page is there. */
export async function reloadFleet() {
  const mine = ++turn;
  /** @type {Tenant[]} */
  let tenants = [];
  /** @type {Map<string, Margin>} */
  const margins = new Map();
  const tell = (/** @type {Partial<Fleet>} */ more = {}) => mine === turn && fleet.set({ tenants, margins, done: false, at: Date.now(), problem: null, ...more });
  try {
    await Promise.all([
      pages("/operator/tenants", (items) => { tenants = [...tenants, ...items]; tell(); }, mine),
      pages("/operator/margins", (items) => { for (const one of items) margins.set(one.tenant.id, one); if (tenants.length) tell(); }, mine),
    ]);
    tell({ done: true });
  } catch (problem) {
    tell({ problem, at: 0 });
  }
}

/** What is known of the fleet so far. @returns {Fleet} */
export function useFleet() {
  const known = useStore(fleet);
  useEffect(() => {
    if (Date.now() - fleet.get().at > FRESH) void reloadFleet();
  }, []);
  return known;
}

/** What it is called: of an erased one the slug alone is left. @param {{ name: string, slug: string }} tenant */
export const nameOf = ({ name, slug }) => name || slug;

/** After a tenant was changed. @param {Tenant} tenant */
export const noteTenant = (tenant) => fleet.set((old) => ({ ...old, tenants: old.tenants.map((one) => (one.id === tenant.id ? tenant : one)) }));

/** Sums by currency, as different money does not add up. @param {Fleet} known @returns {{ currency: string, revenue: number, cost: number, margin: number | null }[]} */
export function sums(known) {
  /** @type {Map<string, { currency: string, revenue: number, cost: number, margin: number | null }>} */
  const by = new Map();
  for (const one of known.margins.values()) {
    const sum = by.get(one.currency) ?? { currency: one.currency, revenue: 0, cost: 0, margin: 0 };
    sum.revenue += Number(one.revenue_cents);
    sum.cost += costOf(one) ?? 0;
    sum.margin = sum.margin === null || one.margin_cents === null ? null : sum.margin + Number(one.margin_cents);
    by.set(one.currency, sum);
  }
  return [...by.values()].sort((a, b) => b.revenue - a.revenue);
}

/** What usage and serving cost, where both are in one currency. @param {Margin | undefined} one */
export function costOf(one) {
  if (!one) return null;
  return Number(one.cost_cents) + (one.serving.currency === one.currency ? Number(one.serving.cost_cents) : 0);
}

/** The tenants that are known already, all of them a moment later. @param {(tenants: Tenant[]) => void} tell */
export function eachKnownTenant(tell) {
  tell(fleet.get().tenants);
  if (Date.now() - fleet.get().at > FRESH) void reloadFleet();
  return fleet.subscribe(({ tenants }) => tell(tenants));
}
