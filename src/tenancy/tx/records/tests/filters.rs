//! Filters joined by `or` and `and` let through what they say, page by page.

use super::naive::{TABLE, Tree, filled, records, tree};
use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_group_lets_through_what_it_says(
        records in records(),
        trees in proptest::collection::vec(tree(), 1..6),
        limit in 1..5_usize,
        order in proptest::sample::select(vec!["id", "-i", "t,r"]),
    ) {
        let app = App::sql(TABLE);
        filled(&app, &records);
        for tree in &trees {
            let all = Tree::And(vec![tree.clone(), Tree::IsNull("i", false)]);
            for (name, value, means) in
                [("or", format!("({})", tree.text()), tree), ("and", format!("({},i.is.not_null)", tree.text()), &all)]
            {
                let expected: Vec<usize> =
                    (0..records.len()).filter(|row| means.lets_through(&records[*row])).map(|row| row + 1).collect();
                let limit = limit.to_string();
                let (mut found, mut cursor) = (Vec::new(), String::new());
                loop {
                    let mut params = vec![(name, value.as_str()), ("limit", &limit), ("order", order)];
                    if !cursor.is_empty() {
                        params.push(("cursor", &cursor));
                    }
                    let page = app.page("t", &params).unwrap();
                    found.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()));
                    let Some(next) = page["next_cursor"].as_str() else { break };
                    cursor = next.to_owned();
                }
                found.sort_unstable();
                prop_assert_eq!(json!(found), json!(expected), "{}={}", name, value);
            }
        }
    }
}

#[test]
fn groups_are_joined_and_mean_what_they_say() {
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, \"b.c\" TEXT, \"or\" TEXT, \"say \"\"x\"\"\" TEXT, \"and\" INT);
         INSERT INTO t VALUES (1, 1, 'x', 'p', NULL, 1), (2, 2, 'x,y)', 'q', 'z', 2), (3, NULL, NULL, NULL, NULL, 3);",
    );
    let ids = |params: &[(&str, &str)]| -> Vec<i64> {
        app.list("t", params).iter().map(|record| record["id"].as_i64().unwrap()).collect()
    };
    for (text, expected) in [
        ("(a.eq.1,a.eq.2)", [1, 2].as_slice()),
        ("(a.eq.1)", &[1]),
        ("(a.is.null,and(a.gt.1,a.lt.3))", &[2, 3]),
        ("(\"b.c\".eq.\"x,y)\",a.is.null)", &[2, 3]),
        ("(\"b.c\".in.(x,\"x,y)\"))", &[1, 2]),
        ("(or.eq.p,or(or.eq.q))", &[1, 2]),
        ("(\"say \\\"x\\\"\".eq.z)", &[2]),
        ("(and.gte.2,and(and.eq.1,a.eq.2))", &[2, 3]),
        ("(\"b.c\".like.x*)", &[1, 2]),
        ("(or.not_in.(p))", &[2]),
    ] {
        assert_eq!(ids(&[("or", text)]), expected, "{text}");
    }
    assert_eq!(ids(&[("or", "(a.eq.1,a.eq.2)"), ("or", "(a.eq.2,a.is.null)"), ("a", "gt.0")]), [2]);
    assert_eq!(ids(&[("and", "(a.gt.0,or(id.eq.1,id.eq.3))")]), [1]);
    assert_eq!(ids(&[("col:and", "3"), ("col:or", "is.null")]), [3]);
}

#[test]
fn what_is_no_group_is_refused_with_its_place() {
    let app = App::sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a INT)");
    let many = format!("({})", ["a.eq.1"; 101].join(","));
    let patterns = format!("({})", ["a.like.*1"; 11].join(","));
    for (text, code, says) in [
        ("", "bad_filter", "its end"),
        ("a.eq.1", "bad_filter", "`a.eq.1`"),
        ("()", "bad_filter", "`)`"),
        ("(a.eq.1", "bad_filter", "not closed"),
        ("(a.eq.1,", "bad_filter", "column.operator.value"),
        ("(a.eq.1)x", "bad_filter", "last bracket"),
        ("(a.eq.1,)", "bad_filter", "column.operator.value"),
        ("(a.eq.\"1)", "bad_filter", "not closed"),
        ("(a.in.(1,2)", "bad_filter", "comma or a bracket"),
        ("(a.in.(1,2)3)", "bad_filter", "comma or a bracket"),
        ("(a.eqq.1)", "bad_filter", "no such operator"),
        ("(a)", "bad_filter", "column.operator.value"),
        ("(not.a.eq.1)", "unknown_column", "no column not"),
        ("(nope.eq.1)", "unknown_column", "nope"),
        ("(a.eq.x)", "bad_value", "number"),
        ("(and(and(and(and(and(a.eq.1))))))", "bad_filter", "5 deep"),
        (&many, "bad_filter", "100 filters"),
        (&patterns, "bad_filter", "10 patterns"),
    ] {
        let error = app.page("t", &[("or", text)]).unwrap_err();
        assert_eq!(error.code(), code, "{text}: {error:?}");
        assert!(error.detail().contains(says), "{text}: {error:?}");
    }
    assert!(app.page("t", &[("or", "(and(and(and(and(a.eq.1)))))")]).is_ok());
}
