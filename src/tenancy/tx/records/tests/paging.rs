//! Paging with cursors visits every record exactly once, in order, whatever is in the columns.

use super::*;
use proptest::prelude::*;
use std::cmp::Ordering;

/// A value of every storage class, few of each so that there are ties.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'static str),
    Blob(&'static [u8]),
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        2 => Just(Cell::Null),
        2 => prop_oneof![Just(-1), Just(0), Just(1), Just(i64::MAX)].prop_map(Cell::Integer),
        1 => prop_oneof![Just(1.0), Just(0.5), Just(f64::NEG_INFINITY)].prop_map(Cell::Real),
        2 => prop_oneof![Just(""), Just("a"), Just("A"), Just("1"), Just("é")].prop_map(Cell::Text),
        1 => prop_oneof![Just(b"".as_slice()), Just(b"\xff".as_slice()), Just(b"1".as_slice())].prop_map(Cell::Blob),
    ]
}

fn class(cell: &Cell) -> u8 {
    match cell {
        Cell::Null => 0,
        Cell::Integer(_) | Cell::Real(_) => 1,
        Cell::Text(_) => 2,
        Cell::Blob(_) => 3,
    }
}

/// SQLite's own order (datatype3, section 4.1).
fn compare(a: &Cell, b: &Cell, nocase: bool) -> Ordering {
    #[allow(clippy::cast_precision_loss, reason = "the few integers here are told apart as doubles")]
    let number = |cell: &Cell| match cell {
        Cell::Integer(integer) => *integer as f64,
        Cell::Real(real) => *real,
        _ => 0.0,
    };
    class(a).cmp(&class(b)).then_with(|| match (a, b) {
        (Cell::Text(a), Cell::Text(b)) if nocase => a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()),
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        (Cell::Blob(a), Cell::Blob(b)) => a.cmp(b),
        _ => number(a).total_cmp(&number(b)),
    })
}

#[derive(Clone, Debug)]
struct Term {
    column: usize,
    descending: bool,
    nulls_first: Option<bool>,
}

fn term() -> impl Strategy<Value = Term> {
    (0..3_usize, any::<bool>(), proptest::option::of(any::<bool>()))
        .prop_map(|(column, descending, nulls_first)| Term { column, descending, nulls_first })
}

fn order_text(terms: &[Term]) -> String {
    let parts = terms.iter().map(|term| {
        let nulls = match term.nulls_first {
            None => "",
            Some(true) => ".nullsfirst",
            Some(false) => ".nullslast",
        };
        format!("{}{}{nulls}", if term.descending { "-" } else { "" }, ["x", "y", "z"][term.column])
    });
    parts.collect::<Vec<_>>().join(",")
}

fn in_order(a: &[Cell], b: &[Cell], terms: &[Term]) -> Ordering {
    let mut seen = Vec::new();
    for term in terms {
        if seen.contains(&term.column) {
            continue;
        }
        seen.push(term.column);
        let (a, b) = (&a[term.column], &b[term.column]);
        let first = term.nulls_first.unwrap_or(!term.descending);
        let ordering = match (a, b) {
            (Cell::Null, Cell::Null) => Ordering::Equal,
            (Cell::Null, _) => {
                if first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (_, Cell::Null) => {
                if first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            _ => {
                let ordering = compare(a, b, term.column == 1);
                if term.descending { ordering.reverse() } else { ordering }
            }
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

fn literal(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(integer) => integer.to_string(),
        Cell::Real(real) if real.is_infinite() => "-9e999".to_owned(),
        Cell::Real(real) => format!("{real:?}"),
        Cell::Text(text) => format!("'{text}'"),
        Cell::Blob(blob) => {
            let hex: Vec<String> = blob.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{}'", hex.concat())
        }
    }
}

const TABLES: &str = "
    CREATE TABLE plain (x, y COLLATE NOCASE, z);
    CREATE TABLE keyed (k INTEGER NOT NULL, x, y COLLATE NOCASE, z, PRIMARY KEY (k)) WITHOUT ROWID;
    CREATE TABLE loose (k TEXT PRIMARY KEY, x, y COLLATE NOCASE, z);
    CREATE TABLE paired (j TEXT NOT NULL COLLATE NOCASE, k, x, y COLLATE NOCASE, z,
        PRIMARY KEY (j COLLATE BINARY, k DESC)) WITHOUT ROWID;
    CREATE INDEX by_x ON plain (x, y); CREATE INDEX by_y ON keyed (y DESC); CREATE INDEX by_z ON paired (z);
    CREATE VIEW shown AS SELECT x, y, z FROM plain;
    CREATE VIEW joined AS SELECT x, y, z FROM plain UNION ALL SELECT x, y, z FROM plain;";

/// A cell as JSON shows it, numbers as they sort.
fn shown(cell: &Cell) -> String {
    use base64::Engine as _;
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Integer(i64::MAX) => format!("\"{}\"", i64::MAX),
        Cell::Integer(integer) => integer.to_string(),
        Cell::Real(real) if real.is_infinite() => "\"-Infinity\"".to_owned(),
        Cell::Real(real) => real.to_string(),
        Cell::Text(text) => json!(text).to_string(),
        Cell::Blob(blob) => json!(base64::engine::general_purpose::STANDARD.encode(blob)).to_string(),
    }
}

fn all_pages(app: &App, table: &str, order: &str, limit: &str) -> Vec<Json> {
    some_pages(app, table, order, limit, None)
}

fn some_pages(app: &App, table: &str, order: &str, limit: &str, fields: Option<&str>) -> Vec<Json> {
    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut params = vec![("limit", limit)];
        if !order.is_empty() {
            params.push(("order", order));
        }
        if let Some(cursor) = &cursor {
            params.push(("cursor", cursor));
        }
        params.extend(fields.map(|fields| ("fields", fields)));
        let page = app.page(table, &params).unwrap();
        let items = page["items"].as_array().unwrap();
        assert!(found.len() < 500, "paging does not end");
        found.extend(items.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return found,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_are_the_whole_list(
        rows in proptest::collection::vec(proptest::collection::vec(cell(), 3), 0..24),
        terms in proptest::collection::vec(term(), 0..4),
        limit in 1..7_usize,
        fields in proptest::option::of(proptest::sample::subsequence(vec!["z", "x", "y"], 1..=3)),
    ) {
        let mut script = TABLES.to_owned();
        for (index, row) in rows.iter().enumerate() {
            let row: Vec<String> = row.iter().map(literal).collect();
            let row = row.join(", ");
            let key = if index % 4 == 0 { "NULL".to_owned() } else { format!("'{}'", 100 - index) };
            script.extend(["INSERT INTO plain VALUES (", &row, "); INSERT INTO keyed VALUES (", &index.to_string(), ", ", &row, ");"]);
            script.extend(["INSERT INTO loose VALUES (", &key, ", ", &row, ");"]);
            // Keys that only their own collation or type tells apart, and text that is not UTF-8.
            let j = ["'a'", "'A'", "CAST(x'ff' AS TEXT)"][index % 3];
            let k = ["1", "'1'", "x'31'", "0.5"].get(index / 3).map_or_else(|| index.to_string(), |k| (*k).to_owned());
            script.extend(["INSERT INTO paired VALUES (", j, ", ", &k, ", ", &row, ");"]);
        }
        let app = App::sql(&script);
        let order = order_text(&terms);
        for table in ["plain", "keyed", "loose", "paired", "shown", "joined"] {
            let count = rows.len() * if table == "joined" { 2 } else { 1 };
            let whole = app.page(table, &[("limit", "500"), ("order", &order)][..if order.is_empty() { 1 } else { 2 }]).unwrap();
            let pages = all_pages(&app, table, &order, &limit.to_string());
            prop_assert_eq!(pages.len(), count);
            prop_assert_eq!(&json!(pages), &whole["items"]);
            // The values against the naive order, which leaves open what comes first among equals.
            let mut sorted = rows.clone();
            sorted.sort_by(|a, b| in_order(a, b, &terms));
            let known = |record: &Json| ["x", "y", "z"].map(|name| record[name].to_string().replace(".0", ""));
            for (record, row) in pages.iter().zip(&sorted).filter(|_| table != "joined" && !terms.is_empty()) {
                let column = terms[0].column;
                let (record, row) = (&known(record)[column], &shown(&row[column]));
                prop_assert!(record == row || column == 1 && record.eq_ignore_ascii_case(row), "{record} {row}");
            }
            if let Some(fields) = &fields {
                let some = some_pages(&app, table, &order, &limit.to_string(), Some(&fields.join(",")));
                let cut = pages.iter().map(|record| {
                    fields.iter().map(|field| ((*field).to_owned(), record[*field].clone())).collect::<serde_json::Map<_, _>>()
                });
                prop_assert_eq!(json!(some), json!(cut.collect::<Vec<_>>()));
            }
        }
        // The order itself, against the naive one: stable by rowid, in the direction in which an index fits.
        let mut expected: Vec<usize> = (0..rows.len()).collect();
        if last_kept(&terms).is_some_and(|term| term.descending) {
            expected.reverse();
        }
        expected.sort_by(|a, b| in_order(&rows[*a], &rows[*b], &terms));
        let ids: Vec<usize> = all_pages(&app, "plain", &order, "3").iter()
            .map(|record| usize::try_from(record["rowid"].as_i64().unwrap() - 1).unwrap()).collect();
        prop_assert_eq!(ids, expected);
    }

    #[test]
    fn what_is_written_is_what_is_read(
        text in ".{0,20}",
        integer in any::<i64>(),
        real in prop_oneof![any::<f64>().prop_filter("finite", |real| real.is_finite()).prop_map(|real| real + 0.0), Just(f64::INFINITY)],
        blob in proptest::collection::vec(any::<u8>(), 0..20),
        flag in any::<bool>(),
        nested in proptest::collection::vec((".{0,5}", any::<i64>()), 0..5),
    ) {
        use base64::Engine as _;
        let app = App::sql("CREATE TABLE t (id INTEGER PRIMARY KEY, t TEXT, i INTEGER, r REAL, b BLOB, f BOOLEAN, j JSON)");
        let exact = integer.unsigned_abs() <= 1 << 53;
        let body = json!({
            "id": 1, "t": text, "i": if exact { json!(integer) } else { json!(integer.to_string()) },
            "r": if real.is_finite() { json!(real) } else { json!("Infinity") },
            "b": base64::engine::general_purpose::STANDARD.encode(&blob), "f": flag, "j": {"list": nested},
        });
        // Columns are in the order in which the body names them, so the very bytes come back.
        let body = body.to_string();
        let inserted = app.insert("t", body.as_bytes()).unwrap();
        prop_assert_eq!(std::str::from_utf8(&inserted.body).unwrap(), &body);
    }
}

/// The last term, without those whose column was named before.
fn last_kept(terms: &[Term]) -> Option<&Term> {
    let mut kept: Vec<&Term> = Vec::new();
    for term in terms {
        if kept.iter().all(|other| other.column != term.column) {
            kept.push(term);
        }
    }
    kept.last().copied()
}

#[test]
fn long_and_broken_values_are_paged_too() {
    let app = App::sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)");
    app.execute("INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
        SELECT i, CASE WHEN i % 3 = 0 THEN hex(zeroblob(1000)) || i WHEN i % 3 = 1 THEN CAST(x'ff' AS TEXT) END FROM n");
    let pages = all_pages(&app, "t", "-a", "3");
    assert_eq!(json!(pages), app.page("t", &[("order", "-a")]).unwrap()["items"]);
}
