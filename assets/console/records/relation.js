// A related record, picked by searching what it is called.

import { get } from "../api.js";
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "../dom.js";
import { s } from "../strings.js";
import { labelColumn, labelOf } from "./schema.js";

/**
 * @param {object} props
 * @param {import("../shell.js").At} props.at
 * @param {import("./schema.js").TableOf} props.target
 * @param {string} props.column of the target
 * @param {any} props.value
 * @param {string} [props.label] what the value is called, where that is known
 * @param {any} [props.ties]
 * @param {boolean} [props.autofocus]
 * @param {(value: any, record: import("./schema.js").Rec | null) => void} props.onPick
 * @param {(event: KeyboardEvent) => void} [props.onKey]
 */
export function Relation({ at, target, column, value, label, ties = {}, autofocus, onPick, onKey }) {
  const [text, setText] = useState(label || (value ?? "") + "");
  const [found, setFound] = useState(/** @type {import("./schema.js").Rec[] | null} */ (null));
  const [picked, setPicked] = useState(0);
  const list = useId();
  const turn = useRef(0);
  const input = useRef(/** @type {any} */ (null));
  const by = labelColumn(target);
  useLayoutEffect(() => {
    if (autofocus) input.current?.select();
  }, []);
  useEffect(() => {
    if (label || value === null || value === undefined || value === "") return;
    const query = new URLSearchParams({ [column]: `eq.${value}`, limit: "1" });
    get(at.api(`/records/${encodeURIComponent(target.name)}?${query}`)).then(({ items }) => items[0] && setText(labelOf(target, items[0])), () => {});
  }, []);
  const search = async (/** @type {string} */ typed) => {
    const mine = ++turn.current;
    const escaped = typed.trim().replaceAll("*", "");
    const like = by.type === "text" ? { [by.name]: `ilike.*${escaped}*` } : escaped ? { [by.name]: `eq.${escaped}` } : {};
    const ask = (/** @type {Record<string, string>} */ where) => get(at.api(`/records/${encodeURIComponent(target.name)}?${new URLSearchParams({ ...where, limit: "8" })}`));
    const { items } = await ask(escaped ? like : {}).catch(() => ({ items: [] }));
    const exact = items.length || !escaped ? items : (await ask({ [column]: `eq.${escaped}` }).catch(() => ({ items: [] }))).items;
    if (turn.current !== mine) return;
    setFound(exact);
    setPicked(0);
  };
  const choose = (/** @type {import("./schema.js").Rec | null} */ record) => {
    turn.current += 1;
    setFound(null);
    setText(record ? labelOf(target, record) : "");
    onPick(record ? record[column] : null, record);
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found) {
      event.preventDefault();
      event.stopPropagation();
      setPicked((picked + step + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter" && found?.[picked]) {
      event.preventDefault();
      event.stopPropagation();
      choose(found[picked]);
    } else if (event.key === "Escape" && found && !onKey) {
      event.preventDefault();
      event.stopPropagation();
      setFound(null);
    } else onKey?.(event);
  };
  return html`<div class="relation">
    <input class="input" ...${ties} name=${undefined} ref=${input} role="combobox" aria-expanded=${Boolean(found)} aria-controls=${list} aria-autocomplete="list" autocomplete="off" spellcheck="false" aria-label=${ties.id ? undefined : column}
      autofocus=${autofocus} value=${text} placeholder=${s.records.searchIn(target.name)} onFocus=${() => search("")} onBlur=${() => setTimeout(() => setFound(null), 150)} onKeyDown=${onKeyDown}
      onInput=${(/** @type {any} */ event) => { setText(event.target.value); if (event.target.value === "") choose(null); else void search(event.target.value); }} />
    ${found && html`<ul class="found" id=${list} role="listbox">${found.map((record, index) => html`
      <li role="option" aria-selected=${index === picked} onMouseDown=${(/** @type {Event} */ event) => { event.preventDefault(); choose(record); }} onMouseMove=${() => index !== picked && setPicked(index)}>
        <span class="cut">${labelOf(target, record)}</span><span class="soft small mono cut">${String(record[column])}</span></li>`)}
      ${found.length === 0 && html`<li class="soft">${s.records.nothingFound}</li>`}</ul>`}
  </div>`;
}
