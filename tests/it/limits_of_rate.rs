//! How fast tenants, their keys and those who are not signed in may ask, and what that is told by.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{
    Answer, Call, Client, Installation, MINUTE, PATIENCE, Person, SECOND, Server, Tenant, eventually,
};

/// Plans of all kinds; new tenants are on one without limits.
const APP: &str = r#"
default_plan = "open"
[plans.open]
title = "Open"
[plans.slow]
title = "Slow"
[plans.slow.rate]
requests_per_second = 1
burst = 5
[plans.narrow]
title = "Narrow"
[plans.narrow.rate]
concurrency = 1
[plans.cheap]
title = "Cheap"
[plans.cheap.rate]
database_ms_per_second = 1
"#;

const NOTES: &str = "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT);";

fn installation() -> Arc<Installation> {
    let installation = Installation::with_migrations(&[("0001_notes.sql", NOTES)]);
    std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), APP).unwrap();
    installation
}

/// Ann and her tenant, on that plan.
fn ann_on(server: &Server, plan: &str) -> (Person, Tenant) {
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    choose(&ann, &acme, plan);
    (ann, acme)
}

#[track_caller]
fn choose(person: &Person, tenant: &Tenant, plan: &str) {
    person.client.send(&Call::put(tenant.path("/subscription"), json!({ "plan": plan }))).expect(200);
}

#[track_caller]
fn make_key(person: &Person, tenant: &Tenant, rate: Value) -> (Client, Value) {
    let body = json!({ "name": "import", "permissions": ["records:read"], "rate": rate });
    let made = person.client.post(&tenant.path("/api-keys"), body).expect(201);
    (person.client.bearer(&made.string("/key")), made.json)
}

/// Asks until it is refused, and tells how many were let in before.
#[track_caller]
fn until_refused(client: &Client, path: &str) -> (usize, Answer) {
    for count in 0..100 {
        let answer = client.get(path).expect_one_of(&[200, 429]);
        if answer.status == 429 {
            return (count, answer);
        }
    }
    panic!("never refused");
}

/// The same where who is let in is refused for something else.
#[track_caller]
fn until_refused_or(client: &Client, path: &str, status: u16) -> Answer {
    let mut answers = (0..200).map(|_| client.get(path).expect_one_of(&[status, 429]));
    answers.find(|answer| answer.status == 429).expect("never refused")
}

#[test]
fn a_tenant_that_asks_too_fast_waits_and_nobody_else_does() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = ann_on(&server, "slow");
    let (ben, other) = server.sign_up_with_tenant("ben", "other");
    let operator = server.add_operator();
    let notes = acme.path("/records/notes");
    let first = ann.client.get(&notes).expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some(r#""tenant";q=5;w=5"#));
    assert_eq!(first.header("ratelimit"), Some(r#""tenant";r=4;t=1"#));
    let (let_in, refused) = until_refused(&ann.client, &notes);
    assert!((4..=9).contains(&let_in), "{let_in}");
    let refused = refused.expect_code(429, "rate_limited");
    assert_eq!((refused.header("retry-after"), &refused.json["limit"]), (Some("1"), &json!("tenant")));
    assert_eq!(refused.header("ratelimit"), Some(r#""tenant";r=0;t=5"#));
    assert_eq!(refused.header("ratelimit-policy"), Some(r#""tenant";q=5;w=5"#));
    // Whoever else asks notices nothing, and the way out of it stays open.
    let others = ben.client.get(&other.path("/records/notes")).expect(200);
    assert_eq!((others.header("ratelimit"), others.header("ratelimit-policy")), (None, None));
    operator.client.get("/api/v1/operator/tenants").expect(200);
    ann.client.get(&acme.path("/subscription")).expect(200);
    ann.client.get("/api/v1/me").expect(200);
    // Another plan counts from the next request on, without a restart.
    choose(&ann, &acme, "open");
    assert_eq!(ann.client.get(&notes).expect(200).header("ratelimit"), None);
    choose(&ann, &acme, "slow");
    until_refused(&ann.client, &notes).1.expect_code(429, "rate_limited");
    installation.advance_clock(5 * SECOND);
    let (let_in, _) = until_refused(&ann.client, &notes);
    assert!((5..=10).contains(&let_in), "{let_in}");
    // A clock that is set back locks nobody out. Of a person the tokens would lie in the future.
    let (key, _) = make_key(&ann, &acme, Value::Null);
    until_refused(&key, &notes).1.expect_code(429, "rate_limited");
    installation.advance_clock(-60 * MINUTE);
    eventually("room after the clock was set back", || {
        (key.get(&notes).expect_one_of(&[200, 429]).status == 200).then_some(())
    });
    server.stop();
}

#[test]
fn who_goes_on_asking_is_told_later_and_who_waits_is_not() {
    const PAUSE: Duration = Duration::from_secs(1);
    let installation = installation();
    let mut command =
        installation.with_app(installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]));
    command.env("TENANTRY_REFUSAL_PAUSE_MS", PAUSE.as_millis().to_string());
    let server = Server::spawn(&installation, command).unwrap();
    let (ann, acme) = ann_on(&server, "slow");
    let notes = acme.path("/records/notes");
    until_refused(&ann.client, &notes);
    // How long the next refusal takes to be told.
    let refusal = || {
        loop {
            let begun = Instant::now();
            if ann.client.get(&notes).expect_one_of(&[200, 429]).status == 429 {
                return begun.elapsed();
            }
        }
    };
    assert!((0..10).any(|_| refusal() >= PAUSE), "who goes on asking is told at once");
    // One of each second is told at once.
    installation.advance_clock(2 * SECOND);
    let took = refusal();
    assert!(took < PAUSE, "{took:?}");
    server.stop();
}

#[test]
fn nobody_gets_more_by_changing_what_is_not_about_the_rate() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = ann_on(&server, "slow");
    let notes = acme.path("/records/notes");
    until_refused(&ann.client, &notes);
    for cap in [json!(5_000), Value::Null] {
        ann.client.patch(&acme.path("/limits"), json!({ "spend_cap_cents": cap })).expect(200);
        let (let_in, _) = until_refused(&ann.client, &notes);
        assert!(let_in <= 3, "{let_in}");
    }
    server.stop();
}

#[test]
fn who_may_only_look_does_not_lock_the_owner_out_of_the_way_out() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = ann_on(&server, "open");
    let viewer = server.join(&ann, &acme, "vic", "viewer");
    let admin = server.join(&ann, &acme, "adam", "admin");
    choose(&ann, &acme, "slow");
    let refused = until_refused(&viewer.client, &acme.path("/members")).1.expect_code(429, "rate_limited");
    assert_eq!(refused.json["limit"], "tenant");
    ann.client.get(&acme.path("/subscription")).expect(200);
    installation.advance_clock(5 * SECOND);
    // Of the way out nobody has all, and what one has is told.
    let refused = until_refused(&admin.client, &acme.path("/subscription")).1;
    assert_eq!(refused.expect_code(429, "rate_limited").json["limit"], "identity");
    choose(&ann, &acme, "open");
    server.stop();
}

#[test]
fn a_slow_body_keeps_no_others_of_the_tenant_waiting() {
    let installation = installation();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_TENANT_TURNS", "1");
    let server = Server::spawn(&installation, installation.with_app(command)).unwrap();
    let (ann, acme) = ann_on(&server, "open");
    let (ben, other) = server.sign_up_with_tenant("ben", "other");
    let (notes, others) = (acme.path("/records/notes"), other.path("/records/notes"));
    let mut slow = TcpStream::connect(server.address()).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = json!({ "id": "slow", "body": "x".repeat(100_000) }).to_string();
    let head = format!(
        "POST {notes} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        ann.access_token,
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    slow.write_all(&body.as_bytes()[..70_000]).unwrap();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        // Others ask all the time: alone, a tenant needs no turns.
        threads.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                ben.client.get(&others).expect(200);
            }
        });
        let statuses: Vec<u16> = (0..20).map(|_| ann.client.get(&notes).status).collect();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(statuses, [200; 20]);
    });
    slow.write_all(&body.as_bytes()[70_000..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    server.stop();
}

#[test]
fn a_request_is_taken_once_whatever_becomes_of_it() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = ann_on(&server, "slow");
    let left = |answer: &Answer| answer.header("ratelimit").map(str::to_owned);
    let call =
        Call::post(acme.path("/records/notes"), json!({ "body": "x" })).header("Idempotency-Key", "abc-1");
    let made = ann.client.send(&call).expect(201);
    assert_eq!(left(&made).as_deref(), Some(r#""tenant";r=4;t=1"#));
    // Whether it is done, unknown or not valid.
    let missing = ann.client.get(&acme.path("/records/nothing")).expect(404);
    assert!(left(&missing).is_some_and(|left| left.starts_with(r#""tenant";r=3"#)), "{missing:?}");
    // Who is no member is told nothing of it, and takes nothing from it.
    let eve = server.sign_up("eve");
    assert_eq!(left(&eve.client.get(&acme.path("/records/notes")).expect(404)), None);
    // A stream is one request for as long as it lasts.
    let stream = ann.client.stream(&acme.path("/changes"), None);
    let next = ann.client.get(&acme.path("/records/notes")).expect(200);
    assert!(left(&next).is_some(), "{next:?}");
    drop(stream);
    server.stop();
}

#[test]
fn a_key_has_a_rate_of_its_own_and_never_all_of_its_tenants() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = ann_on(&server, "slow");
    let notes = acme.path("/records/notes");
    let beyond = json!({ "name": "x", "permissions": ["records:read"], "rate": { "requests_per_second": 2, "burst": 5 } });
    ann.client.post(&acme.path("/api-keys"), beyond).expect_refused_by_name("rate.requests_per_second");
    for (rate, field) in [
        (json!({ "requests_per_second": 1, "burst": 6 }), "rate.burst"),
        (json!({ "requests_per_second": 1 }), "rate.burst"),
        (json!({ "requests_per_second": 1, "burst": 1, "size": 1 }), "rate.size"),
    ] {
        let body = json!({ "name": "x", "permissions": ["records:read"], "rate": rate });
        ann.client.post(&acme.path("/api-keys"), body).expect_refused_by_name(field);
    }
    installation.advance_clock(MINUTE);
    let (slow, made) = make_key(&ann, &acme, json!({ "requests_per_second": 1, "burst": 2 }));
    assert_eq!(made["rate"], json!({ "requests_per_second": 1, "burst": 2 }));
    let first = slow.get(&notes).expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some(r#""tenant";q=5;w=5, "key";q=2;w=3"#));
    let (let_in, refused) = until_refused(&slow, &notes);
    assert!((1..=3).contains(&let_in), "{let_in}");
    assert_eq!(refused.expect_code(429, "rate_limited").json["limit"], "key");
    // The rest of the tenant goes on.
    ann.client.get(&notes).expect(200);
    installation.advance_clock(MINUTE);
    let (plain, made) = make_key(&ann, &acme, Value::Null);
    assert_eq!(made["rate"], Value::Null);
    let (let_in, refused) = until_refused(&plain, &notes);
    assert!((4..=7).contains(&let_in), "{let_in}");
    assert_eq!(refused.expect_code(429, "rate_limited").json["limit"], "key");
    ann.client.get(&notes).expect(200);
    server.stop();
}

#[test]
fn one_more_at_once_than_the_plan_has_waits_a_moment_and_is_refused() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = ann_on(&server, "narrow");
    let notes = acme.path("/records/notes");
    let alone = ann.client.get(&notes).expect(200);
    assert_eq!(alone.header("ratelimit-policy"), Some(r#""concurrency";q=1;qu="concurrent-requests""#));
    // A request whose body is still on its way is under way.
    let (key, ()) = {
        let body = json!({ "name": "k", "permissions": ["files:write"] });
        let made = ann.client.post(&acme.path("/api-keys"), body).expect(201);
        (made.string("/key"), ())
    };
    let mut upload = TcpStream::connect(server.address()).unwrap();
    upload.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "PUT {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\nContent-Type: text/plain\r\n\
         Content-Length: 100000\r\n\r\n",
        acme.path("/files/a.txt")
    );
    upload.write_all(head.as_bytes()).unwrap();
    let refused = eventually("the place to be taken", || {
        let answer = ann.client.get(&notes).expect_one_of(&[200, 429]);
        (answer.status == 429).then_some(answer)
    });
    let refused = refused.expect_code(429, "concurrency_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    ann.client.get(&acme.path("/subscription")).expect(200);
    upload.write_all(&vec![b'x'; 100_000]).unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    ann.client.get(&notes).expect(200);
    server.stop();
}

#[test]
fn who_sends_slow_queries_pays_for_them() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = ann_on(&server, "cheap");
    let (ben, other) = server.sign_up_with_tenant("ben", "other");
    let notes = acme.path("/records/notes");
    ann.client.get(&notes).expect(200);
    // A process of its own takes longer than the five milliseconds that may be spent at once.
    ann.client.post(&acme.path("/sql"), json!({ "sql": "SELECT 1" })).expect(200);
    let refused = ann.client.get(&notes).expect_code(429, "database_time_exhausted");
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    ann.client
        .post(&acme.path("/sql"), json!({ "sql": "SELECT 1" }))
        .expect_code(429, "database_time_exhausted");
    ann.client.get(&acme.path("/subscription")).expect(200);
    ben.client.get(&other.path("/records/notes")).expect(200);
    installation.advance_clock((wait + 1) * SECOND);
    ann.client.get(&notes).expect(200);
    server.stop();
}

#[test]
fn who_was_signed_in_goes_on_whatever_others_do_behind_their_address() {
    let installation = installation();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_ADDRESS_REQUESTS_PER_SECOND", "2");
    let server = Server::spawn(&installation, installation.with_app(command)).unwrap();
    let ann = server.sign_up("ann");
    let nobody = server.nobody();
    installation.advance_clock(6 * MINUTE);
    let flood = || {
        let forged = nobody.bearer("nothing");
        until_refused_or(&forged, "/api/v1/me", 401).expect_code(429, "rate_limited");
    };
    flood();
    for _ in 0..5 {
        ann.client.get("/api/v1/me").expect_code(401, "token_expired");
    }
    let refresh = |token: &str| nobody.post("/api/v1/auth/refresh", json!({ "refresh_token": token }));
    let next = refresh(&ann.refresh_token).expect(200);
    nobody.bearer(&next.string("/access_token")).get("/api/v1/me").expect(200);
    // A session that asks on and on is counted with everybody else.
    let statuses: Vec<u16> = (0..60).map(|_| refresh(&ann.refresh_token).status).collect();
    assert!(statuses[..15].iter().all(|status| *status == 200), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    // That it is behind a proxy which nobody named is told, once.
    assert!(!installation.log().contains("trusted_proxies"));
    for number in 0..3 {
        let call = Call::get("/api/v1/me").header("X-Forwarded-For", format!("192.0.2.{number}"));
        nobody.send(&call).expect_one_of(&[401, 429]);
    }
    server.stop();
    assert_eq!(installation.log().matches("set trusted_proxies = ").count(), 1, "{}", installation.log());
}

#[test]
fn who_is_not_signed_in_is_counted_by_address() {
    let installation = installation();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_ADDRESS_REQUESTS_PER_SECOND", "2");
    let server = Server::spawn(&installation, installation.with_app(command)).unwrap();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let nobody = server.nobody();
    let token = json!({ "refresh_token": "nothing" });
    let mut refused = None;
    for number in 0..200 {
        // Nobody is believed an address that they wrote themselves.
        let call = Call::post("/api/v1/auth/refresh", token.clone())
            .header("X-Forwarded-For", format!("192.0.2.{number}"));
        let answer = nobody.send(&call);
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("never refused").expect_code(429, "rate_limited");
    assert_eq!(refused.json["limit"], "address");
    assert_eq!(refused.header("ratelimit-policy"), Some(r#""address";q=20;w=10"#));
    // So is a credential that is none; one that is good is not.
    nobody.bearer("nothing").get("/api/v1/me").expect_one_of(&[401, 429]);
    for _ in 0..30 {
        ann.client.get(&acme.path("/records/notes")).expect(200);
    }
    nobody.get("/livez").expect(200);
    installation.advance_clock(MINUTE);
    nobody.post("/api/v1/auth/refresh", token).expect(401);
    server.stop();
}
