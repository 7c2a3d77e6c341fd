//! Many streams, too many, and readers who do not read.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;

use super::{House, house};
use crate::harness::{Call, Installation, Server, Stream};

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

#[test]
fn a_reader_who_does_not_read_costs_bounded_memory() {
    let house = house();
    let mut stalled: Vec<TcpStream> = Vec::new();
    for _ in 0..4 {
        let mut socket = TcpStream::connect(house.server.address()).unwrap();
        let request = format!(
            "GET {}?since=0 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer {}\r\n\r\n",
            house.acme.path("/changes"),
            house.ann.access_token
        );
        socket.write_all(request.as_bytes()).unwrap();
        stalled.push(socket);
    }
    house.create_many(1_000, &"x".repeat(1_000));
    let before = resident(&house.server);
    // 20 MB that none of them reads.
    house.create_many(20_000, &"x".repeat(1_000));
    let after = resident(&house.server);
    assert!(after < before + (24 << 20), "{before} -> {after}");
    // Others hear of it all the same.
    assert_eq!(house.page("?since=20999")["items"][0]["seq"], 21_000);
    house.server.kill();
}
