import { html } from "../dom.js";
import { s } from "../strings.js";
import { Badge } from "./page.js";

const KINDS = /** @type {Record<string, string>} */ ({ active: "good", suspended: "warn", closing: "bad", erasing: "bad", erased: "", provisioning: "info" });

/** @param {{ status: string }} props */
export const TenantStatus = ({ status }) => html`<${Badge} kind=${KINDS[status] ?? "bad"}>${s.status[status] ?? status}<//>`;
