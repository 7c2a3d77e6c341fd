import { get } from "../api.js";
import { html, useRef, useState } from "../dom.js";
import { percent, size } from "../format.js";
import { useEvery, useLoad } from "../load.js";
import { ProblemNote } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Empty, Loaded, Page, Table, Time } from "../parts/page.js";
import { upload } from "../parts/upload.js";
import { navigate, toOperator } from "../router.js";
import { s } from "../strings.js";
import { One } from "./one.js";
import { Bar, isGoing, LOOK, Status, titleOf } from "./state.js";
import { w } from "./strings.js";

/** Exports that become tenants of whoever brings them; an operator brings larger ones. @param {{ route: import("../router.js").Route }} props */
export default function Imports({ route }) {
  const base = route.operator ? toOperator("imports") : "/console/imports";
  const of = route.operator ? s.operator.title : "";
  const id = route.rest[0];
  return id ? html`<${One} key=${id} id=${id} base=${base} of=${of} />` : html`<${All} base=${base} of=${of} />`;
}

/** @param {{ base: string, of: string }} props */
function All({ base, of }) {
  const found = useLoad(async () => (await get("/imports")).items, []);
  useEvery(() => void found.reload(), LOOK, Boolean(found.data?.some(isGoing)));
  const columns = [
    { label: w.export, cell: (/** @type {any} */ one) => html`<span class="two"><a class="cut" href=${`${base}/${one.id}`}><b>${titleOf(one) || (one.status === "failed" || one.status === "expired" ? w.file : w.unnamed)}</b></a>${one.error && html`<span class="small bad cut" title=${one.error}>${one.error}</span>`}</span>` },
    { label: w.status, class: "narrow", cell: (/** @type {any} */ one) => (isGoing(one) ? html`<${Bar} part=${one.progress} />` : html`<${Status} status=${one.status} />`) },
    { label: w.size, class: "narrow end", cell: (/** @type {any} */ one) => size(one.size_bytes) },
    { label: w.when, class: "narrow", cell: (/** @type {any} */ one) => html`<${Time} at=${one.created_at} near />` },
    { label: w.until, class: "narrow", cell: (/** @type {any} */ one) => (one.status === "previewed" ? html`<${Time} at=${one.expires_at} near />` : html`<span class="soft">—</span>`) },
  ];
  return html`<${Page} title=${s.screens.imports} of=${of} about=${w.about}>
    <${Bring} onTaken=${(/** @type {any} */ taken) => navigate(`${base}/${taken.id}`)} />
    <${Loaded} of=${found} lines=${3}>${(/** @type {any[]} */ all) => (all.length === 0
      ? html`<div class="card"><${Empty} icon="upload" title=${w.none} text=${w.noneText} /></div>`
      : html`<h2>${w.mine}</h2><${Table} label=${w.mine} columns=${columns} rows=${all} keyOf=${(/** @type {any} */ one) => one.id} />`)}<//>
  <//>`;
}

/** Takes a file, sends it, and has it looked at only. @param {{ onTaken: (taken: any) => void }} props */
function Bring({ onTaken }) {
  const [over, setOver] = useState(false);
  const [sending, setSending] = useState(/** @type {{ file: File, part: number } | null} */ (null));
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const picker = useRef(/** @type {any} */ (null));
  const take = async (/** @type {File | undefined} */ file) => {
    if (!file || sending) return;
    if (!/\.zip$/i.test(file.name)) return setProblem(new Error(w.notZip(file.name)));
    const form = new FormData();
    form.set("preview", "true");
    form.set("file", file);
    setProblem(null);
    setSending({ file, part: 0 });
    try {
      onTaken(await upload("POST", "/imports", form, (part) => setSending({ file, part })));
    } catch (caught) {
      setProblem(caught);
    }
    setSending(null);
  };
  return html`
    <input type="file" class="unseen" tabindex="-1" aria-label=${w.choose} accept=".zip,application/zip" ref=${picker} onChange=${(/** @type {any} */ event) => { void take(event.target.files[0]); event.target.value = ""; }} />
    ${sending ? html`<div class="card stack" role="status"><div class="row apart nowrap"><b class="cut">${w.sending(sending.file.name)}</b><span class="soft numeric">${sending.part < 1 ? w.sent(percent(Math.floor(100 * sending.part)), size(sending.file.size)) : w.looking}</span></div><${Bar} part=${Math.floor(100 * sending.part)} /></div>`
      : html`<div class=${`dropzone card ${over ? "over" : ""}`} onDragOver=${(/** @type {Event} */ event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
          onDrop=${(/** @type {DragEvent} */ event) => { event.preventDefault(); setOver(false); void take(event.dataTransfer?.files[0]); }}>
          <${Icon} name="upload" /><p><b>${w.drop}</b></p><p class="small">${w.dropHint}</p><button class="button primary" onClick=${() => picker.current.click()}>${w.choose}</button></div>`}
    <div role="alert">${problem && html`<${ProblemNote} problem=${problem} />`}</div>`;
}
