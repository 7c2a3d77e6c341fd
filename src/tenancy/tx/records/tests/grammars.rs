//! Nothing that a query string can hold makes a parser panic, or fail as if it were our fault.

use super::*;
use crate::error::Kind;
use proptest::prelude::*;

/// Pieces of all grammars, and anything else.
const TEXT: &str =
    "([(),.:\"\\\\*\\-]|or|and|eq|in|is|null|not_in|like|count|sum|id|a|t|s|nullslast|é|1|.){0,14}";

fn refused_as_malformed<T>(result: Result<T>, text: &str) {
    if let Err(error) = result {
        assert!(matches!(error.kind(), Kind::Malformed), "{text:?}: {error:?}");
        assert!(error.detail().len() < 1_000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(name in "order|limit|cursor|count|fields|expand|q|or|and|select|group|a|col:t|[a-z:\".]{0,4}", text in TEXT) {
        thread_local!(static APP: App = App::sql(
            "CREATE TABLE s (id INTEGER PRIMARY KEY, a INT REFERENCES s (id), t TEXT, b BLOB, j JSON);
             CREATE VIRTUAL TABLE f USING fts5(t, content='s');"));
        APP.with(|app| {
            let table = app.table("s");
            let readable = app.readable();
            let params = [(name.clone(), text.clone())];
            refused_as_malformed(ListQuery::parse(&table, &params, &context(), &readable), &text);
            let select = ("select".to_owned(), "count()".to_owned());
            refused_as_malformed(AggregateQuery::parse(&table, &[select, params[0].clone()], &readable), &text);
            refused_as_malformed(AggregateQuery::parse(&table, &[("select".to_owned(), text.clone()), ("group".to_owned(), "a".to_owned())], &readable), &text);
            refused_as_malformed(Expansion::parse(&table, &text, None, &readable), &text);
        });
    }

    #[test]
    fn what_is_read_can_be_asked(name in "order|fields|expand|q|or|and|a|t|j|b", text in TEXT) {
        thread_local!(static APP: App = App::sql(
            "CREATE TABLE s (id INTEGER PRIMARY KEY, a INT REFERENCES s (id), t TEXT, b BLOB, j JSON);
             CREATE VIRTUAL TABLE f USING fts5(t, content='s'); INSERT INTO s VALUES (1, 1, 'a', x'00', '{}');"));
        APP.with(|app| refused_as_malformed(app.page("s", &[(&name, &text)]), &text));
    }
}
