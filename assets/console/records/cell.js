// One cell being edited: Enter and Tab keep, Escape does not.

import { html, useLayoutEffect, useRef, useState } from "../dom.js";
import { s } from "../strings.js";
import { Relation } from "./relation.js";
import { draft } from "./schema.js";

/**
 * @param {object} props
 * @param {import("../shell.js").At} props.at
 * @param {import("./schema.js").Column} props.column
 * @param {any} props.value
 * @param {string} [props.typed] what was typed to begin
 * @param {import("./schema.js").TableOf | undefined} props.target of a relation
 * @param {string} [props.label]
 * @param {(text: string, move: "down" | "right" | "left" | "", related?: import("./schema.js").Rec | null) => void} props.onCommit
 * @param {() => void} props.onCancel
 */
export function CellEditor({ at, column, value, typed, target, label, onCommit, onCancel }) {
  const [text, setText] = useState(typed ?? draft(value));
  const input = useRef(/** @type {any} */ (null));
  const done = useRef(false);
  const end = (/** @type {() => void} */ act) => {
    if (done.current) return;
    done.current = true;
    act();
  };
  // Before the next key comes.
  useLayoutEffect(() => {
    input.current?.focus();
    if (typed === undefined) input.current?.select?.();
  }, []);
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      end(onCancel);
    } else if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      if (target) return end(onCancel);
      end(() => onCommit(text, event.key === "Enter" ? "down" : event.shiftKey ? "left" : "right"));
    }
  };
  if (target && column.references) {
    return html`<div class="cell editing" role="gridcell" onFocusOut=${(/** @type {FocusEvent} */ event) => !(/** @type {Element} */ (event.currentTarget)).contains(/** @type {any} */ (event.relatedTarget)) && setTimeout(() => end(onCancel), 160)}>
      <${Relation} at=${at} target=${target} column=${column.references.column} value=${value} label=${label} autofocus onKey=${onKey}
        onPick=${(/** @type {any} */ picked, /** @type {any} */ record) => end(() => onCommit(picked === null ? "" : String(picked), "", record))} /></div>`;
  }
  if (column.type === "boolean") {
    return html`<div class="cell editing" role="gridcell"><select class="input" ref=${input} aria-label=${column.name} onKeyDown=${onKey} onBlur=${() => end(() => onCommit(text, ""))} onChange=${(/** @type {any} */ event) => setText(event.target.value)}>
      ${!column.required && html`<option value="" selected=${text === ""}>${s.none}</option>`}
      <option value="true" selected=${text === "true"}>${s.yes}</option><option value="false" selected=${text === "false"}>${s.no}</option></select></div>`;
  }
  return html`<div class="cell editing" role="gridcell"><input class="input" ref=${input} aria-label=${column.name} value=${text} spellcheck="false" onKeyDown=${onKey}
    inputmode=${column.type === "integer" ? "numeric" : column.type === "real" ? "decimal" : undefined}
    onBlur=${() => end(() => onCommit(text, ""))} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></div>`;
}
