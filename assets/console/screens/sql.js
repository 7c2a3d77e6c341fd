import { get, post } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { number } from "../format.js";
import { useLoad } from "../load.js";
import { Dialog } from "../parts/dialog.js";
import { Field, Form, ProblemNote } from "../parts/form.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Page } from "../parts/page.js";
import { toast } from "../parts/toasts.js";
import { useMe } from "../session.js";
import { Editor } from "../sql/editor.js";
import { forgetUnowned, placeOf } from "../sql/kept.js";
import { Result, saveCsv } from "../sql/result.js";
import { s } from "../strings.js";

/** Statements kept for one person and tenant. */
const MOST_SAVED = 50;

/** @typedef {{ name: string, sql: string }} Saved */

/** Reading with SQL, in this tenant's file alone. @param {{ at: import("../shell.js").At }} props */
export default function Sql({ at }) {
  const place = placeOf(useMe()?.id ?? "", at.tenant.id);
  useEffect(() => forgetUnowned(localStorage, at.tenant.id), [at.tenant.id]);
  const [saved, setSaved] = useState(() => /** @type {Saved[]} */ (JSON.parse(localStorage.getItem(place) ?? "[]")));
  const [sql, setSql] = useState(() => sessionStorage.getItem(place) ?? "");
  const [state, setState] = useState(/** @type {{ busy: boolean, answer: any, problem: any }} */ ({ busy: false, answer: null, problem: null }));
  const tables = useLoad(async () => (await get(at.api("/tables"))).items, [at.tenant.id]);
  const write = (/** @type {string} */ text) => {
    sessionStorage.setItem(place, text);
    setSql(text);
  };
  const keep = (/** @type {Saved[]} */ next) => {
    localStorage.setItem(place, JSON.stringify(next));
    setSaved(next);
  };
  const run = async () => {
    if (!sql.trim() || state.busy) return;
    setState((old) => ({ ...old, busy: true, problem: null }));
    try {
      setState({ busy: false, answer: await post(at.api("/sql"), { sql }), problem: null });
    } catch (problem) {
      setState((old) => ({ ...old, busy: false, problem }));
    }
  };
  const [open, setOpen] = useState("");
  const first = sql.trim().replace(/\s+/g, " ").slice(0, 60);
  const save = async (/** @type {Record<string, string>} */ { name }) => {
    keep([{ name: name.trim() || first, sql }, ...saved.filter((one) => one.sql !== sql)].slice(0, MOST_SAVED));
    setOpen("");
    toast(s.saved);
  };
  const drop = (/** @type {Saved} */ gone) => {
    const before = saved;
    keep(saved.filter((one) => one !== gone));
    // What takes it back lies below the drawer, out of reach.
    setOpen("");
    toast(s.sql.removed(gone.name), { act: { label: s.undo, run: () => keep(before) } });
  };
  const { answer } = state;
  const offers = (tables.data ?? []).slice(0, 6).map((/** @type {any} */ table) => table.name);
  return html`<${Page} title=${s.screens.sql} of=${at.tenant.name} about=${s.sql.about} actions=${html`<button class="button" onClick=${() => setOpen("save")} disabled=${!first}><${Icon} name="star" />${s.sql.saveThis}</button>
      <button class="button" onClick=${() => setOpen("saved")}>${s.sql.savedQueries}${saved.length > 0 && html` <${Badge}>${saved.length}<//>`}</button>`}>
    <div class="sql"><${Editor} sql=${sql} onInput=${write} onRun=${run} label=${s.sql.statement} />
      <div class="row apart"><div class="row">${offers.map((/** @type {string} */ name) => html`<button key=${name} class="button plain small" onClick=${() => write(`SELECT * FROM "${name.replaceAll('"', '""')}" LIMIT 100`)}>${name}</button>`)}</div>
        <button class=${`button primary ${state.busy ? "busy" : ""}`} disabled=${state.busy || !sql.trim()} onClick=${run}><${Icon} name=${state.busy ? "reload" : "play"} />${s.sql.run} <kbd class="onmain">${/Mac/.test(navigator.platform) ? "⌘" : "Ctrl"} ↵</kbd></button></div></div>
    <div role="status">${state.problem && html`<${ProblemNote} problem=${state.problem} />`}</div>
    ${answer ? html`<div class="row apart"><span class="soft small numeric">${s.sql.rows(answer.rows.length)} · ${number(answer.duration_ms)} ms${answer.truncated ? ` · ${s.sql.truncated}` : ""}</span>${answer.rows.length > 0 && html`<button class="button plain" onClick=${() => saveCsv(answer, `${at.slug}-query.csv`)}><${Icon} name="download" />CSV</button>`}</div>
      ${answer.rows.length === 0 ? html`<div class="card"><${Empty} icon="sql" title=${s.sql.empty} /></div>` : html`<${Result} answer=${answer} />`}`
      : html`<div class="card"><${Empty} icon="sql" title=${s.sql.start} text=${s.sql.startText} /></div>`}
    ${open === "save" && html`<${Dialog} title=${s.sql.saveThis} onClose=${() => setOpen("")}><${Form} onSubmit=${save} submit=${s.save} onCancel=${() => setOpen("")}>
      <${Field} label=${s.sql.name} name="name" hint=${s.sql.nameHint} placeholder=${first} maxlength="80" autocomplete="off" autofocus /><pre class="secret small">${sql.trim()}</pre><//><//>`}
    ${open === "saved" && html`<${Dialog} kind="drawer" title=${s.sql.savedQueries} onClose=${() => setOpen("")}>${saved.length === 0
      ? html`<${Empty} icon="star" title=${s.sql.noneSaved} text=${s.sql.noneSavedText} />`
      : html`<ul class="stack">${saved.map((one) => html`<li key=${one.sql} class="savedone"><button class="pickone" onClick=${() => { write(one.sql); setOpen(""); }}><b class="cut">${one.name}</b><code class="small soft cut">${one.sql.trim().replace(/\s+/g, " ")}</code></button>
          <button class="button plain square danger" aria-label=${`${s.remove} ${one.name}`} onClick=${() => drop(one)}><${Icon} name="bin" /></button></li>`)}</ul>`}<//>`}
  <//>`;
}
