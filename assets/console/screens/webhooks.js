import { get, list, patch, post, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { number } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { useActors } from "../parts/actor.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Item, Menu } from "../parts/menu.js";
import { Badge, Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { SecretOnce } from "../parts/secret.js";
import { attempt, toast } from "../parts/toasts.js";
import { navigate, to } from "../router.js";
import { s } from "../strings.js";

/** What an endpoint may ask for, by what it is about. */
const EVENTS = {
  records: ["record.created", "record.updated", "record.deleted"],
  members: ["member.added", "member.removed"],
  usage: ["usage.threshold_reached", "usage.limit_reached", "spend_cap.reached"],
  billing: ["invoice.finalized", "invoice.paid", "subscription.changed"],
  tenant: ["export.ready", "tenant.closing"],
};
const STATUSES = ["pending", "delivered", "failed", "withheld"];
const KINDS = /** @type {Record<string, string>} */ ({ pending: "info", delivered: "good", failed: "bad", withheld: "warn" });

/** Where events of the tenant are sent. @param {{ at: import("../shell.js").At, route: import("../router.js").Route }} props */
export default function Webhooks({ at, route }) {
  const [id, delivery] = route.rest;
  return id ? html`<${One} key=${id} at=${at} id=${id} delivery=${delivery} route=${route} />` : html`<${All} at=${at} />`;
}

/** @param {{ endpoint: any }} props */
function Status({ endpoint }) {
  if (endpoint.status === "disabled") return html`<${Badge} kind=${endpoint.disabled_reason === "by_hand" ? "" : "bad"}>${endpoint.disabled_reason === "by_hand" ? s.webhooks.paused : s.webhooks.stopped}<//>`;
  return endpoint.failing_since ? html`<${Badge} kind="warn">${s.webhooks.failing}<//>` : html`<${Badge} kind="good">${s.webhooks.enabled}<//>`;
}

/** @param {{ at: import("../shell.js").At }} props */
function All({ at }) {
  const found = useLoad(() => list(at.api("/webhook-endpoints")), [at.tenant.id]);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState(/** @type {any} */ (null));
  const create = html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />${s.webhooks.create}</button>`;
  const columns = [
    { label: s.webhooks.url, cell: (/** @type {any} */ one) => html`<span class="two"><a class="cut" href=${to(at.slug, "webhooks", one.id)}><b>${one.url}</b></a><span class="soft small cut">${one.description}</span></span>` },
    { label: s.webhooks.events, cell: (/** @type {any} */ one) => html`<span class="soft small wraps">${one.events.join(", ")}</span>` },
    { label: s.webhooks.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${Status} endpoint=${one} />` },
    { label: s.webhooks.changed, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.updated_at} near />` },
  ];
  return html`<${Page} title=${s.screens.webhooks} of=${at.tenant.name} about=${s.webhooks.about} actions=${found.data?.length ? create : null}>
    <${Loaded} of=${found}>${(/** @type {any[]} */ all) => all.length === 0
      ? html`<div class="card"><${Empty} icon="webhooks" title=${s.webhooks.none} text=${s.webhooks.noneText}>${create}<//></div>`
      : html`<${Table} label=${s.screens.webhooks} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} />`}<//>
    ${making && html`<${Edit} at=${at} onClose=${() => setMaking(false)} onDone=${(/** @type {any} */ endpoint) => { setMaking(false); setMade(endpoint); void found.reload(); }} />`}
    ${made && html`<${Secret} secret=${made.secret} onClose=${() => { navigate(to(at.slug, "webhooks", made.id)); setMade(null); }} />`}
  <//>`;
}

/** @param {{ secret: string, onClose: () => void }} props */
const Secret = ({ secret, onClose }) => html`<${SecretOnce} title=${s.webhooks.secret} secret=${secret} onClose=${onClose}><p class="soft">${s.webhooks.secretText}</p><//>`;

/** A new endpoint, or another address or choice of events. @param {{ at: import("../shell.js").At, endpoint?: any, onClose: () => void, onDone: (endpoint: any) => void }} props */
function Edit({ at, endpoint, onClose, onDone }) {
  const [picked, setPicked] = useState(/** @type {string[]} */ (endpoint?.events ?? ["record.created", "record.updated", "record.deleted"]));
  const flip = (/** @type {string[]} */ names, /** @type {boolean} */ on) => setPicked([...picked.filter((one) => !names.includes(one)), ...(on ? names : [])]);
  const submit = async (/** @type {Record<string, string>} */ { url, description }) => {
    const body = { url, description, events: Object.values(EVENTS).flat().filter((name) => picked.includes(name)) };
    onDone(endpoint ? await patch(at.api(`/webhook-endpoints/${endpoint.id}`), body) : await post(at.api("/webhook-endpoints"), body));
  };
  return html`<${Dialog} title=${endpoint ? s.webhooks.edit : s.webhooks.create} onClose=${onClose}><${Form} onSubmit=${submit} submit=${endpoint ? s.save : s.webhooks.create} onCancel=${onClose}>
    <${Field} label=${s.webhooks.url} name="url" type="url" class="input mono" defaultValue=${endpoint?.url ?? ""} placeholder="https://example.com/hooks" hint=${s.webhooks.urlHint} autofocus required />
    <${Field} label=${s.webhooks.description} mark=${s.optional} name="description" defaultValue=${endpoint?.description ?? ""} />
    <fieldset class="field"><legend class="label"><b>${s.webhooks.events}</b></legend><div class="eventpick">${Object.entries(EVENTS).map(([group, names]) => html`<div key=${group}>
      <label class="check"><input type="checkbox" checked=${names.every((name) => picked.includes(name))} indeterminate=${names.some((name) => picked.includes(name)) && !names.every((name) => picked.includes(name))} onChange=${(/** @type {any} */ event) => flip(names, event.target.checked)} /><b>${s.webhooks.groups[group]}</b></label>
      ${names.map((name) => html`<label class="check" key=${name}><input type="checkbox" checked=${picked.includes(name)} onChange=${(/** @type {any} */ event) => flip([name], event.target.checked)} /><span class="mono small">${name}</span></label>`)}</div>`)}</div></fieldset>
  <//><//>`;
}

/** @param {{ at: import("../shell.js").At, id: string, delivery: string | undefined, route: import("../router.js").Route }} props */
function One({ at, id, delivery, route }) {
  const path = at.api(`/webhook-endpoints/${encodeURIComponent(id)}`);
  const found = useLoad(() => get(path), [path]);
  const actorOf = useActors(at);
  const [open, setOpen] = useState("");
  const [secret, setSecret] = useState("");
  const [sent, setSent] = useState(0);
  const close = () => setOpen("");
  const set = (/** @type {string} */ status) => attempt(async () => found.set(await patch(path, { status })), status === "enabled" ? s.webhooks.resumed : s.webhooks.isPaused);
  const probe = () => attempt(async () => { await post(`${path}/test`); setSent(sent + 1); }, s.webhooks.tested);
  const rotate = async () => {
    const answer = await post(`${path}/rotate-secret`);
    setSecret(answer.secret);
    void found.reload();
  };
  const endpoint = found.data;
  const isOn = endpoint?.status === "enabled";
  return html`<${Page} title=${endpoint?.url ?? s.screens.webhooks} of=${at.tenant.name} about=${html`<a href=${to(at.slug, "webhooks")}>${s.screens.webhooks}</a>${endpoint?.description && ` · ${endpoint.description}`}`}
    actions=${endpoint && html`<button class="button" onClick=${probe} disabled=${!isOn}><${Icon} name="play" />${s.webhooks.test}</button>
      <button class="button" onClick=${() => set(isOn ? "disabled" : "enabled")}><${Icon} name=${isOn ? "stop" : "play"} />${isOn ? s.webhooks.pause : s.webhooks.resume}</button>
      <${Menu} button=${html`<${Icon} name="dots" />`} label=${s.actions} class="button square">
        <${Item} icon="edit" onClick=${() => setOpen("edit")}>${s.webhooks.edit}…<//><${Item} icon="reload" onClick=${() => setOpen("rotate")}>${s.webhooks.rotate}…<//><${Item} icon="bin" danger onClick=${() => setOpen("delete")}>${s.delete}…<//><//>`}>
    <${Loaded} of=${found}>${() => html`
      ${!isOn && endpoint.disabled_reason !== "by_hand" && html`<div class="note bad"><${Icon} name="warn" /><p>${s.webhooks.reasons[endpoint.disabled_reason] ?? endpoint.disabled_reason}</p></div>`}
      ${isOn && endpoint.failing_since && html`<div class="note warn"><${Icon} name="warn" /><p>${s.webhooks.failingSince} <${Time} at=${endpoint.failing_since} near />. ${s.webhooks.failingText}</p></div>`}
      <div class="card"><dl class="facts"><dt>${s.webhooks.status}</dt><dd><${Status} endpoint=${endpoint} /></dd>
        <dt>${s.webhooks.events}</dt><dd class="chips">${endpoint.events.map((/** @type {string} */ name) => html`<code class="chip" key=${name}>${name}</code>`)}</dd>
        <dt>${s.webhooks.actsFor}</dt><dd>${actorOf(endpoint.acts_for)} <span class="soft small">${s.webhooks.actsForText}</span></dd>
        ${endpoint.old_secret_until && html`<dt>${s.webhooks.oldSecret}</dt><dd><${Time} at=${endpoint.old_secret_until} /></dd>`}
        ${endpoint.withheld_events > 0 && html`<dt>${s.webhooks.statuses.withheld}</dt><dd>${s.webhooks.withheld(number(endpoint.withheld_events))}</dd>`}
        ${endpoint.missed_changes > 0 && html`<dt>${s.webhooks.missed}</dt><dd>${s.webhooks.missedText(number(endpoint.missed_changes))}</dd>`}
        <dt>${s.leave.made}</dt><dd><${Time} at=${endpoint.created_at} /> <span class="soft">${actorOf(endpoint.created_by)}</span></dd></dl></div>
      <${Deliveries} key=${sent} at=${at} id=${id} route=${route} path=${path} />`}<//>
    ${delivery && html`<${Delivery} key=${delivery} at=${at} path=${`${path}/deliveries/${encodeURIComponent(delivery)}`} onClose=${() => navigate(`${to(at.slug, "webhooks", id)}${route.search ? `?${route.search}` : ""}`)} onReplayed=${() => setSent(sent + 1)} />`}
    ${open === "edit" && html`<${Edit} at=${at} endpoint=${endpoint} onClose=${close} onDone=${(/** @type {any} */ next) => { close(); found.set(next); toast(s.saved); }} />`}
    ${open === "rotate" && html`<${Confirm} title=${s.webhooks.rotateTitle} text=${s.webhooks.rotateText} action=${s.webhooks.rotate} onClose=${close} onConfirm=${rotate} />`}
    ${open === "delete" && html`<${Confirm} title=${s.webhooks.deleteTitle} text=${s.webhooks.deleteText} action=${s.delete} onClose=${close} onConfirm=${async () => { await remove(path); toast(s.webhooks.deleted); navigate(to(at.slug, "webhooks"), { replace: true }); }} />`}
    ${secret && html`<${Secret} secret=${secret} onClose=${() => setSecret("")} />`}
  <//>`;
}

/** @param {{ at: import("../shell.js").At, id: string, route: import("../router.js").Route, path: string }} props */
function Deliveries({ at, id, route, path }) {
  const asked = new URLSearchParams(route.search);
  const [status, type] = [asked.get("status") ?? "", asked.get("type") ?? ""];
  const query = new URLSearchParams({ ...(status && { status }), ...(type && { type }) }).toString();
  const pages = usePages(`${path}/deliveries${query ? `?${query}` : ""}`);
  useEvery(() => void pages.reload(), 2500, Boolean(pages.data?.some((one) => one.status === "pending")));
  const choose = (/** @type {string} */ name, /** @type {string} */ value) => {
    if (value) asked.set(name, value);
    else asked.delete(name);
    navigate(`${to(at.slug, "webhooks", id)}${String(asked) ? `?${asked}` : ""}`);
  };
  const columns = [
    { label: s.webhooks.event, cell: (/** @type {any} */ one) => html`<a class="mono small" href=${`${to(at.slug, "webhooks", id, one.id)}${route.search ? `?${route.search}` : ""}`}>${one.type}</a>` },
    { label: s.webhooks.status, class: "narrow", cell: (/** @type {any} */ one) => html`<${Badge} kind=${KINDS[one.status] ?? ""}>${s.webhooks.statuses[one.status] ?? one.status}<//>` },
    { label: s.webhooks.attempts, class: "narrow end", cell: (/** @type {any} */ one) => number(one.attempt_count) },
    { label: s.webhooks.nextAttempt, class: "narrow", cell: (/** @type {any} */ one) => (one.next_attempt_at ? html`<${Time} at=${one.next_attempt_at} near />` : html`<span class="soft">—</span>`) },
    { label: s.webhooks.happened, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.created_at} near />` },
  ];
  return html`<div class="row apart"><h2>${s.webhooks.deliveries}</h2><div class="row">
      <select class="input slim" aria-label=${s.webhooks.status} value=${status} onChange=${(/** @type {any} */ event) => choose("status", event.target.value)}><option value="">${s.all}</option>${STATUSES.map((name) => html`<option value=${name} selected=${name === status}>${s.webhooks.statuses[name]}</option>`)}</select>
      <select class="input slim" aria-label=${s.webhooks.event} value=${type} onChange=${(/** @type {any} */ event) => choose("type", event.target.value)}><option value="">${s.webhooks.anyEvent}</option>${[...Object.values(EVENTS).flat(), "webhook.test"].map((name) => html`<option value=${name} selected=${name === type}>${name}</option>`)}</select>
      <button class="button square" aria-label=${s.refresh} onClick=${pages.reload}><${Icon} name="reload" /></button></div></div>
    <${Loaded} of=${pages}>${(/** @type {any[]} */ all) => all.length === 0
      ? html`<div class="card"><${Empty} icon="webhooks" title=${s.webhooks.noDeliveries} text=${s.webhooks.noDeliveriesText} /></div>`
      : html`<${Table} label=${s.webhooks.deliveries} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} onMore=${pages.more} busy=${pages.busy} />`}<//>`;
}

/** @param {{ at: import("../shell.js").At, path: string, onClose: () => void, onReplayed: () => void }} props */
function Delivery({ at, path, onClose, onReplayed }) {
  const found = useLoad(() => get(path), [path]);
  useEvery(() => void found.reload(), 2000, found.data?.status === "pending");
  const replay = () => attempt(async () => {
    await post(`${path}/replay`);
    await found.reload();
    onReplayed();
  }, s.webhooks.replayed);
  return html`<${Dialog} kind="drawer" title=${found.data?.type ?? s.webhooks.deliveries} onClose=${onClose}><${Loaded} of=${found}>${(/** @type {any} */ one) => html`<div class="stack">
    <div class="row apart"><${Badge} kind=${KINDS[one.status] ?? ""}>${s.webhooks.statuses[one.status] ?? one.status}<//>${at.can("webhooks:manage") && one.status !== "pending" && html`<button class="button" onClick=${replay}><${Icon} name="reload" />${s.webhooks.replay}</button>`}</div>
    <dl class="facts"><dt>webhook-id</dt><dd class="mono small">${one.event_id}</dd><dt>${s.webhooks.happened}</dt><dd><${Time} at=${one.created_at} /></dd>
      ${one.next_attempt_at && html`<dt>${s.webhooks.nextAttempt}</dt><dd><${Time} at=${one.next_attempt_at} /></dd>`}
      ${one.ended_at && html`<dt>${s.webhooks.ended}</dt><dd><${Time} at=${one.ended_at} /></dd>`}</dl>
    <h3>${s.webhooks.attempts}</h3>
    ${one.attempts.length === 0 ? html`<p class="soft">${s.webhooks.noAttempts}</p>` : html`<ol class="attempts">${one.attempts.map((/** @type {any} */ each) => html`<li key=${each.number}>
      <div class="row apart"><span class="row"><b class="numeric">${each.number}</b><${Badge} kind=${each.status >= 200 && each.status < 300 ? "good" : "bad"}>${each.status ?? s.webhooks.noAnswer}<//><${Time} at=${each.at} /></span><span class="soft small numeric">${number(each.duration_ms)} ms</span></div>
      ${each.error && html`<p class="small bad">${each.error}</p>`}${each.response && html`<pre class="secret small">${each.response}</pre>`}</li>`)}</ol>`}
    <h3>${s.webhooks.body}</h3>
    ${one.payload ? html`<pre class="secret small">${JSON.stringify(one.payload, null, 2)}</pre>` : html`<p class="soft">${one.payload_needs ? s.webhooks.payloadNeeds(one.payload_needs) : s.webhooks.noPayload}</p>`}
  </div>`}<//><//>`;
}
