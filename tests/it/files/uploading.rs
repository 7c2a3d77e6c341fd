//! Uploads that are replaced, refused, cut off, too large, too slow or at the same time.

use std::thread::sleep;
use std::time::Duration;

use super::{ByHand, contents, expect_contents, get, noise, put, serve_with, sha256, upload};
use crate::harness::{Call, Installation, eventually};

#[test]
fn conditions_decide_which_upload_may_replace_which() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let with = |bytes: &str, name: &str, value: &str| {
        ann.client.send(&upload(&acme, "a", bytes).header(name, value))
    };
    with("x", "if-match", "*").expect_code(412, "precondition_failed");
    let first = with("one", "if-none-match", "*").expect(201).header("etag").unwrap().to_owned();
    with("two", "if-none-match", "*").expect_code(412, "precondition_failed");
    with("two", "if-match", "\"other\"").expect_code(412, "precondition_failed");
    let second = with("two", "if-match", &first).expect(200).header("etag").unwrap().to_owned();
    with("three", "if-match", &first).expect_code(412, "precondition_failed");
    with("three", "if-match", "no tag").expect_code(400, "bad_precondition");
    let delete = |tag: &str| ann.client.send(&Call::delete(acme.path("/files/a")).header("if-match", tag));
    delete(&first).expect_code(412, "precondition_failed");
    assert_eq!(get(&ann.client, &acme, "a").expect(200).text(), "two");
    expect_contents(&installation, &acme, 1);
    delete(&second).expect(204);
    expect_contents(&installation, &acme, 0);
    server.stop();
}

#[test]
fn a_file_that_is_too_large_is_refused_by_its_announcement_or_where_it_becomes_so() {
    let server = serve_with("file_max_bytes = 1000000");
    let installation = std::sync::Arc::clone(server.installation());
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann.client, &acme, "most", noise(1_000_000, 1)).expect(201);
    // Announced: before a byte of it is there.
    let announced = ByHand::begin(&server, &ann, &acme, "a", "Content-Length: 1000001").answer();
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("file_too_large"), "{announced}");
    // Announced, and sent whole: the answer is not lost for that.
    let mut sent = ByHand::begin(&server, &ann, &acme, "a", "Content-Length: 8000000");
    sent.send(&noise(8_000_000, 2));
    let sent = sent.answer();
    assert!(sent.starts_with("HTTP/1.1 413") && sent.contains("file_too_large"), "{sent}");
    // Not announced.
    let mut chunked = ByHand::begin(&server, &ann, &acme, "a", "Transfer-Encoding: chunked");
    for _ in 0..4 {
        chunked.send(b"61a80\r\n");
        chunked.send(&noise(400_000, 3));
        chunked.send(b"\r\n");
    }
    let chunked = chunked.answer();
    assert!(chunked.starts_with("HTTP/1.1 413") && chunked.contains("file_too_large"), "{chunked}");
    get(&ann.client, &acme, "a").expect(404);
    expect_contents(&installation, &acme, 1);
    server.stop();
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing_and_takes_nothing_away() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann.client, &acme, "a", "as it was");
    for length in ["Content-Length: 2000000", "Transfer-Encoding: chunked"] {
        let mut broken = ByHand::begin(&server, &ann, &acme, "a", length);
        if length.contains("chunked") {
            broken.send(b"f4240\r\n");
        }
        broken.send(&noise(900_000, 1));
        eventually("a beginning", || (contents(&installation, &acme).len() == 2).then_some(()));
        drop(broken);
        expect_contents(&installation, &acme, 1);
    }
    assert_eq!(get(&ann.client, &acme, "a").expect(200).text(), "as it was");
    server.stop();
}

#[test]
fn an_upload_may_take_longer_than_a_request_as_long_as_it_keeps_coming() {
    let server = serve_with("request_seconds = 2");
    let installation = std::sync::Arc::clone(server.installation());
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bytes = noise(600_000, 1);
    let mut slow = ByHand::begin(&server, &ann, &acme, "slow", "Content-Length: 600000");
    for piece in bytes.chunks(100_000) {
        slow.send(piece);
        sleep(Duration::from_millis(700));
    }
    let answer = slow.answer();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(get(&ann.client, &acme, "slow").expect(200).bytes == bytes);
    // Nothing more comes.
    let mut stalled = ByHand::begin(&server, &ann, &acme, "stalled", "Content-Length: 600000");
    stalled.send(&bytes[..300_000]);
    let answer = stalled.answer();
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("upload_too_slow"), "{answer}");
    // A byte now and then is not enough.
    let mut drops = ByHand::begin(&server, &ann, &acme, "drops", "Content-Length: 600000");
    for _ in 0..12 {
        if !drops.try_send(b"x") {
            break;
        }
        sleep(Duration::from_millis(300));
    }
    let answer = drops.answer();
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("upload_too_slow"), "{answer}");
    expect_contents(&installation, &acme, 1);
    server.stop();
}

#[test]
fn of_uploads_of_one_name_at_once_one_wins_whole_and_no_content_is_left() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let versions: Vec<Vec<u8>> = (1..=8).map(|seed| noise(300_000, seed)).collect();
    std::thread::scope(|scope| {
        for version in &versions {
            let (client, acme) = (ann.client.clone(), &acme);
            scope.spawn(move || {
                for _ in 0..4 {
                    put(&client, acme, "a", version.clone());
                }
            });
        }
        for _ in 0..2 {
            let (client, acme, versions) = (ann.client.clone(), &acme, &versions);
            scope.spawn(move || {
                for _ in 0..20 {
                    let answer = get(&client, acme, "a").expect_one_of(&[200, 404]);
                    let is_whole = answer.status == 404 || versions.contains(&answer.bytes);
                    assert!(is_whole, "a mixture of {} bytes", answer.bytes.len());
                }
            });
        }
    });
    let last = get(&ann.client, &acme, "a").expect(200);
    let item = ann.client.get(&acme.path("/files")).expect(200);
    assert_eq!(item.string("/items/0/sha256"), sha256(&last.bytes));
    expect_contents(&installation, &acme, 1);
    server.stop();
}

#[test]
fn who_is_removed_during_an_upload_or_download_does_not_end_it() {
    let installation = Installation::new();
    let server = installation.serve();
    let (olga, acme) = server.sign_up_with_tenant("olga", "acme");
    let mia = server.join(&olga, &acme, "mia", "member");
    let large = noise(80_000_000, 1);
    put(&olga.client, &acme, "large", large);
    let mut up = ByHand::begin(&server, &mia, &acme, "a", "Content-Length: 600000");
    up.send(&noise(500_000, 1));
    let down = ByHand::begin_download(&server, &mia, &acme, "large");
    eventually("a beginning", || (contents(&installation, &acme).len() == 2).then_some(()));
    olga.client.delete(&mia.membership(&acme)).expect(204);
    sleep(Duration::from_millis(700));
    up.send(&noise(100_000, 1));
    let answer = up.answer();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let received = down.rest();
    assert!(received < 70_000_000, "{received} bytes came");
    expect_contents(&installation, &acme, 1);
    server.stop();
}
