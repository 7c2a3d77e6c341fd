// A list that is asked for page by page.

import { get } from "../api.js";
import { useLoad } from "../load.js";
import { useRef, useState } from "../dom.js";
import { toastProblem } from "./toasts.js";

/**
 * The first page, and `more` while there is one.
 * @param {string} path
 * @param {number} [limit]
 * @param {number} [further] of the pages after the first
 */
export function usePages(path, limit = 50, further = limit) {
  const [busy, setBusy] = useState(false);
  const joined = path.includes("?") ? "&" : "?";
  const ask = (/** @type {string} */ cursor = "") => get(`${path}${joined}limit=${cursor ? further : limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  const first = useLoad(() => ask(), [path]);
  const latest = useRef(path);
  latest.current = path;
  const more = async () => {
    setBusy(true);
    try {
      const page = await ask(first.data.next_cursor);
      // Another list is asked for by now.
      if (latest.current === path) first.set({ items: [...first.data.items, ...page.items], next_cursor: page.next_cursor });
    } catch (/** @type {any} */ problem) {
      toastProblem(problem);
      if (problem.code === "list_expired") await first.reload();
    } finally {
      setBusy(false);
    }
  };
  return { data: /** @type {any[] | undefined} */ (first.data?.items), problem: first.problem, busy: busy || first.busy, reload: first.reload, more: first.data?.next_cursor ? more : null };
}
