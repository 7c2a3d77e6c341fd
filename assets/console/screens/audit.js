import { html } from "../dom.js";
import { useActors } from "../parts/actor.js";
import { AuditLog } from "../parts/audit-log.js";
import { to } from "../router.js";

/** Who did what in the tenant. @param {{ at: import("../shell.js").At, route: import("../router.js").Route }} props */
export default function Audit({ at, route }) {
  const actorOf = useActors(at);
  return html`<${AuditLog} api=${at.api("/audit")} address=${to(at.slug, "audit")} search=${route.search} actorOf=${actorOf} file=${at.slug} of=${at.tenant.name} />`;
}
