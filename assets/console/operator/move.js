// Moving one tenant to another volume: where to, how far it is, giving it up, and back.

import { get, post, remove } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { number, size } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Form } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Loaded, Time } from "../parts/page.js";
import { actorName } from "./actor.js";
import { nameOf } from "./fleet.js";
import { o } from "./strings.js";

const m = o.move;
/** How often a move under way is looked at, in milliseconds. */
const LOOK = 700;
/** How long the way back is offered on the tenant's page, in milliseconds. */
const LATELY = 7 * 86_400_000;

const isUnderWay = (/** @type {any} */ move) => ["copying", "giving_up", "moved"].includes(move?.status) && !move.ended_at;

/** The last move; nothing where there is but one volume, or it was never moved. @param {string} base */
async function lastMove(base) {
  const { items } = await get("/operator/volumes");
  if (items.length < 2) return null;
  return get(`${base}/move`).catch((problem) => {
    if (problem.code !== "never_moved") throw problem;
    return null;
  });
}

/** How the last move goes, or how it went. @param {{ base: string, volume: string, onEnd: () => void, onMove: (to: string) => void }} props */
export function MoveState({ base, volume, onEnd, onMove }) {
  const found = useLoad(() => lastMove(base), [base]);
  const [asks, setAsks] = useState(false);
  const move = found.data;
  const goesOn = isUnderWay(move);
  useEffect(() => {
    // The tenant is elsewhere now.
    if (move?.status === "done" && move.to !== volume) onEnd();
  }, [goesOn, move?.started_at]);
  useEvery(() => void found.reload(), LOOK, goesOn);
  if (!move) return null;
  if (goesOn) {
    const giveUp = async () => {
      await remove(`${base}/move`);
      void found.reload();
    };
    return html`<${UnderWay} move=${move} onGiveUp=${() => setAsks(true)} />
      ${asks && move.status === "copying" && html`<${Confirm} title=${m.giveUpTitle(move.to)} text=${m.giveUpText(move.from)} action=${m.giveUp} onClose=${() => setAsks(false)} onConfirm=${giveUp} />`}`;
  }
  if (move.status === "failed") {
    return html`<div class="note bad"><${Icon} name="warn" /><div><p><b>${m.failed(move.to)}</b> ${m.failedText(move.from)}</p>${move.error && html`<p class="small">${move.error}</p>`}
      <p class="small"><${Time} at=${move.ended_at ?? move.started_at} near /> · ${actorName(move.started_by)}</p><p><button class="link" onClick=${() => onMove(move.to)}>${m.again}</button></p></div></div>`;
  }
  if (!move.ended_at || Date.parse(move.ended_at) < Date.now() - LATELY) return null;
  if (move.status === "given_up") {
    return html`<div class="note"><${Icon} name="info" /><div><p><b>${m.givenUp(move.to)}</b> ${m.failedText(move.from)}</p>
      <p class="small"><${Time} at=${move.ended_at} near /> · ${actorName(move.given_up_by)}</p><p><button class="link" onClick=${() => onMove(move.to)}>${m.again}</button></p></div></div>`;
  }
  return html`<div class="note good"><${Icon} name="check" /><div><p><b>${m.done(move.from, move.to)}</b> <${Time} at=${move.ended_at} near /></p>
    <p class="small">${m.facts(number(move.files), size(move.bytes), move.fenced_ms)}</p>${move.error && html`<p class="small">${move.error}</p>`}
    <p><button class="link" onClick=${() => onMove(move.from)}>${m.back(move.from)}</button></p></div></div>`;
}

/** @param {{ move: any, onGiveUp: () => void }} props */
function UnderWay({ move, onGiveUp }) {
  const [done, all] = [move.copied_bytes ?? 0, Math.max(1, move.total_bytes ?? 0)];
  const [isCopied, isGivenUp] = [move.status === "moved", move.status === "giving_up"];
  const title = isGivenUp ? m.givingUp(move.to) : m.running(move.from, move.to);
  const bar = html`<div class="progress" role="progressbar" aria-label=${title} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${isCopied ? 100 : Math.round((100 * done) / all)}><div style=${{ width: `${isCopied ? 100 : Math.min(100, (100 * done) / all)}%` }}></div></div>`;
  return html`<div class="card stack" aria-live="polite"><div class="row apart"><div class="row"><h2>${title}</h2>${!isGivenUp && html`<${Badge} kind="info">${m.statuses[move.status]}<//>`}</div>
      <span class="soft numeric">${isCopied || isGivenUp || !move.total_bytes ? "" : m.progress(size(done), size(all))}</span></div>
    ${!isGivenUp && bar}
    <div class="row apart"><p class="soft">${isGivenUp ? m.givingUpText : m.runningText}</p>${move.status === "copying" && html`<button class="button" onClick=${onGiveUp}><${Icon} name="stop" />${m.giveUp}…</button>`}</div></div>`;
}

/** Where to. @param {{ tenant: any, base: string, to?: string, onClose: () => void, onBegun: () => void }} props */
export function Move({ tenant, base, to = "", onClose, onBegun }) {
  const volumes = useLoad(async () => (await get("/operator/volumes")).items, []);
  const [chosen, setChosen] = useState(to);
  const submit = async () => {
    await post(`${base}/move`, { to: chosen });
    onBegun();
  };
  const choice = (/** @type {any} */ volume) => {
    const isHere = volume.name === tenant.volume;
    const full = volume.free_bytes === null ? volume.fault : m.free(size(volume.free_bytes));
    return html`<label key=${volume.name} class="check choice"><input type="radio" name="to" value=${volume.name} checked=${chosen === volume.name} disabled=${isHere || Boolean(volume.fault)} onChange=${() => setChosen(volume.name)} />
      <span class="two"><span class="row"><b>${volume.name}</b>${isHere && html`<${Badge}>${m.here}<//>`}${volume.fault && html`<${Badge} kind="bad">${m.unavailable}<//>`}</span><span class="soft small mono wrapall">${volume.path}</span>
        <span class=${`small ${volume.fault ? "bad" : "soft"}`}>${full} · ${m.tenants(volume.tenants)}</span></span></label>`;
  };
  return html`<${Dialog} title=${m.title(nameOf(tenant))} onClose=${onClose}><${Loaded} of=${volumes} lines=${3}>${(/** @type {any[]} */ all) => (all.length < 2
    ? html`<div class="stack"><p><b>${m.one}</b></p><p class="soft">${m.oneText}</p></div>`
    : html`<${Form} onSubmit=${submit} submit=${m.act} onCancel=${onClose} blocked=${!chosen || chosen === tenant.volume}><p class="soft">${m.text}</p>
        <fieldset><legend><b>${m.whereto}</b></legend><div class="stack tight choices">${all.map(choice)}</div></fieldset><//>`)}<//><//>`;
}
