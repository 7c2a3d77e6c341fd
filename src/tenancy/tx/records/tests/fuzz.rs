//! Hostile queries, keys and bodies against real tables: whatever comes is served or refused with a reason, and of what is
//! hidden nothing shows.

use super::hidden::restriction;
use super::*;
use crate::error::Kind;
use crate::fuzzing::{explore, hostile};
use crate::model::Tagger;
use proptest::prelude::*;
use proptest::sample::select;

const SCHEMA: &str = "
    CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT, dark TEXT UNIQUE);
    CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, s TEXT COLLATE NOCASE, b BLOB, j JSON, r REAL, f BOOLEAN,
      up INT REFERENCES p (id), dark INT, \"o d\" TEXT DEFAULT '\"', CHECK (a <> 7), UNIQUE (s, a));
    CREATE TABLE k (x TEXT, y INT, z BLOB, up INT REFERENCES t (id) ON DELETE CASCADE, PRIMARY KEY (x, y, z)) WITHOUT ROWID;
    CREATE INDEX by_a ON t (a, s DESC);
    CREATE VIEW v AS SELECT a, s, count(*) AS n FROM t GROUP BY a, s;
    CREATE VIRTUAL TABLE q USING fts5(s, content='t', content_rowid='id');
    CREATE TRIGGER no BEFORE INSERT ON t WHEN new.a = 9 BEGIN SELECT RAISE(ABORT, 'nine is refused'); END;";
const ROWS: &str = "
    INSERT INTO p (id, name) VALUES (1, 'one'), (2, 'two');
    INSERT INTO t (id, a, s, b, j, r, f, up) VALUES (1, 1, 'a', x'00', '{\"k\":1}', 0.5, 1, 1), (2, 2, 'b,c', NULL, '[]', -1, 0, 2),
      (3, NULL, NULL, x'ff', NULL, 1e300, NULL, NULL), (4, 9007199254740993, 'A', x'', '\"s\"', 2, 1, 1);
    INSERT INTO k VALUES ('x,', 1, x'00', 1), ('%', -2, x'0102', NULL);
    INSERT INTO q (q) VALUES ('rebuild');";

/// The same app with other values in what is hidden.
fn app(dark: &str) -> App {
    App::sql(&format!("{SCHEMA}{ROWS} UPDATE p SET dark = {dark}; UPDATE t SET dark = {dark};"))
        .restricted("t", &restriction(None, &["dark"], &["f"]))
        .restricted("p", &restriction(None, &["dark"], &[]))
}

thread_local!(
    static ONE: App = app("id");
    static OTHER: App = app("iif(id % 2, NULL, -id)");
);

#[rustfmt::skip]
const TOKENS: &[&str] = &[
    "(", ")", ",", ".", ":", "\"", "\\", "*", "-", "%", "_", "'", ";", "--", " ", "or", "and", "not", "eq.",
    "neq.", "gt.", "lte.", "in.", "not_in.", "is.", "null", "not_null", "like.", "ilike.", "count()", "sum(",
    "min(", "avg(", "id", "a", "s", "b", "j", "r", "f", "up", "dark", "\"o d\"", "k", "p", "t", "q", "rank",
    "rowid", ".nullslast", ".nullsfirst", "col:", "NEAR", "1", "0", "-1", "9007199254740993",
    "9223372036854775808", "1e309", "NaN", "true", "AA==", "é", "\0", "{}", "[", "]",
];
#[rustfmt::skip]
const GOOD: &[&str] = &[
    "(a.eq.1,and(s.like.a*,r.is.null))", "a.desc", "-a,s.nullslast,id", "gte.1", "in.(1,\"b,c\",3)",
    "not_in.(a)", "is.not_null", "like.*a*", "ilike.B*", "id,a,\"o d\"", "up", "up.t", "k", "k:up,up",
    "a,count(),sum(r)", "f,min(s),max(id),avg(a)", "exact", "a b*", "\"b c\" OR a", "s", "dark", "a.dark",
    "p.dark", "-dark", "sum(dark)", "(dark.gt.1)", "eq.1",
];

fn query() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        6 => select(PARAMETERS.as_slice()).prop_map(str::to_owned),
        3 => select(&["id", "a", "s", "b", "j", "r", "f", "up", "o d", "dark", "col:a", "col:dark", "n", "x", "y", "z"]).prop_map(str::to_owned),
        1 => hostile(&["a", "col:s"], TOKENS),
    ];
    proptest::collection::vec((name, hostile(GOOD, TOKENS)), 1..4)
}

/// A refusal as its reader sees it; those that are our own fault fail.
fn seen<T>(result: Result<T>, allowed: &[Kind]) -> Result<T, String> {
    result.map_err(|error| {
        assert!(allowed.contains(&error.kind()), "{error:?}");
        assert!(error.detail().len() < 2_000, "{}", error.detail());
        format!("{} {} {:?}", error.code(), error.detail(), error.fields())
    })
}

impl App {
    fn ask(&self, table: &str, params: &[(String, String)]) -> Result<Json> {
        let table = self.table(table);
        if AggregateQuery::is_asked(params) {
            let query = AggregateQuery::parse(&table, params, &self.readable())?;
            let body = self.database.read_blocking(|tx| aggregate_records(tx.app(), &table, &query))?;
            return Ok(read(&body));
        }
        let query = ListQuery::parse(&table, params, &context(), &self.readable())?;
        let body = self.database.read_blocking(|tx| list_records(tx.app(), &table, &query, &context()))?;
        Ok(read(&body))
    }
}

#[test]
fn any_query_is_answered_or_refused_and_tells_nothing_of_what_is_hidden() {
    let inputs = (select(&["t", "t", "p", "k", "v", "q"]), query());
    explore("any_query_is_answered", &inputs, |(table, params)| {
        let ask = |app: &App| seen(app.ask(table, &params), &[Kind::Malformed]);
        assert_eq!(ONE.with(ask), OTHER.with(ask));
    });
}

#[test]
fn any_key_is_found_or_not_and_reads_back_as_it_is_written() {
    let segment = hostile(
        &["1", "x%2C,1,AA", "%25,-2,AQI", "-1", "9223372036854775807"],
        &[
            ",", "%", "%2C", "%00", "%FF", "%C3%A9", "1", "-", "0", "AA", "AQI", "=", "x", "/", "..", "1.0",
            "1e3", "+1", " ",
        ],
    );
    explore("any_key_is_found", &(select(&["t", "p", "k"]), segment), |(name, segment)| {
        ONE.with(|app| {
            let table = app.table(name);
            let Ok(key) = seen(RecordKey::parse(&table, &segment), &[Kind::Malformed, Kind::NotFound]) else {
                return;
            };
            let written = key.to_segment().unwrap();
            let again = RecordKey::parse(&table, &written).unwrap();
            assert_eq!(again.to_segment().unwrap(), written);
            // 1.0 names what 1 names.
            assert_eq!(app.get(name, &written).unwrap(), app.get(name, &segment).unwrap());
            seen(app.get(name, &segment), &[]).unwrap();
        });
    });
}

const BODIES: &[&str] = &[
    r#"{"a":1,"s":"x","j":{"k":[1,null]},"r":1.5,"up":1}"#,
    r#"[{"a":1},{"s":"y","b":"AA=="},{}]"#,
    r#"{"id":"9007199254740993","b":null,"o d":"\u00e9\ud83d\ude00"}"#,
    r#"{"x":"a","y":1,"z":"","up":2}"#,
    r#"{"name":"n"}"#,
    r#"{"dark":1,"f":true,"a":7}"#,
];
#[rustfmt::skip]
const JSON: &[&str] = &[
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "1", "-0", "1e999",
    "9223372036854775808", "0.1", "\"a\":", "\"s\":", "\"id\":", "\"b\":\"AA==\"", "\"j\":", "\"up\":",
    "\"dark\":", "\"f\":", "\"x\":", "\"y\":", "\"z\":", "[[[[[[", "[[[[[[1]]]]]]", " ", "\n", "é", "\"op\":", "\"table\":",
    "\"record\":", "\"if_match\":", "\"operations\":",
];
const REFUSED: &[Kind] = &[Kind::Malformed, Kind::Invalid, Kind::Conflict, Kind::NotFound, Kind::TooLarge];

#[test]
fn any_body_is_stored_or_refused() {
    let inputs = (select(&["t", "p", "k"]), select(&["1", "77", "x%2C,1,AA"]), hostile(BODIES, JSON));
    explore("any_body_is_stored", &inputs, |(name, key, body)| {
        ONE.with(|app| {
            let _ = seen(app.insert(name, body.as_bytes()).map(|inserted| read(&inserted.body)), REFUSED);
            let table = app.table(name);
            let Ok(key) = RecordKey::parse(&table, key) else { return };
            let put = Put::parse(&table, &key, body.as_bytes(), NOW);
            if let Ok(put) = seen(put, REFUSED) {
                let (table, key) = (app.table(name), key.clone());
                let written = app.database.write("put", move |tx| put_record(tx.app(), &table, &key, &put));
                let _ = seen(app.runtime.block_on(written).map(|stored| read(&stored.body)), REFUSED);
            }
            if let Ok(patch) = seen(Patch::parse(&table, body.as_bytes()), REFUSED) {
                let written =
                    app.database.write("update", move |tx| update_record(tx.app(), &table, &key, &patch));
                let _ = seen(app.runtime.block_on(written).map(|body| body.as_deref().map(read)), REFUSED);
            }
        });
    });
}

#[test]
fn any_batch_is_run_or_refused() {
    let good = &[
        r#"{"operations":[{"op":"create","table":"t","record":{"a":1}},{"op":"delete","table":"p","id":2}]}"#,
        r#"{"operations":[{"op":"update","table":"t","id":1,"record":{"s":"z"},"if_match":"\"aaaaaaaaaaaaaaaaaaaaaa\""}]}"#,
        r#"{"operations":[{"op":"create","table":"k","record":{"x":"1","y":2,"z":"AA=="}},{"op":"update","table":"k","id":["1",2,"AA=="],"record":{"up":1}}]}"#,
        r#"{"operations":[]}"#,
    ];
    explore("any_batch_is_run", &hostile(good, JSON), |body| {
        ONE.with(|app| {
            let Ok(names) = seen(Batch::tables(body.as_bytes()), REFUSED) else { return };
            let mut tables = BatchTables::new();
            for (_, name) in names {
                let found = app.schema.table(&name).map(|table| app.table_for(table, OWNER, ADA));
                tables.insert(name, found.ok_or(Unwritable::Unknown));
            }
            let Ok(batch) = seen(Batch::parse(body.as_bytes(), &tables, NOW), REFUSED) else { return };
            let tagger = Tagger::new([5; 16], crate::id::TenantId::new(NOW));
            let ran =
                app.runtime.block_on(app.database.write("batch", move |tx| batch.run(tx.app(), &tagger)));
            let stale = [REFUSED, &[Kind::Stale]].concat();
            let _ = seen(ran.map(|body| read(&body)), &stale);
        });
    });
}
