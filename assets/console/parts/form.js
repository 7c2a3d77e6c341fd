// Forms: what was typed stays when something fails, and the fault is shown at its field.

import { createContext, html, useContext, useEffect, useId, useRef, useState } from "../dom.js";
import { s } from "../strings.js";
import { Icon } from "./icon.js";

const Faults = createContext(/** @type {Record<string, string>} */ ({}));

/**
 * @param {object} props
 * @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<unknown>} props.onSubmit
 * @param {string} props.submit what the button says
 * @param {boolean} [props.danger]
 * @param {boolean} [props.blocked]
 * @param {boolean} [props.wide] the button fills the width
 * @param {() => void} [props.onCancel]
 * @param {any} [props.children]
 */
export function Form({ onSubmit, submit, danger, blocked, wide, onCancel, children }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const form = useRef(/** @type {any} */ (null));
  const alive = useRef(true);
  useEffect(() => () => void (alive.current = false), []);
  const faults = Object.fromEntries((problem?.fields ?? []).map((/** @type {any} */ one) => [one.field, one.message]));
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy || blocked) return;
    setBusy(true);
    setProblem(null);
    try {
      const values = Object.fromEntries([...new FormData(form.current)].map(([name, value]) => [name, String(value)]));
      await onSubmit(values, form.current);
    } catch (caught) {
      if (alive.current) setProblem(caught);
    } finally {
      if (alive.current) setBusy(false);
    }
  };
  useEffect(() => {
    if (problem) form.current?.querySelector("[aria-invalid=true]")?.focus();
  }, [problem]);
  // Faults of fields that are on show are said there; the sentence alone need not repeat them.
  const elsewhere = problem?.fields?.filter((/** @type {any} */ one) => !form.current?.elements.namedItem(one.field)) ?? [];
  return html`<${Faults.Provider} value=${faults}><form class="form" ref=${form} onSubmit=${send} novalidate>
    ${children}
    <div role="alert">${problem && html`<${ProblemNote} problem=${problem} more=${elsewhere} />`}</div>
    <div class=${`actions ${wide ? "" : "last"}`}>
      ${onCancel && html`<button type="button" class="button" onClick=${onCancel}>${s.cancel}</button>`}
      <button class=${`button ${danger ? "danger" : "primary"} ${busy ? "busy" : ""} ${wide ? "fill" : ""}`} disabled=${busy || blocked}>
        ${busy && html`<${Icon} name="reload" />`}${submit}</button>
    </div>
  </form><//>`;
}

/** @param {{ problem: any, more?: { field: string, message: string }[], retry?: () => void }} props */
export function ProblemNote({ problem, more = [], retry }) {
  return html`<div class="note bad"><${Icon} name="warn" /><div>
    <p>${problem.message || s.problem.unknown}</p>
    ${more.map((one) => html`<p class="small"><b>${one.field}</b> ${one.message}</p>`)}
    ${problem.requestId && problem.status >= 500 && html`<p class="small mono">${s.problem.request} ${problem.requestId}</p>`}
    ${problem.code === "second_factor_required" && html`<p><a href="/console/account">${s.account.setUpTitle}</a></p>`}
    ${retry && html`<p><button class="link" onClick=${retry}>${s.tryAgain}</button></p>`}
  </div></div>`;
}

/**
 * A labelled input; anything else than an input is given as `children`, a function of what ties it to its label.
 * @param {any} props
 */
export function Field({ label, hint, name, children, mark, ...input }) {
  const faults = /** @type {Record<string, string>} */ (useContext(Faults));
  const id = useId();
  const fault = name && faults[name];
  const told = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(" ");
  const ties = { id, name, "aria-describedby": told || undefined, "aria-invalid": fault ? "true" : undefined };
  return html`<div class="field">
    <label for=${id}>${label}${mark && html`<span class="soft small">${mark}</span>`}</label>
    ${typeof children === "function" ? children(ties) : html`<input class="input" ...${ties} ...${input} />`}
    ${hint && html`<div class="hint" id=${`${id}-hint`}>${hint}</div>`}
    ${fault && html`<div class="fault" id=${`${id}-fault`}>${fault}</div>`}
  </div>`;
}

/** @param {{ label: string, name: string, options: [string, string][], value?: string, hint?: string, onChange?: (value: string) => void }} props */
export function Select({ label, name, options, value, hint, onChange }) {
  return html`<${Field} label=${label} name=${name} hint=${hint}>${(/** @type {any} */ ties) => html`
    <select class="input" ...${ties} value=${value} onChange=${(/** @type {any} */ event) => onChange?.(event.target.value)}>
      ${options.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}
    </select>`}<//>`;
}
