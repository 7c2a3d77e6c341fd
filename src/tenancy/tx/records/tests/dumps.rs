//! What of virtual tables comes out in an export.

use super::*;
use crate::tenancy::schema::virtual_tables;

#[test]
fn what_a_virtual_table_keeps_is_dumped() {
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
         CREATE VIRTUAL TABLE own USING fts5 (a, b UNINDEXED, prefix = '2');
         CREATE VIRTUAL TABLE local USING fts5 (a, b, locale = 1);
         CREATE VIRTUAL TABLE outside USING fts5 (a, content = 't', content_rowid = 'id');
         CREATE VIRTUAL TABLE nowhere USING fts5 (a, b, content = '');
         CREATE VIRTUAL TABLE deleting USING fts5 (a, b, content = '', contentless_delete = 1);
         CREATE VIRTUAL TABLE half USING fts5 (a, b UNINDEXED, content = '', contentless_unindexed = 1);
         CREATE VIRTUAL TABLE words USING fts5vocab ('own', 'row');
         CREATE VIRTUAL TABLE older USING fts4 (a, b);
         CREATE VIRTUAL TABLE \"odd name's\" USING fts5 (a);
         INSERT INTO own (rowid, a, b) VALUES (7, 'x', '=1'), (3, 'y', NULL); INSERT INTO \"odd name's\" VALUES ('z');
         INSERT INTO nowhere (rowid, a, b) VALUES (1, 'x', 'y');",
    );
    let found = app.database.read_blocking(|tx| Ok(virtual_tables(tx)?)).unwrap();
    let names = |holds_rows| {
        let names = found.iter().filter(|table| table.holds_rows == holds_rows);
        names.map(|table| table.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(names(true), ["local", "odd name's", "older", "own"]);
    assert_eq!(names(false), ["deleting", "half", "nowhere", "outside", "words"]);
    let dump = |name: &str| {
        let (table, mut lines) = (app.table(name), Vec::new());
        app.database
            .read_blocking(|tx| {
                dump_json(tx.app(), &table, |line| {
                    lines.push(read(line));
                    Ok(())
                })
            })
            .unwrap();
        lines
    };
    assert_eq!(
        dump("own"),
        [json!({"rowid": 3, "a": "y", "b": null}), json!({"rowid": 7, "a": "x", "b": "=1"})]
    );
    assert_eq!(dump("odd name's"), [json!({"rowid": 1, "a": "z"})]);
}
