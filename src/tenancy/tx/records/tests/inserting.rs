//! What a create answers, which is made of the captured row where that is possible.

use super::*;

/// Every way in which a row is stored: with and without a rowid and a key of its own, and each type of column.
const TABLES: &str = "
    CREATE TABLE plain (a INT, b TEXT, c REAL, d BLOB, e BOOLEAN, f JSON, g NUMERIC, h DATETIME);
    CREATE TABLE numbered (id INTEGER PRIMARY KEY, a REAL DEFAULT 2, b DEFAULT (1 + 1), c TEXT NOT NULL DEFAULT 'x');
    CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT);
    CREATE TABLE made (id TEXT PRIMARY KEY, a INT);
    CREATE TABLE pair (b TEXT, a REAL, c INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE real_key (a REAL PRIMARY KEY, b INT) STRICT;
    CREATE TABLE computed (id INTEGER PRIMARY KEY, a INT, twice AS (a * 2), more INT AS (a + 1) STORED);
    CREATE TABLE heard (id INTEGER PRIMARY KEY, a INT);
    CREATE TRIGGER heard_once AFTER INSERT ON heard BEGIN UPDATE heard SET a = a + 1 WHERE id = NEW.id; END;
    CREATE TABLE replacing (id INTEGER PRIMARY KEY, a INT UNIQUE ON CONFLICT REPLACE);
    CREATE TABLE ignoring (id INTEGER PRIMARY KEY, a INT UNIQUE ON CONFLICT IGNORE);
    CREATE TABLE node (id INTEGER PRIMARY KEY, parent INT REFERENCES node (id));";

#[test]
fn a_new_record_is_answered_as_it_is_read() {
    let app = App::sql(TABLES);
    let cases = [
        (
            "plain",
            json!({"a": 1, "b": "ä\"\\", "c": 3, "d": "/w==", "e": true, "f": {"b": [1]}, "g": 1.5, "h": "2026-01-01"}),
        ),
        ("plain", json!({"a": "9007199254740993", "c": 0.1, "d": "", "e": false, "f": 7, "g": "7.0"})),
        ("plain", json!({})),
        ("numbered", json!({})),
        ("numbered", json!({"id": 70, "a": 1e300, "c": ""})),
        ("counted", json!({"a": "x"})),
        ("made", json!({"a": 1})),
        ("made", json!({"id": "a,b", "a": null})),
        ("pair", json!({"a": 2, "b": "x", "c": 3})),
        ("real_key", json!({"a": 5})),
        ("computed", json!({"a": 4})),
        ("heard", json!({"a": 4})),
        ("replacing", json!({"a": 4})),
        ("replacing", json!({"a": 4})),
        ("ignoring", json!({"a": 4})),
        ("node", json!({"id": 1, "parent": 1})),
    ];
    for (table, body) in cases {
        let (created, key) = app.create(table, &body);
        assert_eq!(app.get(table, &key).unwrap(), Some(created), "{table} {body}");
    }
    assert_eq!(app.post("heard", &json!({"a": 4})).unwrap()["a"], 5);
    assert_eq!(app.post("ignoring", &json!({"a": 4})).unwrap_err().code(), "dropped");
}

#[test]
fn records_of_different_columns_are_answered_in_their_order() {
    let app = App::sql(TABLES);
    let made = app.post("numbered", &json!([{"a": 1}, {"a": 2}, {"c": "y"}, {"a": 3}])).unwrap();
    let made = made["items"].as_array().unwrap();
    let expected = [(1, json!(1.0), "x"), (2, json!(2.0), "x"), (3, json!(2.0), "y"), (4, json!(3.0), "x")];
    for (record, (id, a, c)) in made.iter().zip(expected) {
        assert_eq!(record, &json!({"id": id, "a": a, "b": 2, "c": c}));
    }
}
