// Whom invoices are addressed to.

import { get, put } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Loaded } from "../parts/page.js";
import { toast } from "../parts/toasts.js";
import { s } from "../strings.js";

/** @param {{ at: import("../shell.js").At }} props */
export function BillingDetails({ at }) {
  const found = useLoad(() => get(at.api("/billing/details")), [at.tenant.id]);
  const [editing, setEditing] = useState(false);
  const submit = async (/** @type {Record<string, string>} */ { name, address, tax_id: taxId }) => {
    const lines = address.split("\n").map((line) => line.trim()).filter(Boolean);
    found.set(await put(at.api("/billing/details"), { name: name.trim() || null, address: lines, tax_id: taxId.trim() || null }));
    toast(s.saved);
    setEditing(false);
  };
  return html`<section class="card"><header><h2>${s.details.title}</h2>${at.can("billing:manage") && found.data && html`<button class="button" onClick=${() => setEditing(true)}><${Icon} name="edit" />${s.edit}</button>`}</header>
    <${Loaded} of=${found} lines=${2}>${(/** @type {any} */ details) => (details.name || details.address.length || details.tax_id
      ? html`<dl class="facts"><dt>${s.details.name}</dt><dd>${details.name ?? html`<span class="soft">${at.tenant.name}</span>`}</dd><dt>${s.details.address}</dt><dd>${details.address.length ? details.address.map((/** @type {string} */ line) => html`<div>${line}</div>`) : html`<span class="soft">—</span>`}</dd><dt>${s.details.taxId}</dt><dd>${details.tax_id ?? html`<span class="soft">—</span>`}</dd></dl>`
      : html`<p class="soft">${s.details.none}</p>`)}<//>
    ${editing && html`<${Dialog} title=${s.details.title} onClose=${() => setEditing(false)}><${Form} onSubmit=${submit} submit=${s.save} onCancel=${() => setEditing(false)}>
      <p class="soft">${s.details.text}</p>
      <${Field} label=${s.details.name} name="name" defaultValue=${found.data.name ?? ""} placeholder=${at.tenant.name} autocomplete="organization" autofocus />
      <${Field} label=${s.details.address} name="address" hint=${s.details.addressHint}>${(/** @type {any} */ ties) => html`<textarea class="input" autocomplete="street-address" ...${ties} defaultValue=${found.data.address.join("\n")}></textarea>`}<//>
      <${Field} label=${s.details.taxId} name="tax_id" defaultValue=${found.data.tax_id ?? ""} hint=${s.details.taxIdHint} autocomplete="off" />
    <//><//>`}</section>`;
}
