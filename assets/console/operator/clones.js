// Clones of a tenant for staging: made, listed, and let go when their time is over.

import { get, patch, post } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Dialog } from "../parts/dialog.js";
import { Field, Form, Select } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Table, Time } from "../parts/page.js";
import { TenantStatus } from "../parts/tenant-status.js";
import { toOperator } from "../router.js";
import { nameOf } from "./fleet.js";
import { o } from "./strings.js";

const c = o.clones;
const DAY = 86_400_000;
/** How long a clone may be there, in days; empty for good. @type {[string, string][]} */
const TERMS = [["1", c.days(1)], ["7", c.days(7)], ["30", c.days(30)], ["365", c.days(365)]];

/** @param {string} days */
const at = (days) => (days ? new Date(Date.now() + Number(days) * DAY).toISOString() : null);

/** What is said of a clone wherever it is named. */
export const CloneMark = () => html`<${Badge} kind="info"><span title=${c.markText}>${c.mark}</span><//>`;

/** @param {{ tenant: any, base: string, onNew: () => void }} props */
export function ClonesOf({ tenant, base, onNew }) {
  const all = useLoad(async () => (await get(`${base}/clones`)).items, [base]);
  const [of, setOf] = useState(/** @type {any} */ (null));
  const create = html`<button class="button primary" disabled=${tenant.status === "closing"} onClick=${onNew}><${Icon} name="copy" />${c.create}</button>`;
  const columns = [
    { label: o.tenant, cell: (/** @type {any} */ one) => html`<span class="two"><a class="cut" href=${toOperator("tenants", one.slug)}><b>${nameOf(one)}</b></a><span class="soft small cut">${one.slug}</span></span>` },
    { label: o.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${TenantStatus} status=${one.status} />` },
    { label: o.made, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.created_at} near />` },
    { label: c.expires, class: "narrow", cell: (/** @type {any} */ one) => (one.expires_at ? html`<${Time} at=${one.expires_at} near />` : html`<span class="soft">${c.kept}</span>`) },
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => one.status !== "closing" && html`<button class="button" aria-label=${`${c.expiry} ${one.slug}`} onClick=${() => setOf(one)}><${Icon} name="edit" />${c.expiry}</button>` },
  ];
  return html`<div class="row apart"><div class="stack tight"><h2>${c.of}</h2><p class="soft">${c.about}</p></div>${all.data?.length ? create : ""}</div>
    <${Loaded} of=${all} lines=${3}>${(/** @type {any[]} */ rows) => (rows.length === 0
      ? html`<div class="card"><${Empty} icon="copy" title=${c.none} text=${c.noneText}>${create}<//></div>`
      : html`<${Table} label=${c.of} columns=${columns} rows=${rows} keyOf=${(/** @type {any} */ one) => one.id} />`)}<//>
    ${of && html`<${Expiry} clone=${of} onClose=${() => setOf(null)} onDone=${() => { setOf(null); void all.reload(); }} />`}`;
}

/** @param {{ tenant: any, base: string, onClose: () => void, onMade: (clone: any) => void }} props */
export function NewClone({ tenant, base, onClose, onMade }) {
  const [slug, setSlug] = useState("");
  const submit = async (/** @type {Record<string, string>} */ values) => {
    const [name, owner] = [values.name.trim(), values.owner.trim()];
    onMade(await post(`${base}/clone`, { as: values.slug.trim() || `${tenant.slug}-staging`, expires_at: at(values.days), ...(name && { name }), ...(owner && { owner }) }));
  };
  return html`<${Dialog} title=${c.title(nameOf(tenant))} onClose=${onClose}><${Form} onSubmit=${submit} submit=${c.act} onCancel=${onClose}>
    <p class="soft">${c.text}</p>
    <${Field} label=${c.slug} name="slug" class="input mono" hint=${c.slugHint} placeholder=${`${tenant.slug}-staging`} autocomplete="off" autocapitalize="none" spellcheck="false" value=${slug} onInput=${(/** @type {any} */ event) => setSlug(event.target.value)} autofocus />
    <${Field} label=${c.name} mark=${c.optional} name="name" placeholder=${c.copyOf(nameOf(tenant))} autocomplete="off" />
    <${Field} label=${c.owner} mark=${c.optional} name="owner" type="email" hint=${c.ownerHint} autocomplete="off" />
    <${Select} label=${c.expires} name="days" value="7" options=${TERMS} hint=${c.expiresHint} />
  <//><//>`;
}

/** When a clone goes. @param {{ clone: any, onClose: () => void, onDone: (clone: any) => void }} props */
export function Expiry({ clone, onClose, onDone }) {
  const submit = async (/** @type {Record<string, string>} */ { days }) => onDone(await patch(`/operator/tenants/${encodeURIComponent(clone.slug)}/clone`, { expires_at: at(days) }));
  return html`<${Dialog} title=${c.expiryTitle(nameOf(clone))} onClose=${onClose}><${Form} onSubmit=${submit} submit=${c.expiryAct} onCancel=${onClose}>
    <p class="soft">${clone.expires_at ? html`${c.now} <${Time} at=${clone.expires_at} />` : c.keptText}</p>
    <${Select} label=${c.expires} name="days" value="7" options=${[...TERMS, ["", c.never]]} />
  <//><//>`;
}
