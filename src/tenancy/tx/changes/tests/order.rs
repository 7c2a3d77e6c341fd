//! What one write comes to, and in which order.

use super::*;

const SCHEMA: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE lines (order_id INTEGER REFERENCES orders (id) ON DELETE CASCADE ON UPDATE CASCADE, n INTEGER,
      amount INTEGER, twice AS (amount * 2), PRIMARY KEY (order_id, n)) WITHOUT ROWID;
    CREATE TABLE trees (id TEXT PRIMARY KEY, parent TEXT REFERENCES trees (id) ON DELETE CASCADE);
    CREATE TABLE plain (a, b);
    CREATE TABLE late (id INTEGER PRIMARY KEY, o INTEGER REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE reals (r REAL PRIMARY KEY, x);
    CREATE TRIGGER lines_total AFTER INSERT ON lines BEGIN
      UPDATE orders SET total = total + NEW.amount WHERE id = NEW.order_id;
    END;
    CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TRIGGER names_trim AFTER INSERT ON names WHEN NEW.name LIKE ' %' BEGIN
      UPDATE names SET name = trim(name) WHERE id = NEW.id;
    END;
    CREATE TRIGGER names_never AFTER INSERT ON names WHEN NEW.name = 'never' BEGIN
      DELETE FROM names WHERE id = NEW.id;
    END;
    CREATE TRIGGER names_fail AFTER INSERT ON names WHEN NEW.name = 'fail' BEGIN SELECT RAISE(FAIL, 'boom'); END;
    CREATE TRIGGER names_abort AFTER INSERT ON names WHEN NEW.name = 'abort' BEGIN SELECT RAISE(ABORT, 'boom'); END;
    CREATE VIEW numbers AS SELECT a FROM plain;
    CREATE TRIGGER numbers_insert INSTEAD OF INSERT ON numbers BEGIN INSERT INTO plain VALUES (NEW.a, 'view'); END;
    CREATE VIRTUAL TABLE words USING fts5 (text);
    CREATE TRIGGER plain_words AFTER INSERT ON plain BEGIN INSERT INTO words (text) VALUES (NEW.a); END;";

#[test]
fn a_write_is_told_once_per_record_in_an_order_that_keys_allow() {
    let house = House::new(SCHEMA);
    for (statements, expected) in [
        (
            &[
                "INSERT INTO orders (id) VALUES (1)",
                "INSERT INTO lines (order_id, n, amount) VALUES (1, 1, 5), (1, 2, 7)",
            ] as &'static [&'static str],
            &["create orders/1", "create lines/1,1", "create lines/1,2"] as &[&str],
        ),
        // The parent's new key before the children's, the old one after.
        (
            &["UPDATE orders SET id = 2"],
            &[
                "create orders/2",
                "delete lines/1,1",
                "create lines/2,1",
                "delete lines/1,2",
                "create lines/2,2",
                "delete orders/1",
            ],
        ),
        (&["DELETE FROM orders"], &["delete lines/2,1", "delete lines/2,2", "delete orders/2"]),
        (
            &[
                "INSERT INTO trees VALUES ('a', NULL), ('b', 'a'), ('c', 'b')",
                "DELETE FROM trees WHERE id = 'c'",
            ],
            &["create trees/a", "create trees/b"],
        ),
        (&["DELETE FROM trees WHERE id = 'a'"], &["delete trees/b", "delete trees/a"]),
        (&["INSERT INTO names VALUES (1, ' x')"], &["create names/1"]),
        (&["INSERT OR REPLACE INTO names VALUES (1, 'y')"], &["update names/1"]),
        (&["INSERT OR REPLACE INTO names VALUES (2, 'y')"], &["delete names/1", "create names/2"]),
        (&["DELETE FROM names", "INSERT INTO names VALUES (2, 'z')"], &["update names/2"]),
        (&["INSERT INTO names VALUES (3, 'q')", "DELETE FROM names WHERE id = 3"], &[]),
        (&["INSERT INTO names VALUES (4, 'never')"], &[]),
        (&["UPDATE names SET id = 5", "UPDATE names SET id = 2"], &["update names/2"]),
        (&["INSERT INTO numbers VALUES (1)"], &["create plain/1"]),
        (&["UPDATE plain SET rowid = 9"], &["delete plain/1", "create plain/9"]),
        (&["INSERT INTO reals VALUES (2, 1)", "UPDATE reals SET x = 2"], &["create reals/2"]),
        (&["INSERT INTO trees VALUES (NULL, NULL), (NULL, NULL)"], &["create trees/-", "create trees/-"]),
        (&["INSERT INTO trees VALUES ('x,y/ü', NULL)"], &["create trees/x%2Cy%2F%C3%BC"]),
    ] {
        let before = house.last();
        let last = house.run(statements);
        assert_eq!(house.told(before), expected, "{statements:?}");
        assert_eq!(last, (house.last() > before).then_some(house.last()), "{statements:?}");
    }
}

#[test]
fn a_change_carries_the_record_as_it_is_at_the_end_of_the_write() {
    let house = House::new(SCHEMA);
    house.run(&[
        "INSERT INTO orders (id) VALUES (1)",
        "INSERT INTO lines (order_id, n, amount) VALUES (1, 1, 5)",
    ]);
    house.run(&["INSERT INTO names VALUES (1, ' x')", "INSERT INTO numbers VALUES (1)"]);
    let records: Vec<Json> = house.changes(0).iter().map(|change| change["record"].clone()).collect();
    assert_eq!(
        records,
        [
            serde_json::json!({"id": 1, "total": 5}),
            serde_json::json!({"order_id": 1, "n": 1, "amount": 5, "twice": 10}),
            serde_json::json!({"id": 1, "name": "x"}),
            serde_json::json!({"rowid": 1, "a": 1, "b": "view"}),
        ]
    );
}

#[test]
fn statements_that_failed_are_told_as_far_as_they_were_not_undone() {
    let house = House::new(SCHEMA);
    let write = house.write(|app| {
        for sql in [
            "INSERT INTO names VALUES (1, 'fail')",
            "INSERT INTO names VALUES (2, 'abort')",
            "INSERT INTO names VALUES (3, 'fine')",
        ] {
            let _ = app.execute(sql, &[]);
        }
        Ok(())
    });
    assert_eq!(write.unwrap().1, Some(2));
    assert_eq!(house.told(0), ["create names/1", "create names/3"]);
}

#[test]
fn what_a_write_that_fails_did_is_told_to_nobody() {
    let house = House::new(SCHEMA);
    let failed = house.write(|app| {
        app.execute("INSERT INTO names VALUES (1, 'x')", &[])?;
        Err::<(), _>(Error::not_found())
    });
    assert!(failed.is_err());
    assert_eq!(house.run(&["INSERT INTO names VALUES (2, 'y')"]), Some(1));
    // This one fails after its changes were stored.
    let failed = house.write(|app| Ok(app.execute("INSERT INTO late VALUES (1, 9)", &[])?));
    assert!(failed.is_err());
    assert_eq!(house.run(&["INSERT INTO names VALUES (3, 'z')"]), Some(2));
    assert_eq!(house.told(0), ["create names/2", "create names/3"]);
}
