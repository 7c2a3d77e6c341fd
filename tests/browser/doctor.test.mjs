// What the operator learns about the installation itself: what is wrong with it, and what was ever sold.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inBrowser, looksRight, signIn } from "./harness.mjs";

const OPERATOR = "operator@example.com";
const it = inBrowser();
const at = (path) => `/console/operator/${path}`;

test("the doctor says what is wrong and what to do about it, and looks again", async () => {
  const { server, context } = it;
  const page = await signIn(context, server.url, OPERATOR, at("overview"));
  await page.getByRole("link", { name: "Doctor", exact: true }).click();
  await page.getByText("Looking…").first().waitFor();
  const good = page.getByRole("region", { name: "As it should be" });
  await good.getByText("Doors between tenants").waitFor();
  const told = await server.api(OPERATOR, "GET", "/operator/doctor");
  for (const { about, advice } of told.findings.filter(({ level }) => level !== "good")) {
    // Times within sentences differ from look to look.
    await page.getByText(about.slice(0, 20)).first().waitFor();
    assert.ok(advice && (await page.getByText("What to do:").count()) > 0);
  }
  await looksRight(page, "operator-doctor");
  const looked = () => page.locator(".verdict time").getAttribute("datetime");
  const before = await looked();
  const again = page.getByRole("button", { name: "Look again" });
  await again.focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction((before) => document.querySelector(".verdict time")?.getAttribute("datetime") !== before, before);
  assert.ok(Date.parse(await looked()) > Date.parse(before));
  assert.deepEqual((await server.api(OPERATOR, "GET", "/operator/tenants?q=doctor")).items, [], "the tenants that were tried are gone");
});

test("each version of a plan says what it changed, and how many tenants are on it", async () => {
  const { server, context } = it;
  const key = "shelf";
  const put = (version, document) => server.api(OPERATOR, "PUT", `/operator/plans/${key}`, { document: { title: "Shelf", offered: false, ...document }, expected_version: version });
  await put(0, { fee_cents: "900" });
  await server.api(OPERATOR, "POST", "/tenants", { name: "On the first" });
  await server.api(OPERATOR, "PUT", "/operator/tenants/on-the-first/subscription", { plan: key, when: "now" });
  await put(1, { fee_cents: "1900" });
  await put(2, { fee_cents: "1900", seats: 5, trial_days: 14, limits: Object.fromEntries(["api.requests", "storage.bytes"].map((meter) => [meter, { hard: 100, soft: 80, window: "month" }])) });
  const page = await signIn(context, server.url, OPERATOR, at(`plans/${key}`));
  const versions = page.locator(".versions > li");
  await versions.nth(2).waitFor();
  assert.match(await versions.nth(2).textContent(), /Version 1.*1 tenant on it.*The first one\./);
  assert.match(await versions.nth(1).textContent(), /Version 2.*no tenant on it.*fee_cents\s*900\s*1900/);
  await versions.nth(0).locator("summary").click();
  assert.match(await versions.nth(0).textContent(), /Version 3.*newest.*limits\.api\.requests\.hard\s*100/);
  await looksRight(page, "operator-plan-versions");
});
