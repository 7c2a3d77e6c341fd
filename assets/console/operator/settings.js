import { get } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table } from "../parts/page.js";
import { s } from "../strings.js";
import { o } from "./strings.js";

const t = o.settings;
const KINDS = /** @type {Record<string, string>} */ ({ flag: "warn", environment: "info", file: "good", default: "" });

/** A value as it would be written. @param {any} value */
function shown(value) {
  if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) return html`<span class="soft">${t.unset}</span>`;
  if (value === "(set)") return html`<span class="soft">${t.secret}</span>`;
  return html`<code class="wraps">${typeof value === "string" ? value : JSON.stringify(value)}</code>`;
}

const COLUMNS = [
  { label: t.name, cell: (/** @type {any} */ one) => html`<span class="two"><code><b>${one.name}</b></code><span class="soft small">${one.about}</span></span>` },
  { label: t.value, cell: (/** @type {any} */ one) => shown(one.value) },
  { label: t.source, class: "narrow", cell: (/** @type {any} */ one) => (one.source === "default" ? html`<span class="soft">${t.sources.default}</span>` : html`<${Badge} kind=${KINDS[one.source] ?? ""}>${t.sources[one.source] ?? one.source}<//>`) },
];

/** How the installation is set up. It is read when the server starts, so nothing is changed here. */
export default function Settings() {
  const found = useLoad(async () => (await get("/operator/settings")).items, []);
  const [q, setQ] = useState("");
  const [given, setGiven] = useState(false);
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const isShown = (/** @type {any} */ one) => (!given || one.source !== "default") && words.every((word) => `${one.name} ${one.about}`.toLowerCase().includes(word));
  return html`<${Page} title=${s.operator.screens.settings} of=${o.of} about=${t.about}>
    <div class="note"><${Icon} name="info" /><div><p>${t.change}</p></div></div>
    <div class="tools"><label class="field grow"><span class="label small soft">${s.search}</span><input class="input" type="search" placeholder=${t.search} spellcheck="false" value=${q} onInput=${(/** @type {any} */ event) => setQ(event.target.value)} /></label>
      <label class="check inline"><input type="checkbox" checked=${given} onChange=${(/** @type {any} */ event) => setGiven(event.target.checked)} /><span>${t.onlyGiven}</span></label></div>
    <${Loaded} of=${found}>${(/** @type {any[]} */ all) => {
      const rows = all.filter(isShown);
      return rows.length === 0 ? html`<div class="card"><${Empty} icon="settings" title=${t.none} text=${given && !q ? t.noneGiven : t.noneText} /></div>`
        : html`<${Table} label=${s.operator.screens.settings} columns=${COLUMNS} rows=${rows} keyOf=${(/** @type {any} */ one) => one.name} />`;
    }}<//>
  <//>`;
}
