// A link to something of the API that the browser itself fetches: it cannot have a new access token, so that comes first.

import { get, tokenIsFresh } from "../api.js";
import { html } from "../dom.js";
import { attempt } from "./toasts.js";

/** @param {{ href: string, label?: string, class?: string, blank?: boolean, children?: any }} props */
export function Download({ href, label, class: look = "", blank, children }) {
  const go = (/** @type {MouseEvent} */ event) => {
    if (tokenIsFresh()) return;
    event.preventDefault();
    const link = /** @type {HTMLAnchorElement} */ (event.currentTarget);
    void attempt(async () => {
      await get("/me");
      if (tokenIsFresh()) link.click();
    });
  };
  const kind = blank ? { target: "_blank", rel: "noopener" } : { download: "" };
  return html`<a class=${look} href=${href} aria-label=${label} onClick=${go} ...${kind}>${children}</a>`;
}
