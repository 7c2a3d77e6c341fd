//! What handlers are sent, and what their answers lead to.

use std::sync::Mutex;

use serde_json::{Value, json};
use tenantry::model::standard_webhooks::{key_of, sign};

use super::desk::{Desk, Reply, done};
use super::{enqueue, installation, job, until};
use crate::harness::{HOUR, MINUTE, eventually};

#[test]
fn a_job_is_posted_with_a_signature_and_what_is_answered_is_kept() {
    let desk = Desk::open(|_, _| done());
    let installation = installation(&desk, "");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let answer = enqueue(&ann.client, &acme, &json!({ "idempotency_key": "page-1" }));
    let id = answer.string("/id");
    assert_eq!(answer.header("location"), Some(format!("/api/v1/tenants/acme/jobs/{id}").as_str()));
    let again = enqueue(&ann.client, &acme, &json!({ "idempotency_key": "page-1" }));
    assert_eq!(again.string("/id"), id);
    let other = json!({ "kind": "render", "payload": 2, "idempotency_key": "page-1" });
    ann.client.post(&acme.path("/jobs"), other).expect_code(409, "idempotency_key_reused");
    let ended = until(&ann.client, &acme, &id, "succeeded");
    assert_eq!(
        (&ended["result"], &ended["attempts"], &ended["progress"]),
        (&json!({"done": true}), &json!(1), &json!(100))
    );
    assert_eq!(ended["payload"], json!({ "page": 1 }));
    let posted = desk.posted();
    let [posted] = posted.as_slice() else { panic!("{posted:?}") };
    assert_eq!(posted.json["tenant"], json!({ "id": acme.id, "slug": "acme" }));
    assert_eq!(
        (posted.job(), &posted.json["kind"], &posted.json["attempt"]),
        (id.as_str(), &json!("render"), &json!(1))
    );
    assert_eq!((posted.header("webhook-id"), posted.header("idempotency-key")), (id.as_str(), "page-1"));
    let secret = std::fs::read_to_string(installation.data().join("keys/jobs.secret")).unwrap();
    installation.plant_secret(secret.trim());
    installation.plant_secret(posted.json["completion"]["token"].as_str().unwrap());
    let key = key_of(secret.trim()).unwrap();
    let seconds = posted.header("webhook-timestamp").parse().unwrap();
    assert_eq!(posted.header("webhook-signature"), sign(&key, &id, seconds, posted.text.as_bytes()));
    server.stop();
    // Each attempt that ran counts once, also after a restart.
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let usage = ann.client.get(&acme.path("/usage?meter=jobs.run&window=month")).expect(200);
    assert_eq!(usage.json["items"][0]["quantity"], "1");
    server.stop();
}

#[test]
fn who_is_overloaded_is_left_alone_for_as_long_as_it_says() {
    let busy: Reply = (429, "Retry-After: 90\r\n".to_owned(), json!({ "error": "full" }));
    let desk = Desk::open(move |_, before| if before == 0 { busy.clone() } else { done() });
    let installation = installation(&desk, "max_attempts = 1");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let id = enqueue(&ann.client, &acme, &json!({})).string("/id");
    let waiting = eventually("the first attempt", || {
        let job = job(&ann.client, &acme, &id);
        (job["last_error"] != Value::Null).then_some(job)
    });
    assert_eq!(waiting["last_error"], "the handler answered 429: full");
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(0)));
    installation.advance_clock(MINUTE);
    // One that comes later is done before: the other still waits.
    let other = enqueue(&ann.client, &acme, &json!({})).string("/id");
    eventually("another job", || (desk.posted().iter().any(|one| one.job() == other)).then_some(()));
    assert_eq!(desk.posted().iter().filter(|one| one.job() == id).count(), 1);
    installation.advance_clock(MINUTE);
    until(&ann.client, &acme, &id, "succeeded");
    server.stop();
}

#[test]
fn what_fails_is_tried_again_and_given_up_and_what_is_gone_is_given_up_at_once() {
    let answers: Mutex<Vec<u16>> = Mutex::new(vec![200, 410, 302, 500]);
    let desk = Desk::open(move |_, _| {
        let status = answers.lock().unwrap().pop().unwrap();
        (status, "Location: http://127.0.0.1:1/\r\n".to_owned(), json!(null))
    });
    let installation = installation(&desk, "max_attempts = 2");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let id = enqueue(&ann.client, &acme, &json!({})).string("/id");
    eventually("the first attempt", || {
        (job(&ann.client, &acme, &id)["last_error"] == "the handler answered 500").then_some(())
    });
    installation.advance_clock(MINUTE);
    let dead = until(&ann.client, &acme, &id, "dead");
    assert_eq!(dead["last_error"], "the handler answered 302; redirects are not followed");
    let path = |act: &str| acme.path(&format!("/jobs/{id}/{act}"));
    ann.client.post(&path("cancel"), json!({})).expect_code(409, "job_ended");
    ann.client.post(&path("retry"), json!({})).expect(202);
    let gone = until(&ann.client, &acme, &id, "dead");
    assert_eq!((&gone["last_error"], &gone["attempts"]), (&json!("the handler answered 410"), &json!(1)));
    ann.client.post(&path("retry"), json!({})).expect(202);
    until(&ann.client, &acme, &id, "succeeded");
    ann.client.post(&path("retry"), json!({})).expect_code(409, "job_not_ended");
    server.stop();
}

#[test]
fn a_handler_that_works_on_says_how_far_it_is_and_ends_the_job_once_also_after_a_restart() {
    let desk = Desk::open(|_, _| (202, String::new(), json!({ "status": "running" })));
    let installation = installation(&desk, "max_attempts = 1");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let ids: Vec<String> = (0..3).map(|_| enqueue(&ann.client, &acme, &json!({})).string("/id")).collect();
    let posted = eventually("all of them", || Some(desk.posted()).filter(|posted| posted.len() == 3));
    let token = |id: &str| {
        let posted = posted.iter().find(|one| one.job() == id).unwrap();
        posted.json["completion"]["token"].as_str().unwrap().to_owned()
    };
    let say = |server: &crate::harness::Server, id: &str, mut body: Value| {
        body["token"] = token(id).into();
        server.nobody().post(&format!("/api/v1/jobs/{id}/complete"), body)
    };
    let (first, second, third) = (&ids[0], &ids[1], &ids[2]);
    assert!(posted[0].json["completion"]["url"].as_str().unwrap().starts_with(server.url()));
    for id in &ids {
        until(&ann.client, &acme, id, "running");
    }
    installation.advance_clock(50 * MINUTE);
    let ann = ann.sign_in_again();
    let half = json!({ "status": "running", "progress": 50, "message": "page 3 of 6" });
    assert_eq!(say(&server, first, half).expect(200).string("/status"), "running");
    let told = job(&ann.client, &acme, first);
    assert_eq!((&told["progress"], &told["message"]), (&json!(50), &json!("page 3 of 6")));
    say(&server, first, json!({ "progress": 101, "status": "over" })).expect(422);
    let other = json!({ "token": token(second) });
    server
        .nobody()
        .post(&format!("/api/v1/jobs/{first}/complete"), other)
        .expect_code(401, "bad_completion_token");
    server
        .nobody()
        .post(&format!("/api/v1/jobs/{first}/complete"), json!({ "token": "A".repeat(88) }))
        .expect_code(401, "bad_completion_token");
    let server = server.restart();
    let ann = ann.sign_in_again_at(&server);
    assert_eq!(say(&server, first, json!({ "result": [1, 2] })).expect(200).string("/status"), "succeeded");
    assert_eq!(job(&ann.client, &acme, first)["result"], json!([1, 2]));
    say(&server, first, json!({})).expect_code(410, "completion_over");
    say(&server, second, json!({ "status": "failed", "error": "no ink" })).expect(200);
    assert_eq!(until(&ann.client, &acme, second, "dead")["last_error"], "no ink");
    // Of the third nothing was heard for an hour.
    assert_eq!(job(&ann.client, &acme, third)["status"], "running");
    installation.advance_clock(HOUR);
    let ann = ann.sign_in_again();
    until(&ann.client, &acme, third, "dead");
    say(&server, third, json!({})).expect_code(410, "completion_over");
    assert_eq!(desk.posted().len(), 3);
    server.stop();
}
