// Parts of a screen side by side, each with an address of its own.

import { html, useEffect, useRef } from "../dom.js";

/** @param {{ label: string, of: { href: string, text: string, current: boolean }[] }} props */
export function Tabs({ label, of }) {
  const nav = useRef(/** @type {any} */ (null));
  const current = of.find((one) => one.current)?.href;
  useEffect(() => {
    // On a narrow screen not all of them have room: the current one is seen.
    const link = nav.current.querySelector("[aria-current]");
    if (link) nav.current.scrollLeft = link.offsetLeft - nav.current.offsetLeft - (nav.current.clientWidth - link.offsetWidth) / 2;
  }, [current]);
  return html`<nav class="tabs" aria-label=${label} ref=${nav}>${of.map((one) => html`<a key=${one.href} href=${one.href} aria-current=${one.current ? "page" : undefined}>${one.text}</a>`)}</nav>`;
}
