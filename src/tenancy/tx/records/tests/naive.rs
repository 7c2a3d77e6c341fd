//! Conditions, as plainly as they can be said: rows in memory that are looked at one by one.

use super::*;
use proptest::prelude::*;

/// A row of `TABLE`.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) i: Option<i64>,
    pub(super) t: Option<&'static str>,
    pub(super) r: Option<f64>,
}

pub(super) const TABLE: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, t TEXT, r REAL) STRICT; CREATE INDEX by_i ON t (i);";

const TEXTS: [&str; 6] = ["", "a", "A,(b)", "\"q\\", "ab", "é"];
const OPERATORS: [&str; 6] = ["eq", "neq", "gt", "gte", "lt", "lte"];

#[derive(Clone, Debug)]
pub(super) enum Tree {
    Or(Vec<Tree>),
    And(Vec<Tree>),
    I(usize, i64),
    T(usize, &'static str),
    R(usize, f64),
    In(bool, Vec<&'static str>),
    StartsWith(&'static str),
    IsNull(&'static str, bool),
}

pub(super) fn records() -> impl Strategy<Value = Vec<Record>> {
    let text = proptest::option::of(proptest::sample::select(TEXTS.to_vec()));
    let record = (proptest::option::of(-2..3_i64), text, proptest::option::of(-2..3_i32))
        .prop_map(|(i, t, r)| Record { i, t, r: r.map(|r| f64::from(r) / 2.0) });
    proptest::collection::vec(record, 0..20)
}

pub(super) fn tree() -> impl Strategy<Value = Tree> {
    let text = || proptest::sample::select(TEXTS.to_vec());
    let leaf = prop_oneof![
        (0..6_usize, -2..3_i64).prop_map(|(sign, i)| Tree::I(sign, i)),
        (0..6_usize, text()).prop_map(|(sign, t)| Tree::T(sign, t)),
        (0..6_usize, -2..3_i32).prop_map(|(sign, r)| Tree::R(sign, f64::from(r) / 2.0)),
        (any::<bool>(), proptest::collection::vec(text(), 1..4)).prop_map(|(has, list)| Tree::In(has, list)),
        text().prop_map(Tree::StartsWith),
        (proptest::sample::select(vec!["i", "t", "r"]), any::<bool>())
            .prop_map(|(c, is)| Tree::IsNull(c, is)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let parts = proptest::collection::vec(inner, 1..4);
        (parts, any::<bool>()).prop_map(|(parts, or)| if or { Tree::Or(parts) } else { Tree::And(parts) })
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Tree {
    /// As it stands in a query.
    pub(super) fn text(&self) -> String {
        let group = |parts: &[Tree]| parts.iter().map(Tree::text).collect::<Vec<_>>().join(",");
        match self {
            Tree::Or(parts) => format!("or({})", group(parts)),
            Tree::And(parts) => format!("and({})", group(parts)),
            Tree::I(sign, i) => format!("i.{}.{i}", OPERATORS[*sign]),
            Tree::T(sign, t) => format!("t.{}.{}", OPERATORS[*sign], quoted(t)),
            Tree::R(sign, r) => format!("\"r\".{}.{r}", OPERATORS[*sign]),
            Tree::In(has, list) => {
                let list = list.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(",");
                format!("t.{}.({list})", if *has { "in" } else { "not_in" })
            }
            Tree::StartsWith(t) => format!("t.like.{}", quoted(&format!("{t}*"))),
            Tree::IsNull(column, is) => format!("{column}.is.{}", if *is { "null" } else { "not_null" }),
        }
    }

    /// What SQL makes of it: true, false, or unknown because of a NULL.
    fn test(&self, record: &Record) -> Option<bool> {
        fn holds(sign: usize, ordering: std::cmp::Ordering) -> bool {
            [
                ordering.is_eq(),
                ordering.is_ne(),
                ordering.is_gt(),
                ordering.is_ge(),
                ordering.is_lt(),
                ordering.is_le(),
            ][sign]
        }
        match self {
            Tree::Or(parts) | Tree::And(parts) => {
                let decides = matches!(self, Tree::Or(_));
                let all: Vec<_> = parts.iter().map(|part| part.test(record)).collect();
                if all.contains(&Some(decides)) {
                    Some(decides)
                } else {
                    (!all.contains(&None)).then_some(!decides)
                }
            }
            Tree::I(sign, i) => record.i.map(|own| holds(*sign, own.cmp(i))),
            Tree::T(sign, t) => record.t.map(|own| holds(*sign, own.cmp(t))),
            Tree::R(sign, r) => record.r.map(|own| holds(*sign, own.total_cmp(&(r + 0.0)))),
            Tree::In(has, list) => record.t.map(|own| list.contains(&own) == *has),
            Tree::StartsWith(t) => record.t.map(|own| own.starts_with(t)),
            Tree::IsNull(column, is) => {
                let is_null = match *column {
                    "i" => record.i.is_none(),
                    "t" => record.t.is_none(),
                    _ => record.r.is_none(),
                };
                Some(is_null == *is)
            }
        }
    }

    pub(super) fn lets_through(&self, record: &Record) -> bool {
        self.test(record) == Some(true)
    }
}

pub(super) fn filled(app: &App, records: &[Record]) {
    if records.is_empty() {
        return;
    }
    let bodies = records.iter().map(|record| json!({"i": record.i, "t": record.t, "r": record.r}));
    app.post("t", &json!(bodies.collect::<Vec<_>>())).unwrap();
}
