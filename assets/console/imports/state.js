// How far an import is.

import { html } from "../dom.js";
import { Badge } from "../parts/page.js";
import { s } from "../strings.js";
import { w } from "./strings.js";

const KINDS = /** @type {Record<string, string>} */ ({ queued: "info", running: "info", previewed: "warn", ready: "good", failed: "bad", expired: "" });
/** How often what is under way is looked at, in milliseconds. */
export const LOOK = 700;

/** What one of them is called. @param {any} one */
export const titleOf = (one) => one.tenant?.slug ?? (one.name || one.preview?.source?.name || one.preview?.source?.slug || "");

export const isGoing = (/** @type {any} */ one) => one.status === "queued" || one.status === "running";

/** @param {{ status: string }} props */
export const Status = ({ status }) => html`<${Badge} kind=${KINDS[status] ?? ""}>${w.statuses[status] ?? status}<//>`;

/** @param {{ part: number }} props of 100 */
export const Bar = ({ part }) => html`<div class="progress" role="progressbar" aria-label=${s.jobs.progress} aria-valuenow=${part} aria-valuemax="100"><div style=${{ width: `${part}%` }}></div></div>`;
