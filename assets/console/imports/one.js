// One import: what is in it, and what is to become of it.

import { get, post, remove } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { number, size } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { Confirm } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { toast } from "../parts/toasts.js";
import { navigate, to } from "../router.js";
import { loadMe, useMe } from "../session.js";
import { s } from "../strings.js";
import { Bar, isGoing, LOOK, Status, titleOf } from "./state.js";
import { w } from "./strings.js";

/** Columns that differ are a column here only where some do. @param {any[]} tables */
const columnsFor = (tables) => [
  { label: w.table, cell: (/** @type {any} */ one) => html`<b>${one.name}</b>` },
  ...(tables.some((one) => one.unknown_columns.length) ? [{ label: w.leftColumns, cell: (/** @type {any} */ one) => columnsOf(one.unknown_columns) }] : []),
  ...(tables.some((one) => one.missing_columns.length) ? [{ label: w.addedColumns, cell: (/** @type {any} */ one) => columnsOf(one.missing_columns) }] : []),
  { label: w.rows, class: "narrow end", cell: (/** @type {any} */ one) => number(one.rows) },
];
const columnsOf = (/** @type {string[]} */ names) => (names.length ? html`<span class="mono small">${names.join(", ")}</span>` : html`<span class="soft">${s.none}</span>`);

const hereOf = (/** @type {any} */ one) => (one.you ? html`<${Badge} kind="good">${w.you}, ${w.owner}<//>`
  : one.known === true ? html`<${Badge} kind="info">${w.account}<//>` : html`<${Badge}>${one.known === false ? w.noAccount : w.others}<//>`);

const MEMBERS = [
  { label: w.member, cell: (/** @type {any} */ one) => html`<span class="two"><b class="cut">${one.name || one.email}</b>${one.name && html`<span class="soft small cut">${one.email}</span>`}</span>` },
  { label: w.role, class: "narrow", cell: (/** @type {any} */ one) => one.role },
  { label: w.here, class: "narrow", cell: hereOf },
];

/** @param {{ id: string, base: string, of: string }} props */
export function One({ id, base, of }) {
  const path = `/imports/${encodeURIComponent(id)}`;
  const found = useLoad(() => get(path), [path]);
  const [discarding, setDiscarding] = useState(false);
  const one = found.data;
  useEvery(() => void found.reload(), LOOK, Boolean(one && isGoing(one)));
  // A tenant more.
  useEffect(() => {
    if (one?.status === "ready") void loadMe().catch(() => {});
  }, [one?.status]);
  const discard = async () => {
    await remove(path);
    toast(w.discarded);
    navigate(base);
  };
  const title = one ? titleOf(one) : "";
  const canDiscard = one && !isGoing(one);
  return html`<${Page} title=${title ? w.title(title) : w.one} of=${of} about=${html`<a href=${base}>${s.screens.imports}</a>`}
    actions=${canDiscard && html`<button class="button" onClick=${() => (one.status === "previewed" ? setDiscarding(true) : void discard())}><${Icon} name="bin" />${w.discard}</button>`}>
    <${Loaded} of=${found}>${() => html`<div class="stack" aria-live="polite"><${State} one=${one} base=${base} /></div>
      ${one.preview?.source && (one.status === "previewed" && one.preview.can_be_applied
        ? html`<div class="decide"><div class="stack"><${Preview} one=${one} /></div><${Apply} one=${one} path=${path} onDone=${found.set} /></div>`
        : html`<${Preview} one=${one} />`)}`}<//>
    ${discarding && html`<${Confirm} title=${w.discardTitle} text=${w.discardText} action=${w.discard} onClose=${() => setDiscarding(false)} onConfirm=${discard} />`}
  <//>`;
}

/** How it stands, and what comes next. @param {{ one: any, base: string }} props */
function State({ one, base }) {
  const me = useMe();
  const again = html`<p><a href=${base}>${w.another}</a></p>`;
  if (isGoing(one)) {
    const what = one.status === "queued" ? w.waiting : one.preview?.source ? w.making : w.inspecting;
    return html`<div class="card stack"><div class="row apart"><b>${what}</b><${Status} status=${one.status} /></div><${Bar} part=${one.progress} /><p class="soft small">${w.leaveText}</p></div>`;
  }
  if (one.status === "failed") return html`<div class="note bad"><${Icon} name="warn" /><div><p><b>${w.failed}</b></p><p>${one.error}</p><p>${w.failedNext}</p>${again}</div></div>`;
  if (one.status === "expired") return html`<div class="note"><${Icon} name="info" /><div><p>${w.expired}</p>${again}</div></div>`;
  if (one.status === "ready") {
    const mine = me?.memberships.find(({ tenant }) => tenant.id === one.tenant?.id);
    return html`<div class="note good"><${Icon} name="check" /><div><p><b>${w.ready(mine?.tenant.name ?? one.tenant?.slug ?? "")}</b></p>${mine && html`<p><a href=${to(mine.tenant.slug, "records")}>${w.open}</a></p>`}</div></div>`;
  }
  const { problems } = one.preview;
  return html`${problems.length > 0
    ? html`<div class="note bad"><${Icon} name="warn" /><div><p><b>${w.problems}</b></p><ul class="plainlist">${problems.map((/** @type {string} */ text) => html`<li key=${text}>${text}</li>`)}</ul><p>${w.problemsNext}</p></div></div>`
    : html`<div class="note"><${Icon} name="info" /><div><p><b>${w.decide}</b></p><p>${w.keptUntil} <${Time} at=${one.expires_at} />.</p></div></div>`}`;
}

/** @param {{ one: any }} props */
function Preview({ one }) {
  const { source, schema, tables, members, members_total: total, uploads, left_out: left } = one.preview;
  return html`
    <section class="card stack" aria-label=${w.source}><header class="row apart"><h2>${w.source}</h2><span class="soft small">${w.vouch}</span></header>
      <dl class="facts"><dt>${w.name}</dt><dd>${source.name || "—"}</dd><dt>${w.slug}</dt><dd class="mono small">${source.slug}</dd>
        <dt>${w.exported}</dt><dd>${Number.isNaN(Date.parse(source.exported_at)) ? source.exported_at || "—" : html`<${Time} at=${source.exported_at} />`}</dd>
        <dt>${w.installation}</dt><dd class="mono small">${source.installation}</dd><dt>${w.version}</dt><dd>${source.version}</dd>
        <dt>${w.schema}</dt><dd>${w.schemas[schema] ?? schema}</dd><dt>${w.uploads}</dt><dd>${w.uploadsOf(uploads.count, size(uploads.bytes))}</dd>
        <dt>${w.size}</dt><dd>${size(one.size_bytes)}</dd>${one.sha256 && html`<dt>${w.digest}</dt><dd class="mono small">${one.sha256}</dd>`}</dl></section>
    <h2>${w.tables}</h2>
    ${tables.length === 0 ? html`<div class="card"><${Empty} icon="records" title=${w.noTables} /></div>`
      : html`<${Table} label=${w.tables} columns=${columnsFor(tables)} rows=${tables} keyOf=${(/** @type {any} */ table) => table.name} />`}
    ${members.length > 0 && html`<div class="stack tight"><h2>${w.members(total)}</h2><p class="soft">${w.membersText}${total > members.length ? ` ${w.shownFirst(members.length)}` : ""}</p></div>
      <${Table} label=${w.members(total)} columns=${MEMBERS} rows=${members} keyOf=${(/** @type {any} */ member) => member.email} />`}
    ${left.length > 0 && html`<section class="card stack" aria-label=${w.leftOut}><h2>${w.leftOut}</h2><ul class="stack tight">${left.map((/** @type {any} */ each) => html`<li key=${each.what}><b>${each.what}</b><p class="soft small">${each.reason}</p></li>`)}</ul></section>`}`;
}

/** @param {{ one: any, path: string, onDone: (next: any) => void }} props */
function Apply({ one, path, onDone }) {
  const [invite, setInvite] = useState(false);
  const others = one.preview.members_total - (one.preview.members.some((/** @type {any} */ each) => each.you) ? 1 : 0);
  const submit = async (/** @type {Record<string, string>} */ { name, slug }) => onDone(await post(`${path}/apply`, { ...(name.trim() && { name: name.trim() }), ...(slug.trim() && { slug: slug.trim() }), invite_members: invite }));
  return html`<section class="card stack sticks" aria-label=${w.make}><h2>${w.make}</h2><${Form} onSubmit=${submit} submit=${w.makeAct}>
    <${Field} label=${w.name} mark=${s.optional} name="name" defaultValue=${one.name ?? ""} placeholder=${one.preview.source.name} hint=${w.nameHint} autocomplete="off" />
    <${Field} label=${w.slug} mark=${s.optional} name="slug" class="input mono" defaultValue=${one.slug ?? ""} hint=${w.slugHint} autocomplete="off" autocapitalize="none" spellcheck="false" />
    ${others > 0 && html`<label class="check"><input type="checkbox" checked=${invite} onChange=${(/** @type {any} */ event) => setInvite(event.target.checked)} /><span>${w.invite} <span class="soft">${w.inviteText}</span></span></label>`}
  <//></section>`;
}
