// A server with the demo's data and a real Chromium, and what every page is watched for.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, beforeEach } from "node:test";

const modules = process.env.BROWSER_MODULES;
const { chromium } = await import(join(modules, "playwright-core/index.mjs"));
const axe = readFileSync(join(modules, "axe-core/axe.min.js"), "utf8");

export const PASSWORD = "correct horse battery staple";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Starts the demo on a free port, in a directory of its own; or with `fresh`, an installation that nobody set up; with `volumes`, by their names: whether they are there. */
export async function startServer({ fresh = false, app = "", volumes = {} } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "tenantry-browser-"));
  if (Object.keys(volumes).length) {
    mkdirSync(join(directory, "data"));
    for (const [name, isThere] of Object.entries(volumes)) if (isThere) mkdirSync(join(directory, name));
    writeFileSync(join(directory, "data/tenantry.toml"), `volumes = { ${Object.keys(volumes).map((name) => `${name} = "${join(directory, name)}"`).join(", ")} }\n`);
  }
  const clock = join(directory, "clock");
  writeFileSync(clock, "0");
  const held = join(directory, "held");
  mkdirSync(held);
  let child;
  const begin = async (listen) => {
    const command = [fresh ? "serve" : "demo", "--data", join(directory, "data"), "--listen", listen, "--json", ...(app ? ["--app", app] : [])];
    child = spawn(process.env.TENANTRY, command, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TENANTRY_TEST_CLOCK: clock, TENANTRY_TEST_HOLD: held } });
    const first = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", resolve);
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    });
    return JSON.parse(first);
  };
  const end = async () => {
    child.removeAllListeners("exit");
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
  };
  const { url, setup_url: setup } = await begin("127.0.0.1:0");
  const stop = async () => {
    await end();
    rmSync(directory, { recursive: true, force: true });
  };
  // At the address it had before, with the data it had.
  const resume = () => begin(new URL(url).host);
  // By renaming, as the server reads the file at each look at the clock.
  const advance = (ms) => {
    writeFileSync(`${clock}.next`, String(Number(readFileSync(clock, "utf8")) + ms));
    renameSync(`${clock}.next`, clock);
  };
  // Holds a moment of what is done with a tenant until it is released (`fault::hold`).
  const hold = (moment, id) => {
    const file = join(held, `${moment}-${id}`);
    rmSync(`${file}.reached`, { force: true });
    writeFileSync(file, "");
    const reached = async () => {
      while (!existsSync(`${file}.reached`)) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    return { reached, release: () => rmSync(file) };
  };
  return { url, setup, data: join(directory, "data"), stop, halt: end, resume, advance, hold, api: apiOf(url) };
}

/** A second client: a program with a token. @param {string} url */
function apiOf(url) {
  const tokens = new Map();
  async function ask(email, method, path, body, headers = {}) {
    if (email && !tokens.has(email)) {
      const answer = await fetch(`${url}/api/v1/auth/sign-in`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ email, password: PASSWORD }) });
      tokens.set(email, (await answer.json()).access_token);
    }
    const isJson = body !== undefined && typeof body !== "string" && !(body instanceof FormData);
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { ...(email ? { authorization: `Bearer ${tokens.get(email)}` } : {}), ...(isJson ? { "content-type": "application/json" } : {}), ...headers },
      body: isJson ? JSON.stringify(body) : body,
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }
  async function api(...asked) {
    const text = await (await ask(...asked)).text();
    return text ? JSON.parse(text) : undefined;
  }
  api.bytes = async (email, path) => Buffer.from(await (await ask(email, "GET", path)).arrayBuffer());
  return api;
}

export async function startBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

/** A profile of its own, whose pages are watched: what they complain of, whom they ask, what the policy refused. */
export async function watchedContext(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 820 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(20_000);
  const seen = { complaints: [], hosts: new Set(), requests: [] };
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    // How far things moved that nobody moved (Cumulative Layout Shift): from 0.1 on it is felt.
    globalThis.shifted = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((one) => !one.hadRecentInput && (globalThis.shifted += one.value))).observe({ type: "layout-shift", buffered: true });
    globalThis.alert = () => console.error("an alert was shown");
  });
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !seen.expected?.test(message.text())) seen.complaints.push(message.text());
  });
  context.on("weberror", (error) => seen.complaints.push(String(error.error().stack)));
  context.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol.startsWith("http")) seen.hosts.add(host);
    seen.requests.push(request);
  });
  seen.host = new URL(url).host;
  return { context, seen };
}

/** A server and a browser for all tests of a file, and for each a profile of its own that complains of nothing. @param {{ fresh?: boolean, app?: string, volumes?: Record<string, boolean> }} [options] */
export function inBrowser(options) {
  const it = /** @type {any} */ ({});
  before(async () => {
    it.server = await startServer(options);
    it.browser = await startBrowser();
  });
  after(async () => {
    await it.browser?.close();
    await it.server?.stop();
  });
  beforeEach(async () => Object.assign(it, await watchedContext(it.browser, it.server.url)));
  afterEach(async () => {
    await it.context.close();
    assert.deepEqual(it.seen.complaints, [], "nothing was complained of, by a script or by the policy");
    assert.equal(it.seen.hosts.size, 1, "no other host was asked");
  });
  return it;
}

/** What a screen looks like in both themes and at three widths: nothing overflows or jumps, and nothing serious is found. @param {any} page @param {string} name of its pictures */
export async function looksRight(page, name) {
  for (const [scheme, width] of [["light", 1280], ["dark", 360], ["dark", 2560], ["light", 360], ["dark", 1280]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await settled(page);
    await keepShot(page, `${name}-${width}-${scheme}`);
    assert.deepEqual([...(await isSteady(page)), ...(await seriousFindings(page))], [], `${name}, ${width} px, ${scheme}`);
  }
}

/** The end of an export of everything, as a file. @param {any} server @param {string} email @param {string} tenant @returns {Promise<Buffer>} */
export async function exported(server, email, tenant) {
  const base = `/tenants/${tenant}/exports`;
  let one = await server.api(email, "POST", base);
  while (one.status !== "ready") {
    assert.notEqual(one.status, "failed", one.error);
    await new Promise((resolve) => setTimeout(resolve, 100));
    one = await server.api(email, "GET", `${base}/${one.id}`);
  }
  return server.api.bytes(email, `${base}/${one.id}/download`);
}

/** Signs in at the page that it opens. */
export async function signIn(context, url, email, path = "/console") {
  const page = await context.newPage();
  await page.goto(url + path);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.locator(".shell").waitFor();
  return page;
}

/** Until nothing on the page is being waited for. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector("h1") && !document.querySelector("[aria-busy=true], .busy"));
}

/** Nothing is wider than the page, and nothing jumped while it came. */
export async function isSteady(page) {
  const { wide, shifted } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth > innerWidth, shifted: globalThis.shifted }));
  return [...(wide ? ["it overflows"] : []), ...(shifted >= 0.1 ? [`it moved by ${shifted.toFixed(3)}`] : [])];
}

/** What axe finds serious. */
export async function seriousFindings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** Keeps what was seen, for people to look at. */
export async function keepShot(page, name) {
  const directory = process.env.BROWSER_SHOTS;
  if (!directory) return;
  mkdirSync(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `${name}.png`) });
}

/** The code that an authenticator shows (RFC 6238: SHA-1, 30 s, six digits). @param {string} secret in base32 */
export function totp(secret, at = Date.now()) {
  const bits = [...secret].map((char) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const digest = createHmac("sha1", key).update(counter).digest();
  return String((digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
