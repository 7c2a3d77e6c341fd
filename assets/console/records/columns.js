// Which columns a table shows, kept in this browser.

import { html, useState } from "../dom.js";
import { Icon } from "../parts/icon.js";
import { Item, Menu } from "../parts/menu.js";
import { s } from "../strings.js";

/** @param {import("../shell.js").At} at @param {import("./schema.js").TableOf} table */
const place = (at, table) => `tenantry.hidden.${at.tenant.id}.${table.name}`;

/** @param {import("../shell.js").At} at @param {import("./schema.js").TableOf} table @returns {[import("./schema.js").Column[], Set<string>, (hidden: Set<string>) => void]} */
export function useColumns(at, table) {
  const [hidden, setHidden] = useState(() => {
    try {
      return new Set(/** @type {string[]} */ (JSON.parse(localStorage.getItem(place(at, table)) ?? "[]")));
    } catch {
      return new Set(/** @type {string[]} */ ([]));
    }
  });
  const keep = (/** @type {Set<string>} */ next) => {
    localStorage.setItem(place(at, table), JSON.stringify([...next]));
    setHidden(next);
  };
  const shown = table.columns.filter((column) => !hidden.has(column.name));
  return [shown.length ? shown : table.columns, hidden, keep];
}

/** @param {{ table: import("./schema.js").TableOf, hidden: Set<string>, onChange: (hidden: Set<string>) => void }} props */
export function ColumnChooser({ table, hidden, onChange }) {
  const flip = (/** @type {string} */ name) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    if (next.size < table.columns.length) onChange(next);
  };
  return html`<${Menu} button=${html`<${Icon} name="columns" /><span class="label">${s.records.columns}</span>`} label=${s.records.columns}>
    ${table.columns.map(({ name }) => html`<${Item} key=${name} stay current=${!hidden.has(name)} onClick=${() => flip(name)}>${name}<//>`)}
    ${hidden.size > 0 && html`<hr /><${Item} onClick=${() => onChange(new Set())}>${s.records.allColumns}<//>`}
  <//>`;
}
