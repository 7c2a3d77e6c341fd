// Ctrl-K: to any screen, table or tenant, or another theme, by typing a part of its name.

import { get } from "./api.js";
import { html, useEffect, useId, useMemo, useRef, useState } from "./dom.js";
import { Icon } from "./parts/icon.js";
import { navigate, to, toOperator } from "./router.js";
import { GROUPS, OPERATOR_GROUPS, OWN } from "./screens.js";
import { signOut } from "./session.js";
import { createStore, useStore } from "./store.js";
import { s } from "./strings.js";
import { theme } from "./theme.js";

/** Lines that are shown; who wants another types more. */
const MOST = 100;
/** How long an operator may pause while typing before tenants are searched, in milliseconds. */
const PAUSE = 150;

const isOpen = createStore(false);
export const openPalette = () => isOpen.set(true);

addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    isOpen.set((open) => !open);
  }
});

/** @typedef {{ icon: string, text: string, kind: string, run: () => void }} Command */

/** @param {{ me: import("./session.js").Me, at: import("./shell.js").At | null }} props */
export function Palette({ me, at }) {
  return useStore(isOpen) && html`<${Open} me=${me} at=${at} />`;
}

/** @param {{ me: import("./session.js").Me, at: import("./shell.js").At | null }} props */
function Open({ me, at }) {
  const dialog = useRef(/** @type {any} */ (null));
  const [typed, setTyped] = useState("");
  const [picked, setPicked] = useState(0);
  const [tables, setTables] = useState(/** @type {string[]} */ ([]));
  const [fleet, setFleet] = useState(/** @type {{ slug: string, name: string }[]} */ ([]));
  const list = useId();
  const sought = typed.trim();
  useEffect(() => {
    if (!me.operator || !sought) return setFleet([]);
    let gone = false;
    const timer = setTimeout(() => import("./operator/fleet.js").then(({ findTenants }) => findTenants(sought)).then((found) => !gone && setFleet(found), () => {}), PAUSE);
    return () => void ((gone = true), clearTimeout(timer));
  }, [sought]);
  const close = () => isOpen.set(false);
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current.showModal();
    if (at) get(at.api("/tables")).then(({ items }) => setTables(items.map((/** @type {any} */ one) => one.name)), () => {});
    return () => before?.isConnected && before.focus({ preventScroll: true });
  }, []);
  const commands = useMemo(() => all(me, at, tables, fleet), [me, at, tables, fleet]);
  const found = useMemo(() => search(commands, typed), [commands, typed]);
  const run = (/** @type {Command | undefined} */ command) => {
    if (!command) return;
    close();
    command.run();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setPicked((picked + step + found.length) % Math.max(1, found.length));
    }
    if (event.key === "Enter") run(found[picked]);
  };
  useEffect(() => dialog.current.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [picked, typed]);
  return html`<dialog class="palette" ref=${dialog} aria-label=${s.goTo} onCancel=${close} onMouseDown=${(/** @type {Event} */ event) => event.target === dialog.current && close()}>
    <div class="palette-head"><${Icon} name="search" /><input role="combobox" aria-expanded="true" aria-controls=${list} aria-label=${s.goTo} placeholder=${s.palette.placeholder} autofocus
      aria-activedescendant=${found[picked] ? `${list}-${picked}` : undefined} value=${typed} onKeyDown=${onKey}
      onInput=${(/** @type {any} */ event) => { setTyped(event.target.value); setPicked(0); }} /></div>
    <ul id=${list} role="listbox" aria-label=${s.goTo}>${found.map((command, index) => html`
      <li key=${command.kind + command.text} id=${`${list}-${index}`} role="option" aria-selected=${index === picked} onClick=${() => run(command)} onMouseMove=${() => index !== picked && setPicked(index)}>
        <${Icon} name=${command.icon} /><span class="cut">${command.text}</span><span class="soft small">${command.kind}</span></li>`)}
      ${found.length === 0 && html`<li class="soft none">${s.palette.none}</li>`}</ul>
  </dialog>`;
}

/** @param {import("./session.js").Me} me @param {import("./shell.js").At | null} at @param {string[]} tables @param {{ slug: string, name: string }[]} fleet @returns {Command[]} */
function all(me, at, tables, fleet) {
  const go = (/** @type {string} */ address) => () => navigate(address);
  const operator = me.operator ? OPERATOR_GROUPS.flatMap(([, list]) => [...list]) : [];
  const screens = at ? GROUPS.flatMap(([, list]) => list.filter(([, permission]) => at.can(permission))) : [];
  return [
    ...screens.map(([name]) => ({ icon: name, text: s.screens[name], kind: s.palette.screen, run: go(to(/** @type {any} */ (at).slug, name)) })),
    ...tables.map((name) => ({ icon: "records", text: name, kind: s.palette.table, run: go(to(/** @type {any} */ (at).slug, "records", name)) })),
    ...me.memberships.map(({ tenant }) => ({ icon: "tenant", text: tenant.name, kind: s.palette.tenant, run: go(to(tenant.slug, "records")) })),
    ...operator.map(([name, icon]) => ({ icon, text: s.operator.screens[name], kind: s.palette.operator, run: go(toOperator(name)) })),
    ...OWN.map(([name, icon, href]) => ({ icon, text: name === "home" ? s.tenants.all : s.screens[name], kind: s.palette.screen, run: go(href) })),
    ...(/** @type {const} */ (["system", "light", "dark"])).map((name) => ({ icon: name, text: s.theme.choose(s.theme[name]), kind: s.palette.act, run: () => theme.set(name) })),
    ...fleet.map(({ slug, name }) => ({ icon: "operator", text: name || slug, kind: `${s.palette.ofFleet} ${slug}`, run: go(toOperator("tenants", slug)) })),
    { icon: "out", text: s.account.signOut, kind: s.palette.act, run: () => void signOut() },
  ];
}

/** All words somewhere; where a word begins counts more. @param {Command[]} commands @param {string} typed */
function search(commands, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = (/** @type {Command} */ command) => {
    const text = `${command.text} ${command.kind}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return -1;
    return words.filter((word) => text.startsWith(word) || text.includes(` ${word}`)).length;
  };
  return commands
    .map((command) => ({ command, rank: rank(command) }))
    .filter((one) => one.rank >= 0)
    .sort((a, b) => b.rank - a.rank)
    .slice(0, MOST)
    .map((one) => one.command);
}
