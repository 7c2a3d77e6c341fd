//! Streams: where they begin, what they say, and how they end.

use std::time::{Duration, Instant};

use serde_json::json;

use super::house;

#[test]
fn a_stream_tells_changes_as_they_come_and_goes_on_after_the_last_event() {
    let house = house();
    house.create("customers", json!({"id": "before", "name": "x"}));
    let path = house.acme.path("/changes");
    let stream = house.ann.client.stream(&path, None);
    // From now on, and it says from where: who loses the stream before the first change loses nothing either.
    assert_eq!(stream.position(), 1);
    house.create("customers", json!([{"id": "a", "name": "x"}, {"id": "b", "name": "line\nbreak"}]));
    let (a, b) = (stream.change(), stream.change());
    assert_eq!((&a["id"], &a["seq"], &b["id"]), (&json!("a"), &json!(2), &json!("b")));
    assert_eq!(b["record"]["name"], "line\nbreak");
    assert_eq!(house.page("?since=2")["items"][0], b);
    drop(stream);
    house.create("customers", json!({"id": "c", "name": "x"}));
    // What the browser sends wins over what is written in the address.
    let again = house.ann.client.stream(&format!("{path}?since=0"), Some("2"));
    assert_eq!(again.position(), 2);
    assert_eq!((again.change()["id"].clone(), again.change()["id"].clone()), (json!("b"), json!("c")));
    let all = house.ann.client.stream(&format!("{path}?since=0"), Some(""));
    assert_eq!(all.position(), 0);
    let ids: Vec<_> = (0..4).map(|_| all.change()["id"].clone()).collect();
    assert_eq!(ids, ["before", "a", "b", "c"]);
    house.server.stop();
}

#[test]
fn a_stream_of_some_tables_moves_on_past_the_changes_of_others() {
    let house = house();
    let stream = house.ann.client.stream(&house.acme.path("/changes?tables=notes"), None);
    assert_eq!(stream.position(), 0);
    house.create_many(3, "other");
    house.create("notes", json!({"id": "n", "title": "x"}));
    assert_eq!(stream.change()["seq"], 4);
    house.create_many(2, "other");
    // After a while of silence, the place to come back to.
    assert_eq!(stream.position(), 6);
    house.server.stop();
}

#[test]
fn streams_end_at_once_when_the_server_does() {
    let house = house();
    let stream = house.ann.client.stream(&house.acme.path("/changes"), None);
    stream.position();
    let begun = Instant::now();
    house.server.stop();
    assert_eq!(stream.next_or_end(), None);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_stream_over_another_s_records_hears_nothing() {
    let house = house();
    let (bob, bolt) = house.server.sign_up_with_tenant("bob", "bolt");
    let stream = bob.client.stream(&bolt.path("/changes"), None);
    stream.position();
    house.create_many(3, "of Acme");
    assert!(stream.is_silent_for(Duration::from_secs(2)));
    bob.client.post(&bolt.path("/records/customers"), json!({"name": "of Bolt"})).expect(201);
    assert_eq!(stream.change()["record"]["name"], "of Bolt");
    house.server.stop();
}
