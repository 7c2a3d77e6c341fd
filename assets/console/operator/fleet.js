// Tenants as the operator's screens name and find them. The list of all of them is searched and ordered by the API.

import { get } from "../api.js";

/** Tenants that the palette is told of at once. */
const FOUND = 20;

/** What it is called: of an erased one the slug alone is left. @param {{ name: string, slug: string }} tenant */
export const nameOf = ({ name, slug }) => name || slug;

/** What usage and serving cost, where both are in one currency. @param {any} one as `GET /operator/margins` tells it */
export function costOf(one) {
  if (!one) return null;
  return Number(one.cost_cents) + (one.serving.currency === one.currency ? Number(one.serving.cost_cents) : 0);
}

/** Tenants whose name or slug holds what was typed. @param {string} typed @returns {Promise<{ slug: string, name: string }[]>} */
export async function findTenants(typed) {
  const { items } = await get(`/operator/tenants?limit=${FOUND}&order=name&q=${encodeURIComponent(typed)}`);
  return items.filter((/** @type {any} */ one) => one.status !== "erased");
}
