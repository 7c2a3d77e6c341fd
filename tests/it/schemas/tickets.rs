//! The ticket tracker: names that are hard to write, tables without a key, keys of a table to itself.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Records, assert_faults, assert_raised, base64, encoded, open};
use crate::harness::{Call, Case, run_cases};

fn digest(number: usize) -> String {
    base64(Sha256::digest(number.to_be_bytes()))
}

/// About a thousand records, parents first.
pub fn fill(desk: &Records) {
    let person = |n: usize| {
        json!({"id": format!("p{n}"), "handle": format!("person-{n}"), "avatar": base64([n as u8, 255]),
        "manager_id": if n == 0 { Value::Null } else { json!(format!("p{}", n / 2)) }, "prefs": {"time_zone": "UTC", "n": n}})
    };
    desk.create_all("people", (0..40).map(person));
    let project = |n: usize| json!({"key": format!("P{n}"), "name": format!("Project {n}"), "limit": n});
    desk.create_all("projects", (0..5).map(project));
    desk.create_all(
        "group",
        (2..12).map(|n| json!({"id": n, "name": format!("G{n}"), "to": "2026-12-31", "group": 1})),
    );
    desk.create_all(
        "group_members",
        (0..40).map(|n| json!({"group": 1, "person_id": format!("p{n}"), "order": n})),
    );
    let sprint = |n: usize| {
        json!({"Project Key": format!("P{}", n % 5), "Name": format!("n {n}"), "Starts On": "2026-01-01",
        "Ends On": "2026-01-14", "100% of plan": 0.1})
    };
    desk.create_all("Sprint", (0..20).map(sprint));
    let ticket = |n: usize| {
        json!({"project_key": format!("P{}", n % 5), "title": format!("Ticket {n}"), "priority": 1 + n % 5,
        "reporter_id": format!("p{}", n % 20), "assignee_id": format!("p{}", 20 + n % 20), "Sprint Id": 1 + n % 20,
        "Story Points": 0.5})
    };
    let tickets = desk.create_all("tickets", (0..200).map(ticket));
    let id = |n: usize| tickets[n]["id"].clone();
    let below = |n: usize| json!({"project_key": "P0", "title": "below", "parent_id": id(n)});
    desk.create_all("tickets", (0..20).map(|n| below(n / 4)));
    let kinds = ["blocks", "causes", "relates to", "a/b,c"];
    let link = |n: usize| json!({"from_id": id(n), "kind": kinds[n % 4], "to_id": id(n + 1)});
    desk.create_all("ticket_links", (0..100).map(link));
    desk.create_all("ticket_labels", (0..100).map(|n| json!({"ticket_id": id(n), "label_id": 1 + n % 3})));
    desk.create_all(
        "comments",
        (0..100).map(|n| json!({"ticket_id": id(n), "author_id": "p3", "body": "é"})),
    );
    // The last comes first: each names one that the array brings later.
    let item = |n: usize| {
        json!({"id": format!("i{n}"), "ticket_id": id(0), "text": "x",
        "after_id": if n == 0 { Value::Null } else { json!(format!("i{}", n - 1)) }})
    };
    desk.create_all("checklist_items", (0..50).rev().map(item));
    desk.create_all(
        "attachments",
        (0..50).map(|n| json!({"digest": digest(n), "content": base64([n as u8; 50])})),
    );
    let file =
        |n: usize| json!({"ticket_id": id(n), "digest": digest(n), "file_name": format!("../{n}%2F, a.txt")});
    desk.create_all("ticket_attachments", (0..50).map(file));
    desk.create_all("ticket_events", (0..50).map(|n| json!({"ticket_id": id(n), "what": "seen"})));
    desk.create_all(
        "select",
        (0..10).map(|n| json!({"from": format!("t{n}"), "limit": 1 + n, "or": "x", "q": null})),
    );
    desk.create_all("order", (0..40).map(|n| json!({"group": 1, "select": id(n), "order": 0.1 + n as f64})));
    desk.create_all("limit", (1..12).map(|n| json!({"group": n, "cursor": "open,/%", "limit": n})));
    desk.create_all("imported_hours", (0..50).map(|n| json!({"rowid": 7, "person": "p", "hours": n})));
    desk.create_all(
        "imported_cells",
        (0..50).map(|n| json!({"rowid": 7, "oid": "x", "value": n.to_string()})),
    );
    let overtime = |n: usize| json!({"schlüssel": format!("ü{n}"), "person_id": format!("p{n}"), "日付": "2026-01-01", "grund 🙂": "🙂"});
    desk.create_all("Überstunden", (0..40).map(overtime));
    let answer = |n: usize| json!({"a.b": n, "c,d": n, "it's": "'", "say \"please\"": "\"", "count()": n, "-minus": n, "x:y": n});
    desk.create_all("survey.2026", (0..40).map(answer));
}

/// Changes and deletions of a filled tracker, with what follows from them.
pub fn change(desk: &Records) {
    let parent = desk.list("tickets", "title=Ticket%201").remove(0);
    let id = parent["id"].to_string();
    let closed = desk.patch("tickets", &id, json!({"status": "closed"})).expect(200).json;
    assert!(closed["closed_at"].is_string() && closed["is_open"] == false, "{closed}");
    let logged = desk.list("ticket_events", &format!("ticket_id={id}&what=status"));
    assert_eq!(
        (logged.len(), &logged[0]["was"], &logged[0]["became"]),
        (1, &json!("open"), &json!("closed"))
    );
    assert_eq!(desk.count("tickets", &format!("parent_id={id}")), 4);
    let (before, gone) =
        (desk.count("tickets", ""), ["ticket_labels", "comments", "order", "ticket_attachments"]);
    desk.delete("tickets", &id).expect(204);
    assert_eq!(desk.count("tickets", ""), before - 5, "ON DELETE CASCADE within the table");
    assert_eq!(desk.count("ticket_events", "what=deleted"), 5, "its triggers ran for each");
    assert_eq!(desk.count("ticket_links", &format!("from_id={id}")), 0);
    for table in gone {
        let column = if table == "order" { "col:select" } else { "ticket_id" };
        assert_eq!(desk.count(table, &format!("{column}={id}")), 0, "{table}");
    }
    let files = |n: usize| desk.list("attachments", &format!("digest={}", encoded(&digest(n)))).remove(0);
    let key = |n: usize| desk.key("attachments", &files(n)).unwrap();
    assert_faults(desk.delete("attachments", &key(2)), 409, "foreign_key", &["ticket_attachments"]);
    desk.delete("attachments", &key(1)).expect(204);
    assert_faults(desk.delete("people", "p3"), 409, "foreign_key", &["tickets"]);
    assert_eq!(desk.count("tickets", "assignee_id=p30"), 10);
    desk.delete("people", "p30").expect(204);
    assert_eq!(desk.count("tickets", "assignee_id=p30"), 0, "ON DELETE SET NULL");
    assert_eq!(desk.count("Überstunden", "person_id=p30"), 0, "ON DELETE CASCADE");
    assert_faults(desk.delete("projects", "P1"), 409, "foreign_key", &["tickets"]);
    assert_faults(desk.delete("group", "1"), 409, "foreign_key", &["group"]);
    assert_faults(desk.delete("checklist_items", "i0"), 409, "foreign_key", &["checklist_items"]);
    desk.delete("checklist_items", "i49").expect(204);
    // Rows of one value in a column called rowid: the row of the key goes, and no other.
    desk.delete("imported_hours", "3").expect(204);
    assert_eq!((desk.count("imported_hours", ""), desk.count("imported_hours", "rowid=7")), (49, 49));
    assert_eq!(desk.count("imported_hours", "hours=2"), 0);
}

#[test]
fn columns_named_like_parameters_are_filtered_with_a_prefix() {
    let (server, desk) = open("tickets");
    for (name, value) in [
        ("select", json!("a")),
        ("group", json!("b")),
        ("order", json!("c")),
        ("limit", json!(5)),
        ("cursor", json!("d")),
        ("count", json!("exact")),
        ("fields", json!("e")),
        ("expand", json!("f")),
        ("q", json!("g")),
        ("or", json!("h")),
    ] {
        let record = desk.create("select", json!({"from": name, name: value}));
        let text = value.as_str().map_or(value.to_string(), str::to_owned);
        assert_eq!(desk.list("select", &format!("col:{name}={text}")), [record], "{name}");
    }
    desk.client.get(&desk.path("select", "?limit=5")).expect(200);
    desk.client.get(&desk.path("select", "?limit=eq.5")).expect_refused_by_name("limit");
    desk.client.get(&desk.path("select", "?col:limits=5")).expect_refused_by_name("limits");
    let projects =
        [json!({"key": "AB", "name": "x", "limit": 5}), json!({"key": "CD", "name": "y", "limit": 6})];
    let projects = desk.create_all("projects", projects);
    assert_eq!(desk.list("projects", "limit=1&col:limit=gte.5&order=-limit"), projects[1..]);
    server.stop();
}

#[test]
fn names_of_any_letters_are_read_and_written() {
    let (server, desk) = open("tickets");
    desk.create("people", json!({"id": "ann", "handle": "ann"}));
    let body = json!({"schlüssel": "ä/ö,ü%", "person_id": "ann", "日付": "2026-01-01", "grund 🙂": "viel"});
    let created = desk.post("Überstunden", body).expect(201);
    let location = created.header("location").unwrap().to_owned();
    assert!(location.is_ascii() && location.contains("/%C3%9Cberstunden/"), "{location}");
    let changed = desk.client.patch(&location, json!({"größe": 2.5})).expect(200).json;
    let asked = format!("{}=gt.2&order={}", encoded("größe"), encoded("-日付"));
    assert_eq!(desk.list("Überstunden", &asked), [changed]);
    let wrong = json!({"schlüssel": "b", "person_id": "eve", "日付": "2026-02-30", "größe": -1});
    assert_faults(desk.post("Überstunden", wrong), 422, "check", &["größe", "日付"]);
    let wrong = json!({"schlüssel": "b", "person_id": "eve", "日付": "2026-02-28"});
    assert_faults(desk.post("Überstunden", wrong), 409, "foreign_key", &["person_id"]);
    let long = json!({"schlüssel": "b", "person_id": "ann", "日付": "2026-02-28", "größe": 11});
    assert_raised(desk.post("Überstunden", long), "höchstens 10 Überstunden am Tag – \"bitte aufteilen\"");
    desk.client.get(&desk.path("überstunden", "")).expect(404);
    let survey = desk.create("survey.2026", json!({"a.b": 1, "c,d": 2, "count()": 3, "-minus": 4, "x:y": 5}));
    let asked = "\"c,d\",-minus,x:y";
    let fields = desk.list("survey.2026", &format!("fields={}", encoded(asked)));
    assert_eq!(fields, [json!({"c,d": 2, "-minus": 4, "x:y": 5})]);
    let again = json!({"a.b": 1, "c,d": 2});
    assert_faults(desk.post("survey.2026", again), 409, "unique", &["a.b", "c,d"]);
    desk.delete("survey.2026", &survey["id"].to_string()).expect(204);
    let sprint =
        json!({"Project Key": "HELP", "Name": "n", "Starts On": "2026-01-02", "Ends On": "2026-01-01"});
    assert_faults(desk.post("Sprint", sprint), 422, "check", &["Ends On", "Starts On"]);
    server.stop();
}

#[test]
fn a_row_without_a_key_is_addressed_by_a_rowid_that_no_column_hides() {
    let (server, desk) = open("tickets");
    for (table, body, rowid) in [
        ("ticket_events", json!({"ticket_id": 1, "what": "seen"}), "rowid"),
        ("imported_hours", json!({"rowid": 7, "person": "p", "hours": "1.50"}), "_rowid_"),
        ("imported_cells", json!({"rowid": 7, "oid": "x", "value": "1"}), "_rowid_"),
    ] {
        assert_eq!(desk.key_columns(table), [rowid], "{table}");
        let before = desk.count(table, "");
        let rows = desk.create_all(table, [body.clone(), body]);
        let keys: Vec<String> = rows.iter().map(|row| row[rowid].to_string()).collect();
        assert_ne!(keys[0], keys[1], "{table}");
        let column =
            if table == "ticket_events" { "was" } else { desk.columns(table)[2]["name"].as_str().unwrap() };
        let changed = desk.patch(table, &keys[0], json!({column: "5"})).expect(200).json;
        assert_eq!(desk.get(table, &keys[0]), changed, "{table}");
        assert_eq!(desk.get(table, &keys[1]), rows[1], "{table}: the other as it was");
        assert_faults(desk.patch(table, &keys[1], json!({rowid: 99})), 422, "read_only", &[rowid]);
        desk.delete(table, &keys[0]).expect(204);
        desk.get(table, &keys[1]);
        assert_eq!(desk.count(table, ""), before + 1, "{table}");
    }
    server.stop();
}

#[test]
fn one_array_brings_records_that_name_each_other_in_any_order() {
    let (server, desk) = open("tickets");
    let item = |id: &str, after: Value| json!({"id": id, "after_id": after, "ticket_id": 1, "text": "x"});
    desk.create_all(
        "checklist_items",
        [item("c", json!("b")), item("b", json!("a")), item("a", Value::Null)],
    );
    assert_faults(desk.post("checklist_items", item("e", json!("d"))), 409, "foreign_key", &["after_id"]);
    let broken = json!([item("e", json!("c")), item("g", json!("f"))]);
    assert_faults(desk.post("checklist_items", broken), 409, "foreign_key", &["[1].after_id"]);
    assert_faults(
        desk.patch("checklist_items", "a", json!({"after_id": "z"})),
        409,
        "foreign_key",
        &["after_id"],
    );
    assert_faults(desk.patch("checklist_items", "a", json!({"after_id": "b"})), 409, "unique", &["after_id"]);
    assert_eq!(desk.count("checklist_items", ""), 3);
    server.stop();
}

#[test]
fn rules_and_views_answer_in_words_a_client_can_use() {
    let (server, desk) = open("tickets");
    let ticket = desk.create("tickets", json!({"project_key": "HELP", "title": "t"}));
    assert_eq!((&ticket["ref"], &ticket["heading"]), (&json!("HELP-2"), &json!("HELP-2: t")), "by a trigger");
    let id = ticket["id"].to_string();
    let generated = json!({"is_open": true, "ref": "X-1", "weight": 1});
    assert_faults(desk.patch("tickets", &id, generated), 422, "read_only", &["is_open", "ref", "weight"]);
    desk.patch("tickets", &id, json!({"locked": true})).expect(200);
    let comment = json!({"ticket_id": ticket["id"], "body": "x"});
    assert_raised(desk.post("comments", comment), "locked: this ticket takes no more comments");
    assert_raised(
        desk.patch("project_counters", "HELP", json!({"last": 1})),
        "the numbers of HELP have reached 2 and never go back",
    );
    desk.create("tickets", json!({"project_key": "HELP", "title": "below", "parent_id": ticket["id"]}));
    assert_raised(
        desk.patch("tickets", &id, json!({"parent_id": 3})),
        "a ticket cannot be moved below one of its own",
    );
    desk.create("order", json!({"group": 1, "select": 1, "order": 1.5}));
    let mut cases = Vec::new();
    for view in [
        "open_tickets",
        "project_summary",
        "ticket_tree",
        "tickets_with_people",
        "from",
        "board",
        "tickets_search",
        "handbook",
    ] {
        let (list, one) = (desk.path(view, ""), desk.path(view, "/1"));
        cases.push(Case::new(view, Call::get(&list), 200).has("items"));
        cases.push(Case::new(view, Call::post(&list, json!({})), 405).has("read_only_table"));
        cases.push(Case::new(view, Call::patch(&one, json!({})), 405).has("read_only_table"));
        cases.push(Case::new(view, Call::delete(&one), 405).has("read_only_table"));
    }
    for hidden in ["tickets_search_data", "handbook_content", "sqlite_sequence", "_migrations", "SELECT"] {
        cases.push(Case::new(hidden, Call::get(desk.path(hidden, "")), 404));
        cases.push(Case::new(hidden, Call::post(desk.path(hidden, ""), json!({})), 404));
    }
    run_cases(&desk.client, &cases);
    server.stop();
}
