//! What was acknowledged is there, whatever happened to the process.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::harness::{Call, Client, Installation, Tenant, eventually};

/// How often the server is killed.
const KILLS: usize = 20;
const WRITERS: usize = 4;

/// Writes until the server is gone and notes what it said yes to.
fn write_until_gone(client: &Client, tenant: &Tenant, acknowledged: &Mutex<BTreeSet<String>>) {
    for number in 0_u32.. {
        let created = if number % 5 == 4 {
            let items: Vec<Value> = (0..3).map(|item| json!({"name": format!("{number} {item}")})).collect();
            client.try_send(&Call::post(tenant.path("/records/customers"), json!(items)))
        } else {
            client
                .try_send(&Call::post(tenant.path("/records/customers"), json!({"name": number.to_string()})))
        };
        let Ok(answer) = created else { return };
        let answer = answer.expect(201);
        let items = answer.json["items"].as_array().cloned().unwrap_or_else(|| vec![answer.json.clone()]);
        let ids = items.iter().map(|item| item["id"].as_str().unwrap().to_owned());
        acknowledged.lock().unwrap().extend(ids);
    }
}

fn all_ids(client: &Client, tenant: &Tenant) -> BTreeSet<String> {
    let (mut ids, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page =
            client.get(&tenant.path(&format!("/records/customers?fields=id&limit=500{cursor}"))).expect(200);
        let items = page.json["items"].as_array().unwrap();
        ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page.json["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[test]
fn twenty_kills_under_load_lose_no_acknowledged_record() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let mut refresh_token = ann.refresh_token.clone();
    server.stop();
    let acknowledged = Mutex::new(BTreeSet::new());
    for kill in 0..KILLS {
        let server = installation.serve();
        let body = json!({"refresh_token": refresh_token});
        let tokens = server.nobody().post("/api/v1/auth/refresh", body).expect(200);
        refresh_token = tokens.string("/refresh_token");
        let client = server.nobody().bearer(&tokens.string("/access_token"));
        let before = acknowledged.lock().unwrap().len();
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| write_until_gone(&client.clone(), &acme, &acknowledged));
            }
            // Each time at another moment.
            let enough = before + 3 + kill * 7;
            eventually("some writes", || (acknowledged.lock().unwrap().len() >= enough).then_some(()));
            server.kill();
        });
    }
    let server = installation.serve();
    let body = json!({"refresh_token": refresh_token});
    let token = server.nobody().post("/api/v1/auth/refresh", body).expect(200).string("/access_token");
    let stored = all_ids(&server.nobody().bearer(&token), &acme);
    let acknowledged = acknowledged.into_inner().unwrap();
    let lost: Vec<&String> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged records are lost", lost.len(), acknowledged.len());
    assert!(acknowledged.len() >= KILLS * 3);
    server.stop();
    let database = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    let integrity: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
}

#[test]
fn a_batch_is_stored_whole_or_not_at_all_when_the_server_is_killed() {
    let installation = Installation::new();
    let mut server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for round in 0..5 {
        let client = server.nobody().bearer(&ann.access_token);
        let started = Mutex::new(0);
        std::thread::scope(|scope| {
            let (started, acme) = (&started, &acme);
            scope.spawn(move || {
                for number in 0_u32.. {
                    let name = format!("round {round} batch {number}");
                    let items: Vec<Value> = (0..50).map(|_| json!({"name": name})).collect();
                    *started.lock().unwrap() += 1;
                    if client.try_send(&Call::post(acme.path("/records/customers"), json!(items))).is_err() {
                        return;
                    }
                }
            });
            eventually("some batches", || (*started.lock().unwrap() > 3 + round).then_some(()));
            server.kill();
        });
        server = installation.serve();
    }
    server.stop();
    let database = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    let torn: i64 = database
        .query_row(
            "SELECT count(*) FROM (SELECT name FROM customers GROUP BY name HAVING count(*) <> 50)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(torn, 0);
    let whole: i64 =
        database.query_row("SELECT count(DISTINCT name) FROM customers", [], |row| row.get(0)).unwrap();
    assert!(whole >= 15, "only {whole} batches");
}

#[test]
fn a_sign_up_that_was_acknowledged_survives_a_kill_with_its_tenant() {
    let installation = Installation::new();
    for round in 0..5 {
        let server = installation.serve();
        let (person, tenant) =
            server.sign_up_with_tenant(&format!("user{round}"), &format!("tenant-{round}"));
        server.kill();
        let server = installation.serve();
        let client = server.nobody().bearer(&person.access_token);
        client.post(&tenant.path("/records/customers"), json!({"name": "x"})).expect(201);
        server.stop();
    }
}

#[test]
fn a_tenant_that_was_half_made_when_the_server_was_killed_is_swept_and_its_slug_can_be_had() {
    let installation = Installation::new();
    let mut server = installation.serve();
    let ann = server.sign_up("ann");
    for round in 0..5 {
        let client = server.nobody().bearer(&ann.access_token);
        let answered = std::thread::scope(|scope| {
            let create = scope.spawn(move || {
                let body = json!({"name": "x", "slug": format!("tenant-{round}")});
                client.try_send(&Call::post("/api/v1/tenants", body)).ok().map(|answer| answer.status)
            });
            server.kill();
            create.join().unwrap()
        });
        server = installation.serve();
        let client = server.nobody().bearer(&ann.access_token);
        let path = format!("/api/v1/tenants/tenant-{round}");
        let status = eventually("an end of the half-made tenant", || {
            let status = client.get(&format!("{path}/records/customers")).status;
            [200, 404].contains(&status).then_some(status)
        });
        if status == 404 {
            assert_ne!(answered, Some(201), "acknowledged and gone");
            let body = json!({"name": "x", "slug": format!("tenant-{round}")});
            let again = client.post("/api/v1/tenants", body);
            // The slug of what never was usable may be kept from others; the name of the state must not be 500.
            again.expect_one_of(&[201, 409]);
        }
    }
    server.stop();
}
