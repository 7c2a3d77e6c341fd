//! Many streams, too many, and readers who do not read.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use super::{House, house};
use crate::harness::{Call, Installation, PATIENCE, Server, Stream};

fn house_with(settings: &str) -> House {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    House { server, ann, acme }
}

/// Bytes of memory that the server has resident.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn hundreds_of_streams_all_hear_of_a_change() {
    let house = house_with("identity_streams = 1000\n");
    let path = house.acme.path("/changes");
    let streams: Vec<Stream> = (0..300).map(|_| house.ann.client.stream(&path, None)).collect();
    streams.iter().for_each(|stream| assert_eq!(stream.position(), 0));
    house.create("customers", json!({"name": "x"}));
    streams.iter().for_each(|stream| assert_eq!(stream.change()["seq"], 1));
    drop(streams);
    house.server.stop();
}

#[test]
fn streams_are_bounded_per_identity_and_per_tenant_and_places_are_given_back() {
    let house = house_with("identity_streams = 2\ntenant_streams = 3\n");
    let mia = house.server.join(&house.ann, &house.acme, "mia", "viewer");
    let path = house.acme.path("/changes");
    let call = Call::get(path.clone()).header("accept", "text/event-stream");
    let mut of_ann: Vec<Stream> = (0..2).map(|_| house.ann.client.stream(&path, None)).collect();
    let refused = house.ann.client.send(&call).expect_code(429, "too_many_streams");
    assert!(refused.json["detail"].as_str().unwrap().starts_with("You have"));
    let of_mia = mia.client.stream(&path, None);
    let refused = mia.client.send(&call).expect_code(429, "too_many_streams");
    assert!(refused.json["detail"].as_str().unwrap().starts_with("This tenant has"));
    // Pages are always there.
    house.page("");
    of_ann.clear();
    // Their readers notice with the next event.
    house.create("customers", json!({"name": "x"}));
    let again = crate::harness::eventually("a free place", || house.ann.client.try_stream(&path, None).ok());
    again.position();
    drop(of_mia);
    house.server.stop();
}

/// A stream from the first change on that nobody reads yet.
fn stalled(house: &House) -> TcpStream {
    let mut socket = TcpStream::connect(house.server.address()).unwrap();
    let request = format!(
        "GET {}?since=0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: text/event-stream\r\nAuthorization: Bearer {}\r\n\r\n",
        house.acme.path("/changes"),
        house.ann.access_token
    );
    socket.write_all(request.as_bytes()).unwrap();
    socket
}

/// The body of an answer in chunks (RFC 9112, section 7.1), to its end.
fn dechunked(answer: &[u8]) -> String {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let (mut rest, mut body) = (&answer[head + 4..], Vec::new());
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").expect("the stream was broken off");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return String::from_utf8(body).unwrap();
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
}

#[test]
fn a_reader_so_slow_that_its_place_is_no_longer_kept_is_told_where_to_begin_anew() {
    let house = house_with("changes_mb = 2\n");
    let mut socket = stalled(&house);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    // What the work itself takes is taken by then.
    house.create_many(8_000, &"x".repeat(1_000));
    let before = resident(&house.server);
    // 17 MB that it does not read.
    house.create_many(17_000, &"x".repeat(1_000));
    let after = resident(&house.server);
    assert!(after < before + (16 << 20), "{before} -> {after}");
    // Now it reads: what was under way is whole and in order, then comes the end and says why.
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let body = dechunked(&answer);
    let events: Vec<&str> = body.split("\n\n").filter(|event| !event.is_empty()).collect();
    let (last, told) = events.split_last().unwrap();
    let seqs: Vec<i64> = told
        .iter()
        .filter(|event| event.contains("event: change"))
        .map(|event| event.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().parse().unwrap())
        .collect();
    assert_eq!(seqs, (1..=i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>());
    assert!(last.contains("event: gone"), "{last:.300}");
    let data = last.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let gone: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!((&gone["code"], &gone["restart_from"]), (&json!("changes_gone"), &json!(25_000)));
    assert!(gone["oldest_since"].as_i64().unwrap() > *seqs.last().unwrap());
    // From there on nothing is missed.
    house.create("customers", json!({"name": "later"}));
    let again = house.ann.client.stream(&house.acme.path("/changes?since=25000"), None);
    assert_eq!((again.position(), again.change()["seq"].clone()), (25_000, json!(25_001)));
    drop(again);
    house.server.stop();
}

#[test]
fn a_reader_who_does_not_read_costs_bounded_memory() {
    let house = house();
    let stalled: Vec<TcpStream> = (0..4).map(|_| stalled(&house)).collect();
    house.create_many(8_000, &"x".repeat(1_000));
    let before = resident(&house.server);
    // 20 MB that none of them reads.
    house.create_many(20_000, &"x".repeat(1_000));
    let after = resident(&house.server);
    assert!(after < before + (24 << 20), "{before} -> {after}");
    // Others hear of it all the same.
    assert_eq!(house.page("?since=27999")["items"][0]["seq"], 28_000);
    drop(stalled);
    house.server.kill();
}
