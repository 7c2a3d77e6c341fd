import { post } from "../api.js";
import { html, useState } from "../dom.js";
import { Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Avatar, Badge, Empty, Page } from "../parts/page.js";
import { navigate, to } from "../router.js";
import { loadMe } from "../session.js";
import { s } from "../strings.js";

/** The tenants of whoever is signed in, and a new one. @param {{ me: import("../session.js").Me }} props */
export default function Tenants({ me }) {
  const [making, setMaking] = useState(false);
  const create = html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${s.tenants.create}</button>`;
  return html`<${Page} title=${s.tenants.title} actions=${me.memberships.length > 0 && create}>
    ${me.memberships.length === 0
      ? html`<div class="card"><${Empty} icon="tenant" title=${s.tenants.none} text=${me.operator ? s.tenants.noneOperator : s.tenants.noneText}>${create}<//></div>`
      : html`<ul class="tiles">${me.memberships.map(({ tenant, role }) => html`<li key=${tenant.id}><a class="card tile" href=${to(tenant.slug, "records")}>
          <${Avatar} name=${tenant.name} /><span class="two"><b class="cut">${tenant.name}</b><span class="soft small cut">${tenant.slug} · ${role}</span></span>
          ${tenant.status !== "active" && html`<${Badge} kind="warn">${s.status[tenant.status] ?? tenant.status}<//>`}<${Icon} name="right" /></a></li>`)}</ul>`}
    ${making && html`<${NewTenant} onClose=${() => setMaking(false)} />`}
  <//>`;
}

/** @param {{ onClose: () => void }} props */
function NewTenant({ onClose }) {
  const [name, setName] = useState("");
  const [slug, setSlug] = useState("");
  const submit = async () => {
    const made = await post("/tenants", { name, ...(slug ? { slug } : {}) });
    await loadMe();
    onClose();
    navigate(to(made.slug, "records"));
  };
  const proposed = name.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 40);
  return html`<${Dialog} title=${s.tenants.create} onClose=${onClose}>
    <${Form} onSubmit=${submit} submit=${s.tenants.create} onCancel=${onClose}>
      <${Field} label=${s.tenants.name} name="name" value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} autofocus required />
      <${Field} label=${s.tenants.slug} mark=${s.optional} name="slug" class="input mono" value=${slug} placeholder=${proposed} hint=${s.tenants.slugHint}
        autocapitalize="none" spellcheck="false" onInput=${(/** @type {any} */ event) => setSlug(event.target.value)} />
    <//>
  <//>`;
}
