import { get } from "../api.js";
import { html } from "../dom.js";
import { useLoad } from "../load.js";
import { Dialog } from "../parts/dialog.js";
import { Download } from "../parts/download.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { o } from "./strings.js";

const COLUMNS = [
  { label: o.mailbox.subject, cell: (/** @type {any} */ one) => html`<a class="cut block" href=${toOperator("mailbox", one.id)}><b>${one.subject}</b></a>` },
  { label: o.mailbox.to, cell: (/** @type {any} */ one) => html`<span class="cut block">${one.to}</span>` },
  { label: o.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${Badge}>${o.mailbox.statuses[one.status] ?? one.status}<//>` },
  { label: o.made, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.created_at} near />` },
];

/** Letters that nobody mailed. @param {{ route: import("../router.js").Route }} props */
export default function Mailbox({ route }) {
  const pages = usePages("/operator/mailbox");
  return html`<${Page} title=${s.operator.screens.mailbox} of=${o.of} about=${o.mailbox.about} actions=${html`<button class="button square" aria-label=${s.refresh} onClick=${pages.reload}><${Icon} name="reload" /></button>`}>
    <${Loaded} of=${pages}>${(/** @type {any[]} */ all) => (all.length === 0
      ? html`<div class="card"><${Empty} icon="mail" title=${o.mailbox.none} text=${o.mailbox.noneText} /></div>`
      : html`<${Table} label=${s.operator.screens.mailbox} columns=${COLUMNS} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} onMore=${pages.more} busy=${pages.busy} />`)}<//>
    ${route.rest[0] && html`<${Letter} key=${route.rest[0]} id=${route.rest[0]} />`}
  <//>`;
}

/** @param {{ id: string }} props */
function Letter({ id }) {
  const path = `/operator/mailbox/${encodeURIComponent(id)}`;
  const found = useLoad(() => get(path), [path]);
  return html`<${Dialog} kind="wide" title=${found.data?.subject ?? s.operator.screens.mailbox} onClose=${() => navigate(toOperator("mailbox"))} tools=${found.data && html`<${Download} class="button" blank href=${`/api/v1${path}`}><${Icon} name="link" />${o.mailbox.page}<//>`}>
    <${Loaded} of=${found}>${(/** @type {any} */ one) => html`<div class="stack"><dl class="facts"><dt>${o.mailbox.to}</dt><dd>${one.to}</dd><dt>${o.made}</dt><dd><${Time} at=${one.created_at} /></dd></dl>
      <pre class="secret letter">${linked(one.text)}</pre>
      <details><summary>${o.mailbox.headers}</summary><dl class="facts small">${one.headers.map((/** @type {any} */ each) => html`<dt>${each.name}</dt><dd class="mono small">${each.value}</dd>`)}</dl></details></div>`}<//><//>`;
}

/** The text with its addresses as links; nothing else than http and https becomes one. @param {string} text */
function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"]+)/).map((part, index) => (index % 2 ? html`<a href=${part} target="_blank" rel="noopener noreferrer">${part}</a>` : part));
}
