// Bringing an export in a real browser: what is in it is seen first, and then it is a tenant.

import assert from "node:assert/strict";
import { test } from "node:test";
import { exported, inBrowser, looksRight, settled, signIn } from "./harness.mjs";

const OPERATOR = "operator@example.com";
const ADA = "ada@example.com";
const BEN = "ben@example.com";
const XSS = `<img src=x onerror="alert(1)">"><script>alert(2)</script>{{7*7}}\${alert(3)}`;

const it = inBrowser();
const bring = (page, name, bytes) => page.locator("input[type=file]").setInputFiles({ name, mimeType: "application/zip", buffer: bytes });
const noMarkup = async (page) => assert.equal(await page.locator("img[src=x], script:not([src])").count(), 0);

test("an export is looked at, and becomes a tenant of whoever brought it", async () => {
  const { server, context } = it;
  await server.api(BEN, "PATCH", "/me", { name: XSS });
  await server.api(ADA, "PATCH", "/tenants/acme", { name: XSS });
  const zip = await exported(server, ADA, "acme");
  await server.api(ADA, "PATCH", "/tenants/acme", { name: "Acme Tools" });
  const page = await signIn(context, server.url, ADA, "/console");
  await page.getByRole("link", { name: "Import an export" }).click();
  await page.getByText("Nothing was imported yet").waitFor();
  await looksRight(page, "imports-none");
  await bring(page, "acme-export.zip", zip);
  await page.waitForURL(/\/console\/imports\/[0-9a-f-]+$/);
  await page.getByText("This is what would come over. Nothing is made so far.").waitFor();
  await page.getByRole("row", { name: /^customers / }).waitFor();
  await page.getByRole("row", { name: new RegExp(`^${ADA}|Ada.*you, owner`) }).waitFor();
  await noMarkup(page);
  await looksRight(page, "import-preview");
  const form = page.locator("form");
  it.seen.expected = /422/;
  await form.getByLabel("Slug").fill("Not A Slug");
  await form.getByRole("button", { name: "Make the tenant" }).click();
  await form.getByLabel("Slug").and(page.locator("[aria-invalid=true]")).waitFor();
  await form.getByLabel("Slug").fill("acme-again");
  await form.getByRole("checkbox", { name: /Invite the others/ }).check();
  await form.getByRole("button", { name: "Make the tenant" }).click();
  await page.getByText(/ is here, and you own it\.$/).waitFor();
  await noMarkup(page);
  await page.getByRole("link", { name: "Open it" }).click();
  await page.waitForURL(/\/t\/acme-again\/records/);
  const [here, there] = await Promise.all(["acme-again", "acme"].map((slug) => server.api(ADA, "GET", `/tenants/${slug}/records/customers?count=exact&limit=1`)));
  assert.equal(here.total, there.total);
  const invited = (await server.api(ADA, "GET", "/tenants/acme-again/invitations")).items.map(({ email }) => email);
  assert.ok(invited.includes(BEN), `${invited}`);
  await page.goto(`${server.url}/console/imports`);
  await page.getByRole("row", { name: /^acme-again imported/ }).waitFor();
  await settled(page);
  await looksRight(page, "imports");
});

test("what is no export is refused in words, and leaves nothing", async () => {
  const { server, context } = it;
  const page = await signIn(context, server.url, BEN, "/console/imports");
  await bring(page, "notes.txt", Buffer.from("notes"));
  await page.getByText("“notes.txt” is no zip file.").waitFor();
  await bring(page, "broken.zip", Buffer.from("PK nonsense"));
  await page.getByText("It was refused, and nothing was made of it.").waitFor();
  await looksRight(page, "import-refused");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.waitForURL(/\/console\/imports$/);
  await page.getByText("Nothing was imported yet").waitFor();
  assert.deepEqual((await server.api(BEN, "GET", "/imports")).items, []);
});

test("an operator sees who of an export has an account here, and gives it up", async () => {
  const { server, context } = it;
  const zip = await exported(server, ADA, "acme");
  const page = await signIn(context, server.url, OPERATOR, "/console/operator/imports");
  await bring(page, "acme-export.zip", zip);
  await page.waitForURL(/\/console\/operator\/imports\/[0-9a-f-]+$/);
  await page.getByText("has an account").first().waitFor();
  await looksRight(page, "operator-import-preview");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
  await page.waitForURL(/\/console\/operator\/imports$/);
  assert.deepEqual((await server.api(OPERATOR, "GET", "/imports")).items, []);
});
