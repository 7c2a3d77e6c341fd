import { list, post } from "../api.js";
import { html, useState } from "../dom.js";
import { number } from "../format.js";
import { useLoad } from "../load.js";
import { ProblemNote } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Empty, Page, Table } from "../parts/page.js";
import { toOperator } from "../router.js";
import { useMe } from "../session.js";
import { Editor } from "../sql/editor.js";
import { placeOf } from "../sql/kept.js";
import { Result, saveCsv } from "../sql/result.js";
import { s } from "../strings.js";
import { o } from "./strings.js";

const STATUSES = ["active", "suspended", "closing"];
const LIMITS = ["10", "100", "1000", "10000"];

const LEFT = [
  { label: o.tenant, class: "narrow", cell: (/** @type {any} */ one) => (one.tenant.id ? html`<a href=${toOperator("tenants", one.tenant.slug)}><b>${one.tenant.slug}</b></a>` : html`<b>${one.tenant.slug}</b>`) },
  { label: o.query.why, cell: (/** @type {any} */ one) => html`<span class="wraps">${one.detail}</span>` },
];

/** Which tenants, as the API is asked. @param {string} kind @param {string} value */
export const selectionOf = (kind, value) => (kind === "all" ? { all: true } : kind === "tenants" ? { tenants: value.split(/[\s,]+/).filter(Boolean) } : { [kind]: value.trim() });

/** One statement over many tenants. */
export default function Query() {
  const place = placeOf(useMe()?.id ?? "", "operator");
  const [sql, setSql] = useState(() => sessionStorage.getItem(place) ?? "");
  const [kind, setKind] = useState("tenants");
  const [value, setValue] = useState("");
  const [limit, setLimit] = useState("100");
  const [state, setState] = useState(/** @type {{ busy: boolean, answer: any, problem: any, asked: any }} */ ({ busy: false, answer: null, problem: null, asked: null }));
  const plans = useLoad(() => list("/operator/plans"), []);
  const write = (/** @type {string} */ text) => {
    sessionStorage.setItem(place, text);
    setSql(text);
  };
  const isReady = Boolean(sql.trim()) && (kind === "all" || Boolean(value.trim())) && !state.busy;
  const ask = async (/** @type {any} */ asked) => {
    setState((old) => ({ ...old, busy: true, problem: null }));
    try {
      setState({ busy: false, answer: await post("/operator/query", asked), problem: null, asked });
    } catch (problem) {
      setState((old) => ({ ...old, busy: false, problem }));
    }
  };
  const run = () => isReady && ask({ sql, ...selectionOf(kind, value), budget: { tenant_rows: Number(limit) } });
  const choose = (/** @type {string} */ next) => {
    setKind(next);
    setValue(next === "status" ? STATUSES[0] : next === "plan" ? plans.data?.[0]?.key ?? "" : "");
  };
  const { answer, busy, asked } = state;
  return html`<${Page} title=${s.operator.screens.query} of=${o.of} about=${o.query.about}>
    <div class="sql"><${Editor} sql=${sql} onInput=${write} onRun=${run} label=${s.sql.statement} />
      <div class="tools fleet">
        <label class="field"><span class="label small soft">${o.query.whom}</span><select class="input" value=${kind} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>${o.query.kinds.map(([key, text]) => html`<option value=${key} selected=${key === kind}>${text}</option>`)}</select></label>
        ${kind !== "all" && html`<${Which} key=${kind} kind=${kind} value=${value} onChange=${setValue} plans=${plans.data ?? []} />`}
        <label class="field"><span class="label small soft">${o.query.limit}</span><select class="input" value=${limit} onChange=${(/** @type {any} */ event) => setLimit(event.target.value)}>${LIMITS.map((one) => html`<option value=${one} selected=${one === limit}>${number(Number(one))}</option>`)}</select></label>
        <button class=${`button primary ${busy ? "busy" : ""}`} disabled=${!isReady} onClick=${run}><${Icon} name=${busy ? "reload" : "play"} />${busy ? o.query.asking : o.query.ask}</button>
      </div></div>
    <div class="note"><${Icon} name="audit" /><p>${o.query.audited}</p></div>
    <div role="status">${state.problem && html`<${ProblemNote} problem=${state.problem} />`}</div>
    ${answer ? html`<${Answer} answer=${answer} onNext=${() => ask({ ...asked, after: answer.next_after })} busy=${busy} />`
      : html`<div class="card"><${Empty} icon="query" title=${o.query.start} text=${o.query.startText} /></div>`}
  <//>`;
}

/** The plan, state, words or slugs of a selection. @param {{ kind: string, value: string, onChange: (value: string) => void, plans: any[] }} props */
function Which({ kind, value, onChange, plans }) {
  const change = (/** @type {any} */ event) => onChange(event.target.value);
  const label = { plan: o.plan, status: o.status, q: o.query.holds }[kind] ?? o.query.slugs;
  const options = kind === "plan" ? plans.map((one) => [one.key, one.key]) : STATUSES.map((one) => [one, s.status[one]]);
  return html`<label class="field grow"><span class="label small soft">${label}</span>${kind === "plan" || kind === "status"
    ? html`<select class="input" value=${value} onChange=${change}>${options.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}</select>`
    : html`<input class="input" spellcheck="false" autocapitalize="none" autocomplete="off" maxlength=${kind === "q" ? 200 : 4_500} value=${value} onInput=${change} />`}</label>`;
}

/** @param {{ answer: any, onNext: () => void, busy: boolean }} props */
function Answer({ answer, onNext, busy }) {
  const { tenants } = answer;
  const left = [...answer.failed, ...answer.skipped];
  const others = tenants.failed + tenants.skipped - left.length;
  return html`<div class="row apart"><span class="soft small numeric">${o.query.rows(answer.rows.length, tenants.answered, tenants.selected)} · ${number(answer.duration_ms)} ms${answer.ended_by ? ` · ${o.query.ended[answer.ended_by]}` : ""}</span>
      <div class="row">${answer.next_after && html`<button class="button" disabled=${busy} onClick=${onNext}>${o.query.on}</button>`}
      ${answer.rows.length > 0 && html`<button class="button plain" onClick=${() => saveCsv(answer, "tenants-query.csv")}><${Icon} name="download" />CSV</button>`}</div></div>
    ${answer.rows.length === 0 ? html`<div class="card"><${Empty} icon="query" title=${o.query.none} text=${o.query.noneText} /></div>` : html`<${Result} key=${answer.rows} answer=${answer} />`}
    ${tenants.cut > 0 && html`<div class="note warn"><${Icon} name="warn" /><p>${o.query.cut(tenants.cut)}: ${answer.cut.map((/** @type {any} */ one) => one.slug).join(", ")}</p></div>`}
    ${left.length > 0 && html`<h2>${o.query.left(tenants.failed + tenants.skipped)}</h2><${Table} label=${o.query.left(left.length)} columns=${LEFT} rows=${left} keyOf=${(/** @type {any} */ one) => one.tenant.id ?? one.tenant.slug} />
      ${others > 0 && html`<p class="soft small">${o.query.notNamed(others)}</p>`}`}`;
}
