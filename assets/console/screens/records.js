import { get } from "../api.js";
import { html, useEffect } from "../dom.js";
import { useLoad } from "../load.js";
import { Badge, Empty, Loaded } from "../parts/page.js";
import { Sheet } from "../records/sheet.js";
import { navigate, to } from "../router.js";
import { s } from "../strings.js";

/** The tables at the side, the records of one beside them. @param {{ at: import("../shell.js").At, route: import("../router.js").Route }} props */
export default function Records({ at, route }) {
  const tables = useLoad(async () => /** @type {import("../records/schema.js").TableOf[]} */ ((await get(at.api("/tables"))).items), [at.tenant.id]);
  const [name, key] = route.rest;
  const table = tables.data?.find((one) => one.name === name);
  useEffect(() => {
    const first = tables.data?.find((one) => one.kind === "table") ?? tables.data?.[0];
    if (!name && first) navigate(to(at.slug, "records", first.name), { replace: true });
    document.title = [name ?? s.screens.records, at.tenant.name, "Tenantry"].join(" · ");
  }, [tables.data, name]);
  if (!tables.data) return html`<div class="page" key="waiting"><${Loaded} of=${tables} /></div>`;
  if (tables.data.length === 0) return html`<${Empty} icon="records" title=${s.records.noTables} text=${s.records.noTablesText} />`;
  return html`<div class="records">
    <nav class="tables" aria-label=${s.records.tables}><h2>${s.records.tables}</h2><ul>${tables.data.map((one) => html`<li key=${one.name}>
      <a href=${to(at.slug, "records", one.name)} aria-current=${one.name === name ? "page" : undefined}><span class="cut">${one.name}</span>${one.kind !== "table" && html`<${Badge}>${s.records.kinds[one.kind]}<//>`}</a></li>`)}</ul></nav>
    ${table
      ? html`<${Sheet} key=${`${at.tenant.id}/${table.name}`} at=${at} table=${table} tables=${tables.data} search=${route.search} openKey=${key} />`
      : name && html`<${Empty} icon="records" title=${s.records.noTable(name)}><a class="button" href=${to(at.slug, "records")}>${s.records.tables}</a><//>`}
  </div>`;
}
