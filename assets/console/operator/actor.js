// Who an actor is, as far as the installation's log tells without asking tenants.

import { s } from "../strings.js";
import { me } from "../session.js";

/** @param {string} actor */
export function actorName(actor) {
  if (!actor) return s.actor.nobody;
  const [kind, id = ""] = actor.split(/:(.*)/s);
  if (id && id === me.get()?.id) return me.get()?.name || actor;
  const known = s.actor.kinds[kind];
  return known ? [known, kind === "system" || id === "console" ? "" : id.slice(-8)].filter(Boolean).join(" ") : actor;
}
