//! `q=` through FTS5: whatever is typed is words, and only what may be read is searched.

use super::hidden::restriction;
use super::*;
use proptest::prelude::*;

const NOTES: &str = "
    CREATE TABLE notes (id TEXT PRIMARY KEY, no INTEGER UNIQUE NOT NULL, title TEXT, body TEXT, secret TEXT, kind INT);
    CREATE VIRTUAL TABLE notes_search USING fts5(title, body, secret, content='notes', content_rowid='no');
    CREATE TRIGGER notes_insert AFTER INSERT ON notes BEGIN
      INSERT INTO notes_search (rowid, title, body, secret) VALUES (NEW.no, NEW.title, NEW.body, NEW.secret); END;
    CREATE TABLE plain (id INTEGER PRIMARY KEY, t TEXT);
    CREATE TABLE \"odd name\" (rowid TEXT, \"from\" TEXT);
    CREATE VIRTUAL TABLE own USING fts5(title, body, slug UNINDEXED);
    INSERT INTO own (title, body) VALUES ('alpha beta', 'x'), ('alpha', 'alpha alpha'), ('gamma', 'x');
    INSERT INTO notes VALUES ('a', 7, 'alpha beta', 'gamma', 'planted', 1), ('b', 8, 'alpha', 'alpha alphabet', 'x', 2),
      ('c', 9, 'delta', 'it''s \"quoted\"', 'planted alpha', 1), ('d', 10, 'alpha beta delta', NULL, NULL, 2);";

fn notes() -> App {
    App::sql(NOTES).restricted("notes", &restriction(None, &["secret"], &[]))
}

fn ids(app: &App, table: &str, params: &[(&str, &str)]) -> Vec<String> {
    let key = if table == "own" { "rowid" } else { "id" };
    app.list(table, params).iter().map(|record| record[key].to_string().replace('"', "")).collect()
}

#[test]
fn all_words_are_found_the_best_first_or_in_the_order_asked_for() {
    let app = notes();
    for (q, order, found) in [
        ("alpha", "", "b d a"),
        ("alpha", "-no", "d b a"),
        ("ALP", "id", "a b d"),
        ("beta alp", "id", "a d"),
        ("alp beta", "id", "a d"),
        ("delta beta", "id", "d"),
        ("it's", "id", "c"),
        ("\"quoted\"", "id", "c"),
        ("planted", "id", ""),
        ("nothing", "", ""),
        ("secret:planted", "id", ""),
        ("beta OR delta", "id", ""),
    ] {
        let mut params = vec![("q", q)];
        if !order.is_empty() {
            params.push(("order", order));
        }
        assert_eq!(ids(&app, "notes", &params).join(" "), found, "{q} {order}");
        // Page by page it is the same, and so is the total.
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut params = params.clone();
            params.extend([("limit", "1"), ("count", "exact")]);
            if !cursor.is_empty() {
                params.push(("cursor", &cursor));
            }
            let page = app.page("notes", &params).unwrap();
            assert_eq!(page["total"], found.split_whitespace().count(), "{q}");
            paged.extend(
                page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = next.to_owned();
        }
        assert_eq!(paged.join(" "), found, "{q} {order}");
    }
    assert_eq!(ids(&app, "notes", &[("q", "alpha"), ("kind", "2")]), ["b", "d"]);
    assert_eq!(ids(&app, "notes", &[("q", "alpha"), ("or", "(kind.eq.1,title.eq.alpha)")]), ["b", "a"]);
    assert_eq!(ids(&app, "own", &[("q", "alpha")]), ["2", "1"]);
    assert_eq!(ids(&app, "own", &[("q", "alpha"), ("order", "rowid")]), ["1", "2"]);
    let app = app.restricted("own", &restriction(None, &["body"], &[]));
    assert_eq!(ids(&app, "own", &[("q", "x")]), [] as [&str; 0]);
    let groups = [("select", "kind,count()"), ("group", "kind"), ("q", "alpha")];
    assert_eq!(
        app.figures("notes", &groups).unwrap()["items"],
        json!([{"kind": 1, "count": 1}, {"kind": 2, "count": 2}])
    );
}

#[test]
fn a_cursor_of_a_search_is_for_that_search() {
    let app = notes();
    let page = app.page("notes", &[("q", "alpha"), ("limit", "1")]).unwrap();
    let cursor = page["next_cursor"].as_str().unwrap();
    for params in [
        [("q", "alp"), ("cursor", cursor)].as_slice(),
        &[("cursor", cursor)],
        &[("q", "alpha"), ("order", "id"), ("cursor", cursor)],
    ] {
        assert_eq!(app.page("notes", params).unwrap_err().code(), "bad_cursor", "{params:?}");
    }
}

#[test]
fn what_cannot_be_searched_says_so() {
    let app = notes();
    for table in ["plain", "odd name"] {
        assert_eq!(app.page(table, &[("q", "x")]).unwrap_err().code(), "no_search", "{table}");
    }
    let long = "x".repeat(201);
    let many = "x ".repeat(21);
    for q in ["", " ", "\0", &long, &many] {
        assert_eq!(app.page("notes", &[("q", q)]).unwrap_err().code(), "bad_search", "{q:?}");
    }
    // An index that the caller may not read is none, nor one of which all columns are hidden.
    let withheld: Readable = app.schema.tables().filter(|table| table.name != "notes_search").collect();
    let q = [("q".to_owned(), "x".to_owned())];
    let error = ListQuery::parse(&app.table("notes"), &q, &context(), &withheld).unwrap_err();
    assert_eq!(error.code(), "no_search");
    let app = app.restricted("notes_search", &restriction(None, &["title", "body"], &[]));
    assert_eq!(app.page("notes", &[("q", "x")]).unwrap_err().code(), "no_search");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_typed_is_no_syntax(words in proptest::collection::vec("[a\"*^(){}:+\\-' .,\u{0}é]{1,4}|AND|OR|NOT|NEAR\\(|alpha", 1..6)) {
        thread_local!(static APP: App = notes());
        let text = words.join(" ");
        APP.with(|app| {
            for order in ["rank", "id"] {
                let mut params = vec![("q", text.as_str())];
                if order == "id" {
                    params.push(("order", order));
                }
                match app.page("notes", &params) {
                    Ok(page) => assert!(page["items"].is_array()),
                    Err(error) => assert_eq!(error.code(), "bad_search", "{text:?}: {error:?}"),
                }
            }
        });
    }
}
