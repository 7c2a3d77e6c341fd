import { list, post, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { useActors } from "../parts/actor.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Field, Form, Select } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Copy, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { PermissionPicker } from "../parts/permissions.js";
import { SecretOnce } from "../parts/secret.js";
import { s } from "../strings.js";

/** What a key may never do. */
const NEVER = ["members:manage", "roles:manage", "keys:manage", "ownership:transfer", "tenant:close", "billing:manage"];
const DAY = 86_400_000;

/** Keys by which programs use the API. @param {{ at: import("../shell.js").At }} props */
export default function Keys({ at }) {
  const keys = useLoad(() => list(at.api("/api-keys")), [at.tenant.id]);
  const actorOf = useActors(at);
  const [making, setMaking] = useState(false);
  const [deleting, setDeleting] = useState(/** @type {any} */ (null));
  const create = html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${s.keys.create}</button>`;
  const isOver = (/** @type {any} */ one) => one.expires_at && Date.parse(one.expires_at) < Date.now();
  const columns = [
    { label: s.keys.name, cell: (/** @type {any} */ one) => html`<span class="two"><b class="cut">${one.name}</b><span class="soft small mono cut">tnt_${one.id}_…</span></span>` },
    { label: s.roles.permissions, cell: (/** @type {any} */ one) => html`<span class="soft small wraps">${one.permissions.join(", ")}</span>` },
    { label: s.keys.by, class: "narrow", cell: (/** @type {any} */ one) => actorOf(one.created_by?.includes?.(":") ? one.created_by : `identity:${one.created_by}`) },
    { label: s.keys.used, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.last_used_at} near />` },
    { label: s.keys.expires, class: "narrow", cell: (/** @type {any} */ one) => (isOver(one) ? html`<${Badge} kind="bad">${s.keys.over}<//>` : html`<${Time} at=${one.expires_at} near />`) },
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => html`<button class="button plain danger" onClick=${() => setDeleting(one)}>${s.keys.revoke}</button>` },
  ];
  return html`<${Page} title=${s.screens.keys} of=${at.tenant.name} about=${s.keys.about} actions=${keys.data?.length ? create : null}>
    <${Loaded} of=${keys}>${(/** @type {any[]} */ all) => all.length === 0
      ? html`<div class="card"><${Empty} icon="keys" title=${s.keys.none} text=${s.keys.noneText}>${create}<//></div>`
      : html`<${Table} label=${s.screens.keys} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} />`}<//>
    ${making && html`<${NewKey} at=${at} onClose=${() => setMaking(false)} onDone=${keys.reload} />`}
    ${deleting && html`<${Confirm} title=${s.keys.revokeTitle(deleting.name)} text=${s.keys.revokeText} action=${s.keys.revoke} onClose=${() => setDeleting(null)}
      onConfirm=${async () => { await remove(at.api(`/api-keys/${deleting.id}`)); await keys.reload(); }} />`}
  <//>`;
}

/** @param {{ at: import("../shell.js").At, onClose: () => void, onDone: () => void }} props */
function NewKey({ at, onClose, onDone }) {
  const [permissions, setPermissions] = useState(/** @type {string[]} */ (["records:read"]));
  const [made, setMade] = useState(/** @type {any} */ (null));
  const submit = async (/** @type {Record<string, string>} */ { name, days }) => {
    const expires = days ? { expires_at: new Date(Date.now() + Number(days) * DAY).toISOString() } : {};
    setMade(await post(at.api("/api-keys"), { name, permissions, ...expires }));
    onDone();
  };
  if (made) {
    const command = `curl -H 'authorization: Bearer ${made.key}' ${location.origin}/api/v1${at.api("/tables")}`;
    return html`<${SecretOnce} title=${s.keys.made(made.name)} secret=${made.key} onClose=${onClose}>
      <p class="soft small">${s.keys.tryIt}</p><div class="secret"><code class="small">${command}</code><${Copy} text=${command} /></div><//>`;
  }
  return html`<${Dialog} title=${s.keys.create} onClose=${onClose}><${Form} onSubmit=${submit} submit=${s.keys.create} onCancel=${onClose} blocked=${permissions.length === 0}>
    <${Field} label=${s.keys.name} name="name" hint=${s.keys.nameHint} autocomplete="off" autofocus required />
    <${Select} label=${s.keys.expires} name="days" value="365" options=${[["30", s.keys.days(30)], ["90", s.keys.days(90)], ["365", s.keys.days(365)], ["", s.never]]} />
    <${PermissionPicker} at=${at} picked=${permissions} onChange=${setPermissions} without=${NEVER} />
  <//><//>`;
}
