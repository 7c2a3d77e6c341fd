// Modules of the console that need no browser, and whether the vendored ones are what their list says.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const assets = new URL("../../assets/", import.meta.url);
/** A module without imports, as it is served. @param {string} path */
const load = (path) => import(`data:text/javascript,${encodeURIComponent(readFileSync(new URL(path, assets), "utf8"))}`);

/** A module with these in place of what it imports, by name. @param {string} path @param {Record<string, string>} standIns */
const loadWith = (path, standIns) => {
  let source = readFileSync(new URL(path, assets), "utf8");
  for (const [name, code] of Object.entries(standIns)) {
    assert.ok(source.includes(`from "${name}"`), name);
    source = source.replace(`from "${name}"`, `from "data:text/javascript,${encodeURIComponent(code)}"`);
  }
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
};

const { csvField, parseCsv, parseRows } = await load("console/records/parse.js");
const { nextOrder, parseQuery, writeQuery } = await load("console/records/query.js");
const { tokens } = await load("console/sql/tokens.js");

test("vendored modules are those that the list names by digest", () => {
  const list = readFileSync(new URL("vendor/README.md", assets), "utf8");
  const scripts = readdirSync(new URL("vendor/", assets)).filter((name) => name.endsWith(".js"));
  assert.ok(scripts.length >= 3);
  for (const name of scripts) {
    const digest = createHash("sha256").update(readFileSync(new URL(`vendor/${name}`, assets))).digest("hex");
    assert.match(list, new RegExp(`\`${name}\`.*\`${digest}\` \\|$`, "m"), name);
  }
});

test("nothing inline stands in a page, which the policy would refuse", () => {
  for (const name of readdirSync(assets).filter((name) => name.endsWith(".html"))) {
    const page = readFileSync(new URL(name, assets), "utf8");
    assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:/i, name);
    assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//, name);
  }
});

test("CSV is read with quotes, line ends of all kinds and other separators", () => {
  for (const [text, expected] of [
    ["a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]],
    ['a,b\n"x, ""y""","line\nbreak"', [["a", "b"], ['x, "y"', "line\nbreak"]]],
    ["\uFEFFa;b\n1;2,5", [["a", "b"], ["1", "2,5"]]],
    ["a\tb\n\n\n1\t", [["a", "b"], ["1", ""]]],
    ["a,b\r1,2", [["a", "b"], ["1", "2"]]],
    ['"open', [["open"]]],
    ["", []],
  ]) assert.deepEqual(parseCsv(text), expected, JSON.stringify(text));
});

test("rows keep the line they stood on, and what cannot be read is marked", () => {
  assert.deepEqual(parseRows("id,n\na,1\nb,2,3").rows, [{ line: 2, values: { id: "a", n: "1" } }, { line: 3, values: { id: "b", n: "2" }, fault: "columns" }]);
  assert.deepEqual(parseRows('{"a":1}\n\n{bad\n[1]').rows, [{ line: 1, values: { a: 1 } }, { line: 3, values: {}, fault: "json" }, { line: 4, values: {}, fault: "json" }]);
  assert.deepEqual(parseRows('[{"a":1},{"b":null}]').columns, ["a", "b"]);
  assert.throws(() => parseRows("[{"));
});

test("a field of CSV is quoted where it must be, and is no formula", () => {
  for (const [value, expected] of [["a,b", '"a,b"'], ['say "x"', '"say ""x"""'], ["=1+1", "'=1+1"], ["@x", "'@x"], [-5, "-5"], [null, ""], [{ a: 1 }, '"{""a"":1}"'], ["plain", "plain"]]) assert.equal(csvField(value), expected);
});

test("a query is read and written back as it was", () => {
  for (const text of ["status=open&order=-created_at", "amount_cents=gte.100&amount_cents=lt.500", "name=eq.gte.5", "col:limit=5", "or=(a.eq.1,b.is.null)", "q=printer+fire", "memo=is.not_null", "status=in.(a,b)"]) {
    assert.equal(writeQuery(parseQuery(text)), text);
  }
  assert.equal(writeQuery({ conditions: [{ column: "name", op: "eq", value: "gte.5" }], order: "", rest: [] }), "name=eq.gte.5");
  assert.deepEqual(["", "-a", "a"].map((order) => nextOrder(order, "a")), ["a", "", "-a"]);
});

test("the order of a long list is turned round to the last tie, or not at all", async () => {
  const { bothWays } = await load("console/records/query.js");
  for (const [query, key, expected] of [
    ["", ["id"], { forth: "", back: "order=-id" }],
    ["status=open", ["a", "b"], { forth: "status=open", back: "status=open&order=-a%2C-b" }],
    ["order=-amount", ["id"], { forth: "order=-amount%2C-id", back: "order=amount%2Cid" }],
    ["order=-id", ["id"], { forth: "order=-id", back: "order=id" }],
    ["order=a.nullslast", ["id"], { forth: "order=a.nullslast%2Cid", back: "order=-a.nullsfirst%2C-id" }],
    ["q=fire", ["id"], null],
    ["", [], null],
    ["order=a,b,c,d,e,f,g,h", ["id"], null],
  ]) assert.deepEqual(bothWays(query, key), expected, query);
});

test("records come from both ends until these meet, also where others were written meanwhile", async () => {
  for (const [there, counted, wanted] of [[3000, 3000, 2999], [3000, 2990, 2999], [3000, 3007, 2999], [3000, null, 99_999], [650, 650, 649], [90, 90, 89], [3000, 3000, 1700]]) {
    const asked = (globalThis.asked = []);
    globalThis.page = (path) => {
      const query = new URLSearchParams(path.slice(path.indexOf("?")));
      asked.push(path);
      const back = query.get("order") === "-id";
      const from = Number(query.get("cursor") ?? 0);
      const limit = Number(query.get("limit"));
      const places = Array.from({ length: Math.max(0, Math.min(limit, there - from)) }, (_, index) => (back ? there - 1 - from - index : from + index));
      return { items: places.map((id) => ({ id })), next_cursor: from + limit < there ? String(from + limit) : null, total: counted };
    };
    const { Rows } = await loadWith("console/records/rows.js", {
      "../api.js": "export const get = async (path) => page(path);",
      "./query.js": "export const bothWays = () => ({ forth: '', back: 'order=-id' });",
      "./schema.js": "export const keyOf = (_, record) => String(record.id);",
    });
    const rows = new Rows({ api: (path) => path }, { name: "t", key: ["id"], columns: [] }, "", []);
    const until = async (index) => {
      rows.want(index);
      await rows.running;
    };
    await until(0);
    assert.equal(rows.records[0].id, 0);
    const end = rows.end;
    await until(Math.min(wanted, end));
    const name = `${there} there, ${counted} counted`;
    if (wanted >= there - 1) assert.equal(rows.records[rows.size - 1].id, there - 1, name);
    assert.ok(asked.length <= (wanted === 1700 ? 5 : 3), `${name}: ${asked.length} requests`);
    for (let index = 0; rows.next !== null && index < 10_000; index += 25) await until(index);
    assert.deepEqual(rows.records.map(({ id }) => id), Array.from({ length: there }, (_, id) => id), name);
    assert.deepEqual([rows.size, rows.total], [there, there], name);
  }
});

test("the colours of SQL leave every character where it was", () => {
  for (const sql of ["SELECT 'it''s', \"x\", 1.5e3 -- note\nFROM t WHERE a = ?1 AND b = :b /* open", "'open", "", "äöü ¯\\_(ツ)_/¯ [x] `y`"]) {
    assert.equal(tokens(sql).map(({ text }) => text).join(""), sql);
  }
  assert.deepEqual(tokens("select 'x' from t").filter(({ kind }) => kind).map(({ kind }) => kind), ["keyword", "string", "keyword"]);
});

test("a form that sends a token sends no cookies: two credentials are refused", async () => {
  const { post } = await load("form.js");
  /** @type {RequestInit[]} */
  const sent = [];
  globalThis.fetch = async (_, init) => (sent.push(init), new Response("{}", { status: 200 }));
  await post("/invitations/accept", { token: "a" }, "of-the-session");
  await post("/auth/sign-in", { email: "ann@example.com" });
  assert.deepEqual(sent.map(({ credentials }) => credentials), ["omit", "same-origin"]);
  assert.equal(sent[0].headers.authorization, "Bearer of-the-session");
  assert.equal(sent[1].headers.authorization, undefined);
});

test("statements are kept for one person and one tenant, and forgotten all at once", async () => {
  const { forgetStatements, forgetUnowned, placeOf } = await load("console/sql/kept.js");
  const store = storeOf({ [placeOf("ann", "acme")]: "1", [placeOf("bob", "acme")]: "2", "tenantry.sql.acme": "3", "tenantry.theme": "dark" });
  assert.equal(new Set([placeOf("ann", "acme"), placeOf("bob", "acme"), placeOf("ann", "bolt")]).size, 3);
  forgetUnowned(store, "acme");
  assert.deepEqual(Object.values(store), ["1", "2", "dark"]);
  forgetStatements(store);
  assert.deepEqual(Object.keys(store), ["tenantry.theme"]);
});

test("a sign-out that fails is told and offered again, and nothing is forgotten before it has worked", async () => {
  // It would keep this process alive.
  delete globalThis.BroadcastChannel;
  const seen = (globalThis.seen = { answers: [], toasts: [], forgotten: 0, statements: 0 });
  const { me, signOut } = await loadWith("console/session.js", {
    "./api.js": `export const forgetSession = () => void seen.forgotten++; export const hasSession = () => true; export const get = async () => ({}); export const noteTokens = () => {};
      export const signedOut = { subscribe() {}, set() {} };
      export const post = async () => { const status = seen.answers.shift(); if (status >= 400) throw Object.assign(new Error("busy"), { status }); };`,
    "./parts/toasts.js": "export const toast = (text, more) => void seen.toasts.push({ text, ...more });",
    "./sql/kept.js": "export const forgetStatements = () => void seen.statements++;",
    "./store.js": "export const createStore = (value) => ({ get: () => value, set: (next) => void (value = next) }); export const useStore = () => {};",
    "./strings.js": "export const s = { tryAgain: 'again', account: { stillSignedIn: (why) => why } };",
  });
  globalThis.sessionStorage = storeOf({});
  me.set({ id: "ann" });
  seen.answers.push(503, 204, 401);
  await signOut();
  assert.deepEqual([seen.forgotten, seen.statements, me.get().id], [0, 0, "ann"]);
  assert.deepEqual(seen.toasts.map(({ text, bad, act }) => [text, bad, act.label]), [["busy", true, "again"]]);
  await seen.toasts[0].act.run();
  assert.deepEqual([seen.forgotten, seen.statements, me.get()], [1, 1, null]);
  await signOut();
  assert.deepEqual([seen.forgotten, seen.toasts.length], [2, 1], "a session that is over is one that ended");
});

/** A store of a browser. @param {Record<string, string>} entries */
function storeOf(entries) {
  const store = { ...entries };
  Object.defineProperty(store, "removeItem", { value: (/** @type {string} */ name) => delete store[name] });
  return /** @type {Storage} */ (/** @type {unknown} */ (store));
}

test("of a long table the lines are drawn that are near to what is seen", async () => {
  const nothing = "export const [html, useEffect, useLayoutEffect, useRef, useState, s, cellsOf, TableHead] = [];";
  const { near } = await loadWith("console/parts/long-table.js", { "../dom.js": nothing, "../strings.js": nothing, "./page.js": nothing });
  for (const [top, seen, height, count, expected] of [
    [200, 800, 50, 10_000, [0, 27]],
    [-5000, 800, 50, 10_000, [85, 131]],
    [-499_500, 800, 50, 10_000, [9975, 10_000]],
    [-900_000, 800, 50, 10_000, [10_000, 10_000]],
    [200, 800, 50, 3, [0, 3]],
    [200, 800, 50, 0, [0, 0]],
    [2000, 800, 50, 10_000, [0, 0]],
  ]) assert.deepEqual(near(top, seen, height, count), expected, `${top}`);
});

test("demo data refer to what is there, and keep the rules of their tables", async () => {
  const { demoRows } = await loadWith("console/operator/demo.js", { "../api.js": "export const get = 0, post = 0", "../session.js": "export const loadMe = 0", "./strings.js": "export const o = {}" });
  const now = Date.parse("2026-03-01T00:00:00Z");
  for (const random of [() => 0, () => 0.999999, Math.random]) {
    const { customers, invoices, invoice_lines: lines, notes } = Object.fromEntries(demoRows(now, random));
    const [known, billed] = [customers, invoices].map((rows) => new Set(rows.map(({ id }) => id)));
    assert.equal(known.size, customers.length);
    assert.equal(billed.size, invoices.length);
    assert.ok([...invoices, ...notes].every((row) => known.has(row.customer_id)) && lines.every((line) => billed.has(line.invoice_id)));
    for (const invoice of invoices) {
      assert.ok(invoice.status === "draft" ? invoice.number === null : invoice.number > 0, JSON.stringify(invoice));
      assert.equal(lines.filter((line) => line.invoice_id === invoice.id).reduce((sum, line) => sum + line.unit_cents * line.quantity, 0), invoice.amount_cents);
    }
    assert.ok([...customers, ...invoices, ...notes].every((row) => Date.parse(row.created_at) <= now));
  }
});
