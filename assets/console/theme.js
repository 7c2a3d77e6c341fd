// Light or dark: as the system says, or as was chosen and kept.

import { createStore } from "./store.js";

const KEY = "tenantry.theme";
/** @typedef {"system" | "light" | "dark"} Theme */

const kept = localStorage.getItem(KEY);
/** @type {import("./store.js").Store<Theme>} */
export const theme = createStore(kept === "light" || kept === "dark" ? kept : /** @type {Theme} */ ("system"));

function apply() {
  const chosen = theme.get();
  document.documentElement.dataset.theme = chosen;
  if (chosen === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, chosen);
}

theme.subscribe(apply);
apply();

addEventListener("storage", (event) => {
  if (event.key === KEY) theme.set(event.newValue === "light" || event.newValue === "dark" ? event.newValue : "system");
});
