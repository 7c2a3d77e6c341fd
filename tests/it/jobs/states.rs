//! Jobs of tenants that are held, cancelled jobs, and which files a start opens.

use std::time::Duration;

use serde_json::json;

use super::desk::{Desk, done};
use super::{enqueue, in_an_hour, installation, job, until};
use crate::erasure::erase;
use crate::harness::{Call, DAY, HOUR, MINUTE, Server, eventually};

#[test]
fn jobs_of_a_suspended_tenant_are_held_and_run_when_it_is_resumed() {
    let desk = Desk::open(|_, _| done());
    let installation = installation(&desk, "");
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    let soon = json!({ "run_at": in_an_hour() });
    let held = enqueue(&ann.client, &acme, &soon).string("/id");
    let free = enqueue(&ben.client, &bolt, &soon).string("/id");
    operator.client.send(&Call::new("POST", "/api/v1/operator/tenants/acme/suspend")).expect(200);
    ann.client.post(&acme.path("/jobs"), json!({"kind": "render"})).expect_code(409, "tenant_suspended");
    installation.advance_clock(2 * HOUR);
    let operator = operator.sign_in_again();
    let (ann, ben) = (ann.sign_in_again(), ben.sign_in_again());
    until(&ben.client, &bolt, &free, "succeeded");
    // Also not when it is looked at again.
    installation.advance_clock(2 * MINUTE);
    let more = enqueue(&ben.client, &bolt, &json!({})).string("/id");
    until(&ben.client, &bolt, &more, "succeeded");
    assert_eq!(job(&ann.client, &acme, &held)["status"], "queued");
    assert!(desk.posted().iter().all(|one| one.tenant() == "bolt"));
    operator.client.send(&Call::new("POST", "/api/v1/operator/tenants/acme/resume")).expect(200);
    until(&ann.client, &acme, &held, "succeeded");
    server.stop();
}

#[test]
fn a_cancelled_job_does_not_run_and_what_is_said_of_it_afterwards_counts_no_more() {
    let desk = Desk::open(|posted, _| {
        if posted.json["payload"] == "slow" {
            std::thread::sleep(Duration::from_secs(3));
        }
        done()
    });
    let installation = installation(&desk, "");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let waiting = enqueue(&ann.client, &acme, &json!({ "run_at": in_an_hour() })).string("/id");
    let running = enqueue(&ann.client, &acme, &json!({ "payload": "slow" })).string("/id");
    eventually("the slow job", || desk.posted().first().cloned());
    for id in [&waiting, &running] {
        let cancelled = ann.client.post(&acme.path(&format!("/jobs/{id}/cancel")), json!({})).expect(200);
        assert_eq!(cancelled.string("/status"), "cancelled");
    }
    installation.advance_clock(2 * HOUR);
    let ann = ann.sign_in_again();
    let other = enqueue(&ann.client, &acme, &json!({})).string("/id");
    until(&ann.client, &acme, &other, "succeeded");
    std::thread::sleep(Duration::from_secs(3));
    for id in [&waiting, &running] {
        let told = job(&ann.client, &acme, id);
        assert_eq!((&told["status"], &told["result"]), (&json!("cancelled"), &json!(null)));
    }
    assert_eq!(desk.posted().len(), 2);
    server.stop();
}

/// How many files of tenants the server has open.
fn open_files(server: &Server) -> usize {
    let directory = format!("/proc/{}/fd", server.process_id());
    let links = std::fs::read_dir(directory).unwrap().flatten();
    let names = links.filter_map(|link| std::fs::read_link(link.path()).ok());
    let files =
        names.filter(|name| name.ends_with("data.db") && name.to_string_lossy().contains("/tenants/"));
    files.collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn a_start_opens_the_files_of_those_who_have_work_and_no_others() {
    let desk = Desk::open(|_, _| done());
    let installation = installation(&desk, "");
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let tenants: Vec<_> = (0..9).map(|number| ann.create_tenant(&format!("tenant-{number}"))).collect();
    let mut waiting = Vec::new();
    for (number, tenant) in tenants.iter().enumerate().take(6) {
        let later = if number < 3 { json!({ "run_at": in_an_hour() }) } else { json!({}) };
        let id = enqueue(&ann.client, tenant, &later).string("/id");
        if number >= 3 {
            until(&ann.client, tenant, &id, "succeeded");
        } else {
            waiting.push((tenant, id));
        }
    }
    // They are quiet for long enough to be forgotten, or noted with the time of the next job.
    installation.advance_clock(11 * MINUTE);
    let catalog = installation.data().join("catalog.db");
    let hints = |least: i64| -> i64 {
        let catalog = rusqlite::Connection::open(&catalog).unwrap();
        let sql = "SELECT count(*) FROM job_hints WHERE next_due > ?1";
        catalog.query_row(sql, [least], |row| row.get(0)).unwrap()
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let now = i64::try_from(now).unwrap();
    eventually("that all hints lie ahead", || (hints(0) == hints(now + 30 * MINUTE)).then_some(()));
    let server = server.restart();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(open_files(&server), 0);
    installation.advance_clock(HOUR);
    let ann = ann.sign_in_again_at(&server);
    for (tenant, id) in waiting {
        until(&ann.client, tenant, &id, "succeeded");
    }
    assert_eq!((desk.posted().len(), open_files(&server)), (6, 3));
    // What has ended is removed when it was kept for a week: those files are looked at once more, then nothing is left.
    installation.advance_clock(31 * DAY);
    eventually("no hints", || (hints(0) == 0).then_some(()));
    server.stop();
}

#[test]
fn what_an_erased_tenant_had_queued_never_runs() {
    let desk = Desk::open(|posted, _| {
        if posted.tenant() == "acme" { (500, String::new(), json!({ "error": "not today" })) } else { done() }
    });
    let installation = installation(&desk, "max_attempts = 9");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    let soon = json!({ "run_at": in_an_hour() });
    // One that was tried already and waits for its second attempt, and some that wait for their time.
    let failed = enqueue(&ann.client, &acme, &json!({})).string("/id");
    eventually("the first attempt", || {
        (!job(&ann.client, &acme, &failed)["last_error"].is_null()).then_some(())
    });
    for _ in 0..3 {
        enqueue(&ann.client, &acme, &soon);
    }
    let stays = enqueue(&ben.client, &bolt, &soon).string("/id");
    let hints = || -> i64 {
        let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
        let sql = "SELECT count(*) FROM job_hints WHERE tenant_id NOT IN (SELECT id FROM tenants WHERE slug = 'bolt')";
        catalog.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(hints(), 1);
    erase(&server, &acme);
    assert_eq!(hints(), 0, "no start looks for its file");
    let of_acme = || desk.posted().iter().filter(|one| one.tenant() == "acme").count();
    assert_eq!(of_acme(), 1);
    installation.advance_clock(2 * HOUR);
    let ben = ben.sign_in_again();
    until(&ben.client, &bolt, &stays, "succeeded");
    // Nor after a start, nor when all hints are looked at again.
    let server = server.restart();
    installation.advance_clock(11 * MINUTE);
    let ben = ben.sign_in_again_at(&server);
    let more = enqueue(&ben.client, &bolt, &json!({})).string("/id");
    until(&ben.client, &bolt, &more, "succeeded");
    assert_eq!((of_acme(), desk.posted().len()), (1, 3));
    server.stop();
}
