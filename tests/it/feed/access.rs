//! What ends a stream: whatever would refuse the next request, within a second, although nothing changes.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{House, house};
use crate::harness::{Call, Installation, Person, Stream};

/// What is promised.
const SOON: Duration = Duration::from_secs(1);

fn listen(house: &House, person: &Person) -> Stream {
    let stream = person.client.stream(&house.acme.path("/changes"), None);
    stream.position();
    stream
}

#[track_caller]
fn assert_ends(stream: &Stream, why: &str) {
    let since = Instant::now();
    assert_eq!(stream.next_or_end(), None, "{why}");
    assert!(since.elapsed() <= SOON, "{why}: {:?}", since.elapsed());
}

#[test]
fn whoever_loses_access_loses_the_stream_within_a_second() {
    let house = house();
    let [removed, left, signed_out, everywhere, stays] = ["rene", "lea", "sam", "eve", "stef"]
        .map(|name| house.server.join(&house.ann, &house.acme, name, "viewer"));
    let streams = [&removed, &left, &signed_out, &everywhere, &stays].map(|person| listen(&house, person));
    let other_session = listen(&house, &everywhere.sign_in_again());

    house.ann.client.delete(&removed.membership(&house.acme)).expect(204);
    assert_ends(&streams[0], "a removed member");
    left.client.delete(&left.membership(&house.acme)).expect(204);
    assert_ends(&streams[1], "a member who left");
    signed_out.client.send(&Call::new("POST", "/api/v1/auth/sign-out")).expect(204);
    assert_ends(&streams[2], "a session that ended");
    everywhere.client.send(&Call::new("POST", "/api/v1/auth/sign-out-everywhere")).expect(204);
    assert_ends(&streams[3], "all sessions");
    assert_ends(&other_session, "all sessions, the other one");

    house.create("customers", json!({"id": "x", "name": "x"}));
    assert_eq!(streams[4].change()["id"], "x");
    removed
        .client
        .send(&Call::get(house.acme.path("/changes")).header("accept", "text/event-stream"))
        .expect(404);
    house.server.stop();
}

#[test]
fn a_role_that_reads_no_records_ends_the_stream() {
    let installation =
        Installation::with_migrations(&[("0001_a.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY);")]);
    let app = installation.migrations().parent().unwrap().join("app.toml");
    std::fs::write(app, "[roles.clerk]\npermissions = [\"members:read\"]\n").unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let mia = server.join(&ann, &acme, "mia", "member");
    let house = House { server, ann, acme };
    let stream = listen(&house, &mia);
    house.ann.client.patch(&mia.membership(&house.acme), json!({"role": "clerk"})).expect(200);
    assert_ends(&stream, "a role without records:read");
    let refused = Call::get(house.acme.path("/changes")).header("accept", "text/event-stream");
    assert_eq!(mia.client.send(&refused).expect(403).json["permission"], "records:read");
    house.server.stop();
}

#[test]
fn a_tenant_that_is_erased_ends_its_streams_and_one_that_may_be_read_does_not() {
    let house = house();
    let stream = listen(&house, &house.ann);
    let run = |arguments: &[&str]| house.server.installation().run(arguments).expect_code(0);
    // As lists of records, which a suspended or closing tenant still answers.
    run(&["tenant", "suspend", "acme"]);
    assert!(stream.is_silent_for(Duration::from_millis(1_500)));
    run(&["tenant", "resume", "acme"]);
    house.create("customers", json!({"name": "x"}));
    stream.change();
    run(&["tenant", "erase", "acme", "--confirm", "acme", "--now"]);
    assert_ends(&stream, "an erased tenant");
    house.server.stop();
}
