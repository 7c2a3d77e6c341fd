//! Limits and the spend cap: held, told, raised.

use serde_json::{Value, json};

use super::{event, installation, limit, send};
use crate::harness::{Call, DAY, eventually, letters_to};

#[test]
fn a_hard_limit_refuses_with_what_helps_and_reads_stay_open() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    assert!(
        send(&ann.client, &acme, event("tokens", 79, "a")).expect(201).header("x-usage-warning").is_none()
    );
    let warned = send(&ann.client, &acme, event("tokens", 4, "b")).expect(201);
    assert_eq!(warned.header("x-usage-warning"), Some("tokens; used=83; limit=100; percent=83"));
    let refused = send(&ann.client, &acme, event("tokens", 18, "c")).expect_code(402, "limit_reached");
    assert!(
        refused.json["resets_at"].as_str().is_some_and(|time| time.ends_with("T00:00:00.000Z")),
        "{refused:?}"
    );
    // Everybody who talks to the tenant is warned.
    let read = ann.client.get(&acme.path("/records/notes")).expect(200);
    assert_eq!(read.header("x-usage-warning"), Some("tokens; used=83; limit=100; percent=83"));
    let line = limit(&ann.client, &acme, "tokens");
    assert_eq!(
        (&line["used"], &line["hard"], &line["percent"], &line["window"]),
        (&json!("83"), &json!("100"), &json!(83), &json!("day"))
    );
    send(&ann.client, &acme, event("tokens", 17, "d")).expect(201);
    // Told by mail, each threshold once.
    let letters = eventually("two letters", || {
        let letters: Vec<String> = letters_to(&installation, "ann@example.com")
            .into_iter()
            .filter(|letter| letter.contains("tokens"))
            .collect();
        (letters.len() == 2).then_some(letters)
    });
    assert!(letters[0].contains("80 %") && letters[1].contains("used up"), "{letters:?}");
    installation.advance_clock(DAY);
    let ann = ann.sign_in_again();
    let answer = send(&ann.client, &acme, event("tokens", 1, "e")).expect(201);
    assert!(answer.header("x-usage-warning").is_none());
    server.stop();
}

#[test]
fn whoever_talks_to_the_tenant_is_warned_also_after_a_restart() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    send(&ann.client, &acme, event("tokens", 83, "a")).expect(201);
    let server = server.restart();
    let ann = ann.sign_in_again_at(&server);
    for _ in 0..2 {
        let read = ann.client.get(&acme.path("/records/notes")).expect(200);
        assert_eq!(read.header("x-usage-warning"), Some("tokens; used=83; limit=100; percent=83"));
    }
    send(&ann.client, &acme, event("tokens", 4, "b")).expect(201);
    let read = ann.client.get(&acme.path("/records/notes")).expect(200);
    assert_eq!(read.header("x-usage-warning"), Some("tokens; used=87; limit=100; percent=87"));
    installation.advance_clock(DAY);
    let ann = ann.sign_in_again();
    assert!(ann.client.get(&acme.path("/records/notes")).expect(200).header("x-usage-warning").is_none());
    server.stop();
}

#[test]
fn notices_that_nobody_was_told_of_are_told_after_a_kill() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    send(&ann.client, &acme, event("tokens", 1, "a")).expect(201);
    server.kill();
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    file.execute(
        "INSERT INTO _usage_notices (meter, window, starts_at, threshold, used, allowed, at) VALUES ('tokens', 'day', 0, 80, '80', '100', 0)",
        [],
    )
    .unwrap();
    drop(file);
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    ann.client.get(&acme.path("/limits")).expect(200);
    eventually("a letter", || {
        letters_to(&installation, "ann@example.com").into_iter().find(|letter| letter.contains("80 %"))
    });
    server.stop();
}

#[test]
fn the_spend_cap_is_the_owners_to_set_and_raise() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let admin = server.join(&ann, &acme, "ben", "admin");
    let cap = |value: Value| Call::patch(acme.path("/limits"), json!({ "spend_cap_cents": value }));
    admin.client.send(&cap(json!(100))).expect(403);
    for wrong in [json!(-1), json!(1.5), json!("x"), json!([]), json!("1e3"), json!(1_000_000_000_001_i64)] {
        ann.client.send(&cap(wrong)).expect(422).expect_refused_by_name("spend_cap_cents");
    }
    ann.client.patch(&acme.path("/limits"), json!({})).expect(422);
    let set = ann.client.send(&cap(json!("25"))).expect(200);
    assert_eq!(
        set.json["spend"],
        json!({ "currency": "USD", "cap_cents": 25, "spent_cents": "0", "late_meters": [], "unrefused_meters": [] })
    );
    // Ten cents each.
    send(&ann.client, &acme, event("gigabytes", "2.45", "a")).expect(201);
    let refused =
        send(&ann.client, &acme, event("gigabytes", "0.051", "b")).expect_code(402, "spend_cap_reached");
    assert!(refused.json["detail"].as_str().unwrap().contains("0.25 USD"), "{refused:?}");
    let told = ann.client.get(&acme.path("/limits")).expect(200);
    assert_eq!(told.json["spend"]["spent_cents"], "24.5");
    ann.client.send(&cap(json!(26))).expect(200);
    send(&ann.client, &acme, event("gigabytes", "0.051", "b")).expect(201);
    ann.client.send(&cap(Value::Null)).expect(200);
    send(&ann.client, &acme, event("gigabytes", "1000", "c")).expect(201);
    let audit = ann.client.get(&acme.path("/audit?limit=10")).expect(200);
    assert!(audit.text().contains("spend_cap.changed"));
    server.stop();
}

#[test]
fn storage_is_held_within_its_limit_and_room_can_be_made() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let note = |text: String| Call::post(acme.path("/records/notes"), json!({ "text": text }));
    let long = "x".repeat(400_000);
    let mut last = 0;
    let refused = (0..10)
        .map(|_| ann.client.send(&note(long.clone())))
        .find(|answer| {
            last = answer.json["id"].as_i64().unwrap_or(last);
            answer.status != 201
        })
        .expect("two megabytes hold no ten of these");
    refused.expect_code(402, "limit_reached");
    let line = limit(&ann.client, &acme, "storage.bytes");
    assert!(line["used"].as_str().unwrap().parse::<i64>().unwrap() <= 2_000_000, "{line}");
    let upload = Call::new("PUT", acme.path("/files/large")).bytes("text/plain", long.clone());
    ann.client.send(&upload).expect_code(402, "limit_reached");
    ann.client.get(&acme.path("/records/notes?limit=1")).expect(200);
    ann.client.delete(&acme.path(&format!("/records/notes/{last}"))).expect(204);
    ann.client.send(&note("short".to_owned())).expect(201);
    server.stop();
}
