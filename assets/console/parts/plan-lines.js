// What a plan says, in lines for people.

import { compact, price, size } from "../format.js";
import { s } from "../strings.js";

/** @param {any} plan its document @returns {string[]} */
export function linesOf(plan) {
  return [
    plan.seats !== null && plan.seats !== undefined ? s.plan.seats(plan.seats) : s.plan.anySeats,
    ...Object.entries(plan.limits ?? {}).map(([meter, limit]) => limitText(meter, limit)),
    ...(plan.prices ?? []).map((/** @type {any} */ one) => priceText(one, plan.currency)),
    ...Object.entries(plan.features ?? {}).filter(([, value]) => value !== false).map(([name, value]) => (value === true ? name : `${name}: ${value}`)),
    ...(plan.trial_days ? [s.plan.trialDays(plan.trial_days)] : []),
  ];
}

/** @param {string} meter @param {any} limit */
function limitText(meter, limit) {
  const amount = limit.hard ?? limit.soft;
  return s.plan.limit(meter, meter === "storage.bytes" ? size(amount) : compact(amount), limit.window ? s.usage.windows[limit.window] ?? limit.window : "");
}

/** @param {any} one @param {string} currency */
function priceText(one, currency) {
  const free = one.included && Number(one.included) > 0 ? s.plan.included(compact(one.included)) : "";
  if (one.unit_cents) return `${one.meter}: ${free}${s.plan.each(price(one.unit_cents, currency))}`;
  if (one.package_cents) return `${one.meter}: ${free}${s.plan.package(price(one.package_cents, currency), compact(one.package_size))}`;
  if (one.tiers?.length) return `${one.meter}: ${free}${s.plan.tiers(price(one.tiers.at(-1).unit_cents ?? one.tiers[0].unit_cents ?? "0", currency))}`;
  return one.amount_cents ? `${one.meter}: ${price(one.amount_cents, currency)}` : one.meter;
}
