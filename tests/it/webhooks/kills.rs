//! The server is killed while events are on their way.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Receiver, create_customer, installation, make, taken};
use crate::harness::eventually;

/// How often the server is killed.
const KILLS: usize = 10;

#[test]
fn ten_kills_with_events_on_their_way_lose_none() {
    let receiver = Receiver::open(|_, _| {
        std::thread::sleep(Duration::from_millis(20));
        taken()
    });
    let installation = installation();
    let mut server = installation.serve();
    let (mut ann, acme) = server.sign_up_with_tenant("ann", "acme");
    make(&ann.client, &acme, &receiver.url("/"), &["record.created", "member.added"]);
    let mut names = BTreeSet::new();
    let names_sent = |receiver: &Receiver| -> BTreeSet<String> {
        let name = |one: &crate::harness::receiver::Received| {
            one.json["data"]["record"]["name"].as_str().map(str::to_owned)
        };
        receiver.received().iter().filter_map(name).collect()
    };
    for kill in 0..KILLS {
        for number in 0..8 {
            let name = format!("Customer {kill} {number}");
            create_customer(&ann.client, &acme, &name);
            names.insert(name);
        }
        let person = format!("person-{kill}");
        server.join(&ann, &acme, &person, "viewer");
        // Each time at another moment: at once, or when some have come.
        let enough = names_sent(&receiver).len() + kill % 4;
        eventually("some", || (names_sent(&receiver).len() >= enough.min(names.len())).then_some(()));
        server.kill();
        server = installation.serve();
        ann = ann.sign_in_again_at(&server);
    }
    eventually("all records", || (names_sent(&receiver) == names).then_some(()));
    let members = || {
        let received = receiver.received();
        let added = received.iter().filter(|one| one.json["type"] == "member.added");
        added.map(|one| one.header("webhook-id").to_owned()).collect::<BTreeSet<_>>().len()
    };
    eventually("all members", || (members() == KILLS).then_some(()));
    // What came twice is known by its id.
    let received = receiver.received();
    let ids: BTreeSet<&str> = received.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!(ids.len(), names.len() + KILLS);
    server.stop();
}
