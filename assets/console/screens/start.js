import { get, post } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Icon } from "../parts/icon.js";
import { Copy, Loaded, Page } from "../parts/page.js";
import { attempt } from "../parts/toasts.js";
import { to } from "../router.js";
import { s } from "../strings.js";

/** A value that a column takes for the first record of somebody who looks around. @param {import("../records/schema.js").Column} column */
const exampleOf = ({ type, name }) => ({ integer: 1, real: 1, number: 1, boolean: true, json: {}, datetime: new Date().toISOString() })[/** @type {string} */ (type)] ?? (name === "email" ? "first@example.com" : s.start.example);

/** The table that needs least to be known, and a record of it. @param {import("../records/schema.js").TableOf[]} tables */
function firstRecord(tables) {
  const needed = (/** @type {import("../records/schema.js").TableOf} */ table) => table.columns.filter((column) => column.required && !column.has_default && !column.generated && !column.read_only && !table.key.includes(column.name));
  const fit = tables.filter((table) => table.kind === "table" && table.permissions.includes("write") && needed(table).every((column) => !column.references));
  const table = fit.find((one) => one.columns.some((column) => column.name === "name")) ?? fit[0];
  if (!table) return null;
  const columns = needed(table);
  const label = columns.length ? columns : table.columns.filter((column) => ["name", "title"].includes(column.name));
  return { table: table.name, body: Object.fromEntries(label.map((column) => [column.name, exampleOf(column)])) };
}

/** Three commands that work as pasted, and where one goes from there. @param {{ at: import("../shell.js").At }} props */
export default function Start({ at }) {
  const found = useLoad(async () => firstRecord((await get(at.api("/tables"))).items), [at.tenant.id]);
  const [key, setKey] = useState("");
  const make = () => attempt(async () => {
    const permissions = ["records:read", "records:write"].filter((name) => at.can(name));
    setKey((await post(at.api("/api-keys"), { name: s.start.keyName, permissions, expires_at: new Date(Date.now() + 7 * 86_400_000).toISOString() })).key);
  });
  const api = `${location.origin}/api/v1${at.api("")}`;
  const quoted = (/** @type {unknown} */ value) => `'${JSON.stringify(value).replaceAll("'", "'\\''")}'`;
  return html`<${Page} title=${s.screens.start} of=${at.tenant.name} about=${s.start.about}>
    <${Loaded} of=${found}>${(/** @type {any} */ first) => {
      const path = first && `${api}/records/${encodeURIComponent(first.table)}`;
      const commands = [
        [s.start.key, `export KEY=${key || s.start.placeholder}`],
        ...(first ? [[s.start.write, `curl -s ${path} -H "authorization: Bearer $KEY" \\\n  -H 'content-type: application/json' -d ${quoted(first.body)}`], [s.start.read, `curl -s '${path}?limit=10' -H "authorization: Bearer $KEY"`]] : [[s.start.tables, `curl -s ${api}/tables -H "authorization: Bearer $KEY"`]]),
      ];
      return html`<ol class="guide">${commands.map(([title, command], index) => html`<li class="card stack tight" key=${title}><div class="row apart"><h2><span class="soft numeric">${index + 1}</span> ${title}</h2>${index === 0 && !key ? at.can("keys:manage") && html`<button class="button primary" onClick=${make}><${Icon} name="keys" />${s.start.make}</button>` : html`<${Copy} text=${command} />`}</div>
          ${index === 0 && html`<p class="soft small">${key ? s.keys.once : at.can("keys:manage") ? s.start.keyText : s.start.noKeys}</p>`}<pre class="secret small">${command}</pre></li>`)}</ol>
        ${first && html`<p class="soft">${s.start.seen} <a href=${to(at.slug, "records", first.table)}>${first.table}</a></p>`}
    <h2>${s.start.then}</h2>
    <ul class="tiles">${/** @type {[string, string, string][]} */ ([["members", "members:manage", s.start.invite], ["webhooks", "webhooks:manage", s.start.hook], ["usage", "usage:read", s.start.usage], ["leave", "tenant:export", s.start.leave]]).filter(([, permission]) => at.can(permission)).map(([name, , text]) => html`
      <li key=${name}><a class="card tile" href=${to(at.slug, name)}><${Icon} name=${name} /><span class="two"><b>${s.screens[name]}</b><span class="soft small">${text}</span></span><${Icon} name="right" /></a></li>`)}
      <li><a class="card tile" href="/api/docs"><${Icon} name="info" /><span class="two"><b>${s.account.docs}</b><span class="soft small">${s.start.docs}</span></span><${Icon} name="right" /></a></li></ul>`;
    }}<//>
  <//>`;
}
