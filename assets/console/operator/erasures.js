import { get } from "../api.js";
import { html } from "../dom.js";
import { number } from "../format.js";
import { useLoad } from "../load.js";
import { Dialog } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { Download } from "../parts/download.js";
import { Copy, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { saveAs } from "../records/export.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { o } from "./strings.js";

/** What is signed. @param {any} receipt */
const statementOf = (receipt) => JSON.parse(receipt.statement);

/** What was removed, provably. @param {{ route: import("../router.js").Route }} props */
export default function Erasures({ route }) {
  const pages = usePages("/operator/erasures");
  const rows = pages.data?.map((one) => ({ ...one, statement: statementOf(one.receipt) })) ?? [];
  const columns = [
    { label: o.tenant, cell: (/** @type {any} */ one) => html`<a class="mono small" href=${toOperator("erasures", one.tenant_id)}>${one.tenant_id}</a>` },
    { label: o.erasures.closedAt, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.statement.closed_at} />` },
    { label: o.erasures.erased, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.statement.erased_at} />` },
    { label: o.erasures.removed, class: "narrow end", cell: (/** @type {any} */ one) => number(one.statement.removed.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + each.removed, 0)) },
  ];
  return html`<${Page} title=${s.operator.screens.erasures} of=${o.of} about=${o.erasures.about}>
    <${Loaded} of=${pages}>${() => (rows.length === 0
      ? html`<div class="card"><${Empty} icon="bin" title=${o.erasures.none} text=${o.erasures.noneText} /></div>`
      : html`<${Table} label=${s.operator.screens.erasures} columns=${columns} rows=${rows} keyOf=${(/** @type {any} */ one) => one.tenant_id} onMore=${pages.more} busy=${pages.busy} />`)}<//>
    ${route.rest[0] && html`<${Receipt} key=${route.rest[0]} id=${route.rest[0]} />`}
  <//>`;
}

const REMOVED = [
  { label: o.erasures.store, cell: (/** @type {any} */ one) => html`<b>${one.store}</b>` },
  { label: o.erasures.count, class: "narrow end", cell: (/** @type {any} */ one) => number(one.removed) },
  { label: o.erasures.verified, cell: (/** @type {any} */ one) => html`<span class="soft small wraps">${one.verified}</span>` },
];
const KEPT = [
  { label: o.erasures.store, cell: (/** @type {any} */ one) => html`<b>${one.store}</b>` },
  { label: o.erasures.reason, cell: (/** @type {any} */ one) => html`<span class="soft small wraps">${one.reason}</span>` },
  { label: o.erasures.until, class: "narrow", cell: (/** @type {any} */ one) => (one.until ? html`<${Time} at=${one.until} />` : html`<span class="soft">${o.erasures.forGood}</span>`) },
];

/** @param {{ id: string }} props */
function Receipt({ id }) {
  const found = useLoad(() => get(`/operator/erasures/${encodeURIComponent(id)}`), [id]);
  const file = `${id}-receipt.json`;
  const command = `tenantry verify receipt ${file}`;
  return html`<${Dialog} kind="wide" title=${o.erasures.download} onClose=${() => navigate(toOperator("erasures"))}
      tools=${found.data && html`<${Download} class="button" blank href=${`/api/v1/operator/erasures/${encodeURIComponent(id)}.html`}><${Icon} name="link" />${s.invoices.print}<//><button class="button" onClick=${() => saveAs(new Blob([JSON.stringify(found.data, null, 2)], { type: "application/json" }), file)}><${Icon} name="download" />${s.download}</button>`}>
    <${Loaded} of=${found}>${(/** @type {any} */ receipt) => {
      const statement = statementOf(receipt);
      return html`<div class="stack"><dl class="facts"><dt>${o.tenant}</dt><dd class="mono small">${statement.tenant_id}</dd>
          ${statement.closed_at && html`<dt>${o.erasures.closedAt}</dt><dd><${Time} at=${statement.closed_at} /></dd>`}<dt>${o.erasures.erased}</dt><dd><${Time} at=${statement.erased_at} /></dd>
          <dt>${o.erasures.head}</dt><dd class="mono small">${statement.audit_head[0]} · ${statement.audit_head[1]}</dd>
          <dt>${o.erasures.key}</dt><dd class="mono small">${receipt.public_key}</dd><dt>${o.erasures.signature}</dt><dd class="mono small">${receipt.signature}</dd></dl>
        <h3>${o.erasures.removed}</h3><${Table} label=${o.erasures.removed} columns=${REMOVED} rows=${statement.removed} keyOf=${(/** @type {any} */ one) => one.store} />
        ${statement.kept.length > 0 && html`<h3>${o.erasures.kept}</h3><${Table} label=${o.erasures.kept} columns=${KEPT} rows=${statement.kept} keyOf=${(/** @type {any} */ one) => one.store} />`}
        <p class="soft small">${o.erasures.verify}</p><div class="secret"><code class="small">${command}</code><${Copy} text=${command} /></div></div>`;
    }}<//><//>`;
}
