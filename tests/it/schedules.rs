//! Schedules over the API: fired once for each time, whatever the clock and the machine do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Call, Client, DAY, HOUR, Installation, MINUTE, Tenant, eventually};
use std::sync::Arc;

/// An installation with a kind of jobs that nobody does: what was enqueued stays.
fn installation() -> Arc<Installation> {
    let installation = Installation::with_migrations(&[]);
    let app = "[jobs.report]\nurl = \"http://127.0.0.1:1/\"\nmax_attempts = 100\n";
    std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), app).unwrap();
    installation
}

#[track_caller]
fn schedule(client: &Client, tenant: &Tenant, more: &Value) -> Value {
    let mut body = json!({ "kind": "report", "cron": "*/30 * * * *", "payload": { "of": "sales" } });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    client.post(&tenant.path("/schedules"), body).expect(201).json
}

/// The keys of all jobs of a schedule.
#[track_caller]
fn runs(client: &Client, tenant: &Tenant, schedule: &Value) -> Vec<String> {
    let jobs = client.get(&tenant.path("/jobs?kind=report&limit=500")).expect(200);
    let by = format!("schedule:{}", schedule["id"].as_str().unwrap());
    let jobs = jobs.json["items"].as_array().unwrap().iter().filter(|job| job["created_by"] == *by);
    jobs.map(|job| job["idempotency_key"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn found(client: &Client, tenant: &Tenant, schedule: &Value) -> Value {
    client.get(&tenant.path(&format!("/schedules/{}", schedule["id"].as_str().unwrap()))).expect(200).json
}

#[test]
fn a_schedule_fires_once_for_each_time_over_kills_and_a_clock_that_jumps_both_ways() {
    let installation = installation();
    let mut server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let made = schedule(&ann.client, &acme, &json!({ "missed": "once" }));
    assert_eq!(made["next_runs"].as_array().unwrap().len(), 5);
    assert_eq!((&made["next_run_at"], &made["last_run_at"]), (&made["next_runs"][0], &Value::Null));
    // The time is half past or the full hour: half an hour on, it has come.
    installation.advance_clock(30 * MINUTE);
    let ann = ann.sign_in_again();
    eventually("the first run", || (runs(&ann.client, &acme, &made).len() == 1).then_some(()));
    let fired = found(&ann.client, &acme, &made);
    assert!(fired["last_job_id"].is_string() && fired["next_run_at"] != made["next_run_at"]);
    assert_eq!(
        runs(&ann.client, &acme, &made),
        [format!("_schedule:{}:{}", made["id"].as_str().unwrap(), made["next_run_at"].as_str().unwrap())]
    );
    for _ in 0..3 {
        server.kill();
        server = installation.serve();
    }
    // Back by a day, and to where it was: the times that were are not done again.
    let ann = ann.sign_in_again_at(&server);
    installation.advance_clock(-DAY);
    std::thread::sleep(Duration::from_secs(1));
    installation.advance_clock(DAY);
    let ann = ann.sign_in_again();
    std::thread::sleep(Duration::from_secs(1));
    let all = runs(&ann.client, &acme, &made);
    assert!(!all.is_empty() && all.len() <= 2, "{all:?}");
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    // A clock that was ahead by years leaves no schedule asleep.
    installation.advance_clock(400 * DAY);
    eventually("a run in a year", || {
        let next = server.nobody().get("/livez").status;
        let there = hint(&installation) > now() + 300 * DAY;
        (next == 200 && there).then_some(())
    });
    installation.advance_clock(-400 * DAY);
    let server = server.restart();
    let ann = ann.sign_in_again_at(&server);
    let back = eventually("a next run that is near", || {
        let told = found(&ann.client, &acme, &made);
        let next: tenantry::clock::Timestamp = told["next_run_at"].as_str().unwrap().parse().unwrap();
        (next.0 < now() + 2 * HOUR).then_some(told)
    });
    assert_eq!(back["paused"], false);
    server.stop();
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Until when the catalog counts the only tenant as busy.
fn hint(installation: &Installation) -> i64 {
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog.query_row("SELECT coalesce(max(busy_until), 0) FROM job_hints", [], |row| row.get(0)).unwrap()
}

#[test]
fn runs_that_were_missed_are_skipped_or_made_up_for_once_and_none_is_done_for_who_is_held() {
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let every_hour =
        |missed: &str, paused: bool| json!({ "cron": "0 * * * *", "missed": missed, "paused": paused });
    let skips = schedule(&ann.client, &acme, &every_hour("skip", false));
    let makes_up = schedule(&ann.client, &acme, &every_hour("once", false));
    let paused = schedule(&ann.client, &acme, &every_hour("once", true));
    assert_eq!((&paused["next_run_at"], &paused["next_runs"]), (&Value::Null, &json!([])));
    operator.client.send(&Call::new("POST", "/api/v1/operator/tenants/acme/suspend")).expect(200);
    // To a time that lies well past the hour, whatever time it is.
    let past_the_hour = HOUR - now() % HOUR + 20 * MINUTE;
    installation.advance_clock(5 * HOUR + past_the_hour);
    let (operator, ann) = (operator.sign_in_again(), ann.sign_in_again());
    std::thread::sleep(Duration::from_secs(1));
    assert!(runs(&ann.client, &acme, &makes_up).is_empty());
    operator.client.send(&Call::new("POST", "/api/v1/operator/tenants/acme/resume")).expect(200);
    eventually("the run that makes up", || (runs(&ann.client, &acme, &makes_up).len() == 1).then_some(()));
    assert!(runs(&ann.client, &acme, &skips).is_empty());
    installation.advance_clock(HOUR - 20 * MINUTE);
    let ann = ann.sign_in_again();
    eventually("the next hour", || {
        let count = |of: &Value| runs(&ann.client, &acme, of).len();
        ((count(&skips), count(&makes_up)) == (1, 2)).then_some(())
    });
    assert!(runs(&ann.client, &acme, &paused).is_empty());
    let path = |of: &Value| acme.path(&format!("/schedules/{}", of["id"].as_str().unwrap()));
    let on = ann.client.patch(&path(&paused), json!({ "paused": false })).expect(200);
    assert!(on.json["next_run_at"].is_string());
    ann.client.delete(&path(&skips)).expect(204);
    ann.client.get(&path(&skips)).expect(404);
    let log = ann.client.get(&acme.path("/audit?limit=100")).expect(200);
    let acts: Vec<&str> =
        log.json["items"].as_array().unwrap().iter().filter_map(|entry| entry["action"].as_str()).collect();
    for act in ["schedule.created", "schedule.changed", "schedule.deleted"] {
        assert!(acts.contains(&act), "{act} is not in {acts:?}");
    }
    server.stop();
}

/// Holds jobs as whoever puts a restored file in place does.
pub fn hold_jobs(installation: &Installation, tenant: &Tenant) {
    let file = rusqlite::Connection::open(installation.tenant_file(&tenant.id)).unwrap();
    file.execute("INSERT INTO _jobs_held (only_row, reason, held_at) VALUES (1, 'a test', 0)", []).unwrap();
}

#[test]
fn jobs_of_a_restored_file_wait_until_an_operator_releases_them_and_the_fleet_is_seen() {
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    ann.create_tenant("idle");
    hold_jobs(&installation, &acme);
    let held = schedule(&ann.client, &acme, &json!({ "kind": "tenantry.export", "cron": "0 0 1 1 *" }));
    let job = |client: &Client, tenant: &Tenant| {
        client.post(&tenant.path("/jobs"), json!({ "kind": "tenantry.export" })).expect(202).string("/id")
    };
    let (waits, done) = (job(&ann.client, &acme), job(&ben.client, &bolt));
    let of = |tenant: &Tenant, client: &Client, id: &str| {
        client.get(&tenant.path(&format!("/jobs/{id}"))).expect(200).json
    };
    let exported = eventually("the export of who is not held", || {
        let job = of(&bolt, &ben.client, &done);
        (job["status"] == "succeeded").then_some(job)
    });
    let export = exported["result"]["export_id"].as_str().unwrap();
    assert_eq!(export, done);
    ben.client.get(&bolt.path(&format!("/exports/{export}"))).expect(200);
    let fleet = operator.client.get("/api/v1/operator/jobs").expect(200);
    let items = fleet.json["items"].as_array().unwrap();
    let line = |slug: &str| items.iter().find(|item| item["tenant"]["slug"] == slug);
    assert!(line("idle").is_none(), "{items:?}");
    let acme_line = line("acme").unwrap();
    assert_eq!((&acme_line["queued"], &acme_line["held_because"]), (&json!(1), &json!("a test")));
    assert_eq!(line("bolt").unwrap()["held_because"], Value::Null);
    let only = operator.client.get("/api/v1/operator/jobs?tenant=bolt").expect(200);
    assert_eq!(only.json["items"].as_array().unwrap().len(), 1);
    operator.client.get("/api/v1/operator/jobs?tenant=nobody").expect(404);
    let jobs = operator.client.get("/api/v1/operator/tenants/acme/jobs?status=queued").expect(200);
    assert_eq!((&jobs.json["items"][0]["id"], jobs.json["items"][0].get("payload")), (&json!(waits), None));
    let release = |selector: &str| {
        operator.client.post(&format!("/api/v1/operator/tenants/{selector}/jobs/release"), json!({}))
    };
    release("bolt").expect_code(409, "jobs_not_held");
    assert_eq!(release("acme").expect(200).json, json!({ "released": true }));
    eventually("the export that waited", || {
        (of(&acme, &ann.client, &waits)["status"] == "succeeded").then_some(())
    });
    // Who may not export has it done by no job and no schedule either; what the server does by itself is enqueued by nobody.
    let cid = server.join(&ann, &acme, "cid", "member");
    let export = json!({ "kind": "tenantry.export", "cron": "@daily" });
    cid.client.post(&acme.path("/jobs"), json!({ "kind": "tenantry.export" })).expect(403);
    cid.client.post(&acme.path("/schedules"), export).expect(403);
    let path = acme.path(&format!("/schedules/{}", held["id"].as_str().unwrap()));
    cid.client.get(&path).expect(200);
    cid.client.patch(&path, json!({ "cron": "* * * * *" })).expect(403);
    cid.client.delete(&path).expect(403);
    for act in ["cancel", "retry"] {
        cid.client.post(&acme.path(&format!("/jobs/{waits}/{act}")), json!({})).expect(403);
    }
    server.stop();
}

#[test]
fn a_schedule_does_not_outlive_the_right_that_it_was_made_by() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    let cid = server.join(&ann, &acme, "cid", "admin");
    let export = json!({ "kind": "tenantry.export", "cron": "*/30 * * * *", "missed": "once" });
    schedule(&bob.client, &acme, &export);
    schedule(&cid.client, &acme, &export);
    ann.client.patch(&bob.membership(&acme), json!({ "role": "member" })).expect(200);
    ann.client.delete(&cid.membership(&acme)).expect(204);
    installation.advance_clock(30 * MINUTE);
    let ann = ann.sign_in_again();
    let errors = eventually("that both were given up", || {
        let dead = ann.client.get(&acme.path("/jobs?kind=tenantry.export&status=dead")).expect(200);
        let dead = dead.json["items"].as_array().unwrap().clone();
        let errors: Vec<String> =
            dead.iter().map(|job| job["last_error"].as_str().unwrap_or_default().to_owned()).collect();
        (errors.len() >= 2).then_some(errors)
    });
    for told in ["has no tenant:export any more", "is no longer there"] {
        assert!(errors.iter().any(|error| error.contains(told)), "{errors:?}");
    }
    assert_eq!(ann.client.get(&acme.path("/exports")).expect(200).json["items"], json!([]));
    server.stop();
}

#[test]
fn a_tenant_that_is_gone_does_not_end_the_list_of_the_fleet() {
    let installation = installation();
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    for (person, tenant) in [(&ann, &acme), (&ben, &bolt)] {
        schedule(&person.client, tenant, &json!({ "cron": "0 0 1 1 *" }));
    }
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog.pragma_update(None, "foreign_keys", false).unwrap();
    let sql = "INSERT INTO job_hints (tenant_id, next_due, busy_until) VALUES (?1, ?2, ?2)";
    let gone = "00000000-0000-7000-8000-000000000000";
    catalog.execute(sql, rusqlite::params![gone, now() + 100 * DAY]).unwrap();
    let (mut found, mut path) = (Vec::new(), "/api/v1/operator/jobs?limit=1".to_owned());
    loop {
        let page = operator.client.get(&path).expect(200);
        let items = page.json["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["tenant"]["slug"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["next_cursor"].as_str() else { break };
        path = format!("/api/v1/operator/jobs?limit=1&cursor={next}");
    }
    assert_eq!(found, ["acme", "bolt"]);
    server.stop();
}

#[test]
fn what_no_schedule_can_be_is_refused_with_every_field_and_there_are_not_too_many() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let post = |body: Value| ann.client.post(&acme.path("/schedules"), body);
    for (more, field, code) in [
        (json!({ "cron": "0 0 31 2 *" }), "cron", "never_runs"),
        (json!({ "cron": "0 0 0 * * *" }), "cron", "bad_cron"),
        (json!({ "timezone": "Mars/Base" }), "timezone", "unknown"),
        (json!({ "kind": "paint" }), "kind", "unknown_kind"),
        (json!({ "missed": "twice" }), "missed", "unknown"),
        (json!({ "payload": "x".repeat(70_000) }), "payload", "too_long"),
        (json!({ "every": "day" }), "every", "unknown_field"),
    ] {
        let mut body = json!({ "kind": "report", "cron": "@daily", "timezone": "Europe/Berlin" });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let refused = post(body).expect(422);
        assert_eq!(
            (refused.string("/errors/0/field"), refused.string("/errors/0/code")),
            (field.into(), code.into())
        );
    }
    for _ in 0..100 {
        post(json!({ "kind": "report", "cron": "0 0 29 2 *" })).expect(201);
    }
    post(json!({ "kind": "report", "cron": "@daily" })).expect_code(409, "too_many_schedules");
    let all = ann.client.get(&acme.path("/schedules")).expect(200);
    assert_eq!(all.json["items"].as_array().unwrap().len(), 100);
    let other = ann.create_tenant("other");
    let id = all.json["items"][0]["id"].as_str().unwrap();
    ann.client.get(&other.path(&format!("/schedules/{id}"))).expect(404);
    server.stop();
}
