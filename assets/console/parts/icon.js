import { html } from "../dom.js";

const SPRITE = new URL("../icons.svg", import.meta.url).href;

/** One of the sprite. It says nothing to a screen reader: what stands beside it does. @param {{ name: string, class?: string }} props */
export function Icon({ name, class: more = "" }) {
  return html`<svg class=${`icon ${more}`} viewBox="0 0 20 20" aria-hidden="true"><use href=${`${SPRITE}#${name}`} /></svg>`;
}
