//! Pages are read by an index that is entered where the last page ended.

use super::super::select::{Part, parts, statement};
use super::super::served::Sorting;
use super::super::source::Source;
use super::*;
use proptest::prelude::*;

/// How SQLite would read the second page, one line for each statement.
fn second_page(app: &App, order: &str, filter: Option<(&str, &str)>) -> Vec<String> {
    let table = app.table("t");
    let context = context();
    let mut params = vec![("order".to_owned(), order.to_owned()), ("limit".to_owned(), "2".to_owned())];
    params.extend(filter.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let query = ListQuery::parse(&table, &params, &context, &Readable::default()).unwrap();
    let body = app.database.read_blocking(|tx| list_records(tx.app(), &table, &query, &context)).unwrap();
    params.push(("cursor".to_owned(), read(&body)["next_cursor"].as_str().unwrap().to_owned()));
    let query = ListQuery::parse(&table, &params, &context, &Readable::default()).unwrap();
    plans(app, &table, &query)
}

#[test]
fn a_cursor_enters_the_index() {
    let app = App::sql(
        "CREATE TABLE t (id TEXT PRIMARY KEY, made TEXT NOT NULL, paid TEXT, state INT);
         CREATE INDEX by_made ON t (made DESC); CREATE INDEX by_paid ON t (paid);
         CREATE INDEX by_state ON t (state, made DESC);
         INSERT INTO t VALUES ('a', '1', NULL, 1), ('b', '2', '1', 1), ('c', '3', '2', 1), ('d', '4', '3', 1),
           ('e', '5', NULL, 1);",
    );
    let search = |index: &str, test: &str| format!("SEARCH t USING INDEX {index} ({test})");
    assert_eq!(second_page(&app, "id", None), [search("sqlite_autoindex_t_1", "id>?")]);
    assert_eq!(second_page(&app, "made", None), [search("by_made", "made>?")]);
    assert_eq!(second_page(&app, "-made", None), [search("by_made", "made<?")]);
    assert_eq!(second_page(&app, "-paid", None), [search("by_paid", "paid<?"), search("by_paid", "paid=?")]);
    assert_eq!(second_page(&app, "paid", None), [search("by_paid", "paid=?"), search("by_paid", "paid>?")]);
    let state = Some(("state", "1"));
    assert_eq!(second_page(&app, "-made", state), [search("by_state", "state=? AND made<?")]);
    assert_eq!(second_page(&app, "made", state), [search("by_state", "state=? AND made>?")]);
}

const INDEXED: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL, c COLLATE NOCASE, d TEXT NOT NULL);
    CREATE INDEX one ON t (a); CREATE INDEX two ON t (b, c DESC); CREATE INDEX three ON t (c COLLATE BINARY, a);
    CREATE INDEX four ON t (d) WHERE b > 0; CREATE INDEX five ON t (d, lower(a)); CREATE UNIQUE INDEX six ON t (b, d);
    CREATE TABLE u (a TEXT, b INT NOT NULL, c COLLATE NOCASE, d TEXT NOT NULL, PRIMARY KEY (d, b DESC)) WITHOUT ROWID;
    CREATE INDEX seven ON u (c); CREATE INDEX eight ON u (b DESC, a);
    CREATE TABLE v (rowid TEXT, _rowid_ TEXT, oid TEXT, a TEXT, b INT NOT NULL, c, d TEXT NOT NULL PRIMARY KEY);
    CREATE INDEX nine ON v (a);
    CREATE TABLE w (k TEXT PRIMARY KEY, a TEXT, b INT NOT NULL, c, d TEXT NOT NULL) WITHOUT ROWID; CREATE INDEX ten ON w (c);
    INSERT INTO t (a, b, c, d) VALUES ('1', 1, 'a', '1'), ('1', 1, 'A', '2'), (NULL, 1, NULL, '3'), ('2', 2, 'b', '4');
    INSERT INTO u SELECT a, b, c, d FROM t; INSERT INTO v (a, b, c, d) SELECT a, b, c, d FROM t;
    INSERT INTO w SELECT id, a, b, c, d FROM t;";

#[test]
fn what_is_said_to_be_served_is_not_sorted() {
    let orders = [
        "a",
        "b",
        "c",
        "d",
        "-a",
        "-b",
        "-c",
        "-d",
        "a.nullslast",
        "-a.nullsfirst",
        "c.nullslast",
        "-c.nullsfirst",
    ];
    let tests =
        ["1", "gt.0", "lte.3", "neq.7", "in.(1,2)", "is.null", "like.1*", "is.not_null", "not_in.(8,9)"];
    let lists = (
        proptest::sample::select(vec!["t", "u", "v", "w"]),
        proptest::collection::vec(proptest::sample::select(orders.to_vec()), 0..4),
        proptest::collection::vec(
            (proptest::sample::select(vec!["a", "b", "c", "d"]), proptest::sample::select(tests.to_vec())),
            0..3,
        ),
        proptest::option::of(proptest::sample::select(vec![
            "(a.eq.1,b.gt.0)",
            "(c.eq.a,and(a.eq.1,d.eq.1))",
            "(b.eq.1,b.eq.2)",
            "(d.eq.1,d.gt.3)",
            "(a.is.null,c.neq.x)",
        ])),
    );
    let (app, context) = (App::sql(INDEXED), context());
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let outcome =
        proptest::test_runner::TestRunner::new(config).run(&lists, |(table, order, filters, group)| {
            let mut params: Vec<(String, String)> =
                filters.iter().map(|(name, test)| ((*name).to_owned(), (*test).to_owned())).collect();
            params.extend(group.map(|group| ("or".to_owned(), group.to_owned())));
            params.push(("limit".to_owned(), "1".to_owned()));
            if !order.is_empty() {
                params.push(("order".to_owned(), order.join(",")));
            }
            let table = app.table(table);
            loop {
                let query = ListQuery::parse(&table, &params, &context, &Readable::default()).unwrap();
                for plan in plans(&app, &table, &query) {
                    prop_assert!(
                        query.sorting != Sorting::Never || !plan.contains("TEMP B-TREE"),
                        "{params:?}: {plan}"
                    );
                }
                let body = app
                    .database
                    .read_blocking(|tx| list_records(tx.app(), &table, &query, &context))
                    .unwrap();
                params.retain(|(name, _)| name != "cursor");
                let Some(cursor) = read(&body)["next_cursor"].as_str().map(str::to_owned) else {
                    return Ok(());
                };
                params.push(("cursor".to_owned(), cursor));
            }
        });
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[test]
fn what_an_index_holds_in_order_is_not_taken_apart() {
    let app = App::sql(INDEXED);
    let sorting = |table: &str, order: &str, filter: &[(&str, &str)]| {
        let table = app.table(table);
        let mut params: Vec<(String, String)> =
            filter.iter().map(|(name, test)| ((*name).to_owned(), (*test).to_owned())).collect();
        params.push(("order".to_owned(), order.to_owned()));
        ListQuery::parse(&table, &params, &context(), &Readable::default()).unwrap().sorting
    };
    for (table, orders) in [
        ("t", ["id", "-id", "a", "-a", "a.nullslast", "b,-c", "-b,c", "b,d"].as_slice()),
        ("u", &["-b,a", "b,-a", "d,-b"]),
        ("w", &["k", "-k", "c", "-c"]),
    ] {
        for order in orders {
            assert_eq!(sorting(table, order, &[]), Sorting::Never, "{table} {order}");
        }
    }
    for (table, orders) in
        [("t", ["c", "d", "b,c", "a,b"].as_slice()), ("u", &["d", "a", "c"]), ("v", &["a"]), ("w", &["a"])]
    {
        for order in orders {
            assert_eq!(sorting(table, order, &[]), Sorting::Always, "{table} {order}");
        }
    }
    assert_eq!(sorting("t", "-c", &[("b", "1")]), Sorting::Never);
    assert_eq!(sorting("t", "id", &[("a", "1")]), Sorting::Never);
    assert_eq!(sorting("t", "id", &[("d", "like.*1")]), Sorting::Never);
    assert_eq!(sorting("t", "a", &[("a", "gt.1")]), Sorting::Never);
    // SQLite may enter by `a`, or read the table from end to end, and then the order is another one.
    assert_eq!(sorting("t", "id", &[("a", "gt.1")]), Sorting::Perhaps);
    assert_eq!(sorting("t", "a", &[("d", "1")]), Sorting::Perhaps);
}

#[test]
fn keys_are_sorted_and_records_looked_up_by_them() {
    let app = App::sql(INDEXED);
    for (table, head, found) in [
        (
            "t",
            "SELECT \"rowid\", \"c\", \"rowid\" FROM \"t\"",
            "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)",
        ),
        (
            "u",
            "SELECT \"d\", \"b\", \"c\", \"d\", \"b\" FROM \"u\"",
            "SEARCH u USING PRIMARY KEY (d=? AND b=?)",
        ),
        ("v", "SELECT \"d\", \"c\", \"d\" FROM \"v\"", "SEARCH v USING INDEX sqlite_autoindex_v_1 (d=?)"),
    ] {
        let table = app.table(table);
        let params = [("order".to_owned(), "c".to_owned()), ("a".to_owned(), "neq.7".to_owned())];
        let query = ListQuery::parse(&table, &params, &context(), &Readable::default()).unwrap();
        let source = Source::of(&table, &query);
        assert_eq!(source.head, head);
        let (keys, find) = source.lookup.unwrap();
        let (sql, keys) = (format!("EXPLAIN QUERY PLAN {find}"), vec![crate::db::Value::Null; keys]);
        let plan = app.database.read_blocking(|tx| Ok(tx.query(&sql, &keys, |row| row.get::<String>(3))?));
        assert_eq!(plan.unwrap(), [found]);
    }
}

#[test]
fn few_statements_serve_all_limits() {
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
         WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n LIMIT 520) INSERT INTO t (id) SELECT id FROM n;",
    );
    let (table, context) = (app.table("t"), context());
    let mut known = std::collections::BTreeSet::new();
    for limit in 1..=500_usize {
        let params = [("limit".to_owned(), limit.to_string())];
        let query = ListQuery::parse(&table, &params, &context, &Readable::default()).unwrap();
        let offset = crate::db::Value::from(0_i64);
        let (sql, bound) = statement(&Source::of(&table, &query).head, &table, &query, Part::Whole, &offset);
        // A LIMIT that is bound has the statement planned anew for each page.
        assert_eq!(bound.len(), 1, "{sql}");
        known.insert(sql);
        let body = app.database.read_blocking(|tx| list_records(tx.app(), &table, &query, &context)).unwrap();
        let page = read(&body);
        assert_eq!(page["items"].as_array().unwrap().len(), limit);
        assert!(page["next_cursor"].is_string());
    }
    assert_eq!(known.len(), 9, "{known:?}");
}

/// How SQLite would read a list, one line for each statement.
pub(super) fn plans(app: &App, table: &Table, query: &ListQuery) -> Vec<String> {
    let head = Source::of(table, query).head;
    let offset = crate::db::Value::from(0_i64);
    let plan = |part| {
        let (sql, params) = statement(&head, table, query, part, &offset);
        let params: Vec<_> = params.into_iter().cloned().collect();
        let lines = app.database.read_blocking(|tx| {
            Ok(tx.query(&format!("EXPLAIN QUERY PLAN {sql}"), &params, |row| row.get::<String>(3))?)
        });
        lines.unwrap().join("; ")
    };
    parts(query).map(plan).collect()
}
