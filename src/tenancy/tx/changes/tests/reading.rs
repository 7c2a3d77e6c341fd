//! Pages: bounds, filters, and what a client may not read.

use super::*;
use crate::model::restriction::Restriction;
use crate::tenancy::tx::records::RecordKey;

const SCHEMA: &str = "
    CREATE TABLE a (id INTEGER PRIMARY KEY, text TEXT, secret TEXT, data JSON);
    CREATE TABLE b (code TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID;";

#[test]
fn pages_end_where_they_are_full_and_say_where_to_go_on() {
    let house = House::new(SCHEMA);
    for _ in 0..10 {
        house.run(&["INSERT INTO a (text) VALUES ('x')", "INSERT INTO b VALUES (random())"]);
    }
    let mut query = house.query(None);
    (query.limit, query.tables) = (3, query.tables.into_iter().filter(|(name, _)| name == "b").collect());
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = house.page(&query).unwrap();
        seen.extend(page.items.iter().map(|change| change.seq));
        (query.since, pages) = (Some(page.last_seq), pages + 1);
        if !page.has_more {
            break;
        }
    }
    assert_eq!((seen, pages), ((1..=10).map(|n| n * 2).collect(), 4));
    assert_eq!(query.since, Some(20));
    (query.since, query.limit, query.bytes) = (None, 100, 1);
    let page = house.page(&query).unwrap();
    assert_eq!((page.items.len(), page.last_seq, page.has_more), (1, 2, true));
}

#[test]
fn hidden_columns_are_stored_and_never_told_whatever_the_app_says_later() {
    let house = House::new(SCHEMA);
    house.run(&["INSERT INTO a (text, secret, data) VALUES ('x', 'planted', '{\"a\": [1,\n 2]}')"]);
    assert_eq!(house.changes(0)[0]["record"]["secret"], "planted");
    let mut table = crate::model::table::Table::clone(house.schema.table("a").unwrap());
    let hidden = vec!["secret".to_owned()];
    table.restrict(&Restriction { hidden, ..Restriction::default() }).unwrap();
    let mut query = house.query(None);
    query.tables.insert("a".to_owned(), Arc::new(table));
    let page = house.page(&query).unwrap();
    assert!(!page.items[0].json.contains("planted") && !page.items[0].json.contains("secret"));
    let change: Json = serde_json::from_str(&page.items[0].json).unwrap();
    assert_eq!(change["record"], serde_json::json!({"id": 1, "text": "x", "data": {"a": [1, 2]}}));
    assert_eq!(change["at"], NOW.to_string());
    assert_eq!(change["actor"], "system");
}

#[test]
fn a_record_that_is_too_large_is_told_without_its_content() {
    let house = House::new(SCHEMA);
    house.run(&[
        "INSERT INTO a (id, text) VALUES (1, hex(zeroblob(200000)))",
        "INSERT INTO a (id) VALUES (2)",
    ]);
    let changes = house.changes(0);
    assert_eq!((&changes[0]["record"], &changes[0]["record_omitted"]), (&Json::Null, &Json::Bool(true)));
    assert_eq!((&changes[1]["record"]["id"], changes[1].get("record_omitted")), (&Json::from(2), None));
    house.run(&["DELETE FROM a WHERE id = 1"]);
    let deleted = &house.changes(2)[0];
    assert_eq!((&deleted["record"], deleted.get("record_omitted")), (&Json::Null, None));
}

#[test]
fn histories_are_newest_first_and_found_however_the_key_is_spelled() {
    let house = House::new(SCHEMA);
    house.run(&["INSERT INTO b VALUES ('Key')"]);
    house.run(&["UPDATE b SET code = 'kEY'"]);
    house.run(&["INSERT INTO a (id, text) VALUES (1, 'one')"]);
    house.run(&["UPDATE a SET text = 'two'"]);
    house.run(&["DELETE FROM a"]);
    let history = |table: &str, segment: &str, before| {
        let table = Arc::clone(house.schema.table(table).unwrap());
        let key = RecordKey::parse(&table, segment).unwrap();
        let read =
            house.database.read_blocking(|tx| list_history(&TenantTx::new(tx), &table, &key, before, 2));
        read.map(|changes| changes.iter().map(|change| change.seq).collect::<Vec<_>>())
    };
    assert_eq!(history("a", "1", None).unwrap(), [6, 5]);
    assert_eq!(history("a", "1", Some(5)).unwrap(), [4]);
    assert!(history("a", "1", Some(4)).unwrap().is_empty());
    assert_eq!(history("b", "KEY", None).unwrap(), [3]);
    assert_eq!(
        history("a", "2", None).err().map(|error| error.code().to_owned()).as_deref(),
        Some("not_found")
    );
}
