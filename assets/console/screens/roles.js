import { list, patch, post, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Loaded, Page, Table } from "../parts/page.js";
import { PermissionPicker } from "../parts/permissions.js";
import { toast } from "../parts/toasts.js";
import { s } from "../strings.js";

/** The roles of a tenant: built in, the app's, its own. @param {{ at: import("../shell.js").At }} props */
export default function Roles({ at }) {
  const manages = at.can("roles:manage");
  const roles = useLoad(() => list(at.api("/roles")), [at.tenant.id]);
  const [editing, setEditing] = useState(/** @type {any} */ (null));
  const [deleting, setDeleting] = useState(/** @type {any} */ (null));
  const columns = [
    { label: s.members.role, class: "narrow", cell: (/** @type {any} */ one) => html`<b>${one.name}</b>` },
    { label: s.roles.from, class: "narrow", cell: (/** @type {any} */ one) => html`<${Badge} kind=${one.defined_by === "tenant" ? "info" : ""}>${s.roles.by[one.defined_by] ?? one.defined_by}<//>` },
    { label: s.roles.permissions, class: "prose", cell: (/** @type {any} */ one) => html`<span class="soft small wraps">${one.permissions.join(", ") || s.none}</span>` },
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => manages && one.defined_by === "tenant" && html`<div class="row nowrap"><button class="button plain" onClick=${() => setEditing(one)}>${s.edit}</button>
      <button class="button plain danger square" aria-label=${s.roles.delete(one.name)} onClick=${() => setDeleting(one)}><${Icon} name="bin" /></button></div>` },
  ];
  return html`<${Page} title=${s.screens.roles} of=${at.tenant.name} about=${s.roles.about} actions=${manages && html`<button class="button primary" onClick=${() => setEditing({})}><${Icon} name="plus" />${s.roles.create}</button>`}>
    <${Loaded} of=${roles}>${(/** @type {any[]} */ all) => html`<${Table} label=${s.screens.roles} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.name} />`}<//>
    ${editing && html`<${Edit} at=${at} role=${editing} onClose=${() => setEditing(null)} onDone=${roles.reload} />`}
    ${deleting && html`<${Confirm} title=${s.roles.deleteTitle(deleting.name)} text=${s.roles.deleteText} action=${s.delete} onClose=${() => setDeleting(null)}
      onConfirm=${async () => { await remove(at.api(`/roles/${encodeURIComponent(deleting.name)}`)); await roles.reload(); }} />`}
  <//>`;
}

/** @param {{ at: import("../shell.js").At, role: any, onClose: () => void, onDone: () => void }} props */
function Edit({ at, role, onClose, onDone }) {
  const [permissions, setPermissions] = useState(/** @type {string[]} */ (role.permissions ?? ["records:read"]));
  const submit = async (/** @type {Record<string, string>} */ { name }) => {
    if (role.name) await patch(at.api(`/roles/${encodeURIComponent(role.name)}`), { permissions });
    else await post(at.api("/roles"), { name: name.trim(), permissions });
    toast(s.saved);
    onDone();
    onClose();
  };
  return html`<${Dialog} title=${role.name ? s.roles.edit(role.name) : s.roles.create} onClose=${onClose}><${Form} onSubmit=${submit} submit=${s.save} onCancel=${onClose}>
    ${!role.name && html`<${Field} label=${s.members.role} name="name" hint=${s.roles.nameHint} autocapitalize="none" spellcheck="false" autofocus required />`}
    <${PermissionPicker} at=${at} picked=${permissions} onChange=${setPermissions} />
  <//><//>`;
}
