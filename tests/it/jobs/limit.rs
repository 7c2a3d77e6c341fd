//! The limit of `jobs.run`.

use serde_json::{Value, json};

use super::desk::{Desk, done};
use super::{enqueue, in_an_hour, installation};
use crate::harness::{DAY, eventually};

#[test]
fn a_hard_limit_refuses_the_job_beyond_it_and_no_other_and_warns_before() {
    let desk = Desk::open(|_, _| done());
    let plan = "[plans.small]\ntitle = \"Small\"\n[plans.small.limits]\n\"jobs.run\" = { hard = 5, window = \"day\" }";
    let installation = installation(&desk, "");
    let app = installation.migrations().parent().unwrap().join("app.toml");
    let text = std::fs::read_to_string(&app).unwrap();
    std::fs::write(&app, format!("default_plan = \"small\"\n{text}{plan}\n")).unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let keyed = json!({ "idempotency_key": "one", "run_at": in_an_hour() });
    // The same job again is no other one, and what the server does by itself is none of theirs.
    for _ in 0..2 {
        enqueue(&ann.client, &acme, &keyed);
    }
    ann.client.post(&acme.path("/jobs"), json!({ "kind": "tenantry.export" })).expect(202);
    let all = std::thread::scope(|scope| {
        let post = || {
            let body = json!({ "kind": "render", "payload": {}, "run_at": in_an_hour() });
            ann.client.post(&acme.path("/jobs"), body).status
        };
        let posts: Vec<_> = (0..12).map(|_| scope.spawn(post)).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect::<Vec<u16>>()
    });
    let count = |status: u16| all.iter().filter(|one| **one == status).count();
    assert_eq!((count(202), count(402)), (4, 8), "{all:?}");
    let body = json!({ "kind": "render" });
    let refused = ann.client.post(&acme.path("/jobs"), body).expect_code(402, "limit_reached");
    assert!(refused.json["resets_at"].is_string());
    let limits = ann.client.get(&acme.path("/limits")).expect(200);
    let line = limits.json["items"].as_array().unwrap().iter().find(|line| line["meter"] == "jobs.run");
    assert_eq!((&line.unwrap()["used"], &line.unwrap()["percent"]), (&json!("5"), &json!(100)));
    let warned = ann.client.get(&acme.path("/jobs")).expect(200);
    assert!(warned.header("x-usage-warning").unwrap().starts_with("jobs.run; used=5; limit=5"), "{warned:?}");
    // Nor is one tried again beyond it.
    let queued = ann.client.get(&acme.path("/jobs?kind=render&status=queued")).expect(200);
    let path = acme.path(&format!("/jobs/{}", queued.string("/items/0/id")));
    ann.client.post(&format!("{path}/cancel"), json!({})).expect(200);
    ann.client.post(&format!("{path}/retry"), json!({})).expect_code(402, "limit_reached");
    assert_eq!(ann.client.get(&path).expect(200).string("/status"), "cancelled");
    // A schedule that has no room says so, and goes on the next day.
    let schedule = json!({ "kind": "render", "cron": "* * * * *", "missed": "once" });
    let schedule = ann.client.post(&acme.path("/schedules"), schedule).expect(201).string("/id");
    installation.advance_clock(60_000);
    let told = |client: &crate::harness::Client| -> Value {
        client.get(&acme.path(&format!("/schedules/{schedule}"))).expect(200).json
    };
    eventually("that it has no room", || {
        told(&ann.client)["last_error"].as_str().is_some_and(|error| error.contains("jobs.run")).then_some(())
    });
    installation.advance_clock(DAY);
    let ann = ann.sign_in_again();
    eventually("the next day", || told(&ann.client)["last_job_id"].is_string().then_some(()));
    server.stop();
}
