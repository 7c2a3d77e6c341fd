// A text area over the same text in colours.

import { html, useRef } from "../dom.js";
import { s } from "../strings.js";
import { tokens } from "./tokens.js";

/** @param {{ sql: string, onInput: (sql: string) => void, onRun: () => void, label: string }} props */
export function Editor({ sql, onInput, onRun, label }) {
  const area = useRef(/** @type {any} */ (null));
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onRun();
    }
  };
  return html`<div class="sql-edit"><pre aria-hidden="true">${tokens(sql).map(({ kind, text }) => (kind ? html`<span class=${kind}>${text}</span>` : text))}${"\n"}</pre>
    <textarea ref=${area} aria-label=${label} spellcheck="false" autocapitalize="none" autocomplete="off" placeholder=${s.sql.placeholder} value=${sql} onKeyDown=${onKey} onInput=${(/** @type {any} */ event) => onInput(event.target.value)}></textarea></div>`;
}
