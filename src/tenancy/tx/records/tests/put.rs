//! PUT creates and changes.

use super::*;
use crate::error::Kind;

fn put(app: &App, table: &str, key: &str, body: &Json) -> Result<(bool, Json)> {
    let table = app.table(table);
    let key = RecordKey::parse(&table, key)?;
    let put = Put::parse(&table, &key, body.to_string().as_bytes(), NOW)?;
    let written = app.write(move |tx| put_record(tx.app(), &table, &key, &put));
    let stored = app.runtime.block_on(written)?;
    Ok((stored.created, read(&stored.body)))
}

#[test]
fn put_creates_then_changes() {
    let app = App::shop();
    let (created, record) =
        put(&app, "customers", "ada", &json!({"name": "Ada", "email": "a@example.test"})).unwrap();
    assert!(created && record["id"] == "ada");
    let (created, record) = put(&app, "customers", "ada", &json!({"tier": "gold", "id": "ada"})).unwrap();
    assert!(!created && record["tier"] == "gold" && record["name"] == "Ada");
    let error = put(&app, "customers", "bob", &json!({"tier": "gold"})).unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("email", "required"), ("name", "required")]));
    let error = put(&app, "customers", "bob", &json!({"id": "eve", "name": "B", "email": "b"})).unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("id", "read_only")]));
    let (created, _) = put(&app, "addresses", "ada,a%2Cb", &json!({"street": "s", "city": "c"})).unwrap();
    assert!(created);
    assert_eq!(put(&app, "order_totals", "1", &json!({})).unwrap_err().kind(), Kind::NotAllowed);
    let rows = App::sql("CREATE TABLE t (a INT)");
    assert_eq!(put(&rows, "t", "7", &json!({"a": 1})).unwrap(), (true, json!({"rowid": 7, "a": 1})));
    assert_eq!(put(&rows, "t", "7", &json!({"a": 2})).unwrap(), (false, json!({"rowid": 7, "a": 2})));
    let error = put(&rows, "t", "8", &json!({"rowid": 9, "a": 2})).unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("rowid", "read_only")]));
}
