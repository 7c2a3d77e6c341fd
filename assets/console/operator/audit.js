import { html } from "../dom.js";
import { AuditLog } from "../parts/audit-log.js";
import { toOperator } from "../router.js";
import { actorName } from "./actor.js";
import { o } from "./strings.js";

/** Who did what in the installation. @param {{ route: import("../router.js").Route }} props */
export default ({ route }) => html`<${AuditLog} api="/operator/audit" address=${toOperator("audit")} search=${route.search} actorOf=${actorName} file="installation" of=${o.of} />`;
