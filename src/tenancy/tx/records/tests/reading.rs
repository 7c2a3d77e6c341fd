//! Filters, fields, order and what is refused in a query string.

use super::*;

fn stock() -> App {
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n INT, r REAL, ok BOOLEAN, at DATETIME, b BLOB,
           any ANY, \"limit\" INT, j JSON) ;
         CREATE TABLE s (id INTEGER PRIMARY KEY, v ANY) STRICT;
         CREATE VIRTUAL TABLE notes USING fts5(title, body);
         CREATE VIEW two AS SELECT n AS v FROM t UNION ALL SELECT name FROM t;
         CREATE VIEW broken AS SELECT * FROM nowhere;
         INSERT INTO t (id, name, n, r, ok, at, \"limit\", b) VALUES
           (1, 'Anna', 10, 1.5, 1, '2025-06-01', 5, x'00ff'), (2, 'bob', NULL, NULL, 0, '2026-01-01', 6, NULL),
           (3, 'a%b_c', 30, 9e999, 1, 2026, NULL, NULL), (4, '*?[x]', -5, -9e999, NULL, NULL, NULL, x'');
         INSERT INTO s (v) VALUES (1), ('1'), (1.5), ('z'), (NULL), (x'31');
         INSERT INTO notes VALUES ('first', 'hello world');",
    );
    assert!(app.schema.table("notes_data").is_none() && app.schema.table("broken").is_none());
    app
}

fn ids(app: &App, params: &[(&str, &str)]) -> Vec<i64> {
    app.list("t", params).iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

#[test]
fn every_operator_filters() {
    let app = stock();
    for (name, value, expected) in [
        ("name", "Anna", vec![1]),
        ("name", "eq.bob", vec![2]),
        ("name", "neq.bob", vec![1, 3, 4]),
        ("name", "like.A*", vec![1]),
        ("name", "like.a*", vec![3]),
        ("name", "ilike.a*", vec![1, 3]),
        ("name", "ilike.*%b_*", vec![3]),
        ("name", "like.*?[x]", vec![4]),
        ("name", "ilike.*?[x]", vec![4]),
        ("name", "in.(Anna,\"a%b_c\",\"x,\\\"y\")", vec![1, 3]),
        ("name", "not_in.(Anna,bob)", vec![3, 4]),
        ("n", "gt.-5", vec![1, 3]),
        ("n", "gte.-5", vec![1, 3, 4]),
        ("n", "lt.10.5", vec![1, 4]),
        ("n", "lte.10", vec![1, 4]),
        ("n", "is.null", vec![2]),
        ("n", "is.not_null", vec![1, 3, 4]),
        ("n", "not_in.(10)", vec![3, 4]),
        ("r", "Infinity", vec![3]),
        ("r", "lt.-1e300", vec![4]),
        ("ok", "true", vec![1, 3]),
        ("ok", "neq.1", vec![2]),
        ("at", "gte.2025", vec![1, 2, 3]),
        ("at", "gt.2026", vec![2]),
        ("at", "2026", vec![3]),
        ("at", "neq.2026", vec![1, 2]),
        ("at", "in.(2026,2026-01-01)", vec![2, 3]),
        ("b", "AP8=", vec![1]),
        ("b", "eq.", vec![4]),
        ("col:limit", "gt.5", vec![2]),
        ("col:name", "Anna", vec![1]),
    ] {
        assert_eq!(ids(&app, &[(name, value)]), expected, "{name}={value}");
    }
    assert_eq!(ids(&app, &[("n", "gt.0"), ("n", "lt.20")]), [1]);
    assert_eq!(ids(&app, &[("order", "-n")]), [3, 1, 4, 2]);
    assert_eq!(ids(&app, &[("order", "n.nullslast")]), [4, 1, 3, 2]);
    assert_eq!(ids(&app, &[("order", "-n.nullsfirst,id")]), [2, 3, 1, 4]);
    assert_eq!(ids(&app, &[("order", "ok,-id")]), [4, 2, 3, 1]);
}

#[test]
fn a_column_of_any_type_is_compared_kind_by_kind() {
    let app = stock();
    let ids = |value: &str| -> Vec<i64> {
        app.list("s", &[("v", value)]).iter().map(|record| record["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids("1"), [1, 2]);
    assert_eq!(ids("gt.1"), [3, 4]);
    assert_eq!(ids("gte.1"), [1, 2, 3, 4]);
    assert_eq!(ids("in.(1,z)"), [1, 2, 4]);
}

#[test]
fn fields_are_those_that_were_asked_for() {
    let app = stock();
    let page = app.page("t", &[("fields", "name,id"), ("limit", "1"), ("order", "-n")]).unwrap();
    assert_eq!(page["items"], json!([{"name": "a%b_c", "id": 3}]));
    assert!(page["next_cursor"].is_string());
}

#[test]
fn a_search_table_is_read_only_and_named_by_rowid() {
    let app = stock();
    assert_eq!(app.list("notes", &[]), [json!({"rowid": 1, "title": "first", "body": "hello world"})]);
    assert_eq!(app.get("notes", "1").unwrap().unwrap()["title"], json!("first"));
    assert_eq!(app.post("notes", &json!({"title": "x"})).unwrap_err().code(), "read_only_table");
    assert_eq!(
        serde_json::to_value(app.table("notes").describe(TableRights::default(), &|_| true)).unwrap()["kind"],
        json!("search")
    );
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    let app = stock();
    let long = format!("like.{}", "[".repeat(1_100));
    let many = format!("in.({})", vec!["1"; 501].join(","));
    for (name, value, code) in [
        ("nope", "1", "unknown_parameter"),
        ("col:nope", "1", "unknown_column"),
        ("or", "(nope.eq.1)", "unknown_column"),
        ("expand", "x", "unknown_expand"),
        ("group", "n", "unknown_parameter"),
        ("q", "x", "no_search"),
        ("count", "yes", "bad_count"),
        ("order", "nope", "unknown_column"),
        ("order", "id;drop table t", "unknown_column"),
        ("order", "", "unknown_column"),
        ("fields", "id,nope", "unknown_column"),
        ("limit", "0", "bad_limit"),
        ("limit", "501", "bad_limit"),
        ("limit", "+5", "bad_limit"),
        ("limit", "", "bad_limit"),
        ("cursor", "abc", "bad_cursor"),
        ("n", "gt.x", "bad_value"),
        ("n", "", "bad_value"),
        ("ok", "maybe", "bad_value"),
        ("b", "?", "bad_value"),
        ("n", "is.true", "bad_filter"),
        ("name", "in.a,b", "bad_filter"),
        ("name", "in.(\"a)", "bad_filter"),
        ("name", "in.(\"a\"b)", "bad_filter"),
        ("name", &long, "bad_filter"),
        ("n", &many, "bad_filter"),
    ] {
        let error = app.page("t", &[(name, value)]).unwrap_err();
        assert_eq!((error.kind(), error.code()), (crate::error::Kind::Malformed, code), "{name}={value}");
    }
    let error = app.page("t", &[("limit", "1"), ("limit", "2")]).unwrap_err();
    assert_eq!(error.code(), "repeated_parameter");
}

#[test]
fn large_pages_end_early_and_go_on() {
    let app = App::sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)");
    app.execute(
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5)
        SELECT i, hex(zeroblob(2500000)) FROM n",
    );
    let first = app.page("t", &[]).unwrap();
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(app.page("t", &[("cursor", cursor)]).unwrap()["items"][0]["id"], json!(3));
}

#[test]
fn a_cursor_fits_its_list_and_tenant_only() {
    let app = App::sql(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, n INT); CREATE TABLE b (id INTEGER PRIMARY KEY, n INT);
        INSERT INTO a VALUES (1, 1), (2, 2), (3, 3); INSERT INTO b SELECT * FROM a;",
    );
    let first = app.page("a", &[("limit", "1"), ("n", "gt.0")]).unwrap();
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(
        app.page("a", &[("cursor", cursor), ("n", "gt.0"), ("fields", "id")]).unwrap()["items"],
        json!([{"id": 2}, {"id": 3}])
    );
    for (table, params) in [
        ("b", vec![("n", "gt.0")]),
        ("a", vec![("n", "gt.1")]),
        ("a", vec![("n", "gte.0")]),
        ("a", vec![("id", "gt.0")]),
        ("a", vec![]),
        ("a", vec![("n", "gt.0"), ("order", "-id")]),
    ] {
        let mut params = params;
        params.push(("cursor", cursor));
        assert_eq!(app.page(table, &params).unwrap_err().code(), "bad_cursor", "{table} {params:?}");
    }
    let table = app.table("a");
    let other = CursorContext::new([3; 32], "another tenant");
    let params = [("n".to_owned(), "gt.0".to_owned()), ("cursor".to_owned(), cursor.to_owned())];
    assert_eq!(
        ListQuery::parse(&table, &params, &other, &Readable::default()).unwrap_err().code(),
        "bad_cursor"
    );
}
