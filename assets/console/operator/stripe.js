import { get, post } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Confirm } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { Tabs } from "../parts/tabs.js";
import { attempt, toast } from "../parts/toasts.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { o } from "./strings.js";

const KINDS = /** @type {Record<string, string>} */ ({ pending: "info", applied: "good", ignored: "", parked: "warn", failed: "bad" });
const TABS = ["events", "statements", "drift"];

/** @param {{ id: string | null }} props */
const Of = ({ id }) => (id ? html`<a class="mono small" href=${toOperator("tenants", id)}>${id.slice(0, 13)}…</a>` : html`<span class="soft">—</span>`);

/** What came from Stripe, what it did not take, and where it differs. @param {{ route: import("../router.js").Route }} props */
export default function Stripe({ route }) {
  const tab = TABS.includes(route.rest[0]) ? route.rest[0] : "events";
  return html`<${Page} title=${s.operator.screens.stripe} of=${o.of}>
    <${Tabs} label=${s.operator.screens.stripe} of=${TABS.map((name) => ({ href: toOperator("stripe", ...(name === "events" ? [] : [name])), text: o.stripe.tabs[name], current: name === tab }))} />
    ${tab === "events" && html`<${Events} route=${route} />`}${tab === "statements" && html`<${Statements} />`}${tab === "drift" && html`<${Drift} />`}
  <//>`;
}

/** @param {{ route: import("../router.js").Route }} props */
function Events({ route }) {
  const status = new URLSearchParams(route.search).get("status") ?? "";
  const pages = usePages(`/operator/stripe-events${status ? `?status=${encodeURIComponent(status)}` : ""}`);
  const replay = (/** @type {any} */ one) => attempt(async () => { await post(`/operator/stripe-events/${encodeURIComponent(one.id)}/replay`); await pages.reload(); }, o.stripe.replayed);
  const columns = [
    { label: o.stripe.type, cell: (/** @type {any} */ one) => html`<span class="two"><span class="mono small cut">${one.type}</span><span class="soft small mono cut" title=${one.object}>${one.object}${!one.livemode ? ` · ${o.stripe.test}` : ""}</span></span>` },
    { label: o.tenant, class: "narrow", cell: (/** @type {any} */ one) => html`<${Of} id=${one.tenant_id} />` },
    { label: o.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${Badge} kind=${KINDS[one.status] ?? ""}>${o.stripe.statuses[one.status] ?? one.status}<//>` },
    { label: o.stripe.changed, cell: (/** @type {any} */ one) => html`<span class=${`small wraps ${one.reason ? "" : "soft"}`}>${one.reason ?? (one.changed.join(", ") || "—")}</span>` },
    { label: o.stripe.received, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.received_at} near />` },
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => html`<button class="button plain" onClick=${() => replay(one)}><${Icon} name="reload" />${o.stripe.replay}</button>` },
  ];
  return html`<div class="tools"><label class="field"><span class="label small soft">${o.status}</span><select class="input" value=${status} onChange=${(/** @type {any} */ event) => navigate(`${toOperator("stripe")}${event.target.value ? `?status=${event.target.value}` : ""}`)}><option value="">${o.stripe.anyStatus}</option>${Object.entries(o.stripe.statuses).map(([name, text]) => html`<option value=${name} selected=${name === status}>${text}</option>`)}</select></label></div>
    <${Loaded} of=${pages}>${(/** @type {any[]} */ all) => (all.length === 0
      ? html`<div class="card"><${Empty} icon="invoices" title=${o.stripe.none} text=${o.stripe.noneText} /></div>`
      : html`<${Table} label=${o.stripe.tabs.events} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} onMore=${pages.more} busy=${pages.busy} />`)}<//>`;
}

function Statements() {
  const pages = usePages("/operator/stripe-statements");
  const retry = (/** @type {any} */ one) => attempt(async () => { await post(`/operator/stripe-statements/${one.invoice_id}/retry`); await pages.reload(); }, o.stripe.retried);
  const columns = [
    { label: o.stripe.invoice, cell: (/** @type {any} */ one) => html`<b>${one.number ?? one.invoice_id}</b>` },
    { label: o.tenant, class: "narrow", cell: (/** @type {any} */ one) => html`<${Of} id=${one.tenant_id} />` },
    { label: o.stripe.reason, cell: (/** @type {any} */ one) => html`<span class="small wraps">${one.reason}</span>` },
    { label: o.stripe.attempts, class: "narrow end", cell: (/** @type {any} */ one) => one.attempts },
    { label: o.stripe.next, class: "narrow", cell: (/** @type {any} */ one) => (one.parked_at ? html`<${Badge} kind="bad">${o.stripe.parked}<//>` : html`<${Time} at=${one.next_attempt_at} near />`) },
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => html`<button class="button plain" onClick=${() => retry(one)}><${Icon} name="reload" />${o.stripe.retry}</button>` },
  ];
  return html`<${Loaded} of=${pages}>${(/** @type {any[]} */ all) => (all.length === 0
    ? html`<div class="card"><${Empty} icon="check" title=${o.stripe.noStatements} text=${o.stripe.noStatementsText} /></div>`
    : html`<${Table} label=${o.stripe.tabs.statements} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.invoice_id} onMore=${pages.more} busy=${pages.busy} />`)}<//>`;
}

const DRIFT = [
  { label: o.stripe.object, cell: (/** @type {any} */ one) => html`<span class="two"><span class="mono small cut">${one.object}</span><span class="soft small">${one.kind}</span></span>` },
  { label: o.stripe.field, class: "narrow", cell: (/** @type {any} */ one) => html`<code>${one.field}</code>` },
  { label: o.tenant, class: "narrow", cell: (/** @type {any} */ one) => html`<${Of} id=${one.tenant_id} />` },
  { label: o.stripe.here, cell: (/** @type {any} */ one) => one.here ?? "—" },
  { label: o.stripe.there, cell: (/** @type {any} */ one) => one.there ?? "—" },
  { label: o.stripe.found, class: "narrow", cell: (/** @type {any} */ one) => (one.repaired_at ? html`<${Badge} kind="good">${o.stripe.repaired}<//>` : html`<${Time} at=${one.found_at} near />`) },
];

function Drift() {
  const of = useLoad(() => get("/operator/stripe-drift"), []);
  const [asking, setAsking] = useState(false);
  if (of.problem?.code === "billing_local") return html`<div class="card"><${Empty} icon="info" title=${o.stripe.local} text=${o.stripe.localText} /></div>`;
  return html`<div class="row apart"><span class="soft">${of.data && html`${o.stripe.asOf}: <${Time} at=${of.data.as_of} />`}</span><button class="button" onClick=${() => setAsking(true)}><${Icon} name="reload" />${o.stripe.repair}</button></div>
    <${Loaded} of=${of}>${(/** @type {any} */ data) => (data.items.length === 0
      ? html`<div class="card"><${Empty} icon="check" title=${o.stripe.noDrift} text=${o.stripe.noDriftText} /></div>`
      : html`<${Table} label=${o.stripe.tabs.drift} columns=${DRIFT} rows=${data.items} keyOf=${(/** @type {any} */ one) => `${one.object} ${one.field}`} />`)}<//>
    ${asking && html`<${Confirm} title=${o.stripe.repairTitle} text=${o.stripe.repairText} action=${o.stripe.repair} onClose=${() => setAsking(false)} onConfirm=${async () => { of.set(await post("/operator/stripe-drift/repair")); toast(o.stripe.repairedNow); }} />`}`;
}
