//! How many records a list has.

use super::naive::{TABLE, Tree, filled, records, tree};
use super::*;
use crate::db::Value;
use proptest::prelude::*;

#[test]
fn a_total_is_that_of_the_list_on_every_page() {
    let app = App::sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a INT); CREATE VIEW v AS SELECT a FROM t");
    app.execute(
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
        SELECT i, i % 3 FROM n",
    );
    for table in ["t", "v"] {
        let mut params = vec![("count", "exact"), ("a", "gt.0"), ("limit", "4")];
        let first = app.page(table, &params).unwrap();
        assert_eq!((first["total"].clone(), first["items"].as_array().unwrap().len()), (json!(7), 4));
        let cursor = first["next_cursor"].as_str().unwrap().to_owned();
        params.push(("cursor", &cursor));
        let second = app.page(table, &params).unwrap();
        assert_eq!((second["total"].clone(), second["items"].as_array().unwrap().len()), (json!(7), 3));
        assert!(second.get("total_capped").is_none());
    }
    assert_eq!(app.page("t", &[("count", "exact"), ("a", "9")]).unwrap()["total"], 0);
    assert!(app.page("t", &[]).unwrap().get("total").is_none());
    for count in ["", "true", "estimated", "EXACT"] {
        assert_eq!(app.page("t", &[("count", count)]).unwrap_err().code(), "bad_count", "{count}");
    }
}

#[test]
fn more_than_a_hundred_thousand_are_not_counted_and_still_listed() {
    let app = App::sql("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    app.execute(
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001)
        SELECT i FROM n",
    );
    let total = |params: &[(&str, &str)]| {
        let mut all = vec![("count", "exact"), ("limit", "2")];
        all.extend(params);
        let page = app.page("t", &all).unwrap();
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        (page["total"].clone(), page.get("total_capped").cloned())
    };
    assert_eq!(total(&[]), (Json::Null, Some(json!(true))));
    assert_eq!(total(&[("id", "gt.1")]), (json!(100_000), None));
}

#[test]
fn what_runs_out_of_its_own_time_leaves_the_rest_of_the_read_alone() {
    let app = App::sql("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let none: [Value; 0] = [];
    let read = app.database.read_blocking(|tx| {
        let tx = tx.app();
        let stopped = tx.within(Duration::from_millis(20), || tx.each(endless, &none, |_| unreachable!()))?;
        let went = tx.within(Duration::from_secs(20), || {
            tx.each("SELECT 1", &none, |_| Ok(ControlFlow::Continue(())))
        })?;
        Ok((stopped.is_none(), went.is_some()))
    });
    assert_eq!(read.unwrap(), (true, true));
    // What fails later is told as what it is.
    let read = app.database.read_blocking(|tx| {
        let tx = tx.app();
        tx.within(Duration::from_millis(20), || tx.each(endless, &none, |_| unreachable!()))?;
        Err::<(), _>(Error::bad_limit())
    });
    assert_eq!(read.unwrap_err().code(), "bad_limit");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_total_is_what_passes_the_conditions(records in records(), trees in proptest::collection::vec(tree(), 1..6)) {
        let app = App::sql(TABLE);
        filled(&app, &records);
        for tree in trees {
            let expected = records.iter().filter(|record| Tree::lets_through(&tree, record)).count();
            let group = format!("({})", tree.text());
            let page = app.page("t", &[("count", "exact"), ("limit", "1"), ("or", &group)]).unwrap();
            prop_assert_eq!(&page["total"], &json!(expected), "{}", group);
        }
    }
}
