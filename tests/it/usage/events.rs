//! Events sent, sent again, taken back, read.

use serde_json::{Value, json};

use super::{app_of_tests, event, installation, send, used};
use crate::harness::{Call, DAY, Installation};

#[test]
fn an_event_is_taken_once_and_told_so() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let sent = event("tokens", 5, "first");
    let taken = send(&ann.client, &acme, sent.clone()).expect(201);
    assert_eq!(taken.json, json!({ "seq": 1, "status": "accepted" }));
    let again = send(&ann.client, &acme, sent).expect(200);
    assert_eq!(again.json, json!({ "seq": 1, "status": "duplicate" }));
    send(&ann.client, &acme, event("tokens", 6, "first")).expect_code(409, "idempotency_key_reused");
    assert_eq!(used(&ann.client, &acme, "tokens"), "5");
    let read = ann.client.get(&acme.path("/usage-events/1")).expect(200);
    assert_eq!((&read.json["quantity"], &read.json["voided_by"]), (&json!("5"), &Value::Null));
    for unknown in ["2", "0", "-1", "x"] {
        ann.client.get(&acme.path(&format!("/usage-events/{unknown}"))).expect(404);
    }
    server.stop();
}

#[test]
fn of_several_each_is_taken_or_refused_by_itself() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    send(&ann.client, &acme, event("tokens", 1, "a")).expect(201);
    let old = json!({ "meter": "tokens", "quantity": 1, "idempotency_key": "old", "occurred_at": "2020-01-01T00:00:00Z" });
    let body = json!([
        event("tokens", 1, "a"),
        event("tokens", 2, "a"),
        event("tokens", "2", "b"),
        event("nothing", 1, "c"),
        event("tokens", 1.5, "d"),
        event("seats", 1, "e"),
        old,
        7,
        event("tokens", 98, "f"),
        event("gigabytes", "1.250", "g"),
    ]);
    let answer = send(&ann.client, &acme, body).expect(200);
    assert_eq!(
        (&answer.json["accepted"], &answer.json["duplicates"], &answer.json["rejected"]),
        (&json!(2), &json!(1), &json!(7))
    );
    let told: Vec<Value> = answer.json["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result.get("code").unwrap_or(&result["status"]).clone())
        .collect();
    assert_eq!(
        told,
        [
            "duplicate",
            "idempotency_key_reused",
            "accepted",
            "unknown_meter",
            "bad_quantity",
            "built_in_meter",
            "occurred_at_too_old",
            "type",
            "limit_reached",
            "accepted"
        ]
    );
    assert_eq!(answer.json["results"][9]["seq"], 3);
    let too_many: Vec<Value> = (0..1_001).map(|number| event("calls", 1, &number.to_string())).collect();
    send(&ann.client, &acme, json!(too_many)).expect_code(400, "bad_event_count");
    let fits: Vec<Value> = (0..1_000).map(|number| event("calls", 1, &number.to_string())).collect();
    assert_eq!(send(&ann.client, &acme, json!(fits)).expect(200).json["accepted"], 1_000);
    server.stop();
}

#[test]
fn one_event_that_is_wrong_is_told_every_field() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let body = json!({ "meter": "x", "occurred_at": "soon", "idempotency_key": "_mine", "properties": 1, "amount": 2 });
    let answer = send(&ann.client, &acme, body).expect(422);
    for field in ["meter", "occurred_at", "idempotency_key", "properties", "amount"] {
        let errors = answer.json["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["field"] == field), "{field}: {answer:?}");
    }
    let ahead = json!({
        "meter": "tokens", "quantity": 1, "idempotency_key": "k", "occurred_at": "2999-01-01T00:00:00Z",
    });
    send(&ann.client, &acme, ahead).expect(422).expect_refused_by_name("occurred_at");
    for body in ["", "{", "7", "null", "[]", "\"x\""] {
        let call = Call::new("POST", acme.path("/usage-events")).bytes("application/json", body);
        ann.client.send(&call).expect(400);
    }
    ann.client.send(&Call::new("POST", acme.path("/usage-events")).bytes("text/plain", "{}")).expect(415);
    server.stop();
}

#[test]
fn an_event_taken_back_counts_nothing_and_both_can_be_read() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    send(&ann.client, &acme, json!([event("tokens", 5, "a"), event("tokens", 7, "b")])).expect(200);
    let void =
        |seq: u32| ann.client.send(&Call::new("POST", acme.path(&format!("/usage-events/{seq}/void"))));
    assert_eq!(void(1).expect(201).json, json!({ "seq": 3, "voids": 1, "status": "accepted" }));
    assert_eq!(used(&ann.client, &acme, "tokens"), "7");
    void(1).expect_code(409, "already_voided");
    void(3).expect_code(409, "not_voidable");
    void(9).expect(404);
    let first = ann.client.get(&acme.path("/usage-events/1")).expect(200);
    assert_eq!(first.json["voided_by"], 3);
    let listed = ann.client.get(&acme.path("/usage-events?limit=2")).expect(200);
    let cursor = listed.string("/next_cursor");
    let rest = ann.client.get(&acme.path(&format!("/usage-events?limit=2&cursor={cursor}"))).expect(200);
    assert_eq!(rest.json["items"][0]["quantity"], "-5");
    assert_eq!(
        (rest.json["items"][0]["voids"].clone(), rest.json["next_cursor"].clone()),
        (json!(1), Value::Null)
    );
    // A cursor of another list is none of this one.
    let other = format!("/usage-events?meter=calls&cursor={cursor}");
    ann.client.get(&acme.path(&other)).expect(400);
    server.stop();
}

#[test]
fn events_of_an_invoice_line_are_listed_by_their_numbers() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let sent = json!([
        event("tokens", 1, "a"),
        event("gigabytes", 2, "b"),
        event("tokens", 3, "c"),
        event("tokens", 4, "d")
    ]);
    send(&ann.client, &acme, sent).expect(200);
    let listed = |query: &str| {
        let page = ann.client.get(&acme.path(&format!("/usage-events?{query}"))).expect(200);
        let seqs = page.json["items"].as_array().into_iter().flatten().map(|event| event["seq"].clone());
        (seqs.collect::<Value>(), page.json["next_cursor"].clone())
    };
    for (query, expected) in [
        ("seq_from=2&seq_to=3", json!([2, 3])),
        ("meter=tokens&seq_from=2", json!([3, 4])),
        ("seq_to=1", json!([1])),
        ("seq_from=4&seq_to=3", json!([])),
    ] {
        assert_eq!(listed(query), (expected, Value::Null), "{query}");
    }
    let (first, cursor) = listed("meter=tokens&seq_from=1&seq_to=3&limit=1");
    assert_eq!(first, json!([1]));
    let cursor = cursor.as_str().expect("one more");
    assert_eq!(
        listed(&format!("meter=tokens&seq_from=1&seq_to=3&limit=1&cursor={cursor}")),
        (json!([3]), Value::Null)
    );
    // The cursor of a list to 3 goes on in no list to 4.
    let other = format!("/usage-events?meter=tokens&seq_from=1&seq_to=4&limit=1&cursor={cursor}");
    ann.client.get(&acme.path(&other)).expect(400);
    for wrong in ["0", "-1", "x", "99999999999999999999"] {
        ann.client.get(&acme.path(&format!("/usage-events?seq_from={wrong}"))).expect_code(400, "bad_seq");
    }
    server.stop();
}

#[test]
fn usage_is_told_by_windows_of_the_tenants_time_zone() {
    let installation = installation();
    // 2026-03-29T20:00:00Z: the clocks of Berlin went forward that morning.
    installation.set_clock(1_774_814_400_000);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.patch(&acme.path(""), json!({ "timezone": "Europe/Berlin" })).expect(200);
    let at = |key: &str, time: &str| json!({ "meter": "gigabytes", "quantity": "0.5", "idempotency_key": key, "occurred_at": time, "cost_cents": "0.25" });
    let sent = json!([
        at("a", "2026-03-28T22:59:59.999Z"),
        at("b", "2026-03-28T23:00:00Z"),
        at("c", "2026-03-29T19:59:00Z"),
    ]);
    send(&ann.client, &acme, sent).expect(200);
    let path = "/usage?meter=gigabytes&from=2026-03-01T00:00:00Z&to=2026-03-30T00:00:00Z";
    let days = ann.client.get(&acme.path(path)).expect(200);
    assert_eq!(
        days.json["items"],
        json!([
            { "meter": "gigabytes", "from": "2026-03-27T23:00:00.000Z", "to": "2026-03-28T23:00:00.000Z",
              "quantity": "0.5", "cost_cents": "0.25" },
            { "meter": "gigabytes", "from": "2026-03-28T23:00:00.000Z", "to": "2026-03-29T22:00:00.000Z",
              "quantity": "1", "cost_cents": "0.5" },
        ])
    );
    let hours = ann.client.get(&acme.path(&format!("{path}&window=hour"))).expect(200);
    assert_eq!(hours.json["items"].as_array().unwrap().len(), 3);
    for wrong in [
        "window=week",
        "meter=none",
        "from=yesterday",
        "from=2026-03-30T00:00:00Z&to=2026-03-01T00:00:00Z",
        "x=1",
    ] {
        ann.client.get(&acme.path(&format!("/usage?{wrong}"))).expect(400);
    }
    server.stop();
}

#[test]
fn usage_survives_a_kill_and_what_was_acknowledged_is_never_lost_or_counted_twice() {
    let installation = installation();
    let mut server = installation.serve();
    let (mut ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let mut sent = 0;
    for round in 0..4 {
        let client = ann.client.clone();
        let (path, tenant) = (acme.path("/usage-events"), acme.clone());
        let sending = std::thread::spawn(move || {
            let mut acknowledged = Vec::new();
            for number in 0..10_000 {
                let key = format!("{round} {number}").replace(' ', "-");
                match client.try_send(&Call::post(&path, event("calls", 1, &key))) {
                    Ok(answer) if answer.status == 201 => acknowledged.push(key),
                    _ => break,
                }
            }
            drop(tenant);
            acknowledged
        });
        std::thread::sleep(std::time::Duration::from_millis(150 + 40 * round));
        server.kill();
        let acknowledged = sending.join().unwrap();
        assert!(!acknowledged.is_empty());
        server = installation.serve();
        ann = ann.sign_in_again_at(&server);
        // The last one may be there though nobody was told.
        let next = format!("{round}-{}", acknowledged.len());
        for key in &acknowledged {
            send(&ann.client, &acme, event("calls", 1, key)).expect(200);
        }
        send(&ann.client, &acme, event("calls", 1, &next)).expect_one_of(&[200, 201]);
        sent += acknowledged.len() + 1;
        assert_eq!(used(&ann.client, &acme, "calls"), sent.to_string());
    }
    server.stop();
    let checked = installation.run(&["verify", "usage", "--app", app_of_tests()]).expect_code(0);
    assert!(checked.stdout.contains("OK"), "{}", checked.stdout);
}

#[test]
fn an_app_whose_meter_would_count_otherwise_is_refused_and_a_former_meter_keeps_its_usage() {
    let installation =
        Installation::with_migrations(&[("0001_notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY);")]);
    let app = installation.migrations().parent().unwrap().join("app.toml");
    let meters = "[meters.gigabytes]\nscale = 3\n";
    std::fs::write(&app, format!("{meters}[meters.calls]\naggregation = \"count\"\n")).unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    send(&ann.client, &acme, event("calls", 1, "a")).expect(201);
    server.stop();
    std::fs::write(&app, meters.replace('3', "2")).unwrap();
    let refused = installation.serve_refused();
    assert!(refused.stderr.contains("meters.gigabytes"), "{}", refused.stderr);
    std::fs::write(&app, meters).unwrap();
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    assert_eq!(used(&ann.client, &acme, "calls"), "1");
    server.stop();
}

#[test]
fn what_cannot_be_billed_or_was_billed_is_refused() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for quantity in [json!(1_000_000_000_000_001_i64), json!(i64::MAX), json!("1000000000000.001")] {
        send(&ann.client, &acme, event("gigabytes", quantity, "k"))
            .expect(422)
            .expect_refused_by_name("quantity");
    }
    send(&ann.client, &acme, event("calls", 1, "a")).expect(201);
    ann.client.post(&acme.path("/records/documents"), json!({ "id": "a", "title": "A" })).expect(201);
    let void = |client: &crate::harness::Client, seq: u32| {
        client.send(&Call::new("POST", acme.path(&format!("/usage-events/{seq}/void"))))
    };
    // What came with a record stays billed.
    void(&ann.client, 2).expect_code(409, "not_voidable");
    // As many elements as fit into a body cost no more than those that are taken.
    let many = format!("[{}0]", "0,".repeat(1_000_000));
    let call = Call::new("POST", acme.path("/usage-events")).bytes("application/json", many);
    ann.client.send(&call).expect_code(400, "bad_event_count");
    installation.advance_clock(36 * DAY);
    let ann = ann.sign_in_again();
    void(&ann.client, 1).expect_code(409, "too_old_to_void");
    server.stop();
}
