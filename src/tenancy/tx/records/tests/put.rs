//! PUT creates and changes; owners are set and asked for.

use super::*;
use crate::error::Kind;

fn put(app: &App, table: &str, key: &str, body: &Json) -> Result<(bool, Json)> {
    let table = app.table(table);
    let key = RecordKey::parse(&table, key)?;
    let put = Put::parse(&table, &key, body.to_string().as_bytes(), NOW)?;
    let written = app.database.write("put", move |tx| put_record(tx.app(), &table, &key, &put));
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

#[test]
fn an_owner_is_set_and_asked_for() {
    let app =
        App::sql("CREATE TABLE t (id INTEGER PRIMARY KEY, owner TEXT NOT NULL DEFAULT 'nobody', a INT)");
    let table = app.table("t");
    let owner = table.column("owner").unwrap();
    let mut new = NewRecords::parse(&table, br#"[{"owner":"eve","a":1},{}]"#, NOW).unwrap();
    new.set(owner, &crate::db::Value::from("ada"));
    let at = Arc::clone(&table);
    app.runtime
        .block_on(app.database.write("insert", move |tx| insert_records(tx.app(), &at, &new)))
        .unwrap();
    assert_eq!(app.list("t", &[("owner", "ada")]).len(), 2);
    let meets = |key: &str, name: &str| {
        let key = RecordKey::parse(&table, key).unwrap();
        let filter = Filter::equals(owner, crate::db::Value::from(name));
        app.database.read_blocking(|tx| record_meets(tx.app(), &table, &key, &filter)).unwrap()
    };
    assert!(meets("1", "ada") && !meets("1", "eve") && !meets("9", "ada"));
}
