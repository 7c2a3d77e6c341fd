// Native dialogs: focus stays within, Escape closes, and what had the focus gets it back.

import { html, useEffect, useId, useRef, useState } from "../dom.js";
import { s } from "../strings.js";
import { Form } from "./form.js";
import { Icon } from "./icon.js";

/** @param {{ title: any, onClose: () => void, kind?: "wide" | "drawer" | "", children?: any, tools?: any }} props */
export function Dialog({ title, onClose, kind = "", children, tools }) {
  const dialog = useRef(/** @type {any} */ (null));
  const heading = useId();
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current.showModal();
    if (!dialog.current.querySelector("[autofocus]")) dialog.current.querySelector(".body").focus();
    return () => before?.isConnected && before.focus({ preventScroll: true });
  }, []);
  const onPointer = (/** @type {PointerEvent} */ event) => event.target === dialog.current && kind === "drawer" && close.current();
  return html`<dialog ref=${dialog} class=${kind} aria-labelledby=${heading} onMouseDown=${onPointer}
      onCancel=${(/** @type {Event} */ event) => { event.preventDefault(); close.current(); }}>
    <div class="head"><h2 id=${heading} class="cut">${title}</h2>
      <div class="row nowrap">${tools}<button type="button" class="button plain square" aria-label=${s.close} onClick=${() => close.current()}><${Icon} name="close" /></button></div></div>
    <div class="body" tabindex="-1">${children}</div>
  </dialog>`;
}

/**
 * Asks before something that cannot be taken back; with `word`, that has to be typed.
 * @param {{ title: string, text: any, action: string, word?: string, onConfirm: () => Promise<unknown>, onClose: () => void }} props
 */
export function Confirm({ title, text, action, word, onConfirm, onClose }) {
  const [typed, setTyped] = useState("");
  const submit = async () => {
    await onConfirm();
    onClose();
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <${Form} onSubmit=${submit} submit=${action} danger onCancel=${onClose} blocked=${word !== undefined && typed !== word}>
      <div class="stack tight">${typeof text === "string" ? html`<p>${text}</p>` : text}</div>
      ${word !== undefined && html`<label class="field"><span class="label">${s.typeToConfirm(word)}</span>
        <input class="input mono" autocomplete="off" autocapitalize="none" spellcheck="false" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} /></label>`}
    <//>
  <//>`;
}
