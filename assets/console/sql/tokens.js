// SQL as tokens, for colours only: what is coloured wrongly still runs rightly.

const KEYWORDS = new Set(
  ("ABORT ALL AND AS ASC BETWEEN BY CASE CAST COLLATE CROSS CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS EXPLAIN FILTER FIRST FOLLOWING FROM FULL GLOB GROUP HAVING IN INNER " +
    "INTERSECT IS ISNULL JOIN LAST LEFT LIKE LIMIT MATERIALIZED NATURAL NOT NOTNULL NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION PLAN PRECEDING QUERY RANGE RECURSIVE REGEXP RIGHT ROW ROWS SELECT THEN UNBOUNDED UNION USING VALUES WHEN WHERE WINDOW WITH").split(" "),
);
const TOKEN = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*(?:'|$))|("(?:[^"]|"")*(?:"|$)|`[^`]*`?|\[[^\]]*\]?)|([?:@$][\w]*)|(\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)|([A-Za-z_]\w*)|(\s+|[\s\S])/g;

/** @typedef {{ kind: "comment" | "string" | "name" | "param" | "number" | "keyword" | "", text: string }} Token */

/** @param {string} sql @returns {Token[]} */
export function tokens(sql) {
  return [...sql.matchAll(TOKEN)].map(([text, comment, string, name, param, number, word]) => {
    if (comment !== undefined) return { kind: "comment", text };
    if (string !== undefined) return { kind: "string", text };
    if (name !== undefined) return { kind: "name", text };
    if (param !== undefined && param.length > 0) return { kind: "param", text };
    if (number !== undefined) return { kind: "number", text };
    return { kind: word !== undefined && KEYWORDS.has(word.toUpperCase()) ? "keyword" : "", text };
  });
}
