//! Hard names, keys to the table itself, full-text search, rows without a key.

use super::*;
use crate::error::Kind;

fn tickets() -> App {
    let app = App::from_directory("tickets");
    app.create(
        "people",
        &json!({"id": "ann", "handle": "ann", "prefs": {"time_zone": "UTC+1", "b": 1, "a": 2}}),
    );
    app.create("projects", &json!({"key": "HELP", "name": "Support", "limit": 5}));
    app
}

fn ticket(app: &App, body: &Json) -> (Json, String) {
    let mut body = body.clone();
    body["project_key"] = json!("HELP");
    if body["title"].is_null() {
        body["title"] = json!("t");
    }
    app.create("tickets", &body)
}

#[test]
fn every_table_takes_a_record_and_finds_it_again() {
    let app = tickets();
    let (first, _) = ticket(&app, &json!({"title": "welcome", "Story Points": 3}));
    assert_eq!((&first["ref"], &first["heading"]), (&json!("HELP-1"), &json!("HELP-1: welcome")));
    assert_eq!((&first["is_open"], &first["weight"]), (&json!(true), &json!(9.0)));
    ticket(&app, &json!({"parent_id": 1}));
    let digest = "A".repeat(42) + "E=";
    for (table, body) in [
        ("project_counters", json!({"project_key": "OTHER"})),
        ("group", json!({"name": "g", "to": "2026-02-01"})),
        ("group_members", json!({"group": 1, "person_id": "ann", "order": 3})),
        (
            "Sprint",
            json!({"Project Key": "HELP", "Name": "n", "Starts On": "2026-01-01", "Ends On": "2026-01-14", "100% of plan": 0.5}),
        ),
        ("ticket_links", json!({"from_id": 1, "kind": "a/b,c", "to_id": 2})),
        ("labels", json!({"name": "bug", "color": "#d73a4a"})),
        ("ticket_labels", json!({"ticket_id": 1, "label_id": 1})),
        ("comments", json!({"ticket_id": 1, "body": "hm"})),
        ("attachments", json!({"digest": digest, "content": "AAEC"})),
        ("ticket_attachments", json!({"ticket_id": 1, "digest": digest, "file_name": "../a%2Fb, c.txt"})),
        ("ticket_events", json!({"ticket_id": 1, "what": "seen"})),
        ("select", json!({"from": "tickets", "order": "id", "or": "x", "default": true})),
        ("order", json!({"group": 1, "select": 1, "order": 1.5})),
        ("limit", json!({"group": 1, "cursor": "open", "limit": 3})),
        ("imported_hours", json!({"rowid": 7, "person": "p", "hours": "1.50"})),
        ("imported_cells", json!({"rowid": 7, "oid": "x", "value": "1"})),
        ("Überstunden", json!({"schlüssel": "ä", "person_id": "ann", "日付": "2026-01-01", "grund 🙂": "g"})),
        (
            "survey.2026",
            json!({"a.b": 1, "c,d": 2, "it's": "x", "say \"please\"": "y", "count()": 3, "-minus": 4, "x:y": 5}),
        ),
    ] {
        if table == "project_counters" {
            app.create("projects", &json!({"key": "OTHER", "name": "Other"}));
        }
        let (record, key) = app.create(table, &body);
        for (name, value) in body.as_object().unwrap() {
            let is_number_as_text = name == "hours";
            assert!(is_number_as_text || record[name] == *value, "{table}.{name} {}", record[name]);
        }
        assert_eq!(app.get(table, &key).unwrap().as_ref(), Some(&record), "{table} {key}");
        assert!(app.list(table, &[]).contains(&record), "{table}");
        assert!(app.patch(table, &key, &record_to_write(&app, table, &record)).unwrap().is_some(), "{table}");
        assert_eq!(app.get(table, &key).unwrap().as_ref(), Some(&record), "{table} {key}");
    }
    for view in ["open_tickets", "project_summary", "ticket_tree", "tickets_with_people", "from", "board"] {
        app.list(view, &[]);
        assert_eq!(app.post(view, &json!({})).unwrap_err().kind(), Kind::NotAllowed, "{view}");
    }
    assert_eq!(app.list("tickets_search", &[]).len(), 2);
    assert!(app.delete("order", "1,1").unwrap() && app.delete("imported_hours", "1").unwrap());
}

/// What a client that changes nothing would send back.
fn record_to_write(app: &App, table: &str, record: &Json) -> Json {
    let table = app.table(table);
    let mut record = record.clone();
    for column in table.columns.iter().filter(|column| column.generated) {
        record.as_object_mut().unwrap().remove(&column.name);
    }
    record
}

#[test]
fn names_with_punctuation_are_asked_for_in_quotes() {
    let app = tickets();
    for n in 1..=3 {
        app.create("survey.2026", &json!({"a.b": n, "c,d": n, "-minus": -n, "count()": n}));
    }
    let ids = |params: &[(&str, &str)]| -> Vec<Json> {
        app.list("survey.2026", params).iter().map(|record| record["id"].clone()).collect()
    };
    assert_eq!(ids(&[("order", "-\"c,d\".nullslast")]), [3, 2, 1]);
    assert_eq!(ids(&[("order", "-minus")]), [3, 2, 1], "the whole name of a column is that column");
    assert_eq!(ids(&[("order", "--minus")]), [1, 2, 3]);
    assert_eq!(ids(&[("order", "-a.b,count()")]), [3, 2, 1]);
    assert_eq!(ids(&[("c,d", "gt.1"), ("count()", "lt.3")]), [2]);
    let record = &app.list("survey.2026", &[("fields", "\"c,d\",-minus,x:y,\"say \\\"please\\\"\"")])[0];
    assert_eq!(record.as_object().unwrap().len(), 4);
    for name in ["order", "limit", "cursor", "count", "fields", "expand", "q", "or", "select", "group"] {
        assert!(app.page("select", &[(&format!("col:{name}"), "is.null")]).is_ok(), "{name}");
    }
}

#[test]
fn keys_to_the_table_itself_are_explained() {
    let app = tickets();
    ticket(&app, &json!({}));
    ticket(&app, &json!({"duplicate_of": 1, "status": "duplicate"}));
    let error = app.patch("tickets", "1", &json!({"parent_id": 9, "assignee_id": "nobody"})).unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("assignee_id", "foreign_key"), ("parent_id", "foreign_key")]));
    let error = app.patch("tickets", "1", &json!({"parent_id": 1})).unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("id", "check"), ("parent_id", "check")]));
    // SET NULL in another row of the same table breaks its CHECK.
    let error = app.delete("tickets", "1").unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Conflict, "check"));
    let (_, group) = app.create("group", &json!({"name": "a"}));
    app.create("group", &json!({"name": "b", "group": 1}));
    let error = app.delete("group", &group).unwrap_err();
    assert_eq!((error.code(), faults_of(&error)), ("foreign_key", pairs(&[("group", "foreign_key")])));
    let error = app.post("group", &json!({"name": "c", "to": "2025-01-01"})).unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("from", "check"), ("to", "check")]));
    assert!(!error.fields()[0].message.contains("rule to"), "{error:?}");
    // A chain of deferred keys may come in any order, and names the element that stays open.
    let chain = json!([{"id": "b", "after_id": "a", "ticket_id": 1, "text": "2"}, {"id": "a", "ticket_id": 1, "text": "1"}]);
    app.post("checklist_items", &chain).unwrap();
    let open = json!([{"id": "c", "ticket_id": 1, "text": "3"}, {"id": "d", "after_id": "x", "ticket_id": 1, "text": "4"}]);
    let error = app.post("checklist_items", &open).unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("[1].after_id", "foreign_key")]));
    let error = app.delete("checklist_items", "a").unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("checklist_items", "foreign_key")]));
}

#[test]
fn computed_columns_are_told_by_what_they_are_made_of() {
    let app = tickets();
    ticket(&app, &json!({}));
    let error = app.post("tickets", &json!({"project_key": "HELP", "title": "x", "number": 1})).unwrap_err();
    assert_eq!(
        (error.code(), faults_of(&error)),
        ("unique", pairs(&[("number", "unique"), ("project_key", "unique")]))
    );
    let error = app.post("comments", &json!({"ticket_id": 9, "body": "x"})).unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("ticket_id", "foreign_key")]));
    app.patch("tickets", "1", &json!({"locked": true})).unwrap();
    let error = app.post("comments", &json!({"ticket_id": 1, "body": "x"})).unwrap_err();
    assert!(error.detail().ends_with(": locked: this ticket takes no more comments"), "{error:?}");
    let error = app
        .post(
            "Überstunden",
            &json!({"schlüssel": "k", "person_id": "ann", "日付": "2026-01-01", "größe": 11}),
        )
        .unwrap_err();
    assert!(error.detail().ends_with("höchstens 10 Überstunden am Tag – \"bitte aufteilen\""));
    let error = app
        .post(
            "Überstunden",
            &json!({"schlüssel": "k", "person_id": "ann", "日付": "2026-02-30", "größe": -1}),
        )
        .unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("größe", "check"), ("日付", "check")]));
    let closed = app.patch("tickets", "1", &json!({"status": "closed"})).unwrap().unwrap();
    assert!(
        closed["closed_at"].is_string() && closed["is_open"] == json!(false),
        "what the AFTER trigger made of it"
    );
}

#[test]
fn a_computed_real_is_the_same_in_every_order() {
    let app = tickets();
    ticket(&app, &json!({}));
    // Each takes another plan; one of them sorts.
    for params in [
        &[][..],
        &[("project_key", "HELP")],
        &[("project_key", "HELP"), ("order", "id")],
        &[("order", "-title")],
    ] {
        assert_eq!(app.list("tickets", params)[0]["weight"].to_string(), "3.0", "{params:?}");
    }
}
