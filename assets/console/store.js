// A value that several parts of the page look at.

import { useEffect, useState } from "./dom.js";

/**
 * @template T
 * @typedef {{ get(): T, set(next: T | ((old: T) => T)): void, subscribe(told: (value: T) => void): () => void }} Store
 */

/**
 * @template T
 * @param {T} value
 * @returns {Store<T>}
 */
export function createStore(value) {
  /** @type {Set<(value: T) => void>} */
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      const made = typeof next === "function" ? /** @type {(old: T) => T} */ (next)(value) : next;
      if (Object.is(made, value)) return;
      value = made;
      for (const told of [...listeners]) told(value);
    },
    subscribe(told) {
      listeners.add(told);
      return () => listeners.delete(told);
    },
  };
}

/**
 * The store's value; the component is drawn anew when it changes.
 * @template T
 * @param {Store<T>} store
 * @returns {T}
 */
export function useStore(store) {
  const [value, setValue] = useState(() => store.get());
  useEffect(() => {
    setValue(() => store.get());
    return store.subscribe((next) => setValue(() => next));
  }, [store]);
  return value;
}
