// Which screen the address names. The tenant is in it, so that several tabs have different tenants.

import { createStore, useStore } from "./store.js";

/**
 * @typedef {object} Route
 * @property {string} name the screen
 * @property {string | null} tenant its slug
 * @property {boolean} [operator] whether it is one of the operator's screens
 * @property {string[]} rest what follows, each part decoded
 * @property {string} search the query as it is, without `?`
 */

/** @param {Location | URL} address @returns {Route} */
export function parse(address) {
  const parts = address.pathname.split("/").filter(Boolean);
  if (parts[0] === "console") parts.shift();
  const search = address.search.slice(1);
  const decoded = parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  if (decoded[0] === "t" && decoded[1]) {
    return { name: decoded[2] ?? "records", tenant: decoded[1], rest: decoded.slice(3), search };
  }
  if (decoded[0] === "operator") return { name: decoded[1] ?? "overview", tenant: null, operator: true, rest: decoded.slice(2), search };
  return { name: decoded[0] ?? "home", tenant: null, rest: decoded.slice(1), search };
}

const route = createStore(parse(location));
addEventListener("popstate", () => route.set(parse(location)));

export const useRoute = () => useStore(route);
export const currentRoute = () => route.get();

/** The address of a screen of a tenant. @param {string} slug @param {...string} parts */
export function to(slug, ...parts) {
  return ["/console/t", slug, ...parts].map((part, index) => (index ? encodeURIComponent(part) : part)).join("/");
}

/** The address of a screen of the operator. @param {...string} parts */
export const toOperator = (...parts) => ["/console/operator", ...parts.map(encodeURIComponent)].join("/");

/** @param {string} address @param {{ replace?: boolean }} [how] */
export function navigate(address, how = {}) {
  const next = new URL(address, location.href);
  if (next.href === location.href) return;
  history[how.replace ? "replaceState" : "pushState"](null, "", next);
  const before = route.get();
  route.set(parse(next));
  const after = route.get();
  if (before.name !== after.name || before.tenant !== after.tenant || before.operator !== after.operator) scrollTo(0, 0);
}

/** Pages below `/console` that are documents of their own. */
const DOCUMENTS = /^\/console\/(start|accept|verify|reset)\b/;

/** Links within the console change the screen; all others are the browser's. */
export function catchLinks() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (event.target).closest?.("a[href]"));
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (!/^\/console(\/|$)/.test(link.pathname) || DOCUMENTS.test(link.pathname)) return;
    event.preventDefault();
    navigate(link.href);
  });
}
