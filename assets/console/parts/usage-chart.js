// One meter over a period: days as bars, their sum as a line, where it is going, and the limit at 80 % and 100 %.

import { html } from "../dom.js";
import { compact, dayInYear, size } from "../format.js";
import { s } from "../strings.js";

const W = 520;
const H = 190;
const LEFT = 46;
const RIGHT = 8;
const TOP = 14;
const BOTTOM = 20;
const DAY = 86_400_000;

/** @param {number} top @returns {number} a round number that is not below it */
export function nice(top) {
  const power = 10 ** Math.floor(Math.log10(Math.max(top, 1e-9)));
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= top) ?? 10) * power;
}

/** @param {{ meter: any, limit: any, from: string, to: string, sums: any[] }} props */
export function UsageChart({ meter, limit, from, to, sums }) {
  const begin = Date.parse(from);
  const days = Math.max(1, Math.round((Date.parse(to) - begin) / DAY));
  const today = Math.min(days, Math.max(0, (Date.now() - begin) / DAY));
  const adds = meter.aggregation === "sum" || meter.aggregation === "count";
  // A limit per day is no bound of a sum over the period.
  const bound = limit && (limit.window !== "day" && limit.window !== "hour") ? Number(limit.hard ?? limit.soft) : null;
  const daily = sums.map((sum) => ({ at: Math.max(0, (Date.parse(sum.from) - begin) / DAY), quantity: Number(sum.quantity), from: sum.from })).sort((a, b) => a.at - b.at);
  let running = 0;
  const line = daily.map((one) => ({ at: Math.max(0, Math.min(today, one.at + 1)), value: (running = adds ? running + one.quantity : Math.max(running, one.quantity)) }));
  const total = running;
  const ahead = adds && today > 0.5 && today < days ? Math.round((total / today) * days) : null;
  const top = nice(Math.max(total, ahead ?? 0, bound !== null && bound <= 4 * Math.max(total, ahead ?? 0) ? bound : 0, 1));
  const x = (/** @type {number} */ at) => LEFT + ((W - LEFT - RIGHT) * at) / days;
  const y = (/** @type {number} */ value) => H - BOTTOM - ((H - TOP - BOTTOM) * Math.min(value, top)) / top;
  const say = (/** @type {number} */ value) => (meter.unit === "byte" ? size(value) : compact(value));
  const wide = Math.max(2, (W - LEFT - RIGHT) / days - 2);
  const about = `${meter.name}: ${say(total)}${bound !== null ? s.usage.of(say(bound)) : ""}${ahead !== null ? `, ${s.usage.forecast(say(ahead))}` : ""}`;
  // Where the lines of 80 % and 100 % are near to one another or to the foot, what they are called stands side by side above them.
  const isLow = bound !== null && (y(bound * 0.8) - y(bound) < 22 || H - BOTTOM - y(bound * 0.8) < 22);
  const points = [{ at: daily[0]?.at ?? 0, value: adds ? 0 : daily[0]?.quantity ?? 0 }, ...line, { at: today, value: total }];
  return html`<figure class="card chartcard"><header><figcaption><h2 class="cut">${meter.name}</h2><span class="soft small">${meter.unit} · ${s.usage.kinds[meter.aggregation] ?? meter.aggregation}</span></figcaption>
      <div class="end"><b class="numeric">${say(total)}</b><div class="soft small">${ahead !== null ? s.usage.forecast(say(ahead)) : ""}</div></div></header>
    <svg class="chart" viewBox=${`0 0 ${W} ${H}`} role="img" aria-label=${about}>
      ${[0, 0.5, 1].map((part) => html`<line class="base" x1=${LEFT} x2=${W - RIGHT} y1=${y(top * part)} y2=${y(top * part)} /><text x=${LEFT - 6} y=${y(top * part) + 4} text-anchor="end">${say(top * part)}</text>`)}
      ${daily.map((one) => html`<rect class="bar-day" x=${x(one.at) + 1} y=${y(one.quantity)} width=${wide} height=${Math.max(1, H - BOTTOM - y(one.quantity))} rx="1.5"><title>${dayInYear(one.from)}: ${say(one.quantity)}</title></rect>`)}
      <polyline class="sum" points=${points.map((point) => `${x(point.at)},${y(point.value)}`).join(" ")} />
      ${ahead !== null && html`<line class="ahead" x1=${x(today)} y1=${y(total)} x2=${x(days)} y2=${y(ahead)} />`}
      ${bound !== null && bound <= top && html`<line class="at-80" x1=${LEFT} x2=${W - RIGHT} y1=${y(bound * 0.8)} y2=${y(bound * 0.8)} /><text class="said-80" x=${isLow ? W - RIGHT - 58 : W - RIGHT} y=${y(isLow ? bound : bound * 0.8)} dy=${isLow ? "-0.35em" : "1.05em"} text-anchor="end">80 %</text>
        <line class="at-100" x1=${LEFT} x2=${W - RIGHT} y1=${y(bound)} y2=${y(bound)} /><text class="said-100" x=${W - RIGHT} y=${y(bound)} dy="-0.35em" text-anchor="end">100 %</text>`}
      <text x=${LEFT} y=${H - 4}>${dayInYear(from)}</text><text x=${W - RIGHT} y=${H - 4} text-anchor="end">${dayInYear(to)}</text>
    </svg></figure>`;
}
