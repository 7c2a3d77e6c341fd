// The operator's console in a real browser, and an installation's first minutes.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { isSteady, keepShot, PASSWORD, seriousFindings, settled, signIn, startBrowser, startServer, watchedContext } from "./harness.mjs";

const OPERATOR = "operator@example.com";
const ADA = "ada@example.com";
const CLEO = "cleo@example.com";
const XSS = `<img src=x onerror="alert(1)">"><script>alert(2)</script>{{7*7}}\${alert(3)}`;

let server, browser, context, seen;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => ({ context, seen } = await watchedContext(browser, server.url)));
afterEach(async () => {
  await context.close();
  assert.deepEqual(seen.complaints, [], "nothing was complained of, by a script or by the policy");
  assert.equal(seen.hosts.size, 1, "no other host was asked");
});

const at = (path) => `/console/operator/${path}`;

test("nobody but an operator sees the operator's console", async () => {
  const page = await signIn(context, server.url, ADA, "/console/t/acme/members");
  await page.goto(server.url + at("tenants"));
  await page.getByText("There is nothing here").waitFor();
  await page.keyboard.press("ControlOrMeta+k");
  await page.getByRole("combobox").fill("migrations");
  await page.getByText("Nothing is called that.").waitFor();
  assert.equal(seen.requests.filter((request) => request.url().includes("/api/v1/operator")).length, 0);
});

test("a tenant is suspended, goes on, and is erased by typing its slug, with a receipt", async () => {
  await server.api(OPERATOR, "POST", "/tenants", { name: "Short Lived" });
  const page = await signIn(context, server.url, OPERATOR, at("tenants/short-lived"));
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
  await page.getByText("suspended", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("It is active again.").waitFor();
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("button", { name: "Tax…" }).click();
  await page.getByLabel("What it is called").fill("VAT");
  await page.getByLabel("Percent").fill("19");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("VAT 19 %").waitFor();
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("button", { name: "Close…" }).click();
  await page.getByLabel("Type short-lived to confirm").fill("short-lived");
  await page.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).last().click();
  await page.getByText("Erased after").waitFor();
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("button", { name: "Erase now…" }).click();
  const erase = page.getByRole("dialog").getByRole("button", { name: "Erase now" });
  assert.ok(await erase.isDisabled());
  await page.getByLabel("Type short-lived to confirm").fill("short-lived");
  await keepShot(page, "operator-erase");
  await erase.click();
  await page.waitForURL(/\/erasures\/[0-9a-f-]+$/);
  const receipt = page.getByRole("dialog");
  await receipt.getByText(/^tenant database/).waitFor();
  await keepShot(page, "operator-receipt");
  const [download] = await Promise.all([page.waitForEvent("download"), receipt.getByRole("button", { name: "Download" }).click()]);
  execFileSync(process.env.TENANTRY, ["verify", "receipt", await download.path()]);
});

test("a plan's other version is compared with the one before it, and published once", async () => {
  const page = await signIn(context, server.url, OPERATOR, at("plans/default"));
  await page.getByRole("button", { name: "Publish another version" }).click();
  const publish = page.getByRole("button", { name: "Publish version 2" });
  assert.ok(await publish.isDisabled(), "what is the same is no other version");
  const text = page.getByRole("dialog").getByLabel("Document");
  await text.fill((await text.inputValue()).replace('"fee_cents": "0"', '"fee_cents": "1900"').replace('"limits": {}', '"limits": { "api.requests": { "hard": 100000, "window": "month" } }'));
  await page.locator(".differences li", { hasText: "fee_cents" }).getByText("1900").waitFor();
  await page.locator(".differences li", { hasText: "limits.api.requests.hard" }).waitFor();
  await keepShot(page, "operator-plan-difference");
  await server.api(OPERATOR, "PUT", "/operator/plans/default", { document: { ...(await server.api(OPERATOR, "GET", "/operator/plans/default")).document, title: "Standard" }, expected_version: 1 });
  seen.expected = /409/;
  await publish.click();
  await page.getByRole("dialog").getByRole("alert").locator(".note.bad").waitFor();
  assert.match(await text.inputValue(), /1900/, "nothing typed is lost");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Publish another version" }).click();
  await text.fill((await text.inputValue()).replace('"fee_cents": "0"', '"fee_cents": "1900"'));
  await page.getByRole("button", { name: "Publish version 3" }).click();
  await page.getByText("Version 3 is published.").waitFor();
  await page.getByRole("heading", { name: "Version 3", exact: true }).waitFor();
});

test("what needs the operator stands first, and leads to where it is dealt with", async () => {
  await server.api(CLEO, "POST", "/tenants/initech/close", { confirm: "initech" });
  await server.api(ADA, "POST", "/tenants/acme/invitations", { email: "letter@example.com", role: "member" });
  const page = await signIn(context, server.url, OPERATOR, at("overview"));
  const attention = page.getByRole("region", { name: "Needs attention" });
  await attention.getByText("1 tenant is closing").click();
  await page.waitForURL(/status=closing/);
  await page.getByRole("link", { name: "Initech Software" }).waitFor();
  await page.goBack();
  await attention.getByText(/waits? in the mailbox/).click();
  await page.getByRole("link", { name: /Invitation to/ }).first().click();
  const letter = page.getByRole("dialog");
  assert.match(await letter.locator(".letter a").first().getAttribute("href"), /\/console\/accept#token=/);
  await keepShot(page, "operator-letter");
});

test("what tenants and people wrote is shown as text in the operator's console too", async () => {
  await server.api(ADA, "PATCH", "/tenants/acme", { name: XSS });
  await server.api(ADA, "PATCH", "/me", { name: XSS });
  await server.api(ADA, "POST", "/tenants/acme/invitations", { email: "x+onerror=alert@example.com", role: "member" });
  await server.api(OPERATOR, "PUT", "/operator/plans/xss", { document: { title: XSS, offered: false }, expected_version: 0 });
  await server.api(OPERATOR, "PUT", "/operator/tenants/acme/tax-rate", { tax: { name: "<b>VAT</b>", percent: "5" } });
  const page = await signIn(context, server.url, OPERATOR, at("tenants?q=acme"));
  await page.getByRole("link", { name: XSS }).waitFor();
  for (const path of ["overview", "tenants/acme", "tenants/acme/audit", "tenants/acme/invoices", "doctor", "plans", "plans/xss", "mailbox", "audit", "jobs"]) {
    await page.goto(server.url + at(path));
    await page.locator("h1").first().waitFor();
    await settled(page);
    assert.equal(await page.locator("img[src=x], script:not([src])").count(), 0, path);
  }
  await page.goto(server.url + at("mailbox"));
  await page.locator("tbody a").first().click();
  await page.locator(".letter").waitFor();
  assert.equal(await page.locator("img[src=x], script:not([src])").count(), 0);
  await server.api(ADA, "PATCH", "/tenants/acme", { name: "Acme Tools" });
});

test("a tenant is backed up, put back to that, and what it was is had beside it", async () => {
  await server.api(OPERATOR, "POST", "/tenants", { name: "Kept Safe" });
  const add = (name) => server.api(OPERATOR, "POST", "/tenants/kept-safe/records/customers", { name });
  const names = async (slug) => (await server.api(OPERATOR, "GET", `/tenants/${slug}/records/customers`)).items.map((one) => one.name);
  await add("First one");
  const page = await signIn(context, server.url, OPERATOR, at("tenants/kept-safe/backups"));
  await page.getByText("No backup of this tenant yet").waitFor();
  await page.getByRole("button", { name: "Back up now" }).click();
  await page.getByText(/^It is backed up/).waitFor();
  await page.getByRole("button", { name: "Back up now" }).click();
  await page.getByText("Nothing was written since its last backup.").waitFor();
  await add("Second one");
  await page.getByRole("button", { name: /^Restore/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("In its place").check();
  const act = dialog.getByRole("button", { name: "Restore", exact: true });
  await dialog.getByLabel("Type kept-safe to confirm").fill("kept");
  assert.ok(await act.isDisabled(), "nothing is replaced without its slug");
  await dialog.getByLabel("Type kept-safe to confirm").fill("kept-safe");
  await keepShot(page, "operator-restore");
  assert.deepEqual(await seriousFindings(page), []);
  await act.click();
  await page.getByText("It is restored. 1 change made since is not in it any more.").waitFor();
  assert.deepEqual(await names("kept-safe"), ["First one"]);
  await page.getByText("What was there is the newest backup").waitFor();
  await keepShot(page, "operator-restored");
  await page.getByRole("button", { name: "Release them" }).click();
  await page.getByText("They run.").waitFor();
  // What was there before is the newest of the two.
  await page.getByRole("button", { name: /^Restore/ }).first().click();
  await dialog.getByLabel("Slug of the new tenant").fill("Not A Slug");
  seen.expected = /422/;
  await dialog.getByRole("button", { name: "Restore beside it" }).click();
  await dialog.getByRole("alert").locator(".note.bad").waitFor();
  await dialog.getByLabel("Slug of the new tenant").fill("kept-beside");
  await dialog.getByRole("button", { name: "Restore beside it" }).click();
  await page.waitForURL(/\/tenants\/kept-beside$/);
  await page.getByText("Its jobs are held", { exact: true }).waitFor();
  assert.deepEqual((await names("kept-beside")).sort(), ["First one", "Second one"]);
});

test("a round of backups is begun and watched to its end, and its backups are listed", async () => {
  await server.api(ADA, "POST", "/tenants/acme/records/customers", { name: "Somebody" });
  const page = await signIn(context, server.url, OPERATOR, at("backups"));
  await page.getByRole("button", { name: "Back up now" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Back up now" }).click();
  const rounds = page.getByRole("region", { name: "Rounds" });
  await rounds.locator("tbody tr").first().getByText("done", { exact: true }).waitFor();
  await page.getByRole("cell", { name: "Catalog", exact: true }).waitFor();
  await page.getByLabel("Only one tenant").fill("acme");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.waitForURL(/tenant=acme/);
  await page.waitForFunction(() => !document.querySelector("[aria-label=Backups]")?.textContent.includes("Catalog"));
  await page.getByRole("region", { name: "Backups", exact: true }).getByRole("link", { name: "acme" }).first().click();
  await page.getByRole("button", { name: /^Restore/ }).waitFor();
});

test("who is refused or near a limit stands on the overview, and a tenant's page shows what it did", async () => {
  await server.api(OPERATOR, "PUT", "/operator/plans/tight", { document: { title: "Tight", limits: { "api.requests": { hard: 20, window: "month" } } }, expected_version: 0 });
  await server.api(OPERATOR, "POST", "/tenants", { name: XSS, slug: "busy-bee" });
  await server.api(OPERATOR, "PUT", "/operator/tenants/busy-bee/subscription", { plan: "tight", when: "now" });
  // Limits of what is counted in the background bite a moment later.
  let refusals = 0;
  for (let tries = 0; tries < 400 && refusals < 3; tries += 1) {
    await server.api(OPERATOR, "GET", "/tenants/busy-bee/records/customers").catch(() => (refusals += 1));
    if (tries < 40) await server.api(ADA, "GET", "/tenants/globex/records/customers");
    else await setTimeout(50);
  }
  assert.equal(refusals, 3);
  server.advance(61_000);
  // It is summed up by the server's own clock.
  const isTold = (/** @type {any} */ live) => live.refused > 0 && live.near_limits.length > 0;
  for (let tries = 0; tries < 200 && !isTold(await server.api(OPERATOR, "GET", "/operator/overview")); tries += 1) await setTimeout(100);
  const page = await signIn(context, server.url, OPERATOR, at("overview"));
  const attention = page.getByRole("region", { name: "Needs attention" });
  await attention.getByText(/are refused, by limits or load$/).waitFor();
  await attention.getByText(/is near a limit, or beyond it$/).waitFor();
  await page.getByRole("region", { name: "Busiest" }).getByRole("link", { name: "Globex Travel" }).waitFor();
  assert.equal(await page.locator("img[src=x], script:not([src])").count(), 0);
  await settled(page);
  await keepShot(page, "operator-overview-live");
  assert.deepEqual([...(await isSteady(page)), ...(await seriousFindings(page))], []);
  await attention.getByText(/are refused, by limits or load$/).click();
  await page.waitForURL(/\/tenants\/busy-bee\/activity$/);
  const refused = page.getByRole("img", { name: /^Errors and refusals: at most [1-9]/ });
  await refused.waitFor();
  assert.ok((await refused.locator("rect.bar.warn").count()) > 0);
  await page.getByRole("img", { name: /^Latency: at most/ }).waitFor();
  await page.getByRole("link", { name: "Two days" }).click();
  await page.waitForURL(/window=hour/);
  await page.getByText("by hours").first().waitFor();
  assert.equal(await page.locator("img[src=x], script:not([src])").count(), 0);
  await page.goto(`${server.url}${at("tenants?order=-refused")}`);
  await page.waitForFunction(() => /busy-bee/.test(document.querySelector("tbody tr")?.textContent ?? ""));
});

for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 360], ["dark", 360], ["light", 2560]]) {
  test(`every screen of the operator at ${width} px, ${scheme}: nothing overflows or jumps, nothing serious for screen readers`, async () => {
    const page = await signIn(context, server.url, OPERATOR, at("overview"));
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    // Billing is local here, and asking for drift is answered so.
    seen.expected = /409/;
    for (const path of ["overview", "tenants", "tenants?order=-p95_ms", "tenants/globex", "tenants/globex/activity", "tenants/globex/invoices", "tenants/globex/audit", "tenants/globex/backups", "tenants/globex/clones", "jobs", "statements", "query", "migrations", "backups", "margins", "plans", "plans/default", "stripe", "stripe/statements", "stripe/drift", "mailbox", "imports", "erasures", "audit", "settings"]) {
      await page.goto(server.url + at(path));
      await page.locator("h1").first().waitFor();
      await settled(page);
      await keepShot(page, `operator-${path.replaceAll(/[/?=]/g, "-")}-${width}-${scheme}`);
      assert.deepEqual([...(await isSteady(page)), ...(await seriousFindings(page))], [], path);
    }
  });
}

// The clock goes on here, so whatever needs the tokens of before comes earlier.
test("an act of the operator asks again who one is, and goes on", async () => {
  const page = await signIn(context, server.url, OPERATOR, at("tenants/globex"));
  await page.getByRole("button", { name: "Suspend" }).waitFor();
  server.advance(11 * 60_000);
  seen.expected = /401|403/;
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
  const again = page.getByRole("dialog", { name: "Show that it is you" });
  await again.getByLabel("Password").fill(PASSWORD);
  await again.getByRole("button", { name: "Go on" }).click();
  await page.getByText("It is suspended.").waitFor();
});

test("a set-up link leads to an operator, a first tenant, and three commands that work as pasted", async () => {
  const fresh = await startServer({ fresh: true });
  try {
    const page = await context.newPage();
    seen.hosts.clear();
    await page.goto(fresh.setup);
    await page.getByLabel("Name").fill("Olive");
    await page.getByLabel("E-mail").fill("olive@example.com");
    await page.getByLabel("Password").fill(PASSWORD);
    await keepShot(page, "first-run-set-up");
    await page.getByRole("button", { name: "Become the operator" }).click();
    await page.waitForURL(/\/console\/operator\/overview$/);
    await page.getByText("No tenants yet").waitFor();
    await settled(page);
    await keepShot(page, "first-run-overview");
    await page.locator(".empty").getByRole("button", { name: "New tenant" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("My company");
    await page.getByRole("dialog").getByRole("button", { name: "New tenant" }).click();
    await page.waitForURL(/\/t\/my-company\/start$/);
    await page.getByRole("button", { name: "Make a key" }).click();
    await page.getByText(/^export KEY=tnt_/).waitFor();
    await keepShot(page, "first-run-commands");
    const commands = await page.locator(".guide pre").allTextContents();
    assert.equal(commands.length, 3);
    const told = execFileSync("sh", ["-ec", commands.join("\n")], { encoding: "utf8" });
    assert.match(told, /"items":\[\{.*First one/s);
    await page.getByRole("link", { name: "customers", exact: true }).click();
    await page.getByRole("gridcell", { name: "First one", exact: true }).waitFor();
  } finally {
    await Promise.all(context.pages().map((page) => page.close()));
    await fresh.stop();
  }
});

test("a line of an invoice opens to the usage events that it is made of", async () => {
  const billed = await startServer({ fresh: true, app: "tests/apps/billed" });
  try {
    const token = new URL(billed.setup).hash.replace("#token=", "");
    await billed.api("", "POST", "/setup", { token, email: OPERATOR, name: "Olive", password: PASSWORD });
    await billed.api(OPERATOR, "POST", "/tenants", { name: "Mine" });
    await billed.api(OPERATOR, "PUT", "/operator/tenants/mine/subscription", { plan: "pro" });
    await billed.api(OPERATOR, "POST", "/tenants/mine/usage-events", Array.from({ length: 130 }, (_, index) => ({ meter: "tokens", quantity: 10, idempotency_key: `${index}`, properties: { text: XSS } })));
    billed.advance(40 * 86_400_000);
    const operator = await signInAnew(billed);
    await operator("POST", "/operator/periods/close", { tenant: "mine", final: true });
    seen.hosts.clear();
    const page = await signIn(context, billed.url, OPERATOR, "/console/t/mine/invoices");
    await page.locator("tbody a").last().click();
    await page.getByRole("button", { name: /^130 events, no\. / }).first().click();
    const events = page.getByRole("dialog");
    await events.locator("tbody tr").nth(99).waitFor();
    await events.getByRole("button", { name: "Show more" }).click();
    await events.locator("tbody tr").nth(129).waitFor();
    assert.equal(await events.locator("tbody tr").count(), 130);
    assert.equal(await page.locator("img[src=x]").count(), 0);
    await keepShot(page, "invoice-line-events");
    assert.deepEqual(await seriousFindings(page), []);
  } finally {
    await Promise.all(context.pages().map((page) => page.close()));
    await billed.stop();
  }
});

test("a migration of the fleet is watched, halts at what fails, goes on, and names the tenant", async () => {
  const app = mkdtempSync(join(tmpdir(), "tenantry-app-"));
  mkdirSync(join(app, "migrations"));
  writeFileSync(join(app, "app.toml"), 'name = "Shelf"\n');
  writeFileSync(join(app, "migrations/0001_things.sql"), "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n");
  const fleet = await startServer({ fresh: true, app });
  try {
    const token = new URL(fleet.setup).hash.replace("#token=", "");
    await fleet.api("", "POST", "/setup", { token, email: OPERATOR, name: "Olive", password: PASSWORD });
    for (const name of ["Twin", "One", "Two", "Three", "Four", "Five"]) await fleet.api(OPERATOR, "POST", "/tenants", { name });
    await fleet.api(OPERATOR, "POST", "/tenants/twin/records/things", [{ name: "same" }, { name: "same" }]);
    await fleet.halt();
    writeFileSync(join(app, "migrations/0002_unique.sql"), "CREATE UNIQUE INDEX things_by_name ON things (name);\n");
    await fleet.resume();
    seen.hosts.clear();
    const page = await signIn(context, fleet.url, OPERATOR, at("overview"));
    await page.getByText("6 tenants are behind the app's migrations").click();
    await page.getByRole("button", { name: "Migrate the fleet" }).click();
    const form = page.getByRole("dialog");
    seen.expected = /422/;
    await form.getByLabel("Halt at errors").fill("many");
    await form.getByRole("button", { name: "Migrate the fleet" }).click();
    await form.getByLabel("Halt at errors").and(page.locator("[aria-invalid=true]")).waitFor();
    await form.getByLabel("Halt at errors").fill("0%");
    await form.getByLabel("At once").fill("1");
    await form.getByRole("button", { name: "Migrate the fleet" }).click();
    await page.getByText("halted", { exact: true }).first().waitFor();
    await page.getByRole("link", { name: "twin" }).waitFor();
    await keepShot(page, "operator-migration-halted");
    assert.deepEqual(await seriousFindings(page), []);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByText("done", { exact: true }).first().waitFor();
    await page.getByText("5 / 6 up to date").waitFor();
    // Its file stays shut until it is at the version of the app.
    seen.expected = /503/;
    await page.getByRole("link", { name: "twin" }).click();
    await page.getByText("A migration failed here").waitFor();
    await page.getByText(/^Its file cannot be read now/).waitFor();
    await keepShot(page, "operator-migration-failed-here");
    // Of the others there is a copy from before.
    await fleet.api(OPERATOR, "POST", "/tenants/one/records/things", { name: "later" });
    await page.goto(`${fleet.url}${at("tenants/one")}`);
    await page.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("button", { name: "Roll back…" }).click();
    const back = page.getByRole("dialog");
    await back.getByLabel("Type one to confirm").fill("one");
    seen.expected = /409|503/;
    await back.getByRole("button", { name: "Roll back" }).click();
    await back.getByText(/^1 changes? of records/).waitFor();
    assert.ok(await back.getByRole("button", { name: "Roll back" }).isDisabled(), "what was written since is not lost unasked");
    await keepShot(page, "operator-rollback");
    await back.getByLabel("Lose what was written since").check();
    await back.getByRole("button", { name: "Roll back" }).click();
    await page.getByText("It is held at an older version").waitFor();
    assert.deepEqual((await fleet.api(OPERATOR, "GET", "/tenants/one/records/things")).items, []);
  } finally {
    await Promise.all(context.pages().map((page) => page.close()));
    await fleet.stop();
    rmSync(app, { recursive: true, force: true });
  }
});

/** Tokens of before are over once the clock went on. */
async function signInAnew({ url }) {
  const ask = (path, body, headers = {}) => fetch(`${url}/api/v1${path}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const { access_token: token } = await (await ask("/auth/sign-in", { email: OPERATOR, password: PASSWORD })).json();
  return async (_, path, body) => {
    const answer = await ask(path, body, { authorization: `Bearer ${token}` });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
}
