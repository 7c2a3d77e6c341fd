import { get } from "../api.js";
import { html } from "../dom.js";
import { number } from "../format.js";
import { useLoad } from "../load.js";
import { ProblemNote } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Page, Time } from "../parts/page.js";
import { s } from "../strings.js";
import { o } from "./strings.js";

const d = o.doctor;

/** Levels, the worst first, each as badges and icons show it. @type {[string, string, string][]} */
const LEVELS = [["fault", "bad", "warn"], ["warning", "warn", "warn"], ["note", "info", "info"]];
const kindOf = (/** @type {string} */ level) => LEVELS.find(([name]) => name === level)?.[1] ?? "good";

/** A sentence in which commands and settings stand between backticks. @param {string} text */
const told = (text) => text.split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));

/** What is wrong with the installation, or will be, and what to do about it. Looking is what takes time, so it is shown that it goes on. */
export default function Doctor() {
  const found = useLoad(() => get("/operator/doctor"), []);
  const { data, problem, busy } = found;
  const again = html`<button class=${`button primary ${busy ? "busy" : ""}`} disabled=${busy} onClick=${found.reload}><${Icon} name="reload" />${data || problem ? d.again : d.looking}</button>`;
  return html`<${Page} title=${s.operator.screens.doctor} of=${o.of} about=${d.about} actions=${again}>
    ${problem && html`<${ProblemNote} problem=${problem} retry=${found.reload} />`}
    <div class="stack" role="status">${!data ? busy && html`<${Looking} />` : html`<${Verdict} data=${data} busy=${busy} />`}</div>
    ${data && html`<${Findings} all=${data.findings} />`}
  <//>`;
}

function Looking() {
  return html`<div class="card stack" aria-busy="true"><div class="row"><${Icon} name="reload" class="turns" /><b>${d.looking}</b></div><p class="soft">${d.lookingText}</p>
    <div class="wait"></div></div>`;
}

/** @param {{ data: any, busy: boolean }} props */
function Verdict({ data, busy }) {
  const count = (/** @type {string} */ level) => data.findings.filter((/** @type {any} */ one) => one.level === level).length;
  const kind = kindOf(data.level);
  return html`<div class=${`card verdict ${kind}`}><${Icon} name=${kind === "good" ? "check" : kind === "info" ? "info" : "warn"} /><div class="two"><h2>${d.verdicts[data.level] ?? data.level}</h2>
      <span class="soft">${busy ? d.lookingAgain : html`${d.looked} <${Time} at=${data.checked_at} />`}</span></div>
    <ul class="legend">${[...LEVELS.map(([level, dot]) => ({ level, dot })), { level: "good", dot: "good" }].map(({ level, dot }) => html`<li key=${level}><span class=${`dot ${dot}`}></span><b class="numeric">${number(count(level))}</b> <span class="soft">${d.counted[level]}</span></li>`)}</ul></div>`;
}

/** @param {{ all: any[] }} props */
function Findings({ all }) {
  const good = all.filter((one) => one.level === "good");
  return html`${LEVELS.map(([level, kind, icon]) => {
    const some = all.filter((one) => one.level === level);
    return some.length > 0 && html`<section key=${level} class="card flush" aria-label=${d.groups[level]}><header class="flushhead"><h2>${d.groups[level]}</h2><${Badge} kind=${kind}>${some.length}<//></header>
      <ul class="findings">${some.map((one, index) => html`<li key=${`${one.check}${index}`}><${Icon} name=${icon} class=${kind} /><div><p><span class="soft small">${d.checks[one.check] ?? one.check}</span></p><p><b>${told(one.about)}</b></p>
        ${one.advice && html`<p><span class="soft">${d.advice}</span> ${told(one.advice)}</p>`}</div></li>`)}</ul></section>`;
  })}
  ${good.length > 0 && html`<section class="card flush" aria-label=${d.groups.good}><header class="flushhead"><h2>${d.groups.good}</h2><${Badge} kind="good">${good.length}<//></header>
    <ul class="findings">${good.map((one, index) => html`<li key=${`${one.check}${index}`}><${Icon} name="check" class="good" /><div><p><span class="soft small">${d.checks[one.check] ?? one.check}</span></p><p>${told(one.about)}</p></div></li>`)}</ul></section>`}`;
}
