// Permissions to choose from: those that one has oneself, as nobody grants more.

import { html } from "../dom.js";
import { s } from "../strings.js";

/** @param {{ at: import("../shell.js").At, picked: string[], onChange: (picked: string[]) => void, without?: string[] }} props */
export function PermissionPicker({ at, picked, onChange, without = [] }) {
  const mine = at.me.memberships.find(({ tenant }) => tenant.id === at.tenant.id)?.permissions ?? [];
  const offered = mine.filter((name) => !without.includes(name));
  const flip = (/** @type {string} */ name) => onChange(picked.includes(name) ? picked.filter((one) => one !== name) : [...picked, name]);
  return html`<fieldset class="field"><legend class="label"><b>${s.roles.permissions}</b></legend><div class="permissions">${offered.map((name) => html`
    <label class="check" key=${name}><input type="checkbox" checked=${picked.includes(name)} onChange=${() => flip(name)} /><span class="mono small">${name}</span></label>`)}</div></fieldset>`;
}
