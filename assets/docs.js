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

function table(headings, rows) {
  if (rows.length === 0) return "";
  const head = element("tr", {}, ...headings.map((text) => element("th", { scope: "col", textContent: text })));
  const lines = rows.map((row) => element("tr", {}, ...row.map((text) => element("td", { textContent: text }))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines));
}

function operation(api, method, path, item, act) {
  const parameters = [...(item.parameters ?? []), ...(act.parameters ?? [])].map((one) => found(api, one));
  const body = Object.entries(act.requestBody?.content ?? {}).map(([kind, { schema }]) => shape(schema) || kind);
  const answers = Object.entries(act.responses).filter(([status]) => status.startsWith("2"));
  const answer = ([status, response]) => {
    const content = Object.entries(response.content ?? {}).map(([kind, { schema }]) => shape(schema) || kind);
    return `${status} ${content.join(", ")}`.trim();
  };
  const heading = element("summary", {},
    element("code", { className: "method", textContent: method.toUpperCase() }), " ",
    element("code", { textContent: path }), " ",
    element("span", { className: "muted", textContent: act.summary ?? "" }));
  const facts = [
    act["x-permission"] ? `Permission: ${act["x-permission"]}` : act.security?.length === 0 ? "For everyone" : "Signed in",
    body.length ? `Body: ${body.join(", ")}` : "",
    `Answer: ${answers.map(answer).join("; ")}`,
  ].filter(Boolean);
  const rows = parameters.map((one) => [one.name, one.in, shape(one.schema), one.description ?? ""]);
  return element("details", {}, heading, element("p", { textContent: facts.join(" · ") }),
    table(["Parameter", "In", "Type", ""], rows));
}

function show(api) {
  byId("title").textContent = api.info.title === "Tenantry" ? "The API" : api.info.title;
  byId("about").textContent = api.info.description;
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      const act = item[method];
      if (!act) continue;
      const tag = act.tags?.[0] ?? "";
      groups.set(tag, [...(groups.get(tag) ?? []), operation(api, method, path, item, act)]);
    }
  }
  for (const [tag, operations] of groups) {
    byId("operations").append(element("h2", { textContent: tag }), ...operations);
  }
}

byId("source").setAttribute("href", source);
const choice = /** @type {HTMLFormElement} */ (byId("choice"));
/** @type {HTMLInputElement} */ (choice.elements.namedItem("tenant")).value = tenant;
const response = await fetch(source);
const answer = await response.json().catch(() => ({}));
if (response.ok) {
  show(answer);
} else {
  const status = /** @type {HTMLElement} */ (document.querySelector("[role=status]"));
  status.textContent = answer.detail ?? `The server answered ${response.status}.`;
  status.className = "bad";
}
