//! What statements are for.

use serde_json::json;

use super::Bench;

#[test]
fn a_statement_answers_columns_and_rows() {
    let bench = Bench::with_tickets();
    let answer = bench.sql("SELECT ref, priority AS p, priority AS p FROM tickets WHERE project_key = 'AB' ORDER BY id LIMIT 2").expect(200);
    assert_eq!(answer.json["columns"], json!(["ref", "p", "p"]));
    assert_eq!(answer.json["rows"], json!([["AB-1", 1, 1], ["AB-2", 3, 3]]));
    assert_eq!(answer.json["truncated"], false);
    assert!(answer.json["duration_ms"].is_u64(), "{}", answer.text());
    assert_eq!(bench.sql("SELECT 1 WHERE 0").expect(200).json["rows"], json!([]));
    bench.server.stop();
}

#[test]
fn values_keep_their_types() {
    let bench = Bench::new();
    let rows = bench.rows(
        "SELECT NULL, 1, 9007199254740993, -9223372036854775808, 1.5, 2.0, 9e999, 'a\"b', x'fffe', CAST(x'41ff' AS TEXT)",
    );
    let expected = json!([[
        null,
        1,
        "9007199254740993",
        "-9223372036854775808",
        1.5,
        2.0,
        "Infinity",
        "a\"b",
        "//4=",
        "A\u{fffd}"
    ]]);
    assert_eq!(rows, expected);
    bench.server.stop();
}

#[test]
fn all_that_reporting_needs_works() {
    let bench = Bench::with_tickets();
    for (sql, rows) in [
        (
            "SELECT count(*), sum(priority), avg(priority), group_concat(number) FROM tickets WHERE project_key = 'AB'",
            json!([[3, 7, 7.0 / 3.0, "1,2,3"]]),
        ),
        (
            "SELECT number, row_number() OVER (ORDER BY priority DESC, id) FROM tickets WHERE project_key = 'AB' ORDER BY 1",
            json!([[1, 3], [2, 1], [3, 2]]),
        ),
        (
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
            json!([[1], [2], [3]]),
        ),
        ("WITH n AS (SELECT 1) SELECT count(*) FROM n", json!([[1]])),
        ("SELECT count(*) FROM (SELECT 1 UNION SELECT 2) AS made", json!([[2]])),
        (
            "SELECT prefs ->> '$.theme', json_extract(prefs, '$.theme') FROM people WHERE id = 'zoe'",
            json!([["system", "system"]]),
        ),
        ("SELECT key, value FROM json_each('{\"a\":1}')", json!([["a", 1]])),
        ("SELECT count(*) FROM json_tree('[1,[2]]')", json!([[4]])),
        (
            "SELECT date('2026-01-31', '+1 month'), strftime('%Y', '2026-05-01')",
            json!([["2026-03-03", "2026"]]),
        ),
        (
            "SELECT round(2.567, 1), abs(-1), upper('a') || lower('B'), coalesce(NULL, 'c')",
            json!([[2.6, 1, "Ab", "c"]]),
        ),
        (
            "SELECT title FROM tickets WHERE title LIKE '%PRINTER%' OR title GLOB 'More*' ORDER BY id",
            json!([["The printer is on fire"], ["More paper"]]),
        ),
        (
            "SELECT t.number, p.handle FROM tickets AS t JOIN people AS p ON p.id = t.assignee_id",
            json!([[2, "zoe"]]),
        ),
        (
            "SELECT ref, assignee FROM open_tickets WHERE id > 1 ORDER BY id",
            json!([["AB-1", null], ["AB-2", "zoe"]]),
        ),
        ("SELECT count(*) FROM ticket_tree", json!([[4]])),
        (
            "SELECT project_key, tickets, open FROM project_summary WHERE project_key = 'AB'",
            json!([["AB", 3, 2]]),
        ),
        (
            "SELECT rowid FROM tickets_search WHERE tickets_search MATCH 'printer' ORDER BY rowid",
            json!([[2], [3]]),
        ),
        ("SELECT rowid FROM tickets_search('printer AND fire') ORDER BY rank", json!([[2]])),
        (
            "SELECT snippet(tickets_search, 1, '<', '>', '..', 3) FROM tickets_search WHERE tickets_search MATCH 'empty'",
            json!([["..printer is <empty>"]]),
        ),
        (
            "SELECT highlight(tickets_search, 0, '<', '>') FROM tickets_search WHERE tickets_search MATCH 'paper' ORDER BY bm25(tickets_search)",
            json!([["More <paper>"]]),
        ),
        ("SELECT \"Story Points\", weight FROM tickets WHERE id = 2", json!([[null, 5.0]])),
        ("SELECT rowid, _rowid_, oid FROM tickets WHERE id = 1", json!([[1, 1, 1]])),
        (
            "SELECT count(*) FROM tickets AS a JOIN tickets AS b USING (id) NATURAL JOIN (SELECT 1 AS one)",
            json!([[4]]),
        ),
        ("VALUES (1, 'a'), (2, 'b')", json!([[1, "a"], [2, "b"]])),
        ("SELECT 1; -- and that is all\n /* really */ ;", json!([[1]])),
        ("/* first */ SELECT ';'", json!([[";"]])),
    ] {
        assert_eq!(bench.rows(sql), rows, "{sql}");
    }
    let plan = bench.rows("EXPLAIN QUERY PLAN SELECT * FROM tickets WHERE id = 1");
    assert!(plan[0][3].as_str().unwrap().contains("SEARCH tickets"), "{plan}");
    bench.server.stop();
}

#[test]
fn parameters_are_bound_by_place_or_by_name_and_keep_their_types() {
    let bench = Bench::with_tickets();
    for (sql, params, rows) in [
        ("SELECT ?, ?, ?2", json!([1, "x"]), json!([[1, "x", "x"]])),
        (
            "SELECT typeof(?1), typeof(?2), typeof(?3), typeof(?4), ?5",
            json!([null, true, 1.5, "1", [1, {"a": 2}]]),
            json!([["null", "integer", "real", "text", "[1,{\"a\":2}]"]]),
        ),
        ("SELECT :a, @b, $c, :a", json!({"a": 1, "b": 2, "c": 3}), json!([[1, 2, 3, 1]])),
        ("SELECT :a, :b", json!([1, 2]), json!([[1, 2]])),
        (
            "SELECT number FROM tickets WHERE number IN (SELECT value FROM json_each(?1)) AND id > 1 ORDER BY 1",
            json!([[1, 3]]),
            json!([[1], [3]]),
        ),
        ("SELECT number FROM tickets WHERE id = ?1", json!(["3"]), json!([[2]])),
        (
            "SELECT title FROM tickets WHERE title LIKE ?1 AND id = ?2",
            json!(["%FIRE", 2]),
            json!([["The printer is on fire"]]),
        ),
        ("SELECT ?1", json!(["'; DROP TABLE tickets; --"]), json!([["'; DROP TABLE tickets; --"]])),
        ("SELECT 1", json!(null), json!([[1]])),
    ] {
        assert_eq!(bench.sql_with(sql, params).expect(200).json["rows"], rows, "{sql}");
    }
    for (sql, params, told) in [
        ("SELECT ?", json!([]), "takes 1 parameter, 0 were given"),
        ("SELECT ?1, ?2", json!([1, 2, 3]), "takes 2 parameters, 3 were given"),
        ("SELECT :a, :b", json!({"a": 1}), "b is not given"),
        ("SELECT :a", json!({"a": 1, "z": 2}), "no parameter z"),
        ("SELECT ?1", json!({"a": 1}), "as an array"),
    ] {
        let answer = bench.sql_with(sql, params).expect_code(400, "sql_params");
        assert!(answer.text().contains(told), "{sql}: {}", answer.text());
    }
    bench.sql_with("SELECT ?1", json!("a")).expect(422).expect_refused_by_name("params");
    bench.sql_with("SELECT ?1", json!([u64::MAX])).expect(422).expect_refused_by_name("params[0]");
    bench.server.stop();
}

#[test]
fn mistakes_are_told_in_the_words_of_sqlite_with_their_place() {
    let bench = Bench::new();
    for (sql, told) in [
        ("SELECT 1\n FORM tickets", r#"near \"tickets\": syntax error (line 2, column 7)"#),
        ("SELECT none FROM tickets", "no such column: none (line 1, column 8)"),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELECT \"in double quotes\"", "no such column"),
        ("SELECT abs(1, 2)", "wrong number of arguments"),
        ("SELECT nofunction(1)", "no such function: nofunction"),
        ("SELECT json_extract('{', '$')", "malformed JSON"),
        ("SELECT rowid FROM tickets_search('\"')", "unterminated string"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("", "no statement"),
        ("-- nothing", "no statement"),
        ("SELECT 1 \u{0}; DROP TABLE tickets", "NUL"),
        ("SELECT 'a' REGEXP 'a'", "no such function: REGEXP"),
    ] {
        let answer = bench.sql(sql).expect_code(400, "sql_error");
        assert!(answer.text().contains(told), "{sql}: {}", answer.text());
    }
    bench.server.stop();
}

#[test]
fn an_answer_ends_at_its_bounds_and_says_so() {
    let bench = Bench::new();
    let count = |most: u32| {
        let sql = format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) SELECT i FROM n"
        );
        let answer = bench.sql(&sql).expect(200);
        (answer.json["rows"].as_array().unwrap().len(), answer.json["truncated"].as_bool().unwrap())
    };
    assert_eq!(count(10_000), (10_000, false));
    assert_eq!(count(10_001), (10_000, true));
    assert_eq!(count(u32::MAX), (10_000, true));
    let wide = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT hex(zeroblob(199000)) FROM n";
    let answer = bench.sql(wide).expect(200);
    assert_eq!(
        (answer.json["rows"].as_array().unwrap().len(), &answer.json["truncated"]),
        (21, &json!(true))
    );
    assert!(answer.bytes.len() < (8 << 20) + 1_000, "{}", answer.bytes.len());
    bench.server.stop();
}
