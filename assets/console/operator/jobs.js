import { html } from "../dom.js";
import { number } from "../format.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { TenantStatus } from "../parts/tenant-status.js";
import { toOperator } from "../router.js";
import { s } from "../strings.js";
import { o } from "./strings.js";

const count = (/** @type {number | null} */ n, kind = "") => (n === null ? html`<span class="soft">—</span>` : n > 0 && kind ? html`<${Badge} kind=${kind}>${number(n)}<//>` : number(n));

const COLUMNS = [
  { label: o.tenant, cell: (/** @type {any} */ one) => html`<span class="two"><a class="cut" href=${toOperator("tenants", one.tenant.slug)}><b>${one.tenant.name || one.tenant.slug}</b></a>${one.error ? html`<span class="small bad cut" title=${one.error}>${one.error}</span>` : html`<span class="soft small cut">${one.tenant.slug}</span>`}</span>` },
  { label: o.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${TenantStatus} status=${one.tenant.status} />` },
  { label: o.jobs.queued, class: "narrow end", cell: (/** @type {any} */ one) => count(one.queued) },
  { label: o.jobs.running, class: "narrow end", cell: (/** @type {any} */ one) => count(one.running, "info") },
  { label: o.jobs.dead, class: "narrow end", cell: (/** @type {any} */ one) => count(one.dead, "bad") },
  { label: o.jobs.held, class: "narrow", cell: (/** @type {any} */ one) => (one.held_since ? html`<span title=${one.held_because ?? ""}><${Badge} kind="warn">${one.held_because ?? o.jobs.held}<//></span>` : html`<span class="soft">—</span>`) },
  { label: o.jobs.next, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.next_look_at} near />` },
];

/** Which tenants have work, and how it goes. */
export default function Jobs() {
  const pages = usePages("/operator/jobs", 25);
  return html`<${Page} title=${s.operator.screens.jobs} of=${o.of} about=${o.jobs.about} actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${pages.reload}><${Icon} name="reload" /></button>`}>
    <${Loaded} of=${pages}>${(/** @type {any[]} */ all) => (all.length === 0 && !pages.more
      ? html`<div class="card"><${Empty} icon="jobs" title=${o.jobs.none} text=${o.jobs.noneText} /></div>`
      : html`<${Table} label=${s.operator.screens.jobs} columns=${COLUMNS} rows=${all} keyOf=${(/** @type {any} */ one) => one.tenant.id} onMore=${pages.more} busy=${pages.busy} />`)}<//>
  <//>`;
}
