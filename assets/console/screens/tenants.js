import { html, useState } from "../dom.js";
import { Icon } from "../parts/icon.js";
import { NewTenant } from "../parts/new-tenant.js";
import { Avatar, Badge, Empty, Page } from "../parts/page.js";
import { to } from "../router.js";
import { s } from "../strings.js";

/** The tenants of whoever is signed in, and a new one. @param {{ me: import("../session.js").Me }} props */
export default function Tenants({ me }) {
  const [making, setMaking] = useState(false);
  const create = html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${s.tenants.create}</button>`;
  const bring = html`<a class="button" href="/console/imports"><${Icon} name="upload" />${s.tenants.import}</a>`;
  return html`<${Page} title=${s.tenants.title} actions=${me.memberships.length > 0 && html`${bring}${create}`}>
    ${me.memberships.length === 0
      ? html`<div class="card"><${Empty} icon="tenant" title=${s.tenants.none} text=${me.operator ? s.tenants.noneOperator : s.tenants.noneText}>${create}${bring}<//></div>`
      : html`<ul class="tiles">${me.memberships.map(({ tenant, role }) => html`<li key=${tenant.id}><a class="card tile" href=${to(tenant.slug, "records")}>
          <${Avatar} name=${tenant.name} /><span class="two"><b class="cut">${tenant.name}</b><span class="soft small cut">${tenant.slug} · ${role}</span></span>
          ${tenant.status !== "active" && html`<${Badge} kind="warn">${s.status[tenant.status] ?? tenant.status}<//>`}<${Icon} name="right" /></a></li>`)}</ul>`}
    ${making && html`<${NewTenant} onClose=${() => setMaking(false)} />`}
  <//>`;
}
