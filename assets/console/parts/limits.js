// How much of a limit is used, as a card.

import { html } from "../dom.js";
import { compact, day, number, percent, size } from "../format.js";
import { s } from "../strings.js";
import { MeterBar } from "./page.js";

/** @param {string} unit @param {string | number} amount */
const shown = (unit, amount) => (unit === "byte" ? size(amount) : compact(amount));

/** @param {{ limit: any }} props */
export function LimitFigure({ limit }) {
  const bound = limit.hard ?? limit.soft;
  return html`<div class="card figure"><span class="soft cut" title=${limit.meter}>${limit.meter} <span class="small">${s.usage.windows[limit.window] ?? limit.window}</span></span>
    <span class="value">${shown(limit.unit, limit.used)}<span class="soft small"> / ${shown(limit.unit, bound)}</span></span>
    <${MeterBar} percent=${limit.percent} label=${limit.meter} />
    <span class="soft small">${percent(limit.percent)} · ${limit.hard === null ? s.usage.soft : s.usage.hard}${limit.resets_at && html` · ${s.usage.resets} ${day(limit.resets_at)}`}</span></div>`;
}

/** @param {{ seats: { used: number, limit: number | null } }} props */
export const SeatsFigure = ({ seats }) => html`<div class="card figure"><span class="soft">${s.usage.seats}</span><span class="value">${number(seats.used)}${seats.limit !== null && html`<span class="soft small"> / ${number(seats.limit)}</span>`}</span>
  ${seats.limit !== null ? html`<${MeterBar} percent=${(100 * seats.used) / Math.max(1, seats.limit)} label=${s.usage.seats} />` : html`<span class="soft small">${s.usage.noLimit}</span>`}</div>`;

/** One number with what it is. @param {{ label: string, value: any, children?: any }} props */
export const Figure = ({ label, value, children }) => html`<div class="card figure"><span class="soft">${label}</span><span class="value">${value}</span>${children}</div>`;
