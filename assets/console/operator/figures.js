// Figures of what tenants do: times, shares, and a short list of who stands out.

import { html } from "../dom.js";
import { compact, number } from "../format.js";
import { toOperator } from "../router.js";
import { nameOf } from "./fleet.js";
import { o } from "./strings.js";

/** A time that was measured; nothing where nothing was. @param {number | null | undefined} value in milliseconds */
export function ms(value) {
  if (value === null || value === undefined) return "—";
  if (value >= 10_000) return `${number(Math.round(value / 100) / 10)} s`;
  return `${number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))} ms`;
}

/** A share of 1, never called nothing where there is something. @param {number | null | undefined} value */
export function share(value) {
  if (value === null || value === undefined) return "—";
  if (value > 0 && value < 0.001) return "<0.1 %";
  return `${number(Math.round(value * 1000) / 10)} %`;
}

/** A count where there is one. @param {number} value @param {string} [kind] of one that is not 0 */
export const tally = (value, kind = "") => html`<span class=${value === 0 ? "soft" : kind}>${compact(value)}</span>`;

/** From here on, waiting is felt. */
export const SLOW_MS = 500;

/** @param {{ title: string, all: any[], figure: (one: any) => any, order: string, id: string }} props */
export function StandOut({ title, all, figure, order, id }) {
  if (all.length === 0) return null;
  return html`<section class="card flush" aria-label=${title}><header class="flushhead"><h2>${title}</h2>${order && html`<a class="small" href=${`${toOperator("tenants")}?order=${order}`} aria-label=${`${o.overview.inOrder}: ${title}`}>${o.overview.inOrder}</a>`}</header>
    <ul class="standout">${all.slice(0, 5).map((one) => html`<li key=${`${id} ${one.tenant.id}`}><a class="cut" href=${toOperator("tenants", one.tenant.slug, "activity")}>${nameOf(one.tenant)}</a><span class="numeric">${figure(one)}</span></li>`)}</ul></section>`;
}
