//! Jobs that are done again: after a handler that did not answer in time, and by hand.

use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::desk::{Desk, done};
use super::{enqueue, in_an_hour, installation, job, until};
use crate::harness::{MINUTE, eventually};

#[test]
fn a_handler_that_does_not_answer_in_time_is_cut_off_and_its_job_is_tried_again() {
    let (let_go, waits) = mpsc::channel::<()>();
    let waits = Mutex::new(waits);
    let desk = Desk::open(move |_, before| {
        if before == 0 {
            // Until the test is over, which is long after its time.
            let _ = waits.lock().unwrap().recv();
            return (200, String::new(), json!({ "late": true }));
        }
        done()
    });
    let installation = installation(&desk, "timeout_seconds = 1\nmax_attempts = 2");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let id = enqueue(&ann.client, &acme, &json!({})).string("/id");
    eventually("the first attempt", || (!desk.posted().is_empty()).then_some(()));
    let begun = Instant::now();
    let cut = eventually("its end", || {
        let job = job(&ann.client, &acme, &id);
        (job["last_error"] != Value::Null).then_some(job)
    });
    assert!(begun.elapsed() > Duration::from_millis(500), "it had {:?}", begun.elapsed());
    assert_eq!(
        (&cut["status"], &cut["attempts"], &cut["last_error"]),
        (&json!("queued"), &json!(1), &json!("the handler did not answer in time"))
    );
    installation.advance_clock(MINUTE);
    let ended = until(&ann.client, &acme, &id, "succeeded");
    assert_eq!((&ended["result"], &ended["attempts"]), (&json!({"done": true}), &json!(2)));
    let posted = desk.posted();
    assert_eq!(posted.len(), 2);
    assert_eq!(posted[0].header("idempotency-key"), posted[1].header("idempotency-key"));
    assert_ne!(
        posted[0].json["completion"]["token"], posted[1].json["completion"]["token"],
        "whoever was cut off cannot end what another attempt does"
    );
    drop(let_go);
    server.stop();
}

#[test]
fn a_dead_or_cancelled_job_is_run_again_by_hand_and_no_other() {
    let (let_go, waits) = mpsc::channel::<()>();
    let waits = Mutex::new(waits);
    let desk = Desk::open(move |posted, before| {
        if posted.json["payload"] == "slow" {
            let _ = waits.lock().unwrap().recv();
        }
        if posted.json["payload"] == "bad" && before == 0 {
            return (410, String::new(), json!({ "error": "no such page" }));
        }
        done()
    });
    let installation = installation(&desk, "");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let made = |more: Value| enqueue(&ann.client, &acme, &more).string("/id");
    let act = |id: &str, act: &str| ann.client.post(&acme.path(&format!("/jobs/{id}/{act}")), json!({}));
    let (queued, succeeded) = (made(json!({ "run_at": in_an_hour() })), made(json!({})));
    let (running, dead) = (made(json!({ "payload": "slow" })), made(json!({ "payload": "bad" })));
    let cancelled = made(json!({ "run_at": in_an_hour() }));
    act(&cancelled, "cancel").expect(200);
    for (id, status) in [(&queued, "queued"), (&running, "running"), (&succeeded, "succeeded")] {
        let before = until(&ann.client, &acme, id, status);
        let refused = act(id, "retry").expect_code(409, "job_not_ended");
        assert!(refused.text().contains(&format!("This job is {status}.")), "{}", refused.text());
        assert_eq!(job(&ann.client, &acme, id), before);
    }
    let times = |id: &str| desk.posted().iter().filter(|one| one.job() == id).count();
    let told = until(&ann.client, &acme, &dead, "dead");
    assert_eq!(told["last_error"], "the handler answered 410: no such page");
    assert_eq!((times(&dead), times(&cancelled)), (1, 0));
    for id in [&dead, &cancelled] {
        let before = times(id);
        let again = act(id, "retry").expect(202);
        assert_eq!((again.string("/id"), &again.json["finished_at"]), (id.clone(), &Value::Null));
        // As if it were new; the one that was cancelled before its time does not wait for it either.
        let ended = until(&ann.client, &acme, id, "succeeded");
        assert_eq!((&ended["attempts"], &ended["result"]), (&json!(1), &json!({"done": true})));
        assert_eq!(times(id), before + 1);
        act(id, "retry").expect_code(409, "job_not_ended");
    }
    drop(let_go);
    until(&ann.client, &acme, &running, "succeeded");
    assert_eq!((times(&running), times(&succeeded), times(&queued)), (1, 1, 0));
    server.stop();
}
