//! Limits of what Tenantry counts itself: each threshold is told once, by letter, to endpoints and with every answer.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{lets_send, make};
use crate::harness::receiver::{Receiver, taken};
use crate::harness::{Answer, Call, Client, Installation, Person, Server, Tenant, eventually, letters_to};

const TOLD: [&str; 2] = ["usage.threshold_reached", "usage.limit_reached"];

/// A tenant on a plan with such limits, whose notices an endpoint gets.
struct Town {
    receiver: Receiver,
    installation: Arc<Installation>,
    server: Server,
    ann: Person,
    acme: Tenant,
}

impl Town {
    fn with(plan: &Value) -> Town {
        let receiver = Receiver::open(|_, _| taken());
        let installation = Installation::with_app_of_tests("metered");
        lets_send(&installation);
        let server = installation.serve();
        let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
        let operator = server.add_operator();
        let put = json!({ "document": plan, "expected_version": 0 });
        operator.client.send(&Call::put("/api/v1/operator/plans/bounded", put)).expect(201);
        let assign = format!("/api/v1/operator/tenants/{}/subscription", acme.slug);
        operator.client.send(&Call::put(assign, json!({ "plan": "bounded" }))).expect(200);
        make(&ann.client, &acme, &receiver.url("/"), &TOLD);
        Town { receiver, installation, server, ann, acme }
    }

    /// What the endpoint got about a meter, by thresholds, as it came. What is sent once more under the id it had is no other
    /// event: an attempt that ends with its server may not have been noted.
    fn events(&self, meter: &str) -> Vec<(String, i64)> {
        let of_meter = |told: &Value| told["data"]["meter"] == meter;
        let mut ids = HashSet::new();
        let told = self
            .receiver
            .received()
            .into_iter()
            .filter(|one| ids.insert(one.header("webhook-id").to_owned()));
        let told = told.map(|one| one.json).filter(of_meter).map(|one| {
            let threshold = one["data"]["threshold_percent"].as_i64().unwrap();
            (one["type"].as_str().unwrap().to_owned(), threshold)
        });
        told.collect()
    }

    fn letters(&self, meter: &str) -> usize {
        let all = letters_to(&self.installation, "ann@example.com");
        all.into_iter().filter(|letter| letter.contains(meter)).count()
    }

    /// Waits until so many thresholds were told by letter and to the endpoint, and no more.
    #[track_caller]
    fn told(&self, meter: &str, thresholds: usize) {
        eventually("letters and events", || {
            (self.letters(meter) >= thresholds && self.events(meter).len() >= thresholds).then_some(())
        });
        let expected = [("usage.threshold_reached".to_owned(), 80), ("usage.limit_reached".to_owned(), 100)];
        let mut events = self.events(meter);
        events.sort_by_key(|(_, threshold)| *threshold);
        assert_eq!(events, expected[..thresholds]);
        assert_eq!(self.letters(meter), thresholds);
    }
}

fn warned(answer: &Answer, meter: &str) -> Option<String> {
    let line = answer.header("x-usage-warning")?;
    line.starts_with(meter).then(|| line.to_owned())
}

#[test]
fn seats_are_told_once_with_whoever_joins_also_where_two_do_at_once_and_after_a_restart() {
    let mut town = Town::with(&json!({ "title": "Team", "seats": 5 }));
    let Town { server, ann, acme, .. } = &town;
    let read = |client: &Client, acme: &Tenant| client.get(&acme.path("/members")).expect(200);
    server.join(ann, acme, "bob", "member");
    let cid = server.join(ann, acme, "cid", "member");
    assert_eq!(warned(&read(&ann.client, acme), "seats"), None, "three of five");
    let dan = server.join(ann, acme, "dan", "member");
    assert_eq!(warned(&read(&ann.client, acme), "seats").unwrap(), "seats; used=4; limit=5; percent=80");
    town.told("seats", 1);
    for gone in [&dan, &cid] {
        ann.client.delete(&gone.membership(acme)).expect(204);
    }
    assert_eq!(warned(&read(&ann.client, acme), "seats"), None);
    // All that are left are taken at the same time.
    let others = ["eva", "fay", "gil"].map(|name| server.sign_up(name));
    let tokens = others.each_ref().map(|person| ann.invite(server, acme, &person.email, "member"));
    std::thread::scope(|scope| {
        for (person, token) in others.iter().zip(&tokens) {
            scope.spawn(|| person.accept(token).expect(200));
        }
    });
    assert_eq!(warned(&read(&ann.client, acme), "seats").unwrap(), "seats; used=5; limit=5; percent=100");
    town.told("seats", 2);
    town.server = town.server.restart();
    let ann = town.ann.sign_in_again_at(&town.server);
    eventually("the warning after the restart", || {
        warned(&ann.client.get(&town.acme.path("/records/notes")).expect(200), "seats")
    });
    ann.client.delete(&others[0].membership(&town.acme)).expect(204);
    let (token, eva) = (ann.invite(&town.server, &town.acme, &others[0].email, "member"), &others[0]);
    eva.sign_in_again_at(&town.server).accept(&token).expect(200);
    town.told("seats", 2);
    town.server.stop();
}

#[test]
fn whoever_is_alone_on_a_plan_of_one_seat_is_told_nothing() {
    let town = Town::with(&json!({ "title": "Solo", "seats": 1 }));
    let answer = town.ann.client.get(&town.acme.path("/records/notes")).expect(200);
    assert_eq!(warned(&answer, "seats"), None);
    assert_eq!((town.letters("seats"), town.events("seats")), (0, Vec::new()));
    town.server.stop();
}

#[test]
fn storage_is_told_with_the_write_that_takes_it_and_once() {
    let limits = json!({ "storage.bytes": { "soft": "2000000", "hard": "3000000" } });
    let mut town = Town::with(&json!({ "title": "Small", "limits": limits }));
    let Town { ann, acme, .. } = &town;
    let note = |text: String| Call::post(acme.path("/records/notes"), json!({ "text": text }));
    let mut last = Value::Null;
    let first = (0..6).find_map(|_| {
        let answer = ann.client.send(&note("x".repeat(300_000))).expect(201);
        last = answer.json["id"].clone();
        warned(&answer, "storage.bytes")
    });
    let first = first.expect("six of these are more than 80 percent");
    assert!(
        first.contains("limit=2000000; percent=8") || first.contains("limit=2000000; percent=9"),
        "{first}"
    );
    town.told("storage.bytes", 1);
    // Room is made and taken again.
    ann.client.delete(&acme.path(&format!("/records/notes/{last}"))).expect(204);
    for _ in 0..3 {
        ann.client.send(&note("x".repeat(300_000))).expect(201);
    }
    town.told("storage.bytes", 2);
    town.server = town.server.restart();
    let ann = town.ann.sign_in_again_at(&town.server);
    let read = ann.client.get(&town.acme.path("/records/notes?limit=1")).expect(200);
    assert!(warned(&read, "storage.bytes").unwrap().contains("percent=1"), "{read:?}");
    ann.client.post(&town.acme.path("/records/notes"), json!({ "text": "x".repeat(9_000) })).expect(201);
    town.told("storage.bytes", 2);
    town.server.stop();
}

#[test]
fn requests_are_told_as_they_are_summed_and_once_also_after_a_restart() {
    let limits = json!({ "api.requests": { "soft": "40", "window": "day" } });
    let mut town = Town::with(&json!({ "title": "Tiny", "limits": limits }));
    let Town { ann, acme, .. } = &town;
    for _ in 0..33 {
        ann.client.get(&acme.path("/records/notes?limit=1")).expect(200);
    }
    let line = eventually("a warning of requests", || {
        warned(&ann.client.get(&acme.path("/records/notes?limit=1")).expect(200), "api.requests")
    });
    assert!(line.contains("limit=40; percent="), "{line}");
    for _ in 0..20 {
        ann.client.get(&acme.path("/records/notes?limit=1")).expect(200);
    }
    town.told("api.requests", 2);
    town.server = town.server.restart();
    let ann = town.ann.sign_in_again_at(&town.server);
    eventually("a warning after the restart", || {
        warned(&ann.client.get(&town.acme.path("/records/notes?limit=1")).expect(200), "api.requests")
    });
    town.told("api.requests", 2);
    town.server.stop();
}
