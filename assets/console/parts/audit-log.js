// An audit log, newest first: of a tenant, or of the installation. What it is narrowed to stands in the address.

import { send } from "../api.js";
import { html } from "../dom.js";
import { navigate } from "../router.js";
import { s } from "../strings.js";
import { saveAs } from "../records/export.js";
import { Icon } from "./icon.js";
import { Item, Menu } from "./menu.js";
import { Empty, Loaded, Page, Table, Time } from "./page.js";
import { usePages } from "./pages.js";
import { attempt } from "./toasts.js";

/** What an entry says besides, as "role: viewer". @param {string} details */
function detailsOf(details) {
  try {
    return Object.entries(JSON.parse(details)).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · ");
  } catch {
    return details;
  }
}

/**
 * @typedef {object} Log
 * @property {string} api where it is read
 * @property {string} address where it is shown
 * @property {string} search
 * @property {(actor: string) => string} actorOf
 * @property {string} file what a download is called
 */

/** What it is narrowed to. @param {string} search */
const narrowed = (search) => new URLSearchParams([...new URLSearchParams(search)].filter(([name, value]) => ["action", "actor", "from", "to"].includes(name) && value));

/** @param {string} api @param {URLSearchParams} query */
const pathOf = (api, query) => `${api}${String(query) ? `?${query}` : ""}`;

/** A log on a screen of its own. @param {Log & { of?: string }} props */
export function AuditLog({ of, ...log }) {
  return html`<${Page} title=${s.screens.audit} of=${of} about=${s.audit.about} actions=${html`<${AuditDownload} ...${log} />`}><${AuditEntries} ...${log} /><//>`;
}

/** What is seen, as a file. @param {Log} props */
export function AuditDownload({ api, search, file }) {
  const path = pathOf(api, narrowed(search));
  const save = (/** @type {string} */ kind, /** @type {string} */ end) => attempt(async () => saveAs(await (await send("GET", path, { headers: { accept: kind } })).blob(), `${file}-audit.${end}`));
  return html`<${Menu} button=${html`<${Icon} name="download" />${s.download}`} label=${s.download}>
      <${Item} onClick=${() => save("text/csv", "csv")}>CSV<//><${Item} onClick=${() => save("application/x-ndjson", "ndjson")}>NDJSON<//><//>`;
}

/** @param {Log & { tools?: any }} props */
export function AuditEntries({ api, address, search, actorOf, tools }) {
  const query = narrowed(search);
  const pages = usePages(pathOf(api, query));
  const set = (/** @type {string} */ name, /** @type {string} */ value) => {
    if (value) query.set(name, value);
    else query.delete(name);
    navigate(`${address}${String(query) ? `?${query}` : ""}`);
  };
  const columns = [
    { label: s.audit.when, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.at} />` },
    { label: s.audit.who, cell: (/** @type {any} */ one) => html`<button class="link quiet cut block" title=${one.actor} onClick=${() => set("actor", one.actor)}>${actorOf(one.actor)}</button>` },
    { label: s.audit.what, class: "narrow", cell: (/** @type {any} */ one) => html`<button class="link quiet mono small" onClick=${() => set("action", one.action)}>${one.action}</button>` },
    { label: s.audit.target, cell: (/** @type {any} */ one) => html`<span class="two"><span class="cut" title=${one.target}>${/^identity:/.test(one.target) ? actorOf(one.target) : one.target}</span>${one.details && one.details !== "{}" && html`<span class="soft small mono cut" title=${one.details}>${detailsOf(one.details)}</span>`}</span>` },
    { label: s.audit.address, class: "narrow", cell: (/** @type {any} */ one) => html`<span class="soft mono small">${one.address || "—"}</span>` },
  ];
  return html`<div class="tools">
      <label class="field grow"><span class="label small soft">${s.audit.what}</span><input class="input" placeholder="member.*" spellcheck="false" value=${query.get("action") ?? ""} onChange=${(/** @type {any} */ event) => set("action", event.target.value.trim())} /></label>
      <label class="field"><span class="label small soft">${s.audit.from}</span><input class="input" type="date" value=${query.get("from")?.slice(0, 10) ?? ""} onChange=${(/** @type {any} */ event) => set("from", event.target.value && new Date(`${event.target.value}T00:00`).toISOString())} /></label>
      <label class="field"><span class="label small soft">${s.audit.to}</span><input class="input" type="date" value=${query.get("to")?.slice(0, 10) ?? ""} onChange=${(/** @type {any} */ event) => set("to", event.target.value && new Date(`${event.target.value}T23:59:59.999`).toISOString())} /></label>
      ${query.get("actor") && html`<button class="button" onClick=${() => set("actor", "")}>${actorOf(query.get("actor") ?? "")}<${Icon} name="close" /></button>`}
      ${String(query) && html`<button class="button plain" onClick=${() => navigate(address)}>${s.records.clear}</button>`}
      ${tools}
    </div>
    <${Loaded} of=${pages}>${(/** @type {any[]} */ all) => all.length === 0
      ? html`<div class="card"><${Empty} icon="audit" title=${s.audit.none} text=${s.audit.noneText} /></div>`
      : html`<${Table} label=${s.screens.audit} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.seq} onMore=${pages.more} busy=${pages.busy} />`}<//>`;
}
