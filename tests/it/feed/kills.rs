//! Every change once and in order, whatever happens to the process.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::harness::{Call, Client, Event, Installation, Tenant, eventually};

/// How often the server is killed.
const KILLS: usize = 6;

/// Customers by id, as one who follows the feed has them.
#[derive(Default)]
struct Copy {
    customers: BTreeMap<String, Value>,
    last: i64,
}

impl Copy {
    fn take(&mut self, event: &Event) {
        if event.name != "change" {
            return;
        }
        let change = &event.data;
        self.last += 1;
        assert_eq!(change["seq"], self.last, "each once and in order");
        assert_eq!(event.id, self.last.to_string());
        let id = change["id"].as_str().unwrap().to_owned();
        let before = match change["op"].as_str().unwrap() {
            "delete" => self.customers.remove(&id),
            _ => self.customers.insert(id, change["record"].clone()),
        };
        assert_eq!(before.is_some(), change["op"] != "create", "{change}");
    }
}

/// Creates, changes and deletes until the server is gone.
fn write_until_gone(client: &Client, tenant: &Tenant, written: &Mutex<usize>) {
    let mut made: Vec<String> = Vec::new();
    for number in 0_usize.. {
        let call = match (number % 4, made.pop()) {
            (2, Some(id)) => {
                made.insert(0, id.clone());
                Call::patch(
                    tenant.path(&format!("/records/customers/{id}")),
                    json!({"name": format!("{number}'")}),
                )
            }
            (3, Some(id)) => Call::delete(tenant.path(&format!("/records/customers/{id}"))),
            (_, kept) => {
                made.extend(kept);
                let items = [json!({"name": format!("{number} a")}), json!({"name": format!("{number} b")})];
                Call::post(tenant.path("/records/customers"), json!(items))
            }
        };
        let Ok(answer) = client.try_send(&call) else { return };
        assert!((200..300).contains(&answer.status), "{}", answer.text());
        for item in answer.json["items"].as_array().into_iter().flatten() {
            made.push(item["id"].as_str().unwrap().to_owned());
        }
        *written.lock().unwrap() += 1;
    }
}

#[test]
fn a_follower_misses_nothing_and_sees_nothing_twice_over_kills_and_reconnects() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.stop();
    let copy = Mutex::new(Copy::default());
    let path = acme.path("/changes?since=0");
    for kill in 0..KILLS {
        let server = installation.serve();
        let client = server.nobody().bearer(&ann.access_token);
        let written = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| write_until_gone(&client, &acme, &written));
            }
            scope.spawn(|| {
                // Loses its stream now and then, beside the kills.
                for patience in (5..).step_by(7) {
                    let last = copy.lock().unwrap().last;
                    let id = (last > 0).then(|| last.to_string());
                    let Ok(stream) = client.try_stream(&path, id.as_deref()) else { return };
                    assert!(stream.next_or_end().is_none_or(|event| event.name == "position"));
                    for _ in 0..patience {
                        match stream.next_or_end() {
                            Some(event) => copy.lock().unwrap().take(&event),
                            None => break,
                        }
                    }
                }
            });
            eventually("some writes", || (*written.lock().unwrap() >= 10 + kill * 9).then_some(()));
            server.kill();
        });
    }
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    let mut copy = copy.into_inner().unwrap();
    let last = client.get(&acme.path("/changes?since=latest")).expect(200).json["last_seq"].as_i64().unwrap();
    let stream = client.stream(&path, Some(&copy.last.to_string()));
    while copy.last < last {
        copy.take(&stream.next());
    }
    let mut stored = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&acme.path(&format!("/records/customers?limit=500{cursor}"))).expect(200).json;
        for item in page["items"].as_array().unwrap() {
            stored.insert(item["id"].as_str().unwrap().to_owned(), item.clone());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(last > 100 && stored.len() > 20, "{last} changes, {} records", stored.len());
    assert_eq!(copy.customers, stored);
    server.stop();
}
