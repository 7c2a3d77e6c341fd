// What a screen asks the API for when it is shown.

import { online } from "./api.js";
import { useCallback, useEffect, useRef, useState } from "./dom.js";

/**
 * @template T
 * @param {() => Promise<T>} ask
 * @param {readonly unknown[]} inputs asked again when one of them changes
 * @returns {{ data: T | undefined, problem: any, busy: boolean, reload: () => Promise<void>, set: (next: T) => void }}
 */
export function useLoad(ask, inputs) {
  const [state, setState] = useState({ data: /** @type {T | undefined} */ (undefined), problem: /** @type {any} */ (null), busy: true });
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    setState((old) => ({ ...old, busy: true }));
    try {
      const data = await ask();
      if (turn.current === mine) setState({ data, problem: null, busy: false });
    } catch (problem) {
      if (turn.current === mine) setState((old) => ({ ...old, problem, busy: false }));
    }
  }, inputs);
  const { problem } = state;
  useEffect(() => {
    if (problem?.code !== "offline") return;
    return online.subscribe((is) => is && void reload());
  }, [problem, reload]);
  useEffect(() => {
    void reload();
    return () => void (turn.current += 1);
  }, [reload]);
  return { ...state, reload, set: (data) => setState({ data, problem: null, busy: false }) };
}

/** Runs `act` every so many milliseconds while the page is seen and `active`. @param {() => void} act @param {number} every @param {boolean} active */
export function useEvery(act, every, active) {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => document.visibilityState === "visible" && latest.current(), every);
    return () => clearInterval(timer);
  }, [every, active]);
}
