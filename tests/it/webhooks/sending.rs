//! What is sent of records, and how it is signed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Receiver, create_customer, deliveries, installation, lets_send, make, path_of, taken, until_received,
};
use crate::harness::{DAY, HOUR, Installation, eventually};

#[test]
fn what_becomes_of_records_is_sent_with_a_signature_and_once() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    create_customer(&ann.client, &acme, "Before");
    let all = ["record.created", "record.updated", "record.deleted"];
    let made = make(&ann.client, &acme, &receiver.url("/in?x=1"), &all);
    let deleted = make(&ann.client, &acme, &receiver.url("/deleted"), &["record.deleted"]);
    let id = create_customer(&ann.client, &acme, "Café \"Ä\"");
    let record = acme.path(&format!("/records/customers/{id}"));
    ann.client.patch(&record, json!({ "name": "Other" })).expect(200);
    ann.client.delete(&record).expect(204);
    let mut received = until_received(&receiver, 4);
    let of_deleted: Vec<_> = received.extract_if(.., |one| one.path == "/deleted").collect();
    received.sort_by_key(|one| one.json["data"]["seq"].as_i64());
    let types: Vec<&str> = received.iter().map(|one| one.json["type"].as_str().unwrap()).collect();
    assert_eq!((types.as_slice(), of_deleted.len()), (&all[..], 1));
    for one in &received {
        assert!(
            one.is_signed_with(&made.string("/secret")) && !one.is_signed_with(&deleted.string("/secret"))
        );
        assert_eq!(one.header("webhook-signature").split(' ').count(), 1);
        assert_eq!((one.header("content-type"), one.path.as_str()), ("application/json", "/in?x=1"));
        assert_eq!(one.json["data"]["tenant_id"], acme.id);
        assert_eq!((&one.json["data"]["table"], &one.json["data"]["id"]), (&json!("customers"), &json!(id)));
        assert!(one.json["timestamp"].as_str().unwrap().ends_with('Z'));
        let keys: Vec<&str> = one.json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["type", "timestamp", "data"]);
    }
    assert_eq!(received[0].json["data"]["record"]["name"], "Café \"Ä\"");
    assert_eq!(received[2].json["data"]["record"], Value::Null);
    // One event has one id, whoever gets it.
    assert_eq!(received[2].header("webhook-id"), of_deleted[0].header("webhook-id"));
    let path = path_of(&acme, &made);
    let listed = eventually("that all are done", || {
        let listed = deliveries(&ann.client, &path);
        listed.iter().all(|one| one["status"] == "delivered").then_some(listed)
    });
    let ids: BTreeSet<&str> = received.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!(listed.iter().map(|one| one["event_id"].as_str().unwrap()).collect::<BTreeSet<_>>(), ids);
    let whole =
        ann.client.get(&format!("{path}/deliveries/{}", listed[0]["id"].as_str().unwrap())).expect(200);
    assert_eq!(whole.json["payload"]["data"]["id"], json!(id));
    let attempt = &whole.json["attempts"][0];
    assert_eq!(
        (&attempt["number"], &attempt["status"], &attempt["error"]),
        (&json!(1), &json!(204), &Value::Null)
    );
    assert_eq!(receiver.received().len(), 4);
    server.stop();
}

#[test]
fn many_changes_of_one_transaction_all_arrive() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    make(&ann.client, &acme, &receiver.url("/"), &["record.created"]);
    let many: Vec<Value> = (0..600).map(|number| json!({ "name": format!("Customer {number}") })).collect();
    ann.client.post(&acme.path("/records/customers"), json!(many)).expect(201);
    let received = until_received(&receiver, 600);
    let names: BTreeSet<&str> =
        received.iter().map(|one| one.json["data"]["record"]["name"].as_str().unwrap()).collect();
    assert_eq!((received.len(), names.len()), (600, 600));
    server.stop();
}

#[test]
fn hidden_columns_withheld_tables_and_what_is_too_large_are_not_sent() {
    let receiver = Receiver::open(|_, _| taken());
    let sql = "CREATE TABLE notes (id TEXT PRIMARY KEY, title TEXT, pin TEXT DEFAULT 'pin-4711', body TEXT);
               CREATE TABLE pay (id TEXT PRIMARY KEY, amount INTEGER);";
    let installation = Installation::with_migrations(&[("0001_notes.sql", sql)]);
    let app = "[tables.notes]\nhidden = [\"pin\"]\n[tables.pay.roles.admin]\nread = false\nwrite = false\n";
    std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), app).unwrap();
    lets_send(&installation);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let adam = server.join(&ann, &acme, "adam", "admin");
    let made = make(&adam.client, &acme, &receiver.url("/admin"), &["record.created"]);
    make(&ann.client, &acme, &receiver.url("/owner"), &["record.created"]);
    ann.client.post(&acme.path("/records/pay"), json!({ "id": "p", "amount": 4_711 })).expect(201);
    let note = json!({ "id": "a", "title": "Short", "body": "x" });
    ann.client.post(&acme.path("/records/notes"), note).expect(201);
    let large = json!({ "id": "b", "title": "Large", "body": "y".repeat(70_000) });
    ann.client.post(&acme.path("/records/notes"), large).expect(201);
    let received = until_received(&receiver, 5);
    let to =
        |path: &str, id: &str| received.iter().find(|one| one.path == path && one.json["data"]["id"] == id);
    assert!(to("/owner", "p").is_some() && to("/admin", "p").is_none());
    let short = to("/admin", "a").unwrap();
    assert_eq!(short.json["data"]["record"], json!({ "id": "a", "title": "Short", "body": "x" }));
    let large = to("/admin", "b").unwrap();
    assert_eq!(
        [&large.json["data"]["record"], &large.json["data"]["record_omitted"]],
        [&Value::Null, &json!(true)]
    );
    assert!(received.iter().all(|one| !one.text.contains("pin") && one.text.len() <= 64 << 10));
    let path = path_of(&acme, &made);
    assert!(deliveries(&ann.client, &path).iter().all(|one| one["type"] == "record.created"));
    server.stop();
}

#[test]
fn for_a_day_after_a_rotation_both_secrets_sign() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let made = make(&ann.client, &acme, &receiver.url("/"), &["record.created"]);
    let (path, old) = (path_of(&acme, &made), made.string("/secret"));
    let new = ann.client.post(&format!("{path}/rotate-secret"), json!({})).expect(200).string("/secret");
    create_customer(&ann.client, &acme, "One");
    let first = until_received(&receiver, 1).remove(0);
    assert!(first.is_signed_with(&old) && first.is_signed_with(&new));
    assert_eq!(first.header("webhook-signature").split(' ').count(), 2);
    installation.advance_clock(DAY + HOUR);
    let ann = ann.sign_in_again();
    create_customer(&ann.client, &acme, "Two");
    let second = until_received(&receiver, 2).remove(1);
    assert!(!second.is_signed_with(&old) && second.is_signed_with(&new));
    server.stop();
}

#[test]
fn what_is_answered_while_the_server_ends_is_not_sent_once_more() {
    let receiver = Receiver::open(|_, _| {
        // Long enough that the server is told to end before it is answered, and less than it waits for that.
        std::thread::sleep(Duration::from_millis(200));
        taken()
    });
    let installation = installation();
    let mut server = installation.serve();
    let (mut ann, acme) = server.sign_up_with_tenant("ann", "acme");
    make(&ann.client, &acme, &receiver.url("/"), &["record.created"]);
    for round in 1..=3 {
        create_customer(&ann.client, &acme, &format!("Customer {round}"));
        eventually("it comes", || (receiver.received().len() == round).then_some(()));
        server = server.restart();
        ann = ann.sign_in_again_at(&server);
    }
    create_customer(&ann.client, &acme, "The last");
    eventually("all of them", || (receiver.received().len() >= 4).then_some(()));
    let received = receiver.received();
    let ids: BTreeSet<&str> = received.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!((received.len(), ids.len()), (4, 4));
    server.stop();
}
