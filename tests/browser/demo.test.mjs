// An installation's first minutes with demo data, in a real browser.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { inBrowser, looksRight, PASSWORD, settled } from "./harness.mjs";

const it = inBrowser({ fresh: true });

test("whoever sets an installation up looks around with demo data, tries the commands, and has it gone again", async () => {
  const page = await it.context.newPage();
  await page.goto(it.server.setup);
  await page.getByLabel("Name").fill("Olive");
  await page.getByLabel("E-mail").fill("olive@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Become the operator" }).click();
  await page.waitForURL(/\/console\/operator\/overview$/);
  await page.getByRole("button", { name: "Look around with demo data" }).waitFor();
  await looksRight(page, "first-run-choice");
  await page.getByRole("button", { name: "Look around with demo data" }).click();
  await page.waitForURL(/\/t\/demo-shop\/start$/);
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByText(/^export KEY=tnt_/).waitFor();
  const commands = await page.locator(".guide pre").allTextContents();
  assert.match(execFileSync("sh", ["-ec", commands.join("\n")], { encoding: "utf8" }), /"items":\[\{.*"name"/s);
  await settled(page);
  await looksRight(page, "first-run-demo");
  const count = async (table) => (await it.server.api("olive@example.com", "GET", `/tenants/demo-shop/records/${table}?count=exact&limit=1`)).total;
  assert.deepEqual([await count("customers"), await count("invoices"), await count("invoice_lines"), await count("notes")], [61, 180, 360, 30]);
  await page.getByRole("link", { name: "Records", exact: true }).first().click();
  await page.locator(".grid [role=gridcell]").first().waitFor();
  await page.getByRole("link", { name: "Export and leave", exact: true }).first().click();
  await page.getByRole("button", { name: "Close the tenant…" }).click();
  await page.getByLabel("Type demo-shop to confirm").fill("demo-shop");
  await page.getByRole("dialog").getByRole("button", { name: "Close the tenant" }).click();
  await page.getByText("This tenant is closing", { exact: true }).waitFor();
});
