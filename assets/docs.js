// Shows an OpenAPI document: that of all routes, or (`?tenant=acme`) that of a tenant's tables for who is signed in.

const tenant = new URLSearchParams(location.search).get("tenant")?.trim() ?? "";
const source = tenant ? `/api/v1/tenants/${encodeURIComponent(tenant)}/openapi.json` : "/api/v1/openapi.json";
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** An element with children; text is always text. */
function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

/** Text in which what stands between backticks is code. */
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", { textContent: part }) : part));
}

/** What a reference leads to; `at` is a JSON pointer in a fragment. */
function found(api, value) {
  if (!value?.$ref) return value;
  const parts = value.$ref.slice(2).split("/");
  const names = parts.map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));
  return found(api, names.reduce((inner, name) => inner?.[name], api));
}

/** A schema in a word. */
function shape(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf ?? schema.oneOf) return (schema.anyOf ?? schema.oneOf).map(shape).join(" or ");
  if (schema.enum) return schema.enum.length > 8 ? `one of ${schema.enum.length} names` : schema.enum.join(", ");
  if (schema.properties?.items) return `page of ${shape(schema.properties.items.items)}`;
  if (schema.type === "array") return `array of ${shape(schema.items)}`;
  return [schema.type ?? "any"].flat().join(" or ");
}

/** A table of rows; the first heading says what it is about. */
function table(headings, rows) {
  if (rows.length === 0) return "";
  const head = element("tr", {}, ...headings.map((text) => element("th", { scope: "col", textContent: text })));
  const lines = rows.map((row) => element("tr", {}, ...row.map((text) => element("td", {}, ...prose(text)))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines));
}

/** From where to where a number goes. */
function span(least, most) {
  if (most === undefined) return `at least ${least}`;
  return least === undefined ? `at most ${most}` : `${least} to ${most}`;
}

/** What limits a value, in a few words. */
function bounds(schema) {
  const said = [schema.format, schema.const !== undefined ? `always ${JSON.stringify(schema.const)}` : ""];
  if (schema.default !== undefined) said.push(`${JSON.stringify(schema.default)} where it is left out`);
  if (schema.minLength > 1 || schema.maxLength) said.push(`${schema.minLength ?? 0} to ${schema.maxLength ?? "any number of"} characters`);
  // The ends of 64 bits are no numbers of this language.
  const isNarrow = schema.format !== "int64" && (schema.minimum !== undefined || schema.maximum !== undefined);
  if (isNarrow) said.push(span(schema.minimum, schema.maximum));
  if (schema.readOnly) said.push("read only");
  return said.filter(Boolean).join(", ");
}

/** The object that a schema is about, through pages, arrays and what is put together. */
function objectIn(api, schema, depth = 0) {
  const one = found(api, schema);
  if (!one || depth > 4) return null;
  if (one.allOf) {
    const parts = one.allOf.map((part) => objectIn(api, part, depth + 1)).filter(Boolean);
    return { properties: Object.assign({}, ...parts.map((part) => part.properties)), required: parts.flatMap((part) => part.required ?? []) };
  }
  const inner = one.properties?.items?.items ?? (one.type === "array" ? one.items : null) ?? (one.anyOf ?? one.oneOf)?.[0];
  if (inner) return objectIn(api, inner, depth + 1);
  return one.properties ? one : null;
}

/** The fields of what goes in or comes out. */
function fields(api, heading, schema, star) {
  const object = objectIn(api, schema);
  if (!object) return [];
  const required = new Set(object.required ?? []);
  const rows = Object.entries(object.properties).map(([name, one]) => {
    const meant = found(api, one) ?? {};
    const note = [one.description ?? meant.description, bounds(meant)].filter(Boolean).join(". ");
    return [required.has(name) ? `${name} *` : name, shape(one), note];
  });
  return rows.length ? [element("h3", { textContent: heading }), table(["Field", "Type", star], rows)] : [];
}

function particulars(api, item, act) {
  const parameters = [...(item.parameters ?? []), ...(act.parameters ?? [])].map((one) => found(api, one));
  const contents = (all) => Object.entries(all ?? {}).map(([kind, { schema }]) => ({ kind, schema, text: shape(schema) || kind }));
  const texts = (all) => contents(all).map((one) => one.text).join(", ");
  const answers = Object.entries(act.responses).map(([status, one]) => [status, found(api, one) ?? {}]);
  const good = answers.filter(([status]) => status.startsWith("2"));
  const bad = answers.map(([status]) => status).filter((status) => /^[45]/.test(status));
  const body = contents(act.requestBody?.content);
  const facts = [
    act["x-permission"] ? `Permission: ${act["x-permission"]}` : act.security?.length === 0 ? "For everyone" : "Signed in",
    body.length ? `Body: ${texts(act.requestBody.content)}` : "",
    `Answer: ${good.map(([status, one]) => `${status} ${texts(one.content)}`.trim()).join("; ")}`,
    bad.length ? `Refusals: ${bad.join(", ")}` : "",
  ].filter(Boolean);
  const rows = parameters.map((one) => {
    const note = [one.description, bounds(found(api, one.schema) ?? {})].filter(Boolean).join(" ");
    return [one.required ? `${one.name} *` : one.name, `${shape(one.schema)} in ${one.in}`, note];
  });
  const inside = [element("p", { textContent: facts.join(" · ") })];
  if (act.description) inside.push(element("p", { className: "muted" }, ...prose(act.description)));
  if (rows.length) inside.push(element("h3", { textContent: "Parameters" }), table(["Name", "Type and place", "* is required"], rows));
  for (const one of body) inside.push(...fields(api, `Body: ${one.text}`, one.schema, "* is required"));
  const told = good.flatMap(([, one]) => contents(one.content)).find((one) => objectIn(api, one.schema));
  if (told) inside.push(...fields(api, `Answer: ${told.text}`, told.schema, "* is always there"));
  return inside;
}

function operation(api, method, path, item, act) {
  const heading = element("summary", {},
    element("code", { className: "method", textContent: method.toUpperCase() }),
    element("code", {}, ...path.split(/(?=\/)/).flatMap((part) => [element("wbr", {}), part])),
    element("span", { className: "muted", textContent: act.summary ?? "" }));
  const inside = element("div", {});
  const made = element("details", { id: act.operationId ?? "" }, heading, inside);
  // A tenant of a hundred tables has a thousand of them: each is filled when it is first opened.
  made.addEventListener("toggle", () => {
    if (made.open && !inside.hasChildNodes()) inside.append(...particulars(api, item, act));
  });
  made.dataset.text = `${method} ${path} ${act.summary ?? ""} ${act.operationId ?? ""}`.toLowerCase();
  return made;
}

function show(api) {
  byId("title").textContent = api.info.title === "Tenantry" ? "The API" : api.info.title;
  document.title = `${byId("title").textContent} · Tenantry`;
  byId("about").replaceChildren(...prose(api.info.description));
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      const act = item[method];
      if (!act) continue;
      const tag = act.tags?.[0] ?? "";
      groups.set(tag, [...(groups.get(tag) ?? []), operation(api, method, path, item, act)]);
    }
  }
  let number = 0;
  for (const [tag, operations] of groups) {
    const id = `group-${(number += 1)}`;
    byId("operations").append(element("section", {}, element("h2", { id, textContent: tag }), ...operations));
    byId("groups").append(element("li", {}, element("a", { href: `#${id}`, textContent: tag })));
  }
  const find = /** @type {HTMLInputElement} */ (byId("find"));
  find.addEventListener("input", () => filter(find.value));
  openNamed();
  addEventListener("hashchange", openNamed);
}

/** Leaves those in sight whose path or summary has all the words. */
function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const links = byId("groups").children;
  [...byId("operations").children].forEach((section, index) => {
    let any = false;
    for (const one of section.querySelectorAll("details")) {
      one.hidden = !words.every((word) => one.dataset.text?.includes(word));
      any ||= !one.hidden;
    }
    /** @type {HTMLElement} */ (section).hidden = !any;
    /** @type {HTMLElement} */ (links[index]).hidden = !any;
  });
  say([...byId("operations").children].every((section) => /** @type {HTMLElement} */ (section).hidden) ? "Nothing has all these words." : "");
}

/** Opens the operation that the address names. */
function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(named instanceof HTMLDetailsElement)) return;
  named.open = true;
  named.scrollIntoView();
}

function say(text, isBad = false) {
  const status = /** @type {HTMLElement} */ (document.querySelector("[role=status]"));
  status.textContent = text;
  status.className = isBad ? "bad" : "";
}

byId("source").setAttribute("href", source);
const choice = /** @type {HTMLFormElement} */ (byId("choice"));
/** @type {HTMLInputElement} */ (choice.elements.namedItem("tenant")).value = tenant;
const response = await fetch(source);
const answer = await response.json().catch(() => ({}));
if (response.ok) {
  show(answer);
} else {
  byId("find").closest("nav")?.remove();
  say(answer.detail ?? `The server answered ${response.status}.`, true);
}
