//! Whatever is written, a copy that follows the feed ends up equal; where a statement stands alone, its keys hold after
//! every single change.

use super::*;
use crate::tenancy::tx::records::dump_json;
use proptest::prelude::*;
use std::collections::BTreeMap;

const SCHEMA: &str = "
    CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT UNIQUE, size INTEGER NOT NULL DEFAULT 0, big AS (size > 2));
    CREATE TABLE members (grp INTEGER REFERENCES groups (id) ON DELETE CASCADE ON UPDATE CASCADE, n REAL,
      boss INTEGER REFERENCES groups (id) ON DELETE SET NULL ON UPDATE CASCADE, text TEXT COLLATE NOCASE, PRIMARY KEY (n, grp)) WITHOUT ROWID;
    CREATE TABLE log (line TEXT, grp INTEGER);
    CREATE TRIGGER members_in AFTER INSERT ON members BEGIN
      UPDATE groups SET size = size + 1 WHERE id = NEW.grp;
      INSERT INTO log VALUES ('in ' || NEW.n, NEW.grp);
    END;
    CREATE TRIGGER members_out AFTER DELETE ON members BEGIN
      UPDATE groups SET size = size - 1 WHERE id = OLD.grp;
      DELETE FROM log WHERE grp = OLD.grp AND line = 'in ' || OLD.n;
    END;
    CREATE TRIGGER groups_seven BEFORE INSERT ON groups WHEN NEW.id = 7 BEGIN
      INSERT INTO log VALUES ('seven', 7);
      SELECT RAISE(FAIL, 'no sevens');
    END;";

const STATEMENTS: [&str; 14] = [
    "INSERT INTO groups (id, name) VALUES (?1, 'g' || ?2)",
    "INSERT OR REPLACE INTO groups (id, name) VALUES (?1, 'g' || ?2)",
    "INSERT INTO groups (id, name) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET name = name || 'x'",
    "UPDATE groups SET id = ?2 WHERE id = ?1",
    "UPDATE groups SET name = 'h' || ?2 WHERE id >= ?1",
    "DELETE FROM groups WHERE id = ?1",
    "INSERT INTO members (grp, n, boss, text) VALUES (?1, ?2, ?1, 'm')",
    "INSERT OR REPLACE INTO members (grp, n, boss) VALUES (?1, ?2, (SELECT max(id) FROM groups))",
    "INSERT OR IGNORE INTO members (grp, n) SELECT id, ?2 / 2.0 FROM groups",
    "UPDATE members SET n = n + ?2 WHERE grp = ?1",
    "UPDATE members SET boss = ?2 WHERE grp = ?1",
    "UPDATE OR REPLACE members SET n = ?2",
    "DELETE FROM members WHERE n < ?2",
    "DELETE FROM log WHERE rowid % 3 = ?1 % 3",
];

/// The records of all tables, by table and key.
type Records = BTreeMap<(String, String), Json>;

fn stored(house: &House) -> Records {
    let mut records = Records::new();
    for table in house.schema.tables() {
        let dumped = house.database.read_blocking(|tx| {
            dump_json(tx.app(), table, |line| {
                let record: Json = serde_json::from_slice(line).unwrap();
                let part = |index: &usize| record[&table.columns[*index].name].to_string();
                let id = table.key.iter().map(part).collect::<Vec<_>>().join(",");
                // As doubles are written into a path.
                records.insert((table.name.clone(), id.replace(".0", "")), record);
                Ok(())
            })
        });
        dumped.unwrap();
    }
    records
}

/// Takes one change over. It must fit to what is there.
fn take(copy: &mut Records, change: &Json) {
    let word = |field: &str| change[field].as_str().unwrap().to_owned();
    let name = (word("table"), word("id"));
    let before = match word("op").as_str() {
        "delete" => copy.remove(&name),
        _ => copy.insert(name, change["record"].clone()),
    };
    assert_eq!(before.is_some(), word("op") != "create", "{change}");
}

fn keys_hold(copy: &Records) -> bool {
    let is_group = |id: &Json| id.is_null() || copy.contains_key(&("groups".to_owned(), id.to_string()));
    let mut members = copy.iter().filter(|((table, _), _)| table == "members");
    members.all(|(_, member)| is_group(&member["grp"]) && is_group(&member["boss"]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_copy_that_follows_the_feed_is_equal(
        writes in prop::collection::vec(
            (prop::collection::vec((0..STATEMENTS.len(), 1..9_i64, 0..5_i64), 1..6), 0..10_u8), 1..25,
        )
    ) {
        let house = House::new(SCHEMA);
        let (mut copy, mut seq) = (Records::new(), 0);
        for (statements, fate) in writes {
            let is_single = statements.len() == 1;
            // Statements may fail without consequence; some writes fail as a whole.
            let _ = house.write(move |app| {
                for (statement, one, two) in &statements {
                    let _ = app.execute(STATEMENTS[*statement], crate::params![*one, *two]);
                }
                if fate == 0 { Err(Error::not_found()) } else { Ok(()) }
            });
            for change in house.changes(seq) {
                take(&mut copy, &change);
                prop_assert!(!is_single || keys_hold(&copy), "{change}");
                seq += 1;
                prop_assert_eq!(change["seq"].as_i64(), Some(seq));
            }
            prop_assert_eq!(&copy, &stored(&house));
        }
    }
}
