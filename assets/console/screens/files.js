import { send } from "../api.js";
import { html, useRef, useState } from "../dom.js";
import { size } from "../format.js";
import { useActors } from "../parts/actor.js";
import { Confirm } from "../parts/dialog.js";
import { Download } from "../parts/download.js";
import { Icon } from "../parts/icon.js";
import { Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { usePages } from "../parts/pages.js";
import { toast, toastProblem } from "../parts/toasts.js";
import { upload } from "../parts/upload.js";
import { s } from "../strings.js";

/** @param {import("../shell.js").At} at @param {string} path */
const addressOf = (at, path) => at.api(`/files/${path.split("/").map(encodeURIComponent).join("/")}`);

/** The files of a tenant. @param {{ at: import("../shell.js").At }} props */
export default function Files({ at }) {
  const writable = at.can("files:write") && at.tenant.status === "active";
  const [prefix, setPrefix] = useState("");
  const pages = usePages(at.api(`/files${prefix ? `?prefix=${encodeURIComponent(prefix)}` : ""}`));
  const [sending, setSending] = useState(/** @type {Record<string, number>} */ ({}));
  const [deleting, setDeleting] = useState(/** @type {any} */ (null));
  const [over, setOver] = useState(false);
  const picker = useRef(/** @type {any} */ (null));
  const actorOf = useActors(at);
  const take = async (/** @type {FileList | undefined} */ files) => {
    for (const file of files ?? []) {
      const path = prefix.endsWith("/") ? prefix + file.name : file.name;
      setSending((all) => ({ ...all, [path]: 0 }));
      try {
        await upload("PUT", addressOf(at, path), file, (part) => setSending((all) => ({ ...all, [path]: part })));
        toast(s.files.uploaded(path));
      } catch (problem) {
        toastProblem(problem);
      }
      setSending(({ [path]: _, ...rest }) => rest);
    }
    await pages.reload();
  };
  const columns = [
    { label: s.files.path, cell: (/** @type {any} */ one) => html`<${Download} class="cut block" href=${`/api/v1${addressOf(at, one.path)}`}>${one.path}<//>` },
    { label: s.files.size, class: "end narrow", cell: (/** @type {any} */ one) => size(one.size) },
    { label: s.files.type, class: "narrow", cell: (/** @type {any} */ one) => html`<span class="soft small">${one.content_type}</span>` },
    { label: s.files.changed, class: "narrow", cell: (/** @type {any} */ one) => html`<span class="two"><${Time} at=${one.updated_at} near /><span class="soft small">${actorOf(one.updated_by)}</span></span>` },
    { label: "", class: "narrow end", cell: (/** @type {any} */ one) => html`<div class="row nowrap end"><${Download} class="button plain square" label=${s.files.get(one.path)} href=${`/api/v1${addressOf(at, one.path)}`}><${Icon} name="download" /><//>
      ${writable && html`<button class="button plain danger square" aria-label=${s.files.delete(one.path)} onClick=${() => setDeleting(one)}><${Icon} name="bin" /></button>`}</div>` },
  ];
  const add = html`<button class="button primary" onClick=${() => picker.current.click()}><${Icon} name="upload" />${s.files.upload}</button>`;
  return html`<${Page} title=${s.screens.files} of=${at.tenant.name} actions=${html`<input class="input slim" type="search" aria-label=${s.files.prefix} placeholder=${s.files.prefix} value=${prefix} onChange=${(/** @type {any} */ event) => setPrefix(event.target.value)} />${writable && add}`}>
    <input type="file" multiple class="unseen" tabindex="-1" aria-label=${s.files.upload} ref=${picker} onChange=${(/** @type {any} */ event) => take(event.target.files)} />
    ${Object.entries(sending).map(([path, part]) => html`<div class="card row" key=${path}><span class="cut">${path}</span><div class="progress" role="progressbar" aria-label=${path} aria-valuenow=${Math.round(part * 100)} aria-valuemax="100"><div style=${{ width: `${part * 100}%` }}></div></div></div>`)}
    <div class=${`drop ${over ? "over" : ""}`} onDragOver=${(/** @type {Event} */ event) => { if (writable) { event.preventDefault(); setOver(true); } }} onDragLeave=${() => setOver(false)} onDrop=${(/** @type {DragEvent} */ event) => { event.preventDefault(); setOver(false); if (writable) void take(event.dataTransfer?.files); }}>
    <${Loaded} of=${pages}>${(/** @type {any[]} */ all) => all.length === 0
      ? html`<div class="card"><${Empty} icon="files" title=${prefix ? s.files.noneWith(prefix) : s.files.none} text=${writable ? s.files.noneText : ""}>${writable && add}<//></div>`
      : html`<${Table} label=${s.screens.files} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.path} onMore=${pages.more} busy=${pages.busy} />`}<//></div>
    ${deleting && html`<${Confirm} title=${s.files.deleteTitle} text=${s.files.deleteText(deleting.path)} action=${s.delete} onClose=${() => setDeleting(null)}
      onConfirm=${async () => { await send("DELETE", addressOf(at, deleting.path)); await pages.reload(); }} />`}
  <//>`;
}
