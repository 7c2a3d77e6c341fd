//! Keys of every kind, in paths and in bodies.

use super::*;
use crate::error::Kind;

#[test]
fn a_table_without_a_key_is_addressed_by_its_rowid() {
    let app = App::sql(
        "CREATE TABLE plain (a TEXT);
         CREATE TABLE taken (rowid TEXT, a TEXT);
         CREATE TABLE all_taken (rowid TEXT, _rowid_ TEXT, oid TEXT);
         CREATE TABLE \"odd \"\"name\" (\"select\" TEXT, \"a \"\"b\" INT, PRIMARY KEY (\"a \"\"b\"));",
    );
    let (record, key) = app.create("plain", &json!({"a": "x"}));
    assert_eq!((record, key.as_str()), (json!({"rowid": 1, "a": "x"}), "1"));
    assert_eq!(app.patch("plain", "1", &json!({"a": "y", "rowid": 1})).unwrap().unwrap()["a"], json!("y"));
    assert_eq!(app.post("plain", &json!({"rowid": 9})).unwrap_err().kind(), Kind::Invalid);
    assert_eq!(app.list("plain", &[("rowid", "1")]).len(), 1);
    let (record, key) = app.create("taken", &json!({"rowid": "mine"}));
    assert_eq!((record, key.as_str()), (json!({"_rowid_": 1, "rowid": "mine", "a": null}), "1"));
    assert_eq!(app.get("taken", "1").unwrap().unwrap()["rowid"], json!("mine"));
    assert!(app.delete("taken", "1").unwrap());
    assert!(app.insert("all_taken", b"{\"oid\":\"x\"}").unwrap().keys.is_empty());
    assert_eq!(app.get("all_taken", "1").unwrap_err().kind(), Kind::NotAllowed);
    let (record, key) = app.create("odd \"name", &json!({"select": "s", "a \"b": 5}));
    assert_eq!(app.get("odd \"name", &key).unwrap(), Some(record));
}

#[test]
fn keys_of_all_types_are_found_by_the_segment_they_give() {
    let app = App::sql(
        "CREATE TABLE r (k REAL PRIMARY KEY); CREATE TABLE d (k DATETIME PRIMARY KEY);
         CREATE TABLE n (k NUMERIC PRIMARY KEY); CREATE TABLE u (k UUID PRIMARY KEY);
         CREATE TABLE b (k BLOB, l TEXT, PRIMARY KEY (k, l)) WITHOUT ROWID;
         CREATE TABLE i (k INTEGER PRIMARY KEY DESC); CREATE TABLE e (k TEXT NOT NULL PRIMARY KEY);",
    );
    for (table, body) in [
        ("r", json!({"k": 1.5})),
        ("r", json!({"k": 2})),
        ("d", json!({"k": "2026-01-02 03:04:05"})),
        ("d", json!({"k": 1_790_000_000})),
        ("n", json!({"k": "10.50"})),
        ("u", json!({"k": "0190f5fe-7b1c-7c3f-8f7e-0123456789ab"})),
        ("b", json!({"k": "+/8=", "l": "a,b%"})),
        ("b", json!({"k": "", "l": ""})),
        ("i", json!({"k": -5})),
        ("e", json!({"k": "../a?b#c"})),
        ("e", json!({"k": "\u{0}é\n"})),
    ] {
        let (record, key) = app.create(table, &body);
        assert_eq!(app.get(table, &key).unwrap(), Some(record), "{table} {key}");
    }
}

#[test]
fn a_segment_that_no_record_can_have_finds_nothing() {
    let app = App::shop();
    app.create("products", &json!({"id": 5, "sku": "A", "name": "Hammer", "price": 3}));
    for segment in ["05", "+5", "5.0", "abc", "", "5%00", "%ff", "99999999999999999999"] {
        let found = app.get("products", segment);
        assert!(found.is_err_and(|error| error.kind() == Kind::NotFound), "{segment}");
    }
    assert_eq!(app.get("products", "5,5").unwrap_err().code(), "bad_key");
    assert_eq!(app.get("payments", "!!!").unwrap_err().kind(), Kind::NotFound);
    assert_eq!(app.get("order_items", "1").unwrap_err().code(), "bad_key");
}

#[test]
fn ids_made_for_one_body_keep_its_order() {
    let app = App::sql("CREATE TABLE t (id TEXT PRIMARY KEY, n INT)");
    let body: Vec<Json> = (0..600).map(|n| json!({"n": n, "id": null})).collect();
    app.post("t", &json!(body)).unwrap();
    let numbers: Vec<_> =
        app.list("t", &[("limit", "500")]).iter().map(|record| record["n"].clone()).collect();
    assert_eq!(numbers, (0..500).map(|n| json!(n)).collect::<Vec<_>>());
    let error = app.post("t", &json!(vec![json!({}); 1_001])).unwrap_err();
    assert_eq!(error.code(), "too_many_records");
}

#[test]
fn our_own_tables_are_out_of_reach() {
    let app = App::sql("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    assert!(app.schema.table("_migrations").is_none());
    app.execute("CREATE TABLE _secret (a TEXT)");
    app.execute("CREATE VIEW peek AS SELECT * FROM _secret");
    app.execute("CREATE TRIGGER reach AFTER INSERT ON t BEGIN INSERT INTO _secret VALUES ('x'); END");
    assert_eq!(app.post("t", &json!({})).unwrap_err().kind(), Kind::Internal);
    let schema = app.database.read_blocking(introspect).unwrap();
    if let Some(peek) = schema.table("peek") {
        let query = ListQuery::parse(peek, &[], &context(), &Readable::default()).unwrap();
        let read = app.database.read_blocking(|tx| list_records(tx.app(), peek, &query, &context()));
        assert_eq!(read.unwrap_err().kind(), Kind::Internal);
    }
}
