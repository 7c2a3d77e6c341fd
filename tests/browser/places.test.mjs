// Where tenants live, in a real browser: moved between volumes, and cloned for staging.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inBrowser, keepShot, looksRight, seriousFindings, settled, signIn } from "./harness.mjs";

const OPERATOR = "operator@example.com";
const ADA = "ada@example.com";
const XSS = `<img src=x onerror="alert(1)">"><script>alert(2)</script>`;
const it = inBrowser({ volumes: { fast: true, gone: false } });
const at = (path) => `/console/operator/${path}`;
const tenant = (slug) => it.server.api(OPERATOR, "GET", `/operator/tenants/${slug}`);

async function actOn(page, name) {
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("button", { name }).click();
  return page.getByRole("dialog");
}

test("a tenant is moved to another volume, which is told as it goes, and moved back", async () => {
  // That it was never moved is answered with 404.
  it.seen.expected = /404/;
  const page = await signIn(it.context, it.server.url, OPERATOR, at("tenants/globex"));
  const dialog = await actOn(page, "Move…");
  assert.ok(await dialog.getByRole("radio", { name: /^data/ }).isDisabled(), "it is there already");
  assert.ok(await dialog.getByRole("radio", { name: /^gone not available/ }).isDisabled(), "nothing goes where nothing can be written");
  const move = dialog.getByRole("button", { name: "Move", exact: true });
  assert.ok(await move.isDisabled());
  await dialog.getByRole("radio", { name: /^fast/ }).check();
  await looksRight(page, "operator-move");
  await move.click();
  await page.getByText("It was moved from data to fast.").waitFor();
  assert.equal((await tenant("globex")).volume, "fast");
  await page.locator("dt", { hasText: "Volume" }).locator("+ dd", { hasText: "fast" }).waitFor();
  await keepShot(page, "operator-moved");
  await page.getByRole("button", { name: "Move it back to data" }).click();
  assert.ok(await dialog.getByRole("radio", { name: /^data/ }).isChecked());
  await move.click();
  await page.getByText("It was moved from fast to data.").waitFor();
  assert.equal((await tenant("globex")).volume, "data");
});

test("a move under way is given up, and the tenant stays where it is", async () => {
  it.seen.expected = /404/;
  const { id } = await tenant("initech");
  const held = it.server.hold("move_copied", id);
  const page = await signIn(it.context, it.server.url, OPERATOR, at("tenants/initech"));
  const dialog = await actOn(page, "Move…");
  await dialog.getByRole("radio", { name: /^fast/ }).check();
  await dialog.getByRole("button", { name: "Move", exact: true }).click();
  await held.reached();
  await page.getByText("being copied").waitFor();
  await looksRight(page, "operator-moving");
  await page.getByRole("button", { name: "Give up…" }).click();
  await dialog.getByText(/It stays on data/).waitFor();
  await dialog.getByRole("button", { name: "Give up", exact: true }).click();
  await page.getByRole("heading", { name: "Its move to fast is being given up" }).waitFor();
  await looksRight(page, "operator-giving-up");
  assert.equal(await page.getByRole("button", { name: "Give up…" }).count(), 0);
  held.release();
  await page.getByText("Its move to fast was given up.").waitFor();
  assert.equal((await tenant("initech")).volume, "data");
  assert.deepEqual(await seriousFindings(page), []);
});

test("what keeps a tenant from being moved is said in words, and nothing is lost", async () => {
  it.seen.expected = /404|409/;
  const page = await signIn(it.context, it.server.url, OPERATOR, at("tenants/initech"));
  const dialog = await actOn(page, "Move…");
  await dialog.getByRole("radio", { name: /^fast/ }).check();
  await it.server.api(OPERATOR, "POST", "/operator/tenants/initech/suspend");
  await dialog.getByRole("button", { name: "Move", exact: true }).click();
  await dialog.getByRole("alert").getByText(/needs one that is active/).waitFor();
  assert.ok(await dialog.getByRole("radio", { name: /^fast/ }).isChecked());
  assert.deepEqual(await seriousFindings(page), []);
  await it.server.api(OPERATOR, "POST", "/operator/tenants/initech/resume");
});

test("a tenant is cloned for staging, its clone is marked, listed, kept and let go", async () => {
  await it.server.api(ADA, "PATCH", "/tenants/acme", { name: XSS });
  it.seen.expected = /404|422/;
  const page = await signIn(it.context, it.server.url, OPERATOR, at("tenants/acme/clones"));
  await page.getByText("No clones", { exact: true }).waitFor();
  await page.getByRole("button", { name: "New clone" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Slug of the clone").fill("Not A Slug");
  await dialog.getByRole("button", { name: "Clone", exact: true }).click();
  await dialog.getByLabel("Slug of the clone").and(page.locator("[aria-invalid=true]")).waitFor();
  await dialog.getByLabel("Slug of the clone").fill("acme-staging");
  await dialog.getByLabel("Expires").selectOption("30");
  await looksRight(page, "operator-clone");
  await dialog.getByRole("button", { name: "Clone", exact: true }).click();
  await page.waitForURL(/\/tenants\/acme-staging$/);
  await page.locator(".badge", { hasText: "clone" }).waitFor();
  const days = (Date.parse((await tenant("acme-staging")).expires_at) - Date.now()) / 86_400_000;
  assert.ok(days > 29 && days < 31, `${days} days`);
  assert.equal(await page.getByRole("link", { name: "Clones", exact: true }).count(), 0, "a clone has none");
  await page.locator("dt", { hasText: "Expires" }).locator("+ dd").getByRole("button", { name: "Edit" }).click();
  await dialog.getByLabel("Expires").selectOption("");
  await dialog.getByRole("button", { name: "Set", exact: true }).click();
  await page.locator("dt", { hasText: "Expires" }).locator("+ dd", { hasText: "is kept" }).waitFor();
  await page.locator("dt", { hasText: "Copy of" }).locator("+ dd").getByRole("link").click();
  await page.getByRole("link", { name: "Clones", exact: true }).click();
  const row = page.getByRole("region", { name: "Clones" }).locator("tbody tr", { hasText: "acme-staging" });
  await row.getByText("is kept").waitFor();
  await settled(page);
  await looksRight(page, "operator-clones");
  await row.getByRole("button", { name: "Expiry… acme-staging" }).click();
  await dialog.getByLabel("Expires").selectOption("1");
  await dialog.getByRole("button", { name: "Set", exact: true }).click();
  await row.getByText(/^(tomorrow|in 24 hours|in 23 hours)$/).waitFor();
  await page.goto(`${it.server.url}${at("tenants?q=acme-staging")}`);
  await page.locator("tbody .badge", { hasText: "clone" }).waitFor();
  assert.equal(await page.locator("img[src=x], script:not([src])").count(), 0);
});
