import { html, useEffect, useState } from "../dom.js";
import { s } from "../strings.js";
import { ProblemNote } from "./form.js";

/** A module of a screen, loaded when it is first looked at. @param {{ load: () => Promise<any>, [prop: string]: any }} props */
export function Screen({ load, ...props }) {
  const [loaded, setLoaded] = useState(/** @type {{ load: any, View?: any, problem?: any }} */ ({ load: null }));
  useEffect(() => {
    let current = true;
    load().then(
      (module) => current && setLoaded({ load, View: module.default }),
      (cause) => {
        console.error(cause);
        if (current) setLoaded({ load, problem: new Error(s.problem.offline) });
      },
    );
    return () => void (current = false);
  }, [load]);
  if (loaded.load !== load) return null;
  if (loaded.problem) return html`<div class="page"><${ProblemNote} problem=${loaded.problem} retry=${() => location.reload()} /></div>`;
  return html`<${loaded.View} ...${props} />`;
}
