//! The server is killed in the middle of jobs.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::desk::{Desk, done};
use super::{enqueue, installation};
use crate::harness::eventually;

/// How often the server is killed.
const KILLS: usize = 20;
const JOBS: usize = 60;

#[test]
fn twenty_kills_in_the_middle_of_jobs_lose_none() {
    let desk = Desk::open(|_, _| {
        std::thread::sleep(Duration::from_millis(30));
        done()
    });
    let installation = installation(&desk, "max_attempts = 2");
    let mut server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bolt = ann.create_tenant("bolt");
    let mut all = BTreeSet::new();
    for number in 0..JOBS {
        let tenant = if number % 2 == 0 { &acme } else { &bolt };
        all.insert(enqueue(&ann.client, tenant, &json!({})).string("/id"));
    }
    for kill in 0..KILLS {
        // Each time at another moment.
        let enough = desk.posted().len() + 1 + kill % 5;
        eventually("some attempts", || {
            let posted = desk.posted();
            let over = posted.iter().map(|one| one.job()).collect::<BTreeSet<_>>().len() == JOBS;
            (posted.len() >= enough || over).then_some(())
        });
        server.kill();
        server = installation.serve();
    }
    let ann = ann.sign_in_again_at(&server);
    for tenant in [&acme, &bolt] {
        eventually("the end of all jobs", || {
            let left = ann.client.get(&tenant.path("/jobs?limit=500")).expect(200);
            let items = left.json["items"].as_array().unwrap().clone();
            assert_eq!(items.len(), JOBS / 2);
            items.iter().all(|item| item["status"] == "succeeded").then_some(())
        });
    }
    let posted = desk.posted();
    let done: BTreeSet<String> = posted.iter().map(|one| one.job().to_owned()).collect();
    assert_eq!(done, all);
    assert!(posted.len() > JOBS, "no kill came in the middle of a job");
    // A second attempt is known by the key of the first.
    assert!(posted.iter().all(|one| one.header("idempotency-key") == one.job()));
    server.stop();
}
