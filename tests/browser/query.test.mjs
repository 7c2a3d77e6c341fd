// One statement over many tenants in a real browser: whom it asks, what it answers, and that each of them is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inBrowser, keepShot, looksRight, settled, signIn } from "./harness.mjs";

const OPERATOR = "operator@example.com";
const ADA = "ada@example.com";
const it = inBrowser();

test("an operator asks tenants, sees their rows and who is left out, and each finds it in its log", async () => {
  const { server, context } = it;
  const page = await signIn(context, server.url, OPERATOR, "/console/operator/query");
  await page.getByText("Ask them something").waitFor();
  await page.getByText("finds the statement in its audit log").waitFor();
  await looksRight(page, "operator-query-start");
  const ask = page.getByRole("button", { name: "Ask", exact: true });
  assert.ok(await ask.isDisabled(), "nobody is asked nothing");
  await page.getByRole("textbox", { name: "SQL statement" }).fill("SELECT count(*) AS customers, '<b>' AS \"<i>\" FROM customers");
  assert.ok(await ask.isDisabled(), "nor is it said whom");
  await page.getByLabel("Slugs, with commas between").fill("acme, globex nobody");
  await ask.click();
  await page.getByText(/^2 rows of 2 of 3 tenants/).waitFor();
  await page.getByRole("cell", { name: "globex" }).waitFor();
  await page.getByRole("row", { name: /nobody.*There is no such tenant/ }).waitFor();
  assert.equal(await page.locator(".result b, .result i").count(), 0, "what is answered is text");
  await looksRight(page, "operator-query-answer");
  const log = await server.api(ADA, "GET", "/tenants/acme/audit?action=operator.query");
  assert.equal(log.items.length, 1);
  await page.getByLabel("Whom to ask").selectOption("all");
  await page.getByLabel("Rows of each").selectOption("10");
  await page.getByRole("textbox", { name: "SQL statement" }).fill("SELECT id FROM customers");
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByText(/more rows than were taken/).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
  assert.equal(download.suggestedFilename(), "tenants-query.csv");
  await looksRight(page, "operator-query-cut");
  it.seen.expected = /400|403/;
  await page.getByRole("textbox", { name: "SQL statement" }).fill("DELETE FROM customers");
  await ask.click();
  await page.getByText("Only statements that read are allowed here.").waitFor();
  await settled(page);
  await keepShot(page, "operator-query-refused");
  await page.getByLabel("Whom to ask").selectOption("plan");
  await page.getByRole("textbox", { name: "SQL statement" }).fill("SELECT 1");
  await ask.click();
  await page.getByText(/^\d rows? of \d of \d tenants?/).waitFor();
});

test("the address of the screen is in the palette and in the navigation", async () => {
  const page = await signIn(it.context, it.server.url, OPERATOR, "/console/operator/overview");
  await page.getByRole("link", { name: "Query", exact: true }).click();
  await page.getByRole("heading", { name: "Query", level: 1 }).waitFor();
});
