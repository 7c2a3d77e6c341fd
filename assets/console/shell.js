// The frame around every screen: where one is, where one can go, what the tenant's state is.

import { Banners } from "./banners.js";
import { html, useEffect, useRef, useState } from "./dom.js";
import { openPalette, Palette } from "./palette.js";
import { Icon } from "./parts/icon.js";
import { Item, Menu } from "./parts/menu.js";
import { Avatar, Badge, Empty } from "./parts/page.js";
import { Screen } from "./parts/screen.js";
import { to, toOperator } from "./router.js";
import { GROUPS, OPERATOR_GROUPS, OPERATOR_SCREENS, OWN, SCREENS } from "./screens.js";
import { signOut } from "./session.js";
import { s } from "./strings.js";
import { useStore } from "./store.js";
import { theme } from "./theme.js";

/**
 * The tenant that a screen is about.
 * @typedef {object} At
 * @property {string} slug
 * @property {import("./session.js").Membership["tenant"]} tenant
 * @property {string} role
 * @property {(permission: string) => boolean} can
 * @property {(path: string) => string} api the path of a route of the tenant
 * @property {import("./session.js").Me} me
 * @property {boolean} writable whether its state lets records be written
 */

/** @param {import("./session.js").Me} me @param {string | null} slug @returns {At | null} */
function tenantAt(me, slug) {
  const mine = me.memberships.find(({ tenant }) => tenant.slug === slug || tenant.id === slug);
  if (!mine) return null;
  return {
    slug: mine.tenant.slug,
    tenant: mine.tenant,
    role: mine.role,
    me,
    can: (permission) => mine.permissions.includes(permission),
    api: (path) => `/tenants/${mine.tenant.slug}${path}`,
    writable: mine.tenant.status === "active" && mine.permissions.includes("records:write"),
  };
}

/** @param {{ me: import("./session.js").Me, route: import("./router.js").Route }} props */
export function Shell({ me, route }) {
  const [open, setOpen] = useState(false);
  const at = route.tenant ? tenantAt(me, route.tenant) : null;
  const main = useRef(/** @type {any} */ (null));
  useEffect(() => {
    // The other screens, so that going there waits for nothing, nor for a connection.
    const timer = setTimeout(() => Object.values(route.operator ? OPERATOR_SCREENS : SCREENS).forEach((load) => void load().catch(() => {})), 1500);
    return () => clearTimeout(timer);
  }, [route.operator]);
  const place = `${route.operator ?? route.tenant}/${route.name}`;
  const first = useRef(true);
  useEffect(() => {
    setOpen(false);
    // After going to another screen, the keyboard goes on there.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [place]);
  return html`<div class=${`shell ${open ? "open" : ""}`}>
    <a class="skip" href="#main">${s.skip}</a>
    <header class="topbar">
      <button class="button plain square" aria-label=${s.menu} aria-expanded=${open} onClick=${() => setOpen(!open)}><${Icon} name=${open ? "close" : "menu"} /></button>
      <span class="cut">${at?.tenant.name ?? (route.operator ? s.operator.title : "Tenantry")}</span>
      <button class="button plain square" aria-label=${s.search} onClick=${openPalette}><${Icon} name="search" /></button>
    </header>
    <nav class="side" aria-label=${s.navigation}>
      <${Switcher} me=${me} at=${at} operator=${route.operator} />
      <button class="find" onClick=${openPalette}><${Icon} name="search" /><span>${s.goTo}</span><kbd>${/Mac/.test(navigator.platform) ? "⌘" : "Ctrl"} K</kbd></button>
      <div class="places">${route.operator && me.operator && OPERATOR_GROUPS.map(([group, screens]) => html`<div key=${group}><h2>${s.operator.groups[group]}</h2><ul>${screens.map(([name, icon]) => html`
          <li><a href=${toOperator(name)} aria-current=${route.name === name ? "page" : undefined}><${Icon} name=${icon} />${s.operator.screens[name]}</a></li>`)}</ul></div>`)}
        ${!route.operator && !at && html`<div><h2>${s.groups.yours}</h2><ul>${OWN.map(([name, icon, href]) => html`
          <li><a href=${href} aria-current=${route.name === name && !route.tenant ? "page" : undefined}><${Icon} name=${icon} />${s.screens[name]}</a></li>`)}</ul></div>`}
        ${at && GROUPS.map(([group, screens]) => {
        const seen = screens.filter(([, permission]) => at.can(permission));
        return seen.length > 0 && html`<div key=${group}><h2>${s.groups[group]}</h2><ul>${seen.map(([name]) => html`
          <li><a href=${to(at.slug, name)} aria-current=${route.name === name ? "page" : undefined}><${Icon} name=${name} />${s.screens[name]}</a></li>`)}</ul></div>`;
      })}</div>
      <${Account} me=${me} current=${route.name === "account" && !route.tenant} />
    </nav>
    <div class="veil" onClick=${() => setOpen(false)}></div>
    <main id="main" class="main" tabindex="-1" ref=${main}>
      <${Banners} at=${at} />
      ${shown(me, at, route)}
    </main>
    <${Palette} me=${me} at=${at} />
  </div>`;
}

/** @param {import("./session.js").Me} me @param {At | null} at @param {import("./router.js").Route} route */
function shown(me, at, route) {
  const load = (route.operator ? OPERATOR_SCREENS : SCREENS)[route.name];
  const isMine = route.operator ? me.operator && load : route.tenant ? at && GROUPS.some(([, all]) => all.some(([name]) => name === route.name)) : OWN.some(([name]) => name === route.name);
  if (!isMine) {
    const text = route.tenant && !at ? s.missing.tenant(route.tenant) : s.missing.text;
    return html`<${Empty} icon="search" title=${s.missing.title} text=${text}><a class="button" href="/console">${s.missing.action}</a><//>`;
  }
  return html`<${Screen} key=${at?.tenant.id ?? (route.operator ? "operator" : "mine")} load=${load} at=${at} me=${me} route=${route} />`;
}

/** @param {{ me: import("./session.js").Me, at: At | null, operator?: boolean }} props */
function Switcher({ me, at, operator }) {
  const button = at
    ? html`<${Avatar} name=${at.tenant.name} /><span class="cut"><span class="unseen">${s.tenants.current} </span>${at.tenant.name}</span><${Icon} name="updown" />`
    : html`<span class="avatar"><${Icon} name=${operator ? "operator" : "tenant"} /></span><span class="cut">${operator ? s.operator.title : s.tenants.choose}</span><${Icon} name="updown" />`;
  return html`<${Menu} button=${button} class="switcher" at="start">
    <div class="title">${s.tenants.title}</div>
    ${me.memberships.map(({ tenant, role }) => html`<${Item} key=${tenant.id} href=${to(tenant.slug, "records")} current=${tenant.id === at?.tenant.id}>
      ${tenant.name} <span class="soft small">${tenant.status === "active" ? role : s.status[tenant.status] ?? tenant.status}</span><//>`)}
    ${me.memberships.length === 0 && html`<div class="title">${s.tenants.none}</div>`}
    <hr />
    <${Item} icon="tenant" href="/console">${s.tenants.all}<//>
    ${me.operator && html`<${Item} icon="operator" href=${toOperator("overview")} current=${operator === true}>${s.operator.title}<//>`}
  <//>`;
}

/** @param {{ me: import("./session.js").Me, current: boolean }} props */
function Account({ me, current }) {
  const chosen = useStore(theme);
  const button = html`<${Avatar} name=${me.name || me.email} round /><span class="who"><span class="cut">${me.name}</span><span class="cut soft small">${me.email}</span></span><span class="unseen">${s.account.menu}</span>`;
  return html`<div class="foot"><${Menu} button=${button} class="switcher" at="start up">
    ${me.operator && html`<div class="title"><${Badge} kind="info">${s.account.operator}<//></div>`}
    <${Item} icon="user" href="/console/account" current=${current}>${s.account.title}<//>
    <${Item} icon="info" href="/api/docs">${s.account.docs}<//>
    <hr />
    <div class="title">${s.theme.title}</div>
    ${/** @type {const} */ (["system", "light", "dark"]).map((name) => html`<${Item} icon=${name} stay current=${chosen === name} onClick=${() => theme.set(name)}>${s.theme[name]}<//>`)}
    <hr />
    <${Item} icon="out" onClick=${signOut}>${s.account.signOut}<//>
  <//></div>`;
}
