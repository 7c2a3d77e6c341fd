// What became of a record, newest first, as the differences between one change and the next.

import { list } from "../api.js";
import { html } from "../dom.js";
import { useLoad } from "../load.js";
import { Badge, Empty, Loaded, Time } from "../parts/page.js";
import { useActors } from "../parts/actor.js";
import { s } from "../strings.js";
import { recordPath } from "./editing.js";
import { draft } from "./schema.js";

/** @param {{ at: import("../shell.js").At, table: import("./schema.js").TableOf, recordKey: string }} props */
export function History({ at, table, recordKey }) {
  const actorOf = useActors(at);
  const found = useLoad(async () => {
    const items = await list(`${recordPath(at, table, recordKey)}/history`, 500);
    return items.sort((a, b) => b.seq - a.seq);
  }, [recordKey]);
  return html`<${Loaded} of=${found}>${(/** @type {any[]} */ changes) => changes.length === 0
    ? html`<${Empty} icon="audit" title=${s.records.noHistory} text=${s.records.noHistoryText} />`
    : html`<ol class="history">${changes.map((change, index) => html`<li key=${change.seq}>
        <div class="row"><${Badge} kind=${{ create: "good", update: "info", delete: "bad" }[/** @type {string} */ (change.op)]}>${s.records.did[change.op]}<//>
          <${Time} at=${change.at} near /><span class="soft cut">${actorOf(change.actor)}</span></div>
        <${Difference} before=${changes[index + 1]?.record ?? {}} after=${change.record} omitted=${change.record_omitted} /></li>`)}</ol>`}<//>`;
}

/** @param {{ before: Record<string, any>, after: Record<string, any> | null, omitted?: boolean }} props */
function Difference({ before, after, omitted }) {
  if (omitted) return html`<p class="small soft">${s.records.omitted}</p>`;
  if (!after) return null;
  const names = Object.keys(after).filter((name) => JSON.stringify(before[name] ?? null) !== JSON.stringify(after[name]));
  return html`<dl class="diff">${names.map((name) => html`<dt class="soft">${name}</dt><dd>
    ${draft(before[name]) !== "" && html`<del>${draft(before[name])}</del> `}<ins>${draft(after[name]) || "—"}</ins></dd>`)}</dl>`;
}
