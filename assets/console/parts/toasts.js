// Short messages at the foot of the page, with an undo where there is one.

import { html, useEffect, useRef } from "../dom.js";
import { createStore, useStore } from "../store.js";
import { s } from "../strings.js";
import { Icon } from "./icon.js";

/**
 * @typedef {{ id: number, text: string, bad: boolean, act?: { label: string, run: () => void | Promise<void> } }} Toast
 */

/** @type {import("../store.js").Store<Toast[]>} */
const toasts = createStore(/** @type {Toast[]} */ ([]));
let last = 0;

/** @param {number} id */
const dismiss = (id) => toasts.set((all) => all.filter((one) => one.id !== id));

/** @param {string} text @param {{ bad?: boolean, act?: Toast["act"] }} [more] */
export function toast(text, more = {}) {
  const id = ++last;
  toasts.set((all) => [...all.slice(-2), { id, text, bad: more.bad ?? false, act: more.act }]);
  // Time enough to read it, more where there is something to do.
  setTimeout(() => dismiss(id), more.act || more.bad ? 12_000 : 5_000);
}

/** What went wrong, in its own words. @param {any} problem */
export function toastProblem(problem) {
  if (problem?.name === "AbortError") return;
  toast(problem?.message ?? s.problem.unknown, { bad: true });
}

/** Says that it worked, or why not. @param {() => Promise<unknown>} act @param {string} [done] @returns {Promise<boolean>} */
export async function attempt(act, done) {
  try {
    await act();
    if (done) toast(done);
    return true;
  } catch (problem) {
    toastProblem(problem);
    return false;
  }
}

export function Toasts() {
  const all = useStore(toasts);
  const layer = useRef(/** @type {any} */ (null));
  // A dialog is above all else but what came to the top layer after it.
  useEffect(() => {
    if (!layer.current?.showPopover || !all.length) return;
    if (layer.current.matches(":popover-open")) layer.current.hidePopover();
    layer.current.showPopover();
  }, [all]);
  return html`<div class="toasts" popover="manual" ref=${layer} role="status" aria-live="polite">
    ${all.map((one) => html`<div key=${one.id} class=${`toast ${one.bad ? "bad" : ""}`}>
      <span class="text">${one.text}</span>
      ${one.act && html`<button onClick=${() => { dismiss(one.id); void one.act?.run(); }}>${one.act.label}</button>`}
      <button class="square" aria-label=${s.close} onClick=${() => dismiss(one.id)}><${Icon} name="close" /></button>
    </div>`)}
  </div>`;
}
