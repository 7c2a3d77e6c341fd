// The feed of changes of a table while the page is looked at. Every stream takes one of the browser's few connections.

import { get, tokenIsFresh } from "../api.js";

/**
 * @param {import("../shell.js").At} at
 * @param {string} table
 * @param {{ onChange: (change: any) => void, onGap: () => void, onState: (live: boolean) => void }} told
 * @returns {() => void} ends it
 */
export function follow(at, table, told) {
  /** @type {EventSource | null} */
  let source = null;
  let since = "latest";
  let ended = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const close = () => {
    source?.close();
    source = null;
    clearTimeout(timer);
    told.onState(false);
  };
  const open = async () => {
    // The browser asks for a stream by itself, and cannot have a new access token.
    if (!tokenIsFresh()) await get(at.api("")).catch(() => {});
    if (ended || source || document.visibilityState === "hidden") return;
    const query = new URLSearchParams({ tables: table, since });
    const opened = new EventSource(`/api/v1${at.api(`/changes?${query}`)}`);
    source = opened;
    const seen = (/** @type {MessageEvent} */ event) => void (since = event.lastEventId || since);
    opened.addEventListener("position", (event) => {
      seen(event);
      told.onState(true);
    });
    opened.addEventListener("change", (event) => {
      seen(event);
      told.onChange(JSON.parse(event.data));
    });
    // What was missed is no longer kept: all is fetched anew.
    opened.addEventListener("gone", () => {
      close();
      since = "latest";
      told.onGap();
      timer = setTimeout(() => void open(), 1000);
    });
    opened.addEventListener("error", () => {
      if (opened.readyState !== EventSource.CLOSED) return told.onState(false);
      // Refused, as when the access token ran out: an ordinary request gets the next one.
      close();
      timer = setTimeout(() => get(at.api("")).then(open, () => void (timer = setTimeout(() => void open(), 10_000))), 2000);
    });
  };
  const onSight = () => (document.visibilityState === "hidden" ? close() : void open());
  document.addEventListener("visibilitychange", onSight);
  void open();
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", onSight);
    close();
  };
}
