//! Pages are read by an index that is entered where the last page ended.

use super::super::select::{parts, select_from, statement};
use super::*;

/// How SQLite would read the second page, one line for each statement.
fn second_page(app: &App, order: &str, filter: Option<(&str, &str)>) -> Vec<String> {
    let table = app.table("t");
    let context = context();
    let mut params = vec![("order".to_owned(), order.to_owned()), ("limit".to_owned(), "2".to_owned())];
    params.extend(filter.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let query = ListQuery::parse(&table, &params, &context).unwrap();
    let body = app.database.read_blocking(|tx| list_records(tx.app(), &table, &query, &context)).unwrap();
    params.push(("cursor".to_owned(), read(&body)["next_cursor"].as_str().unwrap().to_owned()));
    let query = ListQuery::parse(&table, &params, &context).unwrap();
    let (head, _) = select_from(&table, &query, &table.visible);
    let bounds = [crate::db::Value::from(3_i64), crate::db::Value::from(0_i64)];
    let plan = |part| {
        let (sql, params) = statement(&head, &table, &query, part, &bounds);
        let params: Vec<_> = params.into_iter().cloned().collect();
        let lines = app.database.read_blocking(|tx| {
            Ok(tx.query(&format!("EXPLAIN QUERY PLAN {sql}"), &params, |row| row.get::<String>(3))?)
        });
        lines.unwrap().join("; ")
    };
    parts(&query).map(plan).collect()
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
