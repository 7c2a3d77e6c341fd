//! Rows that belong to an identity are changed by it, and by who manages members.

use super::*;
use crate::error::Kind;
use crate::model::restriction::Restriction;
use crate::policy::MEMBER;

/// Tables of which each row has an owner; one is Ada's, one Eve's, one nobody's.
fn owned() -> App {
    let app = App::sql(&format!(
        "CREATE TABLE t (id TEXT PRIMARY KEY ON CONFLICT REPLACE, owner TEXT NOT NULL, a INT);
         CREATE TABLE u (id INTEGER PRIMARY KEY, owner TEXT, code TEXT UNIQUE ON CONFLICT REPLACE);
         INSERT INTO t VALUES ('ada', '{ADA}', 0), ('eve', '{EVE}', 0), ('nobody', '', 0);
         INSERT INTO u VALUES (1, '{ADA}', 'ada'), (2, '{EVE}', 'eve'), (3, NULL, 'nobody');"
    ));
    with_owners(app, &["t", "u"])
}

fn with_owners(mut app: App, tables: &[&str]) -> App {
    let rule = Restriction { owner: Some("owner".to_owned()), ..Restriction::default() };
    app.schema.restrict(tables.iter().map(|table| (*table, &rule))).unwrap();
    app
}

/// Somebody who writes.
struct Writer<'a> {
    app: &'a App,
    role: &'static str,
    id: &'static str,
}

impl Writer<'_> {
    fn access(&self, table: &str) -> TableAccess {
        self.app.table_for(self.app.schema.table(table).unwrap(), self.role, self.id)
    }

    fn write<T: Send + 'static>(
        &self,
        mut act: impl FnMut(crate::db::AppTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.app.runtime.block_on(self.app.write(move |tx| act(tx.app())))
    }

    fn post(&self, table: &str, body: &Json) -> Result<Json> {
        let access = self.access(table);
        let new = NewRecords::parse(&access, body.to_string().as_bytes(), NOW)?;
        self.write(move |tx| insert_records(tx, &access, &new)).map(|inserted| read(&inserted.body))
    }

    fn patch(&self, table: &str, key: &str, body: &Json) -> Result<Option<Json>> {
        let access = self.access(table);
        let (key, patch) =
            (RecordKey::parse(&access, key)?, Patch::parse(&access, body.to_string().as_bytes())?);
        Ok(self.write(move |tx| update_record(tx, &access, &key, &patch))?.as_deref().map(read))
    }

    fn put(&self, table: &str, key: &str, body: &Json) -> Result<(bool, Json)> {
        let access = self.access(table);
        let key = RecordKey::parse(&access, key)?;
        let put = Put::parse(&access, &key, body.to_string().as_bytes(), NOW)?;
        let stored = self.write(move |tx| put_record(tx, &access, &key, &put))?;
        Ok((stored.created, read(&stored.body)))
    }

    fn delete(&self, table: &str, key: &str) -> Result<bool> {
        let access = self.access(table);
        let key = RecordKey::parse(&access, key)?;
        self.write(move |tx| delete_record(tx, &access, &key))
    }
}

#[track_caller]
fn assert_not_theirs<T>(outcome: Result<T>) {
    let error = outcome.err().unwrap();
    assert_eq!((error.kind(), error.code()), (Kind::Forbidden, "not_your_record"), "{error:?}");
}

#[track_caller]
fn assert_not_you<T>(outcome: Result<T>, field: &str) {
    let error = outcome.err().unwrap();
    assert_eq!((error.kind(), error.code()), (Kind::Invalid, "invalid"), "{error:?}");
    assert_eq!(faults_of(&error), pairs(&[(field, "not_you")]));
}

#[test]
fn a_new_row_is_its_makers() {
    let app = owned();
    let member = Writer { app: &app, role: MEMBER, id: ADA };
    let owner = Writer { app: &app, role: OWNER, id: ADA };
    for writer in [&member, &owner] {
        assert_eq!(writer.post("t", &json!({"a": 1})).unwrap()["owner"], ADA);
        assert_eq!(writer.post("t", &json!({"owner": ADA})).unwrap()["owner"], ADA);
        assert_eq!(writer.put("u", "9", &json!({"code": "x"})).unwrap(), {
            (writer.role == MEMBER, json!({"id": 9, "owner": ADA, "code": "x"}))
        });
    }
    assert_not_you(member.post("t", &json!({"owner": EVE})), "owner");
    assert_not_you(member.post("u", &json!({"owner": null})), "owner");
    assert_not_you(member.post("u", &json!([{}, {"owner": EVE}])), "[1].owner");
    assert_not_you(member.put("u", "10", &json!({"owner": EVE})), "owner");
    assert_eq!(owner.post("t", &json!({"owner": EVE})).unwrap()["owner"], EVE);
    assert_eq!(owner.post("u", &json!({"owner": null})).unwrap()["owner"], Json::Null);
}

#[test]
fn a_member_changes_and_deletes_its_own_rows_only() {
    let app = owned();
    let ada = Writer { app: &app, role: MEMBER, id: ADA };
    for (table, others) in [("t", ["eve", "nobody"]), ("u", ["2", "3"])] {
        for key in others {
            let before = app.get(table, key).unwrap();
            assert_not_theirs(ada.patch(table, key, &json!({})));
            assert_not_theirs(ada.put(table, key, &json!({})));
            assert_not_theirs(ada.delete(table, key));
            assert_eq!(app.get(table, key).unwrap(), before);
        }
    }
    assert_not_theirs(ada.patch("t", "eve", &json!({"a": 1})));
    assert_not_theirs(ada.put("t", "eve", &json!({"a": 1})));
    assert_not_theirs(ada.put("t", "eve", &json!({"owner": ADA})));
    assert_eq!(app.get("t", "eve").unwrap().unwrap(), json!({"id": "eve", "owner": EVE, "a": 0}));
    assert_eq!(ada.patch("t", "none", &json!({"a": 1})).unwrap(), None);
    assert!(!ada.delete("t", "none").unwrap());
    assert_eq!(ada.patch("t", "ada", &json!({"a": 1, "owner": ADA})).unwrap().unwrap()["a"], 1);
    assert_eq!(ada.put("t", "ada", &json!({"a": 2})).unwrap().1["a"], 2);
    assert_not_you(ada.patch("t", "ada", &json!({"owner": EVE})), "owner");
    assert_not_you(ada.patch("u", "1", &json!({"owner": null})), "owner");
    assert!(ada.delete("t", "ada").unwrap());
}

#[test]
fn who_manages_members_changes_every_row() {
    let app = owned();
    let ada = Writer { app: &app, role: crate::policy::ADMIN, id: ADA };
    assert_eq!(ada.patch("t", "eve", &json!({"a": 1})).unwrap().unwrap()["owner"], EVE);
    assert_eq!(ada.patch("t", "nobody", &json!({"owner": EVE})).unwrap().unwrap()["owner"], EVE);
    assert_eq!(ada.put("t", "eve", &json!({"a": 2})).unwrap().1["a"], 2);
    assert!(ada.delete("t", "eve").unwrap() && ada.delete("u", "3").unwrap());
}

#[test]
fn a_constraint_that_replaces_does_not_take_anothers_row() {
    let app = owned();
    let ada = Writer { app: &app, role: MEMBER, id: ADA };
    let refused = |outcome: Result<Json>| assert_eq!(outcome.unwrap_err().code(), "unique");
    refused(ada.post("t", &json!({"id": "eve"})));
    refused(ada.post("u", &json!({"code": "eve"})));
    refused(ada.patch("u", "1", &json!({"code": "eve"})).map(Option::unwrap));
    refused(ada.put("u", "7", &json!({"code": "eve"})).map(|(_, record)| record));
    assert_eq!(app.list("t", &[("owner", EVE)]).len() + app.list("u", &[("owner", EVE)]).len(), 2);
}

#[test]
fn what_triggers_write_keeps_its_own_way_with_conflicts() {
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, owner TEXT);
         CREATE TABLE seen (owner TEXT PRIMARY KEY);
         CREATE TRIGGER see AFTER INSERT ON t BEGIN INSERT OR IGNORE INTO seen VALUES (NEW.owner); END;",
    );
    let app = with_owners(app, &["t"]);
    let ada = Writer { app: &app, role: MEMBER, id: ADA };
    ada.post("t", &json!([{}, {}])).unwrap();
    assert_eq!(app.list("seen", &[]).len(), 1);
}

#[test]
fn an_access_without_the_right_to_write_writes_nothing() {
    let app = owned();
    let viewer = Writer { app: &app, role: crate::policy::VIEWER, id: ADA };
    let access = Writer { role: MEMBER, ..viewer }.access("t");
    let new = NewRecords::parse(&access, br#"{"a":1}"#, NOW).unwrap();
    let access = viewer.access("t");
    let (key, at) = (RecordKey::parse(&access, "ada").unwrap(), access.clone());
    let refused = |outcome: Result<()>| {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.permission()), (Kind::Forbidden, Some("records:write")));
        assert!(error.detail().contains(" t "), "{error}");
    };
    refused(viewer.write(move |tx| insert_records(tx, &at, &new).map(drop)));
    refused(viewer.write(move |tx| delete_record(tx, &access, &key).map(drop)));
    refused(viewer.post("t", &json!({})).map(drop));
}

#[test]
fn a_transaction_of_several_writes_is_undone_by_one_that_is_not_theirs() {
    let app = owned();
    let ada = Writer { app: &app, role: MEMBER, id: ADA };
    let access = ada.access("t");
    let patch = Patch::parse(&access, br#"{"a":5}"#).unwrap();
    let keys = ["ada", "eve"].map(|key| RecordKey::parse(&access, key).unwrap());
    assert_not_theirs(ada.write(move |tx| {
        keys.iter().try_for_each(|key| update_unsettled(tx, &access, key, &patch).map(drop))
    }));
    let access = ada.access("t");
    let keys = ["ada", "eve"].map(|key| RecordKey::parse(&access, key).unwrap());
    assert_not_theirs(
        ada.write(move |tx| keys.iter().try_for_each(|key| delete_unsettled(tx, &access, key).map(drop))),
    );
    assert_eq!(app.get("t", "ada").unwrap().unwrap()["a"], 0);
}
