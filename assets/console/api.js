// Requests to the API: cookies, problems in words, one refresh for all tabs, and the step-up where it is asked for.

import { createStore } from "./store.js";
import { s } from "./strings.js";

/** What went wrong, with a sentence for people. */
export class Problem extends Error {
  /** @param {{ status: number, code: string, detail: string, fields?: { field: string, code: string, message: string }[], requestId?: string, permission?: string }} told */
  constructor(told) {
    super(told.detail);
    this.status = told.status;
    this.code = told.code;
    this.fields = told.fields ?? [];
    this.requestId = told.requestId;
    this.permission = told.permission;
  }
}

/** How often what only looks is asked for again while the server is busy. */
const PATIENCE = 3;

/** Whether the server can be reached. */
export const online = createStore(true);
/** Warnings of limits, by tenant and meter, as the last answers had them. @type {import("./store.js").Store<Record<string, { meter: string, used: string, limit: string, percent: number }[]>>} */
export const usageWarnings = createStore({});
/** Set where the session ended and somebody has to sign in again. */
export const signedOut = createStore(false);

/** @type {() => Promise<boolean>} asks for the password or a code; whether that was done */
let askAgain = async () => false;
/** @param {() => Promise<boolean>} ask */
export const onStepUp = (ask) => void (askAgain = ask);

/** Until when the access token in the cookies is good, in milliseconds; absent where nobody signed in. */
const UNTIL = "tenantry.access-until";

/** Whether somebody signed in here; what the cookies hold, no script can see. */
export const hasSession = () => localStorage.getItem(UNTIL) !== null;
/** Whether the access token is good for the next request. */
export const tokenIsFresh = () => Number(localStorage.getItem(UNTIL)) > Date.now();
export const forgetSession = () => localStorage.removeItem(UNTIL);

/** Notes that tokens were set as cookies. @param {{ expires_in: number }} answer */
export function noteTokens({ expires_in: seconds }) {
  // A little early, so that none runs out on the way.
  localStorage.setItem(UNTIL, String(Date.now() + (seconds - 15) * 1000));
}

/** One refresh for all tabs: whoever waited for another's uses what that one got. @param {string | null} known */
async function refresh(known) {
  const once = async () => {
    if (localStorage.getItem(UNTIL) !== known) return hasSession();
    const answer = await reach("/api/v1/auth/refresh?cookies=1", { method: "POST" });
    if (answer.ok) noteTokens(await answer.json());
    if (answer.status >= 500 || answer.status === 429) throw await problemOf(answer);
    return answer.ok;
  };
  return navigator.locks ? navigator.locks.request("tenantry-refresh", once) : once();
}

/** @param {Response} answer */
async function problemOf(answer) {
  const told = await answer.json().catch(() => ({}));
  return new Problem({
    status: answer.status,
    code: told.code ?? "unknown",
    detail: told.detail ?? s.problem.status(answer.status),
    fields: told.errors,
    requestId: told.request_id ?? answer.headers.get("x-request-id") ?? undefined,
    permission: told.permission,
  });
}

/** @param {string} path @param {Response} answer */
function noteWarnings(path, answer) {
  const tenant = /^\/tenants\/([^/?]+)/.exec(path)?.[1];
  if (!tenant || answer.status === 404) return;
  const warnings = (answer.headers.get("x-usage-warning") ?? "").split(/,\s*(?=[\w.]+;)/).flatMap((line) => {
    const [, meter, used, limit, percent] = /^([^;]+); used=(.+); limit=(.+); percent=(\d+)$/.exec(line.trim()) ?? [];
    return meter ? [{ meter, used, limit, percent: Number(percent) }] : [];
  });
  const before = usageWarnings.get();
  if (JSON.stringify(before[tenant] ?? []) !== JSON.stringify(warnings)) usageWarnings.set({ ...before, [tenant]: warnings });
}

/**
 * @typedef {object} Asked
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {number} [tries] how often it was asked for again already
 * @property {boolean} [anonymous] a route of somebody not signed in: 401 is its answer
 */

/**
 * The answer to a request below `/api/v1`.
 * @param {string} method
 * @param {string} path
 * @param {Asked} [asked]
 * @returns {Promise<Response>}
 */
export async function send(method, path, asked = {}) {
  const known = localStorage.getItem(UNTIL);
  if (!asked.anonymous && known && Number(known) < Date.now()) await refresh(known);
  const init = {
    method,
    signal: asked.signal,
    headers: { accept: "application/json", ...(asked.body === undefined ? {} : { "content-type": "application/json" }), ...asked.headers },
    body: asked.body === undefined ? undefined : JSON.stringify(asked.body),
  };
  const answer = await reach(`/api/v1${path}`, init);
  noteWarnings(path, answer);
  if (answer.ok || answer.status === 304) return answer;
  const problem = await problemOf(answer);
  // Busy for a moment: what only looks is asked for again by itself.
  if (method === "GET" && (problem.status === 429 || problem.status === 503) && (asked.tries ?? 0) < PATIENCE) {
    const seconds = Number(answer.headers.get("retry-after")) || 1;
    await new Promise((resolve) => setTimeout(resolve, Math.min(seconds, 5) * 1000));
    return send(method, path, { ...asked, tries: (asked.tries ?? 0) + 1 });
  }
  if (problem.status === 401 && !asked.anonymous) {
    if (hasSession() && (await refresh(localStorage.getItem(UNTIL)))) return retried(method, path, asked);
    forgetSession();
    signedOut.set(true);
  }
  if (problem.code === "step_up_required" && (await askAgain())) return retried(method, path, asked);
  throw problem;
}

/** @param {string} method @param {string} path @param {Asked} asked */
async function retried(method, path, asked) {
  return send(method, path, { ...asked, anonymous: true });
}

/** @param {string} address @param {RequestInit} init */
async function reach(address, init) {
  try {
    const answer = await fetch(address, init);
    online.set(true);
    return answer;
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    online.set(false);
    throw new Problem({ status: 0, code: "offline", detail: s.problem.offline });
  }
}

/**
 * The same, read as JSON; nothing where there is no content.
 * @param {string} method @param {string} path @param {Asked} [asked]
 * @returns {Promise<any>}
 */
export async function call(method, path, asked) {
  const answer = await send(method, path, asked);
  const text = await answer.text();
  return text ? JSON.parse(text) : undefined;
}

export const get = (/** @type {string} */ path, /** @type {Asked} */ asked = {}) => call("GET", path, asked);
export const post = (/** @type {string} */ path, /** @type {unknown} */ body = undefined, /** @type {Asked} */ asked = {}) => call("POST", path, { ...asked, body });
export const patch = (/** @type {string} */ path, /** @type {unknown} */ body, /** @type {Asked} */ asked = {}) => call("PATCH", path, { ...asked, body });
export const put = (/** @type {string} */ path, /** @type {unknown} */ body, /** @type {Asked} */ asked = {}) => call("PUT", path, { ...asked, body });
export const remove = (/** @type {string} */ path, /** @type {Asked} */ asked = {}) => call("DELETE", path, asked);

/**
 * All items of a list, page by page, up to a bound.
 * @param {string} path @param {number} [most]
 * @returns {Promise<any[]>}
 */
export async function list(path, most = 2000) {
  const items = [];
  let cursor = null;
  do {
    const joined = path.includes("?") ? "&" : "?";
    const page = await get(cursor ? `${path}${joined}cursor=${encodeURIComponent(cursor)}` : path);
    items.push(...page.items);
    cursor = page.next_cursor ?? null;
  } while (cursor && items.length < most);
  return items;
}
