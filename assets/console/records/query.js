// The query string of a list: what the address holds is what the API gets.

/** @typedef {{ column: string, op: string, value: string }} Condition */
/** @typedef {{ conditions: Condition[], order: string, rest: [string, string][] }} Query */

const OPS = ["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "in", "not_in", "is"];
const RESERVED = new Set(["order", "limit", "cursor", "count", "fields", "expand", "q", "or", "and", "select", "group"]);

/** @param {string} search @returns {Query} */
export function parseQuery(search) {
  /** @type {Query} */
  const query = { conditions: [], order: "", rest: [] };
  for (const [name, value] of new URLSearchParams(search)) {
    if (name === "order") query.order = value;
    else if (name === "q" || name === "or" || name === "and") query.rest.push([name, value]);
    else if (!RESERVED.has(name)) {
      const column = name.startsWith("col:") ? name.slice(4) : name;
      const [, op, rest] = /^([a-z_]+)\.([\s\S]*)$/.exec(value) ?? [];
      const known = OPS.includes(op);
      query.conditions.push({ column, op: known ? op : "eq", value: known ? rest : value });
    }
  }
  return query;
}

/** A value without an operator would be read as one where it begins like one. */
const LOOKS_LIKE_AN_OPERATOR = new RegExp(`^(${OPS.join("|")})\\.`);

/** @param {Query} query @returns {string} */
export function writeQuery(query) {
  const out = new URLSearchParams();
  for (const { column, op, value } of query.conditions) {
    const name = RESERVED.has(column) ? `col:${column}` : column;
    out.append(name, op === "eq" && !LOOKS_LIKE_AN_OPERATOR.test(value) ? value : `${op}.${value}`);
  }
  for (const [name, value] of query.rest) out.append(name, value);
  if (query.order) out.append("order", query.order);
  // Readable where that is the same.
  return out.toString().replaceAll("%2C", ",").replaceAll("%2A", "*").replaceAll("%28", "(").replaceAll("%29", ")").replaceAll("%3A", ":");
}

/** What the next press on a head orders by: up, down, not at all. @param {string} order @param {string} column */
export function nextOrder(order, column) {
  if (order === column) return `-${column}`;
  return order === `-${column}` ? "" : column;
}

/** Terms of an order that the API takes at most. */
const MOST_TERMS = 8;

/**
 * The same order said to the last tie, and the opposite one: that is how the end of a long list is had without all that is
 * before it. None where there is no such order: without a key, or where a search decides.
 * @param {string} search @param {string[]} key
 * @returns {{ forth: string, back: string } | null}
 */
export function bothWays(search, key) {
  const query = new URLSearchParams(search);
  const asked = query.get("order") ?? "";
  const terms = asked.split(",").filter(Boolean);
  if (key.length === 0 || query.has("q") || asked.includes('"')) return null;
  const named = new Set(terms.map((term) => term.replace(/^-/, "").replace(/\.nulls(first|last)$/, "")));
  const down = terms.at(-1)?.startsWith("-") ? "-" : "";
  const all = [...terms, ...key.filter((name) => !named.has(name)).map((name) => down + name)];
  if (all.length > MOST_TERMS || key.some((name) => /[,"]/.test(name))) return null;
  const turned = all.map((term) => (term.startsWith("-") ? term.slice(1) : `-${term}`).replace(/\.nulls(first|last)$/, (_, which) => (which === "first" ? ".nullslast" : ".nullsfirst")));
  const written = (/** @type {string[]} */ order) => {
    query.set("order", order.join(","));
    return query.toString();
  };
  return { forth: terms.length ? written(all) : search, back: written(turned) };
}
