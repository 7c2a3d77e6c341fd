import { get, list, put } from "../api.js";
import { html, useState } from "../dom.js";
import { money, number } from "../format.js";
import { useLoad } from "../load.js";
import { Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { linesOf } from "../parts/plan-lines.js";
import { toast } from "../parts/toasts.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { differences } from "./difference.js";
import { o } from "./strings.js";

/** What is sold. @param {{ route: import("../router.js").Route }} props */
export default function Plans({ route }) {
  return route.rest[0] ? html`<${One} key=${route.rest[0]} id=${route.rest[0]} />` : html`<${All} />`;
}

/** @param {{ document: any }} props */
const Offered = ({ document: it }) => (it.offered ? html`<${Badge} kind="good">${o.plans.offered}<//>` : html`<${Badge}>${o.plans.notOffered}<//>`);
/** @param {any} it */
const feeOf = (it) => html`<span><b>${money(it.fee_cents, it.currency)}</b> <span class="soft">/ ${s.plan.intervals[it.interval] ?? it.interval}</span></span>`;

const COLUMNS = [
  { label: o.plan, cell: (/** @type {any} */ one) => html`<span class="two"><a class="cut" href=${toOperator("plans", one.key)}><b>${one.document.title}</b></a><span class="soft small mono">${one.key}</span></span>` },
  { label: o.plans.fee, class: "narrow end whole", cell: (/** @type {any} */ one) => feeOf(one.document) },
  { label: o.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${Offered} document=${one.document} />` },
  { label: o.plans.version, class: "narrow end", cell: (/** @type {any} */ one) => one.version },
  { label: o.plans.tenants, class: "narrow end", cell: (/** @type {any} */ one) => number(one.tenants ?? 0) },
  { label: o.plans.published, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.published_at} near />` },
];

function All() {
  const found = useLoad(() => list("/operator/plans"), []);
  const [making, setMaking] = useState(false);
  const create = html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${o.plans.create}</button>`;
  return html`<${Page} title=${s.operator.screens.plans} of=${o.of} about=${o.plans.about} actions=${create}>
    <${Loaded} of=${found}>${(/** @type {any[]} */ all) => (all.length === 0 ? html`<div class="card"><${Empty} icon="plan" title=${o.plans.none}>${create}<//></div>`
      : html`<${Table} label=${s.operator.screens.plans} columns=${COLUMNS} rows=${all} keyOf=${(/** @type {any} */ one) => one.key} />`)}<//>
    ${making && html`<${Edit} version=${0} before=${{}} draft=${BLANK} onClose=${() => setMaking(false)} onDone=${(/** @type {any} */ made) => navigate(toOperator("plans", made.key))} />`}
  <//>`;
}

const BLANK = { title: "", currency: "USD", interval: "month", fee_cents: "0", offered: true };

/** What each version changed of the one before it, the newest first. @param {{ versions: any[], plan: any }} props */
function Versions({ versions, plan }) {
  return html`<ol class="history card versions">${versions.map((one, index) => {
    const before = versions[index + 1];
    const found = before ? differences(before.document, one.document) : [];
    return html`<li key=${one.version}><div class="row apart"><div class="row"><h3 title=${`${s.invoices.digest}: ${one.digest}`}>${o.plans.version} ${one.version}</h3>${one.version === plan.version && html`<${Badge} kind="good">${o.plans.newest}<//>`}
        <span class="soft small"><${Time} at=${one.published_at} /></span></div><span class=${one.tenants > 0 ? "" : "soft"}>${o.plans.onIt(one.tenants)}</span></div>
      ${!before ? html`<p class="soft small">${one.version === 1 ? o.plans.first : o.plans.earlier}</p>`
        : found.length <= FEW ? html`<${Changes} found=${found} />`
          : html`<details><summary>${o.plans.changes(found.length)}</summary><${Changes} found=${found} /></details>`}</li>`;
  })}</ol>`;
}

/** Differences that are shown unasked. */
const FEW = 6;

/** @param {{ found: import("./difference.js").Difference[] }} props */
const Changes = ({ found }) => html`<dl class="diff">${found.map((one) => html`<dt key=${one.path}><code>${one.path}</code></dt><dd>${one.was !== null && html`<del>${one.was}</del> `}${one.is !== null && html`<ins>${one.is}</ins>`}</dd>`)}</dl>`;

/** @param {{ id: string }} props */
function One({ id }) {
  const path = `/operator/plans/${encodeURIComponent(id)}`;
  const found = useLoad(() => get(path), [path]);
  const [editing, setEditing] = useState(false);
  const plan = found.data;
  return html`<${Page} title=${plan?.document.title ?? s.operator.screens.plans} of=${o.of} about=${html`<a href=${toOperator("plans")}>${s.operator.screens.plans}</a> · <span class="mono">${id}</span>`}
    actions=${plan && html`<button class="button primary" onClick=${() => setEditing(true)}><${Icon} name="edit" />${o.plans.edit}</button>`}>
    <${Loaded} of=${found}>${() => html`
      <div class="card stack"><header class="row apart"><h2>${feeOf(plan.document)}</h2><${Offered} document=${plan.document} /></header>
        <ul class="ticks">${linesOf(plan.document).map((line) => html`<li key=${line}><${Icon} name="check" /><span>${line}</span></li>`)}</ul>
        <details><summary>${o.plans.document}</summary><pre class="secret small" tabindex="0">${JSON.stringify(plan.document, null, 2)}</pre></details></div>
      <h2>${o.plans.versions}</h2><${Versions} versions=${plan.versions} plan=${plan} />`}<//>
    ${editing && html`<${Edit} id=${id} version=${plan.version} before=${plan.document} draft=${plan.document} onClose=${() => setEditing(false)} onDone=${(/** @type {any} */ next) => { setEditing(false); toast(o.plans.publishedNow(next.version)); void found.reload(); }} />`}
  <//>`;
}

/** Another version is written, and looked at beside the one before it. @param {{ id?: string, version: number, before: any, draft: any, onClose: () => void, onDone: (plan: any) => void }} props */
function Edit({ id, version, before, draft, onClose, onDone }) {
  const [text, setText] = useState(JSON.stringify(draft, null, 2));
  const read = () => {
    try {
      const value = JSON.parse(text);
      return value && typeof value === "object" && !Array.isArray(value) ? value : null;
    } catch {
      return null;
    }
  };
  const value = read();
  const found = value ? differences(before, value) : [];
  const submit = async (/** @type {Record<string, string>} */ { key }) => {
    if (!value) throw Object.assign(new Error(s.records.someInvalid), { fields: [{ field: "document", message: o.plans.notJson }] });
    onDone(await put(`/operator/plans/${encodeURIComponent(id ?? key)}`, { document: value, expected_version: version }));
  };
  return html`<${Dialog} kind="wide" title=${id ? o.plans.editTitle(id) : o.plans.create} onClose=${onClose}><${Form} onSubmit=${submit} submit=${o.plans.publish(version + 1)} onCancel=${onClose} blocked=${Boolean(id) && value !== null && found.length === 0}>
    ${!id && html`<${Field} label=${o.plans.key} name="key" class="input mono" hint=${o.plans.keyHint} autocomplete="off" spellcheck="false" autofocus required />`}
    <div class="sides"><${Field} label=${o.plans.document} name="document" hint=${o.plans.formHint}>${(/** @type {any} */ ties) => html`<textarea class="input mono tall" spellcheck="false" ...${ties} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)}></textarea>`}<//>
      <div class="stack tight"><b>${o.plans.difference}</b>${!value ? html`<p class="bad">${o.plans.notJson}</p>` : found.length === 0 ? html`<p class="soft">${o.plans.same}</p>` : html`<ul class="differences" aria-live="polite">${found.map((one) => html`<li key=${one.path}><code>${one.path}</code>
        ${one.was !== null && html`<del>${one.was}</del>`}${one.is !== null && html`<ins>${one.is}</ins>`}</li>`)}</ul>`}</div></div>
  <//><//>`;
}
