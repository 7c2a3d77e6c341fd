//! A pattern that begins with plain text enters an index, and finds what the pattern alone finds.

use super::plans::plans;
use super::*;
use proptest::prelude::*;

const TABLES: &str = "
    CREATE TABLE loose (id INTEGER PRIMARY KEY, a TEXT, n TEXT COLLATE NOCASE);
    CREATE TABLE strict (id INTEGER PRIMARY KEY, a TEXT, n TEXT COLLATE NOCASE) STRICT;
    CREATE INDEX loose_a ON loose (a); CREATE INDEX strict_a ON strict (a); CREATE INDEX loose_n ON loose (n);
    CREATE VIEW seen AS SELECT id, a, n FROM loose UNION ALL SELECT 1000 + id, CAST(n AS INTEGER), n FROM loose;";

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just('a'),
            Just('A'),
            Just('b'),
            Just('1'),
            Just('\u{7f}'),
            Just('\u{d7ff}'),
            Just('\u{fffd}'),
            Just('\u{10fffe}'),
            Just('\u{10ffff}'),
        ],
        0..4,
    )
    .prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_prefix_finds_what_the_pattern_finds(
        texts in proptest::collection::vec((text(), proptest::option::of(0..3_usize)), 0..20),
        start in text(),
        rest in prop_oneof![Just(""), Just("*"), Just("*a"), Just("*1*")],
    ) {
        let mut script = TABLES.to_owned();
        for (index, (text, odd)) in texts.iter().enumerate() {
            let hex = crate::model::hex::hex(text.as_bytes());
            // Bytes, text that is not UTF-8, a number.
            let value = match odd {
                None => format!("'{text}'"),
                Some(0) => format!("x'{hex}'"),
                Some(1) => format!("CAST(x'{hex}ff' AS TEXT)"),
                Some(_) => "1.5".to_owned(),
            };
            script.extend([format!("INSERT INTO loose VALUES ({index}, {value}, {value});")]);
            script.extend([format!("INSERT INTO strict VALUES ({index}, CAST({value} AS TEXT), '{text}');")]);
        }
        let app = App::sql(&script);
        let pattern = format!("{start}{rest}");
        for table in ["loose", "strict", "seen"] {
            for column in ["a", "n"] {
                // The function alone, as `+` keeps every index away.
                let sql = format!("SELECT id FROM {table} WHERE tenantry_like(?1, CAST(+{column} AS TEXT)) ORDER BY id");
                let expected = app.database.read_blocking(|tx| {
                    Ok(tx.query(&sql, crate::params![&pattern], |row| row.get::<i64>(0))?)
                }).unwrap();
                for order in ["id", "a,id"] {
                    let found = app.list(table, &[(column, &format!("like.{pattern}")), ("order", order), ("limit", "500")]);
                    let mut found: Vec<i64> = found.iter().map(|record| record["id"].as_i64().unwrap()).collect();
                    found.sort_unstable();
                    prop_assert_eq!(&found, &expected, "{} {} {:?}", table, column, pattern);
                }
            }
        }
    }
}

#[test]
fn a_prefix_enters_the_index() {
    let app = App::sql(TABLES);
    let plan = |table: &str, column: &str, test: &str| {
        let table = app.table(table);
        // Of a long page SQLite, which knows nothing of these rows, thinks that it is filled sooner in the order of ids.
        let params = [(column.to_owned(), test.to_owned()), ("limit".to_owned(), "2".to_owned())];
        let query = ListQuery::parse(&table, &params, &context(), &Readable::default()).unwrap();
        plans(&app, &table, &query).join("; ").replace("COVERING ", "")
    };
    let strict = plan("strict", "a", "like.foo*");
    assert!(strict.contains("SEARCH strict USING INDEX strict_a (a>? AND a<?)"), "{strict}");
    let loose = plan("loose", "a", "like.foo*b");
    assert!(loose.contains("SEARCH loose USING INDEX loose_a (a>? AND a<?)"), "{loose}");
    assert!(loose.contains("SEARCH loose USING INDEX loose_a (a>?)"), "{loose}");
    let highest = plan("loose", "a", "like.\u{10ffff}*");
    assert!(highest.contains("SEARCH loose USING INDEX loose_a (a>?)"), "{highest}");
    for (column, test) in
        [("a", "like.*foo"), ("a", "ilike.foo*"), ("n", "like.foo*"), ("a", "like.\u{fffd}*")]
    {
        assert_eq!(plan("loose", column, test), "SCAN loose", "{column} {test}");
    }
}
