//! What the app hides stays unknown: to queries, bodies, descriptions and the texts of errors.

use super::*;
use crate::model::restriction::Restriction;

pub(super) fn restriction(owner: Option<&str>, hidden: &[&str], read_only: &[&str]) -> Restriction {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Restriction { owner: owner.map(str::to_owned), hidden: names(hidden), read_only: names(read_only) }
}

impl App {
    /// The same with what app.toml says of one table's columns.
    pub(super) fn restricted(mut self, table: &str, restriction: &Restriction) -> App {
        self.schema.restrict([(table, restriction)]).unwrap();
        self
    }
}

const SECRETS: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY, secret_code TEXT UNIQUE DEFAULT 'same', name TEXT);
    CREATE TABLE t (
      id INTEGER PRIMARY KEY,
      name TEXT UNIQUE,
      secret TEXT NOT NULL DEFAULT 'x' CONSTRAINT secret_is_short CHECK (length(secret) < 5),
      secret_sum INTEGER NOT NULL GENERATED ALWAYS AS (n + length(name)) VIRTUAL CHECK (secret_sum < 100),
      n INTEGER NOT NULL DEFAULT 1,
      parent INTEGER REFERENCES parents (id),
      parent_code TEXT REFERENCES parents (secret_code),
      CONSTRAINT secret_and_n CHECK (n <> 7 OR secret = 'y'),
      UNIQUE (secret, n)
    );
    CREATE TABLE children (id INTEGER PRIMARY KEY, secret_of INTEGER REFERENCES t (id));
    INSERT INTO parents (id, name) VALUES (1, 'p');
    INSERT INTO t (id, name, n) VALUES (1, 'Anna', 3);
    INSERT INTO children VALUES (1, 1);";

fn secrets() -> App {
    App::sql(SECRETS)
        .restricted("t", &restriction(None, &["secret", "secret_sum"], &["parent"]))
        .restricted("parents", &restriction(None, &["secret_code"], &[]))
        .restricted("children", &restriction(None, &["secret_of"], &[]))
}

#[test]
fn a_hidden_column_is_unknown_to_queries_bodies_and_descriptions() {
    let app = secrets();
    for param in [
        ("secret", "x"),
        ("col:secret", "x"),
        ("order", "secret"),
        ("order", "-\"secret\""),
        ("fields", "secret"),
    ] {
        let error = app.page("t", &[param]).unwrap_err();
        let unknown =
            app.page("t", &[(&param.0.replace("secret", "nope"), &param.1.replace("secret", "nope"))]);
        let unknown = unknown.unwrap_err();
        assert_eq!(error.code(), unknown.code(), "{param:?}");
        assert_eq!(error.detail(), unknown.detail().replace("nope", "secret"), "{param:?}");
    }
    let error = app.post("t", &json!({"secret": "x", "secret_sum": 1, "parent": 1})).unwrap_err();
    assert_eq!(
        faults_of(&error),
        pairs(&[("parent", "read_only"), ("secret", "unknown_field"), ("secret_sum", "unknown_field")])
    );
    let rights = TableRights { read: true, write: true };
    for table in ["t", "parents", "children"] {
        let text = serde_json::to_string(&app.table(table).describe(rights, &|_| true)).unwrap();
        assert!(!text.contains("secret"), "{text}");
    }
    let (record, _) = app.create("t", &json!({"name": "B"}));
    assert_eq!(record, json!({"id": 2, "name": "B", "n": 1, "parent": null, "parent_code": null}));
    assert!(!app.list("t", &[])[0].to_string().contains("secret"));
    assert_eq!(app.get("children", "1").unwrap().unwrap(), json!({"id": 1}));
}

#[test]
fn errors_do_not_name_what_is_hidden() {
    let app = secrets();
    let refused = |error: Error, code: &str, fields: &[(&str, &str)]| {
        assert_eq!(error.code(), code, "{error:?}");
        assert_eq!(faults_of(&error), pairs(fields), "{error:?}");
        let texts = error.fields().iter().map(|field| field.message.as_str());
        for text in texts.chain([error.detail()]) {
            assert!(!text.contains("secret"), "{text}");
        }
    };
    refused(app.post("parents", &json!({"name": "again"})).unwrap_err(), "unique", &[]);
    let post = |body: Json| app.post("t", &body).unwrap_err();
    refused(post(json!({"name": "B", "n": 3})), "unique", &[("n", "unique")]);
    refused(post(json!({"name": "B", "n": 7})), "check", &[("n", "check")]);
    refused(post(json!({"name": "B", "n": 99})), "check", &[("n", "check"), ("name", "check")]);
    refused(post(json!({"name": null})), "invalid", &[("n", "required"), ("name", "required")]);
    refused(app.delete("t", "1").unwrap_err(), "foreign_key", &[("children", "foreign_key")]);
    refused(
        post(json!({"name": "B", "parent_code": "nope"})),
        "foreign_key",
        &[("parent_code", "foreign_key")],
    );
}

/// Migrations are refused such views, but a table of ours may come by that name later.
#[test]
fn a_view_that_joins_a_table_of_ours_is_not_listed() {
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE other (id INTEGER PRIMARY KEY);
         CREATE VIEW leaks AS SELECT id FROM t NATURAL FULL JOIN _later;
         CREATE VIEW fine AS SELECT id FROM t NATURAL FULL JOIN other;",
    );
    app.execute("CREATE TABLE _later (id INTEGER PRIMARY KEY)");
    let schema = app.database.read_blocking(introspect).unwrap();
    assert_eq!((schema.table("leaks").is_some(), schema.table("fine").is_some()), (false, true));
}
