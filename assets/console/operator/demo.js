// A tenant with made-up records of the starter app, for somebody who looks around: customers, their invoices and notes. It is a
// tenant as any other, made by the routes that customers use, and goes when it is closed.

import { get, post } from "../api.js";
import { loadMe } from "../session.js";
import { o } from "./strings.js";

const FIRST = ["Northern", "Blue", "Harbour", "Silver", "Granite", "Maple", "Orchard", "Summit", "Willow", "Iron", "Coastal", "Bright"];
const SECOND = ["Bakery", "Logistics", "Dental", "Bicycles", "Robotics", "Textiles", "Clinic", "Studio", "Brewery", "Optics", "Farms", "Press"];
const ITEMS = ["Consulting, per hour", "Licence, one month", "Spare parts", "On-site visit", "Training day", "Priority support"];
const STATES = ["draft", "open", "open", "paid", "paid", "paid", "void"];
const CUSTOMERS = 60;
const DAY = 86_400_000;

/** Rows by table, those first that others refer to. @param {number} now in milliseconds @param {() => number} random from 0 to 1 @returns {[string, any[]][]} */
export function demoRows(now, random) {
  const below = (/** @type {number} */ bound) => Math.floor(random() * bound);
  const pick = (/** @type {string[]} */ words) => words[below(words.length)];
  const earlier = () => new Date(now - below(200 * DAY)).toISOString();
  const id = (/** @type {string} */ kind, /** @type {number} */ n) => `${kind}-${String(n + 1).padStart(4, "0")}`;
  const upTo = (/** @type {number} */ count, /** @type {(n: number) => any} */ make) => Array.from({ length: count }, (_, n) => make(n));
  const customers = upTo(CUSTOMERS, (n) => ({ id: id("cus", n), name: `${pick(FIRST)} ${pick(SECOND)} ${n + 1}`, email: `office${n + 1}@example.com`, created_at: earlier() }));
  const invoices = upTo(CUSTOMERS * 3, (n) => {
    const status = pick(STATES);
    return { id: id("inv", n), customer_id: id("cus", below(CUSTOMERS)), amount_cents: 1000 + below(400_000), number: status === "draft" ? null : n + 1, status, created_at: earlier() };
  });
  const lines = invoices.flatMap((invoice) => {
    const first = Math.floor(invoice.amount_cents / 3);
    return [first, invoice.amount_cents - first].map((cents, position) => ({ id: `${invoice.id}-${position}`, invoice_id: invoice.id, position, description: pick(ITEMS), quantity: 1, unit_cents: cents }));
  });
  const notes = upTo(CUSTOMERS / 2, (n) => ({ id: id("note", n), title: `Call ${n + 1}`, body: "Wants the next delivery earlier, and the invoice by mail.", customer_id: id("cus", below(CUSTOMERS)), created_at: earlier() }));
  return [["customers", customers], ["invoices", invoices], ["invoice_lines", lines], ["notes", notes]];
}

/** Makes it, and says what it is called in addresses. @returns {Promise<string>} */
export async function makeDemo() {
  const made = await post("/tenants", { name: o.overview.demoName });
  for (const [table, rows] of demoRows(Date.now(), Math.random)) {
    await post(`/tenants/${made.slug}/records/${table}`, rows, { headers: { prefer: "return=minimal" } });
  }
  await loadMe();
  return made.slug;
}

/** Whether the records would fit: with another app than that which comes along, its tables are others. @returns {Promise<boolean>} */
export async function demoFits() {
  const { items } = await get("/operator/settings");
  return items.some((/** @type {any} */ one) => one.name === "app" && one.value === null);
}
