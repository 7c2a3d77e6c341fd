//! Nobody waits for another's queue.

use std::time::Duration;

use serde_json::json;

use super::desk::{Desk, done};
use super::{enqueue, installation, until};
use crate::harness::{Server, eventually};

/// Places for jobs of this server.
const PLACES: usize = 2;
/// What a tenant of weight 1 may take in one visit.
const VISIT: usize = 4;

#[test]
fn a_tenant_with_five_hundred_jobs_does_not_delay_the_first_of_another() {
    let desk = Desk::open(|_, _| {
        std::thread::sleep(Duration::from_millis(10));
        done()
    });
    let installation = installation(&desk, "");
    let mut command =
        installation.with_app(installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]));
    command.env("TENANTRY_JOBS_AT_ONCE", PLACES.to_string());
    let server = Server::spawn(&installation, command).unwrap();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    let later = json!({ "run_at": "2026-01-01T00:00:00Z", "priority": 100 });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..125).for_each(|_| drop(enqueue(&ann.client, &acme, &later))));
        }
    });
    let waiting = ann.client.get(&acme.path("/jobs?status=queued&limit=500")).expect(200);
    assert!(waiting.json["items"].as_array().unwrap().len() > 50, "the flood is over before it counts");
    let before = desk.posted().len();
    let id = enqueue(&ben.client, &bolt, &json!({})).string("/id");
    until(&ben.client, &bolt, &id, "succeeded");
    let posted = desk.posted();
    let at = posted.iter().position(|one| one.tenant() == "bolt").unwrap();
    // One visit that is under way, one that comes before, and what is on its way while we look.
    assert!(at - before <= 2 * VISIT + 2 * PLACES + 4, "{} jobs of the flood went before", at - before);
    eventually("the flood", || (desk.posted().len() >= 501).then_some(()));
    server.stop();
}
