// A button that opens a list of things to do or choose; arrows move in it, Escape closes it.

import { html, useEffect, useRef, useState } from "../dom.js";
import { Icon } from "./icon.js";

/** @param {{ button: any, label?: string, class?: string, at?: string, children?: any }} props */
export function Menu({ button, label, class: look = "button", at = "", children }) {
  const [open, setOpen] = useState(false);
  const root = useRef(/** @type {any} */ (null));
  const items = () => [.../** @type {NodeListOf<HTMLElement>} */ (root.current.querySelectorAll(".item:not(:disabled), .list input"))];
  const close = () => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };
  useEffect(() => {
    if (!open) return;
    items()[0]?.focus();
    const outside = (/** @type {Event} */ event) => root.current && !root.current.contains(event.target) && setOpen(false);
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (!open) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = items();
    all[(all.indexOf(/** @type {any} */ (document.activeElement)) + step + all.length) % all.length]?.focus();
  };
  const onPick = (/** @type {any} */ event) => event.target.closest(".item:not(.stay)") && close();
  return html`<div class=${`menu ${at}`} ref=${root} onKeyDown=${onKey}>
    <button type="button" class=${look} aria-haspopup="true" aria-expanded=${open} aria-label=${label} onClick=${() => setOpen(!open)}>${button}</button>
    ${open && html`<div class="list" onClick=${onPick}>${children}</div>`}
  </div>`;
}

/** @param {{ icon?: string, danger?: boolean, href?: string, onClick?: () => void, disabled?: boolean, current?: boolean, stay?: boolean, children?: any }} props */
export function Item({ icon, danger, href, onClick, disabled, current, stay, children }) {
  const look = `item ${danger ? "danger" : ""} ${stay ? "stay" : ""}`;
  const inner = html`${icon && html`<${Icon} name=${icon} />`}<span class="cut">${children}</span>${current && html`<${Icon} name="check" />`}`;
  return href
    ? html`<a class=${look} href=${href} aria-current=${current ? "true" : undefined}>${inner}</a>`
    : html`<button type="button" class=${look} onClick=${onClick} disabled=${disabled} aria-pressed=${current === undefined ? undefined : current}>${inner}</button>`;
}
