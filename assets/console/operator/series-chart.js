// What was counted of a tenant over time: bars on one another, or lines. Where nothing was counted, nothing is drawn.

import { html } from "../dom.js";
import { nice } from "../parts/usage-chart.js";
import { o } from "./strings.js";

const W = 520;
const H = 180;
const LEFT = 52;
const RIGHT = 8;
const TOP = 12;
const BOTTOM = 20;
const SPANS = /** @type {Record<string, number>} */ ({ minute: 60_000, hour: 3_600_000, day: 86_400_000 });

const language = navigator.language;
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const dayAndClock = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
const days = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
const FORMATS = /** @type {Record<string, Intl.DateTimeFormat>} */ ({ minute: clock, hour: dayAndClock, day: days });

/**
 * @typedef {{ name: string, kind: string, of: (point: any) => number | null }} Line
 * @param {{ title: string, about: string, window: string, from: string, to: string, points: any[], lines: Line[], say: (value: number) => string, drawn?: "bars" | "lines" }} props
 */
export function SeriesChart({ title, about, window, from, to, points, lines, say, drawn = "bars" }) {
  const [begin, end, span] = [Date.parse(from), Date.parse(to), SPANS[window]];
  const seen = points.map((point) => ({ at: Date.parse(point.at), values: lines.map(({ of }) => of(point)) }));
  const tops = seen.map(({ values }) => (drawn === "bars" ? values.reduce((/** @type {number} */ sum, value) => sum + (value ?? 0), 0) : Math.max(0, ...values.map((value) => value ?? 0))));
  const most = Math.max(0, ...tops);
  const top = nice(Math.max(most, drawn === "bars" ? 1 : 0.1));
  const x = (/** @type {number} */ at) => LEFT + ((W - LEFT - RIGHT) * (at - begin)) / Math.max(1, end - begin);
  const y = (/** @type {number} */ value) => H - BOTTOM - ((H - TOP - BOTTOM) * value) / top;
  const when = FORMATS[window];
  const wide = Math.max(1.5, ((W - LEFT - RIGHT) * span) / Math.max(1, end - begin) - 1.5);
  const told = (/** @type {{ at: number, values: (number | null)[] }} */ { at, values }) => `${when.format(at)} · ${lines.map(({ name }, index) => `${name} ${values[index] === null ? "—" : say(values[index])}`).join(", ")}`;
  const bars = (/** @type {{ at: number, values: (number | null)[] }} */ { at, values }) => {
    let under = 0;
    return html`<g><title>${told({ at, values })}</title>${values.map((value, index) => {
      const height = value ? Math.max(1, y(under) - y(under + value)) : 0;
      under += value ?? 0;
      return height > 0 && html`<rect class=${`bar ${lines[index].kind}`} x=${x(at)} y=${y(under)} width=${wide} height=${height} rx="1" />`;
    })}</g>`;
  };
  const label = `${title}: ${most > 0 ? o.activity.most(say(most)) : o.activity.nothing}`;
  return html`<figure class="card chartcard"><header><figcaption><h2>${title}</h2><span class="soft small">${about}</span></figcaption>
      <ul class="legend small">${lines.length > 1 && lines.map(({ name, kind }) => html`<li key=${name}><span class=${`dot ${kind}`}></span>${name}</li>`)}</ul></header>
    <svg class="chart series" viewBox=${`0 0 ${W} ${H}`} role="img" aria-label=${label}>
      ${[0, 0.5, 1].map((part) => html`<line class="base" x1=${LEFT} x2=${W - RIGHT} y1=${y(top * part)} y2=${y(top * part)} /><text x=${LEFT - 6} y=${y(top * part) + 4} text-anchor="end">${say(top * part)}</text>`)}
      ${drawn === "bars" ? seen.map(bars) : html`${lines.map(({ of, kind }) => runs(points, of, span).map((run) => (run.length === 1
        ? html`<circle class=${`point ${kind}`} cx=${x(run[0].at + span / 2)} cy=${y(run[0].value)} r="2.5" />`
        : html`<polyline class=${`line ${kind}`} points=${run.map(({ at, value }) => `${x(at + span / 2)},${y(value)}`).join(" ")} />`)))}
        ${seen.map((one) => html`<rect class="touch" x=${x(one.at)} y=${TOP} width=${wide} height=${H - TOP - BOTTOM}><title>${told(one)}</title></rect>`)}`}
      ${most === 0 && html`<text x=${(LEFT + W - RIGHT) / 2} y=${(TOP + H - BOTTOM) / 2 - 8} text-anchor="middle">${o.activity.nothing}</text>`}
      <text x=${LEFT} y=${H - 4}>${when.format(begin)}</text><text x=${W - RIGHT} y=${H - 4} text-anchor="end">${when.format(end)}</text>
    </svg></figure>`;
}

/** Points that follow one another without a gap. @param {any[]} points @param {(point: any) => number | null} of @param {number} span @returns {{ at: number, value: number }[][]} */
function runs(points, of, span) {
  /** @type {{ at: number, value: number }[][]} */
  const all = [];
  for (const point of points) {
    const [at, value] = [Date.parse(point.at), of(point)];
    if (value === null) continue;
    const last = all.at(-1);
    if (last && at - last[last.length - 1].at <= span * 1.5) last.push({ at, value });
    else all.push([{ at, value }]);
  }
  return all;
}
