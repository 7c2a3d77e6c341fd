import { get, list, post } from "../api.js";
import { html, useState } from "../dom.js";
import { day, size } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { Confirm } from "../parts/dialog.js";
import { Download } from "../parts/download.js";
import { Icon } from "../parts/icon.js";
import { Badge, Loaded, Page, Table, Time } from "../parts/page.js";
import { attempt, toast } from "../parts/toasts.js";
import { loadMe } from "../session.js";
import { s } from "../strings.js";

const KINDS = /** @type {Record<string, string>} */ ({ ready: "good", failed: "bad", expired: "", queued: "info", running: "info" });

/** Taking everything along, and closing the tenant. @param {{ at: import("../shell.js").At }} props */
export default function Leave({ at }) {
  const exports = useLoad(() => list(at.api("/exports")), [at.tenant.id]);
  const tenant = useLoad(() => get(at.api("")), [at.tenant.id, at.tenant.status]);
  const [closing, setClosing] = useState(false);
  const going = exports.data?.some(({ status }) => status === "queued" || status === "running");
  useEvery(() => void exports.reload(), 1000, Boolean(going));
  const start = () => attempt(async () => {
    await post(at.api("/exports"));
    await exports.reload();
  }, s.leave.started);
  const close = async () => {
    await post(at.api("/close"), { confirm: at.slug });
    await loadMe();
    toast(s.leave.closed);
  };
  const reopen = () => attempt(async () => {
    await post(at.api("/reopen"));
    await loadMe();
  }, s.leave.reopened);
  const columns = [
    { label: s.leave.made, cell: (/** @type {any} */ one) => html`<${Time} at=${one.created_at} />` },
    { label: s.invoices.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${Badge} kind=${KINDS[one.status] ?? ""}>${s.leave.statuses[one.status] ?? one.status}<//>` },
    { label: s.files.size, class: "narrow end", cell: (/** @type {any} */ one) => one.status === "running" || one.status === "queued"
      ? html`<div class="progress" role="progressbar" aria-label=${s.jobs.progress} aria-valuenow=${one.progress} aria-valuemax="100"><div style=${{ width: `${one.progress}%` }}></div></div>`
      : one.size_bytes ? size(one.size_bytes) : html`<span class="soft" title=${one.error ?? ""}>—</span>` },
    { label: s.leave.until, class: "narrow", cell: (/** @type {any} */ one) => (one.status === "ready" ? html`<${Time} at=${one.expires_at} near />` : html`<span class="soft">—</span>`) },
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => one.status === "ready" && html`<${Download} class="button" href=${`/api/v1${at.api(`/exports/${one.id}/download`)}`}><${Icon} name="download" />${s.download}<//>` },
  ];
  const isClosing = at.tenant.status === "closing";
  const until = tenant.data?.erase_after ? day(tenant.data.erase_after) : "";
  return html`<${Page} title=${s.screens.leave} of=${at.tenant.name}>
    <div class="pair"><div class="stack"><section class="card"><header><h2>${s.leave.export}</h2><button class=${`button primary ${going ? "busy" : ""}`} disabled=${going} onClick=${start}><${Icon} name=${going ? "reload" : "download"} />${s.leave.start}</button></header>
      <p class="soft">${s.leave.exportText}</p></section>
    <${Loaded} of=${exports} lines=${2}>${(/** @type {any[]} */ all) => all.length > 0 && html`<${Table} label=${s.leave.export} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} />`}<//></div>
    ${at.can("tenant:close") && (isClosing
      ? html`<section class="card danger stack"><h2>${s.leave.isClosing}</h2><p>${s.leave.closingText(until)}</p><div><button class="button primary" onClick=${reopen}>${s.leave.reopen}</button></div></section>`
      : html`<section class="card danger stack"><h2>${s.leave.close}</h2><p class="soft">${s.leave.closeText}</p>
          <ol class="steps">${s.leave.steps.map((step) => html`<li><span><b>${step[0]}</b> <span class="soft">${step[1]}</span></span></li>`)}</ol>
          <div><button class="button danger" onClick=${() => setClosing(true)}>${s.leave.close}…</button></div></section>`)}</div>
    ${closing && html`<${Confirm} title=${s.leave.closeTitle(at.tenant.name)} text=${s.leave.confirmText} action=${s.leave.close} word=${at.slug} onClose=${() => setClosing(false)} onConfirm=${close} />`}
  <//>`;
}
