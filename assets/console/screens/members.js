import { list, patch, post, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Field, Form, Select } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Item, Menu } from "../parts/menu.js";
import { Avatar, Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { attempt, toast } from "../parts/toasts.js";
import { navigate } from "../router.js";
import { loadMe } from "../session.js";
import { s } from "../strings.js";

/** Who belongs to the tenant, in which role, and who is invited. @param {{ at: import("../shell.js").At }} props */
export default function Members({ at }) {
  const manages = at.can("members:manage");
  const members = useLoad(() => list(at.api("/members")), [at.tenant.id]);
  const roles = useLoad(async () => (await list(at.api("/roles"))).map((role) => role.name), [at.tenant.id]);
  const invitations = useLoad(async () => (manages ? list(at.api("/invitations")) : []), [at.tenant.id]);
  const [inviting, setInviting] = useState(false);
  const [asking, setAsking] = useState(/** @type {any} */ (null));
  const names = roles.data ?? [];
  const changeRole = (/** @type {any} */ member, /** @type {string} */ role) => attempt(async () => {
    await patch(at.api(`/members/${member.identity_id}`), { role });
    await members.reload();
  }, s.members.changed(member.name || member.email, role));
  const revoke = async (/** @type {any} */ invitation) => {
    await attempt(() => remove(at.api(`/invitations/${invitation.id}`)));
    toast(s.members.revoked(invitation.email), { act: { label: s.undo, run: async () => void (await attempt(async () => { await post(at.api("/invitations"), { email: invitation.email, role: invitation.role }); await invitations.reload(); }, s.members.invited(invitation.email))) } });
    await invitations.reload();
  };
  const columns = [
    { label: s.members.person, cell: (/** @type {any} */ one) => html`<div class="row nowrap"><${Avatar} name=${one.name || one.email} round /><span class="two"><span class="cut"><b>${one.name || one.email}</b> ${one.identity_id === at.me.id && html`<${Badge}>${s.members.you}<//>`}</span><span class="soft small cut">${one.kind === "service" ? s.members.service : one.email}</span></span></div>` },
    { label: s.members.role, cell: (/** @type {any} */ one) => manages && (one.role !== "owner" || at.role === "owner")
      ? html`<select class="input slim" aria-label=${s.members.roleOf(one.name || one.email)} value=${one.role} onChange=${async (/** @type {any} */ event) => { if (!(await changeRole(one, event.target.value))) event.target.value = one.role; }}>
          ${[...new Set([one.role, ...names])].filter((name) => name !== "owner" || at.role === "owner").map((name) => html`<option value=${name} selected=${name === one.role}>${name}</option>`)}</select>`
      : html`<${Badge} kind=${one.role === "owner" ? "good" : ""}>${one.role}<//>` },
    { label: s.members.joined, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.joined_at} near />` },
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => (manages || one.identity_id === at.me.id) && html`<${Menu} button=${html`<${Icon} name="dots" />`} label=${s.members.acts(one.name || one.email)} class="button plain square">
      ${at.can("ownership:transfer") && one.identity_id !== at.me.id && one.kind !== "service" && html`<${Item} icon="star" onClick=${() => setAsking({ transfer: one })}>${s.members.makeOwner}<//>`}
      <${Item} icon="out" danger onClick=${() => setAsking({ remove: one })}>${one.identity_id === at.me.id ? s.members.leave : s.members.remove}<//><//>` },
  ];
  return html`<${Page} title=${s.screens.members} of=${at.tenant.name} actions=${manages && html`<button class="button primary" onClick=${() => setInviting(true)}><${Icon} name="plus" />${s.members.invite}</button>`}>
    <div class="pair"><div class="stack"><${Loaded} of=${members}>${(/** @type {any[]} */ all) => html`<${Table} label=${s.screens.members} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.identity_id} />`}<//></div>
    ${manages && members.data && html`<div class="stack"><h2>${s.members.open}</h2><${Loaded} of=${invitations} lines=${2}>${(/** @type {any[]} */ all) => all.length === 0
      ? html`<div class="card"><p class="soft">${s.members.noneOpen}</p></div>`
      : html`<${Table} label=${s.members.open} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} columns=${[
          { label: s.auth.email, cell: (/** @type {any} */ one) => html`<span class="cut">${one.email}</span>` },
          { label: s.members.role, cell: (/** @type {any} */ one) => html`<${Badge}>${one.role}<//>` },
          { label: s.members.expires, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.expires_at} near />` },
          { label: "", class: "narrow end", cell: (/** @type {any} */ one) => html`<button class="button plain" onClick=${() => revoke(one)}>${s.members.revoke}</button>` },
        ]} />`}<//></div>`}</div>
    ${inviting && html`<${Invite} at=${at} roles=${names} onClose=${() => setInviting(false)} onDone=${invitations.reload} />`}
    ${asking?.remove && html`<${Confirm} title=${asking.remove.identity_id === at.me.id ? s.members.leaveTitle(at.tenant.name) : s.members.removeTitle(asking.remove.name || asking.remove.email)}
      text=${asking.remove.identity_id === at.me.id ? s.members.leaveText : s.members.removeText} action=${asking.remove.identity_id === at.me.id ? s.members.leave : s.members.remove} onClose=${() => setAsking(null)}
      onConfirm=${async () => { await remove(at.api(`/members/${asking.remove.identity_id}`)); if (asking.remove.identity_id === at.me.id) { await loadMe(); navigate("/console"); } else await members.reload(); }} />`}
    ${asking?.transfer && html`<${Confirm} title=${s.members.transferTitle(asking.transfer.name || asking.transfer.email)} text=${s.members.transferText} action=${s.members.makeOwner} word=${at.slug} onClose=${() => setAsking(null)}
      onConfirm=${async () => { await post(at.api("/ownership-transfer"), { to: asking.transfer.identity_id }); await Promise.all([loadMe(), members.reload()]); }} />`}
  <//>`;
}

/** @param {{ at: import("../shell.js").At, roles: string[], onClose: () => void, onDone: () => void }} props */
function Invite({ at, roles, onClose, onDone }) {
  const submit = async (/** @type {Record<string, string>} */ { email, role }) => {
    await post(at.api("/invitations"), { email: email.trim(), role });
    toast(s.members.invited(email.trim()));
    onDone();
    onClose();
  };
  const offered = roles.filter((name) => name !== "owner" || at.role === "owner");
  return html`<${Dialog} title=${s.members.inviteTo(at.tenant.name)} onClose=${onClose}><${Form} onSubmit=${submit} submit=${s.members.invite} onCancel=${onClose}>
    <p class="soft">${s.members.inviteText}</p>
    <${Field} label=${s.auth.email} name="email" type="email" autocomplete="off" autofocus required />
    <${Select} label=${s.members.role} name="role" value="member" options=${offered.map((name) => [name, name])} />
  <//><//>`;
}
