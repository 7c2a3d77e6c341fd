// A tenant of one's own. What comes next is shown afterwards.

import { post } from "../api.js";
import { html, useState } from "../dom.js";
import { navigate, to } from "../router.js";
import { loadMe } from "../session.js";
import { s } from "../strings.js";
import { Dialog } from "./dialog.js";
import { Field, Form } from "./form.js";

/** @param {{ onClose: () => void, onMade?: () => void }} props */
export function NewTenant({ onClose, onMade }) {
  const [name, setName] = useState("");
  const [slug, setSlug] = useState("");
  const submit = async () => {
    const made = await post("/tenants", { name, ...(slug ? { slug } : {}) });
    await loadMe();
    onMade?.();
    onClose();
    navigate(to(made.slug, "start"));
  };
  const proposed = name.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 40);
  return html`<${Dialog} title=${s.tenants.create} onClose=${onClose}>
    <${Form} onSubmit=${submit} submit=${s.tenants.create} onCancel=${onClose}>
      <${Field} label=${s.tenants.name} name="name" value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} autofocus required />
      <${Field} label=${s.tenants.slug} mark=${s.optional} name="slug" class="input mono" value=${slug} placeholder=${proposed} hint=${s.tenants.slugHint}
        autocapitalize="none" spellcheck="false" onInput=${(/** @type {any} */ event) => setSlug(event.target.value)} />
    <//>
  <//>`;
}
