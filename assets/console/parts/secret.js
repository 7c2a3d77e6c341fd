// A secret that is told once: it stays until somebody says that they have kept it.

import { html } from "../dom.js";
import { s } from "../strings.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";
import { Copy } from "./page.js";

/** @param {{ title: string, secret: string, onClose: () => void, children?: any }} props */
export function SecretOnce({ title, secret, onClose, children }) {
  return html`<${Dialog} title=${title} onClose=${onClose}><div class="stack">
    <div class="note warn"><${Icon} name="warn" /><p>${s.keys.once}</p></div>
    <div class="secret"><code>${secret}</code><${Copy} text=${secret} /></div>
    ${children}
    <div class="actions last"><button class="button primary" onClick=${onClose}>${s.keys.kept}</button></div>
  </div><//>`;
}
