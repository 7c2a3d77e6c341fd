// Who an actor such as `identity:…` is, in words.

import { list } from "../api.js";
import { useEffect, useState } from "../dom.js";
import { s } from "../strings.js";

/** @param {import("../shell.js").At} at @returns {(actor: string) => string} */
export function useActors(at) {
  const [names, setNames] = useState(/** @type {Record<string, string>} */ ({}));
  useEffect(() => {
    if (!at.can("members:read")) return;
    list(at.api("/members")).then((members) => setNames(Object.fromEntries(members.map((one) => [one.identity_id, one.name || one.email]))), () => {});
  }, [at.tenant.id]);
  return (actor) => {
    if (!actor) return s.actor.nobody;
    const [kind, id] = actor.split(/:(.*)/s);
    if (id && names[id]) return names[id];
    if (kind === "identity" && id === at.me.id) return at.me.name;
    return s.actor.kinds[kind] ? `${s.actor.kinds[kind]}${id && kind !== "system" ? ` ${id === "console" ? "" : id.slice(0, 8)}` : ""}`.trim() : actor;
  };
}
