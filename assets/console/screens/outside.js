import { html, useEffect } from "../dom.js";
import { s } from "../strings.js";

/** The frame of screens before signing in. @param {{ title: string, text?: any, children?: any }} props */
export function Outside({ title, text, children }) {
  useEffect(() => void (document.title = `${title} · Tenantry`), [title]);
  return html`<main class="outside"><div class="stack">
    <p class="brand"><img src=${new URL("../../icon.svg", import.meta.url).href} alt="" width="28" height="28" />Tenantry</p>
    <div class="card stack"><div class="stack tight"><h1>${title}</h1>${text && html`<p class="soft">${text}</p>`}</div>${children}</div>
    <p class="small soft row apart"><a href="/api/docs">${s.account.docs}</a><a href="/console/start">${s.auth.start}</a></p>
  </div></main>`;
}
