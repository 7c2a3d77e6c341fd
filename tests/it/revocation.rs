//! Whoever lost access is refused from the next request on, however many are under way: no request that begins after the
//! answer to the act that took access away is let in.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use crate::harness::{
    Call, Client, Installation, Person, Server, Tenant, eventually, links_to, token_mailed_to,
};

/// Clients that ask at the same time, each as fast as it can.
const CROWD: usize = 8;
/// Answers before access goes, and after it went.
const ENOUGH: usize = 200;

/// What is asked over and over, what becomes of it, and the act that takes access away.
struct Case<'a> {
    name: &'static str,
    client: &'a Client,
    call: Call,
    refused: u16,
    act: Box<dyn Fn() + 'a>,
}

/// Asks without pause before, during and after the act. Answers how many were let in before, and how many refused after.
#[track_caller]
fn assert_refused_at_once(case: &Case<'_>) -> (usize, usize) {
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (client, call) = (case.client, &case.call);
    let ask = || {
        let mut answers = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let begun = Instant::now();
            answers.push((begun, client.send(call).status));
            asked.fetch_add(1, Ordering::Relaxed);
        }
        answers
    };
    let wait_for = |more: usize| {
        let target = asked.load(Ordering::Relaxed) + more;
        eventually("answers", || (asked.load(Ordering::Relaxed) >= target).then_some(()));
    };
    let (answers, ended) = std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..CROWD).map(|_| scope.spawn(ask)).collect();
        wait_for(ENOUGH);
        (case.act)();
        let ended = Instant::now();
        wait_for(ENOUGH);
        done.store(true, Ordering::Relaxed);
        let answers: Vec<_> = crowd.into_iter().flat_map(|one| one.join().unwrap()).collect();
        (answers, ended)
    });
    let is_let_in = |status: u16| (200..300).contains(&status);
    // Who was on the way in when an account went may have a session still and no membership any more.
    let is_between = |begun: Instant, status: u16| begun <= ended && status == 404;
    let odd: Vec<_> = answers
        .iter()
        .filter(|(begun, status)| {
            !is_let_in(*status) && *status != case.refused && !is_between(*begun, *status)
        })
        .collect();
    assert!(odd.is_empty(), "{}: {odd:?}", case.name);
    let late: Vec<_> =
        answers.iter().filter(|(begun, status)| *begun > ended && is_let_in(*status)).collect();
    assert!(late.is_empty(), "{}: {} were let in too late", case.name, late.len());
    let before = answers.iter().filter(|(_, status)| is_let_in(*status)).count();
    let after = answers.iter().filter(|(begun, _)| *begun > ended).count();
    assert!(before >= ENOUGH / 2 && after >= ENOUGH / 2, "{}: {before} before, {after} after", case.name);
    (before, after)
}

/// The ways in which access goes. Whatever gives access has to have a line here for the way it is taken.
fn cases<'a>(
    server: &'a Server,
    ann: &'a Person,
    acme: &'a Tenant,
    people: &'a [Person],
    key: &'a (Client, String),
) -> Vec<Case<'a>> {
    let read = || Call::get(acme.path("/records/customers?limit=1"));
    let write = || Call::post(acme.path("/records/customers"), json!({"name": "One more"}));
    let [removed, left, demoted, ended, everywhere, deleted, paused] = people else { panic!("seven people") };
    vec![
        Case {
            name: "a removed member",
            client: &removed.client,
            call: read(),
            refused: 404,
            act: Box::new(|| drop(ann.client.delete(&removed.membership(acme)).expect(204))),
        },
        Case {
            name: "a member who left",
            client: &left.client,
            call: write(),
            refused: 404,
            act: Box::new(|| drop(left.sign_in_again().client.delete(&left.membership(acme)).expect(204))),
        },
        Case {
            name: "a member whose role writes no more",
            client: &demoted.client,
            call: write(),
            refused: 403,
            act: Box::new(|| {
                ann.client.patch(&demoted.membership(acme), json!({"role": "viewer"})).expect(200);
            }),
        },
        Case {
            name: "a session that was ended from another",
            client: &ended.client,
            call: read(),
            refused: 401,
            act: Box::new(|| {
                let sessions = ended.client.get("/api/v1/auth/sessions").expect(200);
                let items = sessions.json["items"].as_array().unwrap();
                let own = items.iter().find(|session| session["current"] == true).unwrap();
                let path = format!("/api/v1/auth/sessions/{}", own["id"].as_str().unwrap());
                ended.sign_in_again().client.delete(&path).expect(204);
            }),
        },
        Case {
            name: "all sessions",
            client: &everywhere.client,
            call: read(),
            refused: 401,
            act: Box::new(|| {
                let other = everywhere.sign_in_again();
                other.client.send(&Call::new("POST", "/api/v1/auth/sign-out-everywhere")).expect(204);
            }),
        },
        Case {
            name: "a deleted account",
            client: &deleted.client,
            call: read(),
            refused: 401,
            act: Box::new(|| {
                let body = json!({"password": deleted.password});
                deleted.sign_in_again().client.send(&Call::delete("/api/v1/me").json(&body)).expect(204);
            }),
        },
        Case {
            name: "a deleted key",
            client: &key.0,
            call: read(),
            refused: 401,
            act: Box::new(|| {
                ann.client.delete(&acme.path(&format!("/api-keys/{}", key.1))).expect(204);
            }),
        },
        Case {
            name: "a suspended tenant",
            client: &paused.client,
            call: write(),
            refused: 409,
            act: Box::new(|| {
                server.installation().run(&["tenant", "suspend", &acme.slug]).expect_code(0);
            }),
        },
    ]
}

#[test]
fn whoever_loses_access_under_load_is_refused_from_the_next_request_on() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let names = ["rene", "lea", "dora", "erik", "eve", "dirk", "paul"];
    let people = names.map(|name| server.join(&ann, &acme, name, "member"));
    let made = json!({"name": "Import", "permissions": ["records:read"]});
    let made = ann.client.post(&acme.path("/api-keys"), made).expect(201);
    let key = (server.nobody().bearer(&made.string("/key")), made.string("/id"));
    for case in cases(&server, &ann, &acme, &people, &key) {
        let begun = Instant::now();
        let (before, after) = assert_refused_at_once(&case);
        let rate = f64::from(u32::try_from(before + after).unwrap()) / begun.elapsed().as_secs_f64();
        println!("{}: {before} let in before, 0 of {after} after, {rate:.0} a second", case.name);
    }
    // Nobody else noticed.
    ann.client.get(&acme.path("/records/customers?limit=1")).expect(200);
    server.stop();
}

/// Comparing a password takes a while, and longer where many wait: what was begun with the old one must not hold after the
/// answer that there is a new one.
#[test]
fn what_is_under_way_with_a_password_does_not_outlive_it() {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), "trusted_proxies = [\"127.0.0.1\"]\n").unwrap();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    server.nobody().post("/api/v1/auth/password/forgot", json!({"email": ann.email})).expect(202);
    let token = token_mailed_to(&installation, &ann.email, 1);
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let sign_in = || {
        let body = json!({"email": ann.email, "password": ann.password});
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let from = format!("10.{}.{}.1", number / 250, number % 250);
        server.nobody().send(&Call::post("/api/v1/auth/sign-in", body).header("x-forwarded-for", from))
    };
    let (answers, asked_to_move) = std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..2 * CROWD)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        answers.push(sign_in());
                    }
                    answers
                })
            })
            .collect();
        eventually("sign-ins", || (asked.load(Ordering::Relaxed) > 4 * CROWD).then_some(()));
        let moving = scope.spawn(|| {
            let body = json!({"new_email": "thief@example.com", "password": ann.password});
            ann.client.post("/api/v1/auth/email/change", body).expect_one_of(&[202, 401, 403]).status
        });
        let body = json!({"token": token, "new_password": "quartz lanterns hum at nine"});
        server.nobody().post("/api/v1/auth/password/reset", body).expect(204);
        done.store(true, Ordering::Relaxed);
        let answers: Vec<_> = crowd.into_iter().flat_map(|one| one.join().unwrap()).collect();
        (answers, moving.join().unwrap() == 202)
    });
    let let_in: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(let_in.len() > CROWD && let_in.len() < answers.len(), "{} of {}", let_in.len(), answers.len());
    for answer in let_in {
        server.nobody().bearer(&answer.string("/access_token")).get("/api/v1/me").expect(401);
    }
    if asked_to_move {
        let token = token_mailed_to(&installation, "thief@example.com", 1);
        server.nobody().post("/api/v1/auth/email/verify", json!({"token": token})).expect(404);
    } else {
        assert!(links_to(&installation, "thief@example.com").is_empty());
    }
    server.stop();
}
