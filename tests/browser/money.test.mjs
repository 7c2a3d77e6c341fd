// What tenants bring in and cost, on the operator's screens in a real browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { inBrowser, looksRight, PASSWORD, settled, signIn } from "./harness.mjs";

const OPERATOR = "operator@example.com";
const XSS = `<img src=x onerror="alert(1)">`;
const it = inBrowser({ fresh: true, app: "tests/apps/metered" });

test("demo data are not offered with an app whose tables are others", async () => {
  const { api, setup, url } = it.server;
  await api("", "POST", "/setup", { token: new URL(setup).hash.replace("#token=", ""), email: OPERATOR, name: "Olive", password: PASSWORD });
  const page = await signIn(it.context, url, OPERATOR, "/console/operator/overview");
  await page.getByText("No tenants yet").waitFor();
  await settled(page);
  assert.equal(await page.getByRole("button", { name: "Look around with demo data" }).count(), 0);
});

test("who costs more than they bring in stands on the overview, and first in the fleet", async () => {
  const { api, url } = it.server;
  await api(OPERATOR, "POST", "/tenants", { name: XSS, slug: "losing" });
  await api(OPERATOR, "POST", "/tenants", { name: "Even" });
  await api(OPERATOR, "POST", "/tenants/losing/usage-events", { meter: "calls", idempotency_key: "a", cost_cents: "1250" });
  // A server that ends stores what it counted.
  await it.server.halt();
  await it.server.resume();
  const losing = async () => (await api(OPERATOR, "GET", "/operator/overview").catch(() => null))?.unprofitable.length ?? 0;
  for (let tries = 0; tries < 200 && !(await losing()); tries += 1) await setTimeout(100);
  const page = await signIn(it.context, url, OPERATOR, "/console/operator/overview");
  const attention = page.getByRole("region", { name: "Needs attention" });
  await attention.getByText(/costs more than it brings in$/).waitFor();
  await page.getByRole("region", { name: "Losing money" }).getByText("-$12.50").waitFor();
  await page.locator(".figure", { hasText: "Margin" }).getByText("-$12.50").waitFor();
  await settled(page);
  await looksRight(page, "operator-overview-losing");
  assert.equal(await page.locator("img[src=x], script:not([src])").count(), 0);
  await attention.getByText(/costs more than it brings in$/).click();
  await page.waitForURL(/\/tenants\/losing$/);
  await page.setViewportSize({ width: 2560, height: 1300 });
  await page.goto(`${url}/console/operator/tenants`);
  await page.getByRole("columnheader", { name: "Margin" }).getByRole("button").click();
  await page.waitForURL(/order=margin_cents/);
  await page.locator("tbody tr").first().getByText("-$12.50").waitFor();
  await looksRight(page, "operator-tenants-margin");
});
