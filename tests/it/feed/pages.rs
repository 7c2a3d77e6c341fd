//! Pages of changes, and the history of a record.

use serde_json::json;

use super::{house, told};
use crate::harness::{Call, DAY, Installation};

#[test]
fn every_change_is_told_once_in_order_with_cascades_and_who_did_it() {
    let house = house();
    let (client, acme) = (&house.ann.client, &house.acme);
    house.create("customers", json!({"id": "c1", "name": "One"}));
    house.create("invoices", json!({"id": "i1", "customer_id": "c1", "amount_cents": 5}));
    house.create(
        "invoice_lines",
        json!([{"id": "l1", "invoice_id": "i1", "description": "a", "unit_cents": 3},
        {"id": "l2", "invoice_id": "i1", "description": "b"}]),
    );
    client.patch(&acme.path("/records/customers/c1"), json!({"name": "Two"})).expect(200);
    client.delete(&acme.path("/records/invoices/i1")).expect(204);
    client.post(&acme.path("/records/customers"), json!([{"name": "x"}, {"name": null}])).expect(422);
    let page = house.page("");
    let expected = [
        "create customers/c1",
        "create invoices/i1",
        "create invoice_lines/l1",
        "create invoice_lines/l2",
        "update customers/c1",
        "delete invoice_lines/l1",
        "delete invoice_lines/l2",
        "delete invoices/i1",
    ];
    assert_eq!(told(&page), expected);
    assert_eq!((&page["last_seq"], &page["has_more"]), (&json!(8), &json!(false)));
    let items = page["items"].as_array().unwrap();
    let read = client.get(&acme.path("/records/customers/c1")).expect(200).json;
    assert_eq!(items[4]["record"], read);
    assert_eq!(items[2]["record"]["amount_cents"], 3);
    assert_eq!(items[5]["record"], json!(null));
    assert!(items.iter().all(|change| change["actor"] == format!("identity:{}", house.ann.id)));
    assert!(items.iter().all(|change| change["at"].as_str().unwrap().ends_with('Z')));
    let seqs: Vec<i64> = items.iter().map(|change| change["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=8).collect::<Vec<_>>());

    assert_eq!(
        told(&house.page("?tables=invoices,customers&since=1")),
        [expected[1], expected[4], expected[7]]
    );
    let first = house.page("?limit=2&tables=invoice_lines");
    assert_eq!(
        (told(&first), &first["has_more"]),
        (vec![expected[2].into(), expected[3].into()], &json!(true))
    );
    let next = house.page(&format!("?tables=invoice_lines&since={}", first["last_seq"]));
    assert_eq!((told(&next), &next["last_seq"]), (vec![expected[5].into(), expected[6].into()], &json!(8)));
    assert_eq!(house.page("?since=latest"), json!({"items": [], "last_seq": 8, "has_more": false}));
    house.server.stop();
}

#[test]
fn what_is_asked_wrong_is_told_by_name() {
    let house = house();
    for (query, code) in [
        ("?since=x", "bad_since"),
        ("?since=-1", "bad_since"),
        ("?since=+1", "bad_since"),
        ("?since=99999999999999999999", "bad_since"),
        ("?since=1&since=2", "repeated_parameter"),
        ("?limit=0", "bad_limit"),
        ("?limit=501", "bad_limit"),
        ("?tables=customers,nothing", "unknown_table"),
        ("?tables=_changes", "unknown_table"),
        ("?tables=", "unknown_table"),
        ("?order=seq", "unknown_parameter"),
    ] {
        house.ann.client.get(&house.acme.path(&format!("/changes{query}"))).expect_code(400, code);
    }
    let stream = Call::get(house.acme.path("/changes")).header("accept", "text/event-stream");
    house.ann.client.send(&stream.clone().header("last-event-id", "x")).expect_code(400, "bad_last_event_id");
    house.ann.client.send(&stream.header("last-event-id", "7")).expect_code(410, "changes_gone");
    house.server.stop();
}

#[test]
fn who_was_away_longer_than_changes_are_kept_is_told_where_to_go_on() {
    let house = house();
    house.create_many(100, "old");
    house.server.installation().advance_clock(31 * DAY);
    let ann = house.ann.sign_in_again();
    let page = |query: &str| ann.client.get(&house.acme.path(&format!("/changes{query}")));
    page("?since=3").expect(200);
    // Room is made by those who write.
    let body = json!((0..64).map(|number| json!({"name": number.to_string()})).collect::<Vec<_>>());
    ann.client.post(&house.acme.path("/records/customers"), body).expect(201);
    let gone = page("?since=3").expect_code(410, "changes_gone");
    let restart = gone.json["restart_from"].as_i64().unwrap();
    assert_eq!((restart, &gone.json["oldest_since"]), (164, &json!(100)), "{}", gone.json);
    assert!(gone.json["detail"].as_str().unwrap().contains("since=164"));
    page(&format!("?since={restart}")).expect(200);
    // Where nothing is said, with the oldest that is kept.
    assert_eq!(page("").expect(200).json["items"][0]["seq"], 101);
    page("?since=165").expect_code(410, "changes_gone");
    house.server.stop();
}

#[test]
fn a_migration_has_everyone_read_the_tables_anew() {
    let first = ("0001_a.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);");
    let installation = Installation::with_migrations(&[first]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/notes"), json!({"text": "x"})).expect(201);
    server.stop();
    let second = "ALTER TABLE notes RENAME COLUMN text TO secret; UPDATE notes SET secret = 'y';";
    std::fs::write(installation.migrations().join("0002_b.sql"), second).unwrap();
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    let gone = client.get(&acme.path("/changes?since=1")).expect_code(410, "changes_gone");
    assert_eq!(gone.json["restart_from"], 2);
    client.post(&acme.path("/records/notes"), json!({"secret": "z"})).expect(201);
    let page = client.get(&acme.path("/changes?since=2")).expect(200).json;
    assert_eq!(told(&page), ["create notes/2"]);
    // What a column was called is no longer told: the app may hide it under its new name.
    let history = client.get(&acme.path("/records/notes/1/history")).expect(200).json;
    assert_eq!(history["items"][0]["record"], json!({"id": 1}));
    server.stop();
}

#[test]
fn the_history_of_a_record_is_newest_first_and_outlives_it() {
    let house = house();
    let (client, acme) = (&house.ann.client, &house.acme);
    let mia = house.server.join(&house.ann, acme, "mia", "member");
    house.create("customers", json!({"id": "a,b", "name": "0"}));
    house.create("customers", json!({"id": "other", "name": "0"}));
    for number in 1..5 {
        mia.client
            .patch(&acme.path("/records/customers/a%2Cb"), json!({"name": number.to_string()}))
            .expect(200);
    }
    let page = |query: &str| {
        client.get(&acme.path(&format!("/records/customers/a%2Cb/history{query}"))).expect(200).json
    };
    let names = |page: &serde_json::Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["record"]["name"].as_str().unwrap_or("-").to_owned())
            .collect()
    };
    let first = page("?limit=3");
    assert_eq!(names(&first), ["4", "3", "2"]);
    assert_eq!(first["items"][0]["actor"], format!("identity:{}", mia.id));
    let rest = page(&format!("?limit=3&cursor={}", first["next_cursor"].as_str().unwrap()));
    assert_eq!((names(&rest), &rest["next_cursor"]), (vec!["1".to_owned(), "0".to_owned()], &json!(null)));
    let cursor = first["next_cursor"].as_str().unwrap();
    client
        .get(&acme.path(&format!("/records/customers/other/history?cursor={cursor}")))
        .expect_code(400, "bad_cursor");
    client.delete(&acme.path("/records/customers/a%2Cb")).expect(204);
    assert_eq!(names(&page("?limit=2")), ["-", "4"]);
    client.get(&acme.path("/records/customers/never/history")).expect_code(404, "not_found");
    client.get(&acme.path("/records/nothing/x/history")).expect_code(404, "unknown_table");
    client.get(&acme.path("/records/_changes/1/history")).expect_code(404, "unknown_table");
    house.server.stop();
}
