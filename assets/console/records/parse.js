// CSV and NDJSON as rows of texts or values.

/** CSV as RFC 4180 has it; the separator is the one that the first line has most of. @param {string} text @returns {string[][]} */
export function parseCsv(text) {
  const source = text.replace(/^\uFEFF/, "");
  const firstLine = source.split(/\r?\n/, 1)[0];
  const separator = [",", ";", "\t"].sort((a, b) => firstLine.split(b).length - firstLine.split(a).length)[0];
  /** @type {string[][]} */
  const rows = [];
  let row = [];
  let field = "";
  let quoted = false;
  for (let at = 0; at < source.length; at += 1) {
    const char = source[at];
    if (quoted) {
      if (char !== '"') field += char;
      else if (source[at + 1] === '"') {
        field += '"';
        at += 1;
      } else quoted = false;
    } else if (char === '"' && field === "") quoted = true;
    else if (char === separator) {
      row.push(field);
      field = "";
    } else if (char === "\n" || char === "\r") {
      if (char === "\r" && source[at + 1] === "\n") at += 1;
      row.push(field);
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
      field = "";
    } else field += char;
  }
  row.push(field);
  if (row.length > 1 || row[0] !== "") rows.push(row);
  return rows;
}

/**
 * What a file holds: names of columns, and for each row its values, texts where the file knows no types.
 * @param {string} text
 * @returns {{ kind: "csv" | "json", columns: string[], rows: { line: number, values: Record<string, any>, fault?: string }[] }}
 */
export function parseRows(text) {
  const trimmed = text.trimStart();
  if (!/^[[{]/.test(trimmed)) {
    const [head = [], ...lines] = parseCsv(text);
    const columns = head.map((name) => name.trim());
    return { kind: "csv", columns, rows: lines.map((line, index) => ({ line: index + 2, values: Object.fromEntries(columns.map((name, at) => [name, line[at] ?? ""])), ...(line.length > columns.length ? { fault: "columns" } : {}) })) };
  }
  const rows = trimmed.startsWith("[")
    ? arrayOf(trimmed).map((values, index) => ({ line: index + 1, values }))
    : text.split(/\r?\n/).flatMap((line, index) => (line.trim() ? [readLine(line, index + 1)] : []));
  const columns = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  return { kind: "json", columns, rows };
}

/** @param {string} text @returns {Record<string, any>[]} */
function arrayOf(text) {
  const parsed = JSON.parse(text);
  return parsed.map((/** @type {any} */ one) => (one && typeof one === "object" ? one : {}));
}

/** @param {string} line @param {number} number */
function readLine(line, number) {
  try {
    const values = JSON.parse(line);
    return values && typeof values === "object" && !Array.isArray(values) ? { line: number, values } : { line: number, values: {}, fault: "json" };
  } catch {
    return { line: number, values: {}, fault: "json" };
  }
}

/** One field of CSV; a text that a spreadsheet would run as a formula is told to be a text. @param {any} value */
export function csvField(value) {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
