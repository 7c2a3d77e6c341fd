// What one tenant did over time, and which of its statements took long.

import { get } from "../api.js";
import { html } from "../dom.js";
import { compact } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { Empty, Loaded } from "../parts/page.js";
import { toOperator } from "../router.js";
import { ms } from "./figures.js";
import { SeriesChart } from "./series-chart.js";
import { StatementsOf } from "./statements.js";
import { o } from "./strings.js";

const WINDOWS = ["minute", "hour", "day"];
const NEW_POINT = 60_000;

const a = o.activity;
/** @type {{ title: string, lines: import("./series-chart.js").Line[], say: (value: number) => string, drawn?: "lines" }[]} */
const CHARTS = [
  { title: a.requests, lines: [{ name: a.requests, kind: "", of: (point) => point.requests }], say: compact },
  { title: a.latency, drawn: "lines", lines: [{ name: a.p99, kind: "third", of: (point) => point.p99_ms }, { name: a.p95, kind: "second", of: (point) => point.p95_ms }, { name: a.median, kind: "", of: (point) => point.p50_ms }], say: ms },
  { title: a.trouble, lines: [{ name: a.errors, kind: "bad", of: (point) => point.errors }, { name: a.refused, kind: "warn", of: (point) => point.refused }], say: compact },
  { title: a.database, lines: [{ name: a.database, kind: "", of: (point) => point.database_ms }], say: ms },
  { title: a.jobs, lines: [{ name: a.jobsDone, kind: "", of: (point) => Math.max(0, point.jobs - point.jobs_failed) }, { name: a.jobsFailed, kind: "bad", of: (point) => point.jobs_failed }], say: compact },
];

/** @param {{ tenant: any, base: string, search: string }} props */
export function Activity({ tenant, base, search }) {
  const asked = new URLSearchParams(search).get("window") ?? "";
  const window = WINDOWS.includes(asked) ? asked : "minute";
  const found = useLoad(() => get(`${base}/telemetry?window=${window}`), [base, window]);
  useEvery(() => void found.reload(), NEW_POINT, true);
  const isOther = found.data && found.data.window !== window;
  return html`<nav class="chips" aria-label=${a.window}>${WINDOWS.map((name) => html`<a key=${name} class="chip" href=${`${toOperator("tenants", tenant.slug, "activity")}${name === "minute" ? "" : `?window=${name}`}`} aria-current=${name === window ? "true" : undefined}>${a.windows[name]}</a>`)}</nav>
    <${Loaded} of=${{ ...found, data: isOther ? undefined : found.data }} lines=${8}>${(/** @type {any} */ series) => (series.points.length === 0
      ? html`<div class="card"><${Empty} icon="usage" title=${a.none} text=${a.noneText} /></div>`
      : html`<div class="charts">${CHARTS.map((chart) => html`<${SeriesChart} key=${chart.title} ...${chart} about=${a.by[series.window]} window=${series.window} from=${series.from} to=${series.to} points=${series.points} />`)}</div>`)}<//>
    ${(found.data || found.problem) && html`<${StatementsOf} tenant=${tenant.id} />`}`;
}
