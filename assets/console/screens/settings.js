import { get, patch } from "../api.js";
import { html, useState } from "../dom.js";
import { useLoad } from "../load.js";
import { Field, Form } from "../parts/form.js";
import { Copy, Loaded, Page, Time } from "../parts/page.js";
import { attempt, toast } from "../parts/toasts.js";
import { navigate, to } from "../router.js";
import { loadMe } from "../session.js";
import { s } from "../strings.js";

/** Name, slug, time zone, what members must have. @param {{ at: import("../shell.js").At }} props */
export default function Settings({ at }) {
  const found = useLoad(() => get(at.api("")), [at.tenant.id]);
  const [slug, setSlug] = useState(at.slug);
  const zones = Intl.supportedValuesOf?.("timeZone") ?? [];
  const save = async (/** @type {Record<string, string>} */ { name, slug: wanted, timezone }) => {
    const before = /** @type {any} */ (found.data);
    const changed = Object.fromEntries(Object.entries({ name, slug: wanted, timezone }).filter(([key, value]) => value !== undefined && value !== before[key]));
    if (Object.keys(changed).length === 0) return toast(s.settings.same);
    const tenant = await patch(at.api(""), changed);
    found.set(tenant);
    toast(s.saved);
    await loadMe();
    if (tenant.slug !== at.slug) navigate(to(tenant.slug, "settings"), { replace: true });
  };
  const require = (/** @type {boolean} */ wanted) => attempt(async () => found.set(await patch(at.api(""), { second_factor_required: wanted })), s.saved);
  return html`<${Page} title=${s.screens.settings} of=${at.tenant.name}>
    <${Loaded} of=${found}>${(/** @type {any} */ tenant) => html`<div class="pair">
      <section class="card"><header><h2>${s.settings.general}</h2></header><${Form} onSubmit=${save} submit=${s.save}>
        <${Field} label=${s.tenants.name} name="name" defaultValue=${tenant.name} required />
        <${Field} label=${s.tenants.slug} name="slug" class="input mono" value=${slug} onInput=${(/** @type {any} */ event) => setSlug(event.target.value)} autocapitalize="none" spellcheck="false" hint=${slug !== tenant.slug ? s.settings.slugWarning(tenant.slug) : s.settings.slugHint} />
        <${Field} label=${s.settings.timezone} name="timezone" hint=${s.settings.timezoneHint}>${(/** @type {any} */ ties) => html`<select class="input" ...${ties}>${[...new Set([tenant.timezone, "UTC", ...zones])].map((zone) => html`<option value=${zone} selected=${zone === tenant.timezone}>${zone}</option>`)}</select>`}<//>
      <//></section>
      <div class="stack"><section class="card stack"><h2>${s.settings.security}</h2>
        <label class="check"><input type="checkbox" checked=${tenant.second_factor_required} onChange=${async (/** @type {any} */ event) => { const wanted = event.target.checked; if (!(await require(wanted))) event.target.checked = !wanted; }} /><span class="two"><b>${s.settings.factor}</b><span class="soft small">${s.settings.factorText}</span></span></label></section>
      <section class="card"><header><h2>${s.settings.identity}</h2></header><dl class="facts"><dt>ID</dt><dd class="row"><code>${tenant.id}</code><${Copy} text=${tenant.id} /></dd><dt>API</dt><dd><code>${location.origin}/api/v1${at.api("")}</code></dd><dt>${s.settings.made}</dt><dd><${Time} at=${tenant.created_at} /></dd></dl></section></div></div>`}<//>
  <//>`;
}
