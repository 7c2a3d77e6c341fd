// Who is signed in, and the tenants of theirs.

import { forgetSession, get, hasSession, noteTokens, post, signedOut } from "./api.js";
import { toast } from "./parts/toasts.js";
import { forgetStatements } from "./sql/kept.js";
import { createStore, useStore } from "./store.js";
import { s } from "./strings.js";

/**
 * @typedef {{ tenant: { id: string, slug: string, name: string, status: string }, role: string, permissions: string[] }} Membership
 * @typedef {{ id: string, email: string, email_verified: boolean, name: string, operator: boolean, second_factor?: boolean, memberships: Membership[] }} Me
 */

/** Undefined until it is known, null where nobody is signed in. @type {import("./store.js").Store<Me | null | undefined>} */
export const me = createStore(/** @type {any} */ (undefined));
export const useMe = () => useStore(me);

signedOut.subscribe((ended) => ended && me.set(null));

export async function loadMe() {
  if (!hasSession()) return me.set(null);
  try {
    me.set(await get("/me"));
    signedOut.set(false);
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    me.set(null);
  }
}

/** Ends the session. Where the server could not be told, somebody is still signed in, and is told so. */
export async function signOut() {
  try {
    await post("/auth/sign-out");
  } catch (problem) {
    // 401: it was over before.
    if (problem.status !== 401) {
      toast(s.account.stillSignedIn(problem.message), { bad: true, act: { label: s.tryAgain, run: signOut } });
      return;
    }
  }
  forgetSession();
  forgetStatements(sessionStorage);
  me.set(null);
  tellTabs("signed-out");
}

/** After tokens were set. @param {{ expires_in: number }} answer */
export async function enter(answer) {
  noteTokens(answer);
  await loadMe();
  tellTabs("signed-in");
}

// Tabs tell each other, so that none goes on showing what is no longer theirs to see.
const tabs = "BroadcastChannel" in globalThis ? new BroadcastChannel("tenantry") : null;
/** @param {string} what */
export const tellTabs = (what) => tabs?.postMessage(what);
tabs?.addEventListener("message", ({ data }) => {
  if (data === "signed-out") {
    forgetStatements(sessionStorage);
    me.set(null);
  }
  if (data === "signed-in") void loadMe().catch(() => {});
});
