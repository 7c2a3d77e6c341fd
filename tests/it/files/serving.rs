//! Files as answers: whole, in part, not again, and never as a page.

use super::{get, noise, put, sha256};
use crate::harness::{Answer, Call, Installation};

#[test]
fn what_was_uploaded_comes_back_as_it_was_and_not_again_to_who_has_it() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let path = acme.path("/files/a.bin");
    for (number, length) in (1..).zip([0, 1, 8_192, 131_071, 131_072, 131_073, 3_000_000]) {
        let bytes = noise(length, number);
        let stored = put(&ann.client, &acme, "a.bin", bytes.clone());
        assert_eq!(
            (stored.json["size"].as_u64(), stored.string("/sha256")),
            (Some(length as u64), sha256(&bytes))
        );
        let whole = ann.client.get(&path).expect(200);
        assert!(whole.bytes == bytes, "{length} bytes are others");
        let etag = whole.header("etag").unwrap().to_owned();
        assert_eq!(stored.header("etag"), Some(etag.as_str()));
        assert_eq!(whole.header("content-length"), Some(length.to_string().as_str()));
        assert_eq!(whole.header("accept-ranges"), Some("bytes"));
        let head = ann.client.send(&Call::new("HEAD", &path)).expect(200);
        assert_eq!((head.bytes.len(), head.header("content-length")), (0, whole.header("content-length")));
        let again = ann.client.send(&Call::get(&path).header("if-none-match", &etag)).expect(304);
        assert_eq!((again.bytes.len(), again.header("etag")), (0, Some(etag.as_str())));
        ann.client
            .send(&Call::get(&path).header("if-match", "\"other\""))
            .expect_code(412, "precondition_failed");
    }
    let modified = ann.client.get(&path).header("last-modified").unwrap().to_owned();
    ann.client.send(&Call::get(&path).header("if-modified-since", modified)).expect(304);
    let old = "Sun, 06 Nov 1994 08:49:37 GMT";
    ann.client.send(&Call::get(&path).header("if-modified-since", old)).expect(200);
    get(&ann.client, &acme, "b.bin").expect(404);
    ann.client.get(&acme.path("/files/a.bin?x=1")).expect(400);
    server.stop();
}

#[test]
fn a_part_is_that_part_and_what_cannot_be_one_is_all_of_it_or_none() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bytes = noise(500_000, 7);
    let etag = put(&ann.client, &acme, "a.bin", bytes.clone()).header("etag").unwrap().to_owned();
    let ask = |range: &str, if_range: Option<&str>| -> Answer {
        let call = Call::get(acme.path("/files/a.bin")).header("range", range);
        ann.client.send(&if_range.map_or(call.clone(), |tag| call.header("if-range", tag)))
    };
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=499999-", 499_999, 500_000),
        ("bytes=100000-499999", 100_000, 500_000),
        ("bytes=-5", 499_995, 500_000),
        ("bytes=-999999", 0, 500_000),
        ("bytes=499990-999999", 499_990, 500_000),
    ] {
        let part = ask(range, None).expect(206);
        assert!(part.bytes == bytes[from..to], "{range} are other bytes");
        assert_eq!(
            part.header("content-range"),
            Some(format!("bytes {from}-{}/500000", to - 1).as_str()),
            "{range}"
        );
        assert_eq!(part.header("content-length"), Some((to - from).to_string().as_str()), "{range}");
    }
    for range in ["bytes=0-1,5-6", "bytes=9-1", "bytes=x", "items=0-1", "bytes=-", "bytes=-0"] {
        let whole = ask(range, None).expect(200);
        assert!(whole.bytes == bytes && whole.header("content-range").is_none(), "{range}");
    }
    for range in ["bytes=500000-", "bytes=500000-500001"] {
        let refused = ask(range, None).expect_code(416, "range_not_satisfiable");
        assert_eq!(refused.header("content-range"), Some("bytes */500000"), "{range}");
    }
    ask("bytes=0-1", Some(&etag)).expect(206);
    ask("bytes=0-1", Some("\"other\"")).expect(200);
    // Resumed, after the file was changed: all of the new one, not a mixture.
    let changed = noise(500_000, 8);
    put(&ann.client, &acme, "a.bin", changed.clone());
    assert!(ask("bytes=250000-", Some(&etag)).expect(200).bytes == changed);
    server.stop();
}

#[test]
fn what_a_browser_would_run_is_an_attachment_of_text_that_may_do_nothing() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let text = "text/plain; charset=utf-8";
    let cases: [(&str, &str, &[u8], &str); 8] = [
        ("page.html", "text/html", b"<!DOCTYPE html><script>alert(1)</script>", text),
        ("image.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", text),
        ("feed.xml", "application/xml", b"<?xml version='1.0'?><x/>", text),
        ("code.js", "text/javascript", b"alert(1)", text),
        ("image.png", "image/png", b"<html><body>no image</body></html>", text),
        ("page.htm", "text/html", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        ("utf16.html", "text/html", b"\xff\xfe<\0h\0t\0m\0l\0>\0", "application/octet-stream"),
        ("report", "x/y", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
    ];
    for (name, claimed, bytes, expected) in cases {
        let call = Call::new("PUT", acme.path(&format!("/files/{name}"))).bytes(claimed, bytes);
        let stored = ann.client.send(&call).expect(201);
        assert_eq!(stored.string("/content_type"), expected, "{name}");
        let served = get(&ann.client, &acme, name).expect(200);
        assert_eq!(served.header("content-type"), Some(expected), "{name}");
        assert_eq!(served.header("x-content-type-options"), Some("nosniff"), "{name}");
        assert_eq!(served.header("content-security-policy"), Some("sandbox; default-src 'none'"), "{name}");
        let disposition = format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}");
        assert_eq!(served.header("content-disposition"), Some(disposition.as_str()));
    }
    server.stop();
}

#[test]
fn a_name_in_a_header_is_only_a_name() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for (encoded, plain, exact) in [
        ("a%22%3B%20filename%3Dx.html", "a__ filename_x.html", "a%22%3B%20filename%3Dx.html"),
        ("%C3%9Cbersicht%20100%25.pdf", "_bersicht 100_.pdf", "%C3%9Cbersicht%20100%25.pdf"),
        ("d/%E6%BC%A2%27%2A.txt", "___.txt", "%E6%BC%A2%27%2A.txt"),
    ] {
        put(&ann.client, &acme, encoded, "x");
        let served = get(&ann.client, &acme, encoded).expect(200);
        let expected = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}");
        assert_eq!(served.header("content-disposition"), Some(expected.as_str()), "{encoded}");
    }
    server.stop();
}

#[test]
fn the_same_content_of_another_tenant_has_another_tag() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let (of_acme, of_bolt) = (put(&ann.client, &acme, "a", "same"), put(&bob.client, &bolt, "a", "same"));
    assert_ne!(of_acme.header("etag"), of_bolt.header("etag"));
    let call = Call::get(bolt.path("/files/a")).header("if-none-match", of_acme.header("etag").unwrap());
    bob.client.send(&call).expect(200);
    ann.client.get(&bolt.path("/files/a")).expect(404);
    server.stop();
}
