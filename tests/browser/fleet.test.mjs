// The fleet in a real browser: found, looked at, and quick where it is large.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { inBrowser, looksRight, settled, signIn, startServer } from "./harness.mjs";

const OPERATOR = "operator@example.com";
const ADA = "ada@example.com";
const it = inBrowser();
const at = (path) => `/console/operator/${path}`;

test("the fleet is searched, narrowed and ordered, and leads to a tenant", async () => {
  for (let index = 0; index < 130; index += 1) await it.server.api(OPERATOR, "POST", "/tenants", { name: `Fleet ${String(index).padStart(3, "0")}` });
  const page = await signIn(it.context, it.server.url, OPERATOR);
  await page.waitForURL(/\/operator\/overview$/);
  await page.getByRole("region", { name: "Needs attention" }).waitFor();
  const margins = it.seen.requests.map((request) => request.url()).filter((url) => url.includes("/operator/margins"));
  assert.deepEqual([...new Set(margins.map((url) => new URL(url).pathname))], ["/api/v1/operator/margins/totals"], "the fleet is summed up without a list of it");
  await page.getByRole("link", { name: "Tenants", exact: true }).click();
  await page.getByText("the first 100 tenants", { exact: true }).waitFor();
  assert.ok((await page.locator("tbody tr").count()) < 60, "only lines near to what is seen are drawn");
  await page.keyboard.press("End");
  await page.getByText("133 tenants", { exact: true }).waitFor();
  await page.getByRole("columnheader", { name: "Tenant" }).getByRole("button").click();
  await page.waitForURL(/order=name/);
  await page.waitForFunction(() => /Acme Tools/.test(document.querySelector("tbody tr:not(.gap)")?.textContent ?? ""));
  await page.getByRole("columnheader", { name: "p95" }).getByRole("button").click();
  await page.waitForURL(/order=-p95_ms/);
  it.seen.requests.length = 0;
  await page.getByRole("searchbox").pressSequentially("fleet 12", { delay: 20 });
  await page.getByText("10 tenants", { exact: true }).waitFor();
  await page.waitForURL(/q=fleet/);
  const asked = it.seen.requests.map((request) => request.url()).filter((url) => url.includes("/api/v1/operator/"));
  assert.ok(asked.length <= 3 && asked.every((url) => /operator\/tenants\?.*q=/.test(url)), `the API searches, and not at each key: ${asked}`);
  await page.getByRole("searchbox").fill("globex");
  await page.getByRole("link", { name: "Globex Travel" }).click();
  await page.getByRole("heading", { name: "Usage against limits" }).waitFor();
  await page.getByRole("heading", { name: "This month" }).waitFor();
  await page.goBack();
  await page.getByText("1 tenant", { exact: true }).waitFor();
  assert.equal(await page.getByRole("searchbox").inputValue(), "globex");
  await page.getByRole("searchbox").fill("nobody is called so");
  await page.getByText("No tenant is like that").waitFor();
  await page.keyboard.press("ControlOrMeta+k");
  await page.getByRole("combobox", { name: "Go to…" }).fill("fleet 077");
  await page.getByRole("option", { name: /Fleet 077.*operator/ }).click();
  await page.waitForURL(/\/operator\/tenants\/fleet-077$/);
});

test("what somebody types who looks for the operator's console leads there", async () => {
  const page = await signIn(it.context, it.server.url, OPERATOR, "/operator");
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.goto(`${it.server.url}/console/operator/`);
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Overview", exact: true }).getAttribute("aria-current"), "page");
});

test("two thousand tenants are scrolled through with few lines drawn, and the end is reached by keyboard", async () => {
  const large = await startServer();
  try {
    execFileSync(process.env.TENANTRY, ["tenant", "create", "many", "--owner", OPERATOR, "--count", "2000", "--data", large.data]);
    it.seen.hosts.clear();
    const page = await signIn(it.context, large.url, OPERATOR, at("tenants?order=name"));
    await page.getByText("the first 100 tenants", { exact: true }).waitFor();
    const begun = Date.now();
    let most = 0;
    for (let tries = 0; tries < 100; tries += 1) {
      await page.keyboard.press("End");
      most = Math.max(most, await page.locator("tbody tr").count());
      if (await page.getByText("2,003 tenants", { exact: true }).isVisible()) break;
      await page.waitForTimeout(50);
    }
    console.log(`to the last of 2,003 tenants: ${Date.now() - begun} ms, at most ${most} lines drawn`);
    assert.ok(most < 80, `${most} lines drawn`);
    await page.keyboard.press("End");
    await page.locator("tr[aria-rowindex='2004']").waitFor();
    await page.keyboard.press("Home");
    await page.locator("tr[aria-rowindex='2']").getByText("Acme Tools").waitFor();
    await settled(page);
    await looksRight(page, "operator-tenants-many");
  } finally {
    await Promise.all(it.context.pages().map((page) => page.close()));
    await large.stop();
  }
});

test("an operator reads a tenant's audit log and its invoices", async () => {
  await it.server.api(ADA, "PATCH", "/tenants/acme", { name: "Acme & Tools" });
  const page = await signIn(it.context, it.server.url, OPERATOR, at("tenants/acme"));
  await page.getByRole("link", { name: "Audit log", exact: true }).nth(1).click();
  await page.waitForURL(/\/tenants\/acme\/audit$/);
  await page.getByRole("button", { name: "tenant.changed" }).first().click();
  await page.waitForURL(/action=tenant\.changed/);
  await looksRight(page, "operator-tenant-audit");
  const [download] = await Promise.all([page.waitForEvent("download"), (async () => {
    await page.getByRole("button", { name: "Download" }).click();
    await page.getByRole("button", { name: "CSV", exact: true }).click();
  })()]);
  assert.equal(download.suggestedFilename(), "acme-audit.csv");
  await page.getByRole("link", { name: "Invoices", exact: true }).click();
  await page.getByText("No invoices yet").waitFor();
});
