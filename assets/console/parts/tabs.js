// Parts of a screen side by side, each with an address of its own.

import { html } from "../dom.js";

/** @param {{ label: string, of: { href: string, text: string, current: boolean }[] }} props */
export function Tabs({ label, of }) {
  return html`<nav class="tabs" aria-label=${label}>${of.map((one) => html`<a key=${one.href} href=${one.href} aria-current=${one.current ? "page" : undefined}>${one.text}</a>`)}</nav>`;
}
