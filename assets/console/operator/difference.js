// What differs between two documents, value by value.

/** @typedef {{ path: string, was: string | null, is: string | null }} Difference */

/** @param {any} value @param {string} path @param {Map<string, string>} into */
function flatten(value, path, into) {
  if (value !== null && typeof value === "object" && Object.keys(value).length > 0) {
    for (const [name, inner] of Object.entries(value)) flatten(inner, Array.isArray(value) ? `${path}[${name}]` : path ? `${path}.${name}` : name, into);
  } else into.set(path, typeof value === "string" ? value : JSON.stringify(value));
  return into;
}

/** By path: what was, and what is instead; null where there is nothing. Numbers and texts of the same amount are alike. @param {any} before @param {any} after @returns {Difference[]} */
export function differences(before, after) {
  const [old, now] = [flatten(before, "", new Map()), flatten(after, "", new Map())];
  return [...new Set([...old.keys(), ...now.keys()])].filter((path) => old.get(path) !== now.get(path)).sort().map((path) => ({ path, was: old.get(path) ?? null, is: now.get(path) ?? null }));
}
