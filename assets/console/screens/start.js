import { get, post } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Icon } from "../parts/icon.js";
import { Copy, Loaded, Page } from "../parts/page.js";
import { attempt } from "../parts/toasts.js";
import { to } from "../router.js";
import { s } from "../strings.js";

/** @typedef {import("../shell.js").At} At */

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

/** What somebody does who makes a tenant their own, in order: the screen, the permission for it, and whether it was done. @type {[string, string, (at: At) => Promise<boolean>][]} */
const WAY = [
  ["records", "records:read", async (at) => {
    const { items } = await get(at.api("/tables"));
    const first = items.find((/** @type {any} */ table) => table.kind === "table");
    return Boolean(first && (await get(at.api(`/records/${encodeURIComponent(first.name)}?limit=1`))).items.length);
  }],
  ["members", "members:read", async (at) => {
    const [members, invited] = await Promise.all([get(at.api("/members?limit=2")), at.can("members:manage") ? get(at.api("/invitations")) : { items: [] }]);
    return members.items.length > 1 || invited.items.length > 0;
  }],
  ["keys", "keys:manage", async (at) => (await get(at.api("/api-keys"))).items.length > 0],
  ["webhooks", "webhooks:manage", async (at) => (await get(at.api("/webhook-endpoints"))).items.length > 0],
  ["usage", "usage:read", async (at) => (await get(at.api("/usage?window=month"))).items.some((/** @type {any} */ one) => Number(one.quantity) > 0 && !/^(api\.|jobs\.|storage\.|seats$)/.test(one.meter))],
  ["invoices", "billing:read", async (at) => (await get(at.api("/invoices?limit=1"))).items.length > 0],
  ["leave", "tenant:export", async (at) => (await get(at.api("/exports"))).items.length > 0],
];

/** The way of a newcomer, and three commands that work as pasted. @param {{ at: At }} props */
export default function Start({ at }) {
  return html`<${Page} title=${s.screens.start} of=${at.tenant.name} about=${s.start.about}><div class="pair"><div class="stack"><${Way} at=${at} /></div><div class="stack"><${Commands} at=${at} /></div></div><//>`;
}

/** @param {{ at: At }} props */
function Way({ at }) {
  const steps = WAY.filter(([, permission]) => at.can(permission));
  const found = useLoad(() => Promise.all(steps.map(([, , isDone]) => isDone(at).catch(() => false))), [at.tenant.id]);
  const done = found.data?.filter(Boolean).length ?? 0;
  return html`<div class="row apart"><h2>${s.start.way}</h2><span class="soft small" role="status">${found.data ? s.start.done(done, steps.length) : ""}</span></div>
    <ul class="tiles">${steps.map(([name], index) => html`<li key=${name}><a class="card tile" href=${to(at.slug, name)}><${Icon} name=${found.data?.[index] ? "check" : name} class=${found.data?.[index] ? "done" : ""} />
      <span class="two"><b>${s.screens[name]}${found.data?.[index] && html`<span class="unseen">, ${s.start.isDone}</span>`}</b><span class="soft small">${s.start.steps[name]}</span></span><${Icon} name="right" /></a></li>`)}
      <li><a class="card tile" href="/api/docs"><${Icon} name="info" /><span class="two"><b>${s.account.docs}</b><span class="soft small">${s.start.docs}</span></span><${Icon} name="right" /></a></li></ul>`;
}

/** @param {{ at: At }} props */
function Commands({ at }) {
  const found = useLoad(async () => firstRecord((await get(at.api("/tables"))).items), [at.tenant.id]);
  const [key, setKey] = useState("");
  const make = () => attempt(async () => {
    const permissions = ["records:read", "records:write"].filter((name) => at.can(name));
    setKey((await post(at.api("/api-keys"), { name: s.start.keyName, permissions, expires_at: new Date(Date.now() + 7 * 86_400_000).toISOString() })).key);
  });
  const api = `${location.origin}/api/v1${at.api("")}`;
  const quoted = (/** @type {unknown} */ value) => `'${JSON.stringify(value).replaceAll("'", "'\\''")}'`;
  return html`<div class="stack tight"><h2>${s.start.api}</h2><p class="soft">${s.start.apiText}</p></div>
    <${Loaded} of=${found}>${(/** @type {any} */ first) => {
      const path = first && `${api}/records/${encodeURIComponent(first.table)}`;
      const commands = [
        [s.start.key, `export KEY=${key || s.start.placeholder}`],
        ...(first ? [[s.start.write, `curl -s ${path} -H "authorization: Bearer $KEY" \\\n  -H 'content-type: application/json' -d ${quoted(first.body)}`], [s.start.read, `curl -s '${path}?limit=10' -H "authorization: Bearer $KEY"`]] : [[s.start.tables, `curl -s ${api}/tables -H "authorization: Bearer $KEY"`]]),
      ];
      return html`<ol class="guide">${commands.map(([title, command], index) => html`<li class="card stack tight" key=${title}><div class="row apart"><h2><span class="soft numeric">${index + 1}</span> ${title}</h2>${index === 0 && !key ? at.can("keys:manage") && html`<button class="button primary" onClick=${make}><${Icon} name="keys" />${s.start.make}</button>` : html`<${Copy} text=${command} />`}</div>
          ${index === 0 && html`<p class="soft small">${key ? s.keys.once : at.can("keys:manage") ? s.start.keyText : s.start.noKeys}</p>`}<pre class="secret small">${command}</pre></li>`)}</ol>
        ${first && html`<p class="soft">${s.start.seen} <a href=${to(at.slug, "records", first.table)}>${first.table}</a></p>`}`;
    }}<//>`;
}
