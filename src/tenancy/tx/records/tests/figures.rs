//! Aggregates, against the same reckoned in memory.

use super::hidden::restriction;
use super::naive::{Record, TABLE, Tree, filled, records, tree};
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

impl App {
    pub(super) fn figures(&self, table: &str, params: &[(&str, &str)]) -> Result<Json> {
        let table = self.table(table);
        let params: Vec<_> = params.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let query = AggregateQuery::parse(&table, &params, &self.readable())?;
        let body = self.database.read_blocking(|tx| aggregate_records(tx.app(), &table, &query))?;
        Ok(read(&body))
    }
}

/// What the figures of these records are.
fn reckoned(records: &[&Record]) -> Json {
    let i: Vec<i64> = records.iter().filter_map(|record| record.i).collect();
    let t = records.iter().filter_map(|record| record.t);
    let r: Vec<f64> = records.iter().filter_map(|record| record.r).collect();
    #[allow(clippy::cast_precision_loss, reason = "few and small")]
    let average = (!i.is_empty()).then(|| i.iter().sum::<i64>() as f64 / i.len() as f64);
    let sum = (!r.is_empty()).then(|| r.iter().sum::<f64>());
    let total = (!i.is_empty()).then(|| i.iter().sum::<i64>());
    let average = average.map(rounded);
    json!({"count": records.len(), "count_i": i.len(), "total": total, "avg_i": average, "sum_r": sum,
        "min_t": t.clone().min(), "max_t": t.max()})
}

/// The last digit of a quotient is up to who divides, prints and reads it.
fn rounded(average: f64) -> f64 {
    (average * 1e9).round()
}

fn round_averages(page: &mut Json) {
    for item in page["items"].as_array_mut().unwrap() {
        if let Some(average) = item["avg_i"].as_f64() {
            item["avg_i"] = json!(rounded(average));
        }
    }
}

const ALL: &str = "count(),count(i),total:sum(i),avg(i),sum(r),min(t),max(t)";

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn figures_are_those_of_the_records(records in records(), trees in proptest::collection::vec(tree(), 1..4)) {
        let app = App::sql(TABLE);
        filled(&app, &records);
        for tree in trees {
            let tree: Tree = tree;
            let kept: Vec<&Record> = records.iter().filter(|record| tree.lets_through(record)).collect();
            let filter = format!("({})", tree.text());
            let mut whole = app.figures("t", &[("select", ALL), ("or", &filter)]).unwrap();
            round_averages(&mut whole);
            prop_assert_eq!(&whole, &json!({"items": [reckoned(&kept)], "next_cursor": null}));
            let mut groups: BTreeMap<Option<i64>, Vec<&Record>> = BTreeMap::new();
            for record in kept {
                groups.entry(record.i).or_default().push(record);
            }
            let expected = groups.iter().map(|(i, records)| {
                let mut item = reckoned(records);
                item["i"] = json!(i);
                item
            });
            let select = format!("{ALL},i");
            let mut grouped = app.figures("t", &[("select", &select), ("group", "i"), ("or", &filter)]).unwrap();
            round_averages(&mut grouped);
            prop_assert_eq!(&grouped["items"], &json!(expected.collect::<Vec<_>>()));
        }
    }
}

#[test]
fn groups_are_ordered_cut_and_told_by_their_types() {
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, ok BOOLEAN, big INTEGER, j JSON, b BLOB, d DATE, r REAL);
         INSERT INTO t (s, ok, big, r) VALUES ('a', 1, 9007199254740992, 1), ('a', 1, 1, 2), ('b', 0, 5, 3), (NULL, 1, 9223372036854775807, 4);
         CREATE VIEW v AS SELECT s, big FROM t;
         CREATE TABLE u (\"count()\" INT); INSERT INTO u VALUES (NULL), (NULL);",
    );
    let items = |params: &[(&str, &str)]| app.figures("t", params).unwrap()["items"].clone();
    assert_eq!(
        items(&[("select", "s,ok,count(),sum(big)"), ("group", "s,ok"), ("order", "-count,s.nullslast")]),
        json!([{"s": "a", "ok": true, "count": 2, "sum_big": "9007199254740993"}, {"s": "b", "ok": false, "count": 1, "sum_big": 5},
            {"s": null, "ok": true, "count": 1, "sum_big": "9223372036854775807"}])
    );
    assert_eq!(items(&[("select", "s"), ("group", "s")]), json!([{"s": null}, {"s": "a"}, {"s": "b"}]));
    assert_eq!(items(&[("select", "sum(r),max(ok)"), ("s", "a")]), json!([{"sum_r": 3.0, "max_ok": true}]));
    assert_eq!(
        items(&[("select", "sum(big),count()"), ("s", "nope")]),
        json!([{"sum_big": null, "count": 0}])
    );
    // The whole name of a column is that column.
    let select = "rows:count(),n:count(\"count()\")";
    let of_u = |params: &[(&str, &str)]| app.figures("u", params).unwrap()["items"].clone();
    assert_eq!(of_u(&[("select", select)]), json!([{"rows": 2, "n": 0}]));
    assert_eq!(of_u(&[("select", "count()"), ("group", "count()")]), json!([{"count()": null}]));
    let cut = app
        .figures("t", &[("select", "s,count()"), ("group", "s"), ("limit", "2"), ("order", "-s")])
        .unwrap();
    assert_eq!(
        cut,
        json!({"items": [{"s": "b", "count": 1}, {"s": "a", "count": 2}], "next_cursor": null, "truncated": true})
    );
    assert_eq!(
        app.figures("v", &[("select", "max(big)"), ("s", "b")]).unwrap()["items"],
        json!([{"max_big": 5}])
    );
    let overflow = app.figures("t", &[("select", "sum(big)")]).unwrap_err();
    assert_eq!((overflow.code(), overflow.kind()), ("aggregate_overflow", crate::error::Kind::Invalid));
    assert!(app.figures("t", &[("select", "avg(big)")]).is_ok());
}

#[test]
fn what_is_no_figure_is_refused() {
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, j JSON, b BLOB, d DATE, secret INT, n INT)",
    )
    .restricted("t", &restriction(None, &["secret"], &[]));
    let many = (0..11).map(|n| format!("a{n}:count()")).collect::<Vec<_>>().join(",");
    for (params, code, says) in [
        ([("select", ""), ("limit", "1")], "unknown_column", "no column"),
        ([("select", "s"), ("limit", "1")], "bad_select", "grouped by"),
        ([("select", "count()"), ("group", "s")], "bad_select", "selected too"),
        ([("select", "sum()"), ("limit", "1")], "bad_select", "takes a column"),
        ([("select", "sum(j)"), ("limit", "1")], "bad_select", "j, which is JSON"),
        ([("select", "max(b)"), ("limit", "1")], "bad_select", "b, which is BLOB"),
        ([("select", "avg(s)"), ("limit", "1")], "bad_select", "s, which is TEXT"),
        ([("select", "sum(d)"), ("limit", "1")], "bad_select", "d, which is DATE"),
        ([("select", "median(n)"), ("limit", "1")], "bad_select", "the figures are"),
        ([("select", "count(),count()"), ("limit", "1")], "bad_select", "twice"),
        ([("select", "a b:count()"), ("limit", "1")], "bad_select", "letters"),
        ([("select", "x:n"), ("limit", "1")], "bad_select", "a figure"),
        ([("select", &many), ("limit", "1")], "bad_select", "at most 10"),
        ([("select", "sum(secret)"), ("limit", "1")], "unknown_column", "no column secret"),
        ([("select", "secret"), ("group", "secret")], "unknown_column", "no column secret"),
        ([("select", "count()"), ("group", "secret")], "unknown_column", "no column secret"),
        ([("select", "count()"), ("secret", "1")], "unknown_parameter", "secret"),
        ([("select", "count()"), ("order", "n")], "bad_order", "not among"),
        ([("select", "count()"), ("limit", "501")], "bad_limit", "500"),
        ([("select", "count()"), ("cursor", "x")], "unknown_parameter", "together with select"),
        ([("select", "count()"), ("count", "exact")], "unknown_parameter", "together with select"),
        ([("select", "count()"), ("q", "x")], "no_search", "FTS5"),
        ([("select", "count()"), ("select", "count()")], "repeated_parameter", "select"),
    ] {
        let error = app.figures("t", &params).unwrap_err();
        assert_eq!(error.code(), code, "{params:?}: {error:?}");
        assert!(error.detail().contains(says), "{params:?}: {error:?}");
    }
}
