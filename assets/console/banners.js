// What has to be known on every screen: no connection, the tenant's state, limits nearly used.

import { get, online, usageWarnings } from "./api.js";
import { html, useEffect, useState } from "./dom.js";
import { compact, day, percent, size } from "./format.js";
import { useEvery, useLoad } from "./load.js";
import { Icon } from "./parts/icon.js";
import { to } from "./router.js";
import { loadMe } from "./session.js";
import { useStore } from "./store.js";
import { s } from "./strings.js";

/** @param {{ at: import("./shell.js").At | null }} props */
export function Banners({ at }) {
  const isOnline = useStore(online);
  useEvery(() => void loadMe().catch(() => {}), 3000, !isOnline);
  return html`<div class="banners" role="status" aria-live="polite">
    ${!isOnline && html`<${Banner} kind="bad" icon="warn">${s.banner.offline}<//>`}
    ${at && html`<${State} key=${at.tenant.id} at=${at} />`}
    ${at && html`<${Warnings} at=${at} />`}
  </div>`;
}

/** @param {{ kind: string, icon: string, children?: any, href?: string, link?: string }} props */
function Banner({ kind, icon, children, href, link }) {
  return html`<div class=${`banner ${kind}`}><${Icon} name=${icon} /><span>${children}</span>${href && html`<a href=${href}>${link}</a>`}</div>`;
}

/** @param {{ at: import("./shell.js").At }} props */
function State({ at }) {
  const { status } = at.tenant;
  const tenant = useLoad(async () => (status === "closing" ? get(at.api("")) : null), [status]);
  const subscription = useLoad(async () => (at.can("billing:read") && status === "active" ? get(at.api("/subscription")).catch(() => null) : null), [status]);
  if (status === "suspended") return html`<${Banner} kind="warn" icon="warn">${s.banner.suspended}<//>`;
  if (status === "closing") {
    const after = tenant.data?.erase_after;
    return html`<${Banner} kind="bad" icon="warn" href=${at.can("tenant:export") ? to(at.slug, "leave") : undefined} link=${s.banner.closingLink}>
      ${after ? s.banner.closing(day(after)) : s.banner.closingSoon}<//>`;
  }
  if (["unpaid", "past_due"].includes(subscription.data?.status)) {
    return html`<${Banner} kind="bad" icon="warn" href=${to(at.slug, "invoices")} link=${s.screens.invoices}>${subscription.data.status === "unpaid" ? s.banner.unpaid : s.banner.past_due}<//>`;
  }
  return null;
}

/** @param {{ at: import("./shell.js").At }} props */
function Warnings({ at }) {
  const all = useStore(usageWarnings)[at.slug] ?? [];
  const key = all.map(({ meter, percent: used }) => `${meter}${used >= 100}`).join();
  const [hidden, setHidden] = useState("");
  useEffect(() => setHidden(""), [at.slug]);
  if (all.length === 0 || hidden === key) return null;
  const isFull = all.some(({ percent: used }) => used >= 100);
  const show = (/** @type {string} */ meter, /** @type {string} */ amount) => (meter === "storage.bytes" ? size(amount) : compact(amount));
  return html`<div class=${`banner ${isFull ? "bad" : "warn"}`}><${Icon} name="usage" />
    <span>${all.map((one) => s.banner.usage(one.meter, show(one.meter, one.used), show(one.meter, one.limit), percent(one.percent))).join(" ")}</span>
    <a href=${to(at.slug, "usage")}>${s.banner.usageLink}</a>
    <button class="button plain square" aria-label=${s.dismiss} onClick=${() => setHidden(key)}><${Icon} name="close" /></button></div>`;
}
