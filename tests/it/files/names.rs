//! Names are rows: none becomes a path, and those that mislead are refused.

use super::{contents, get, put, upload};
use crate::harness::{Installation, raw_request};

#[test]
fn names_that_mislead_are_refused_and_leave_nothing() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let long = "x".repeat(256);
    let much =
        [long[1..].to_owned(), long[1..].to_owned(), long[1..].to_owned(), long[1..].to_owned(), "y".into()]
            .join("/");
    let deep = ["d"; 33].join("/");
    for path in [
        "..",
        ".",
        "../x",
        "a/../../x",
        "a/./b",
        "%2e%2e/x",
        "%2E%2E%2Fx",
        "..%2f..%2fcatalog.db",
        "a%2F..%2F..%2Fb",
        "a//b",
        "a/",
        "%2Fetc%2Fpasswd",
        "a%5Cb",
        "..%5C..%5Cx",
        "%00",
        "a%00.txt",
        "a%0Ab",
        "a%0D%0ASet-Cookie:x",
        "%1B%5B31m",
        "%20a",
        "a%20",
        "a%C2%A0",
        "a.",
        "a./b",
        "...",
        "%E2%80%AEgpj.exe",
        "a%E2%80%8Bb",
        "%EF%BB%BFa",
        "a%EF%BF%BF",
        "a%F4%8F%BF%BF",
        &long,
        &much,
        &deep,
    ] {
        for method in ["PUT", "GET", "DELETE"] {
            let head = format!(
                "{method} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: 1\
                 \r\n\r\nx",
                acme.path(&format!("/files/{path}")),
                ann.access_token
            );
            let (status, answer) = raw_request(&server, head.as_bytes());
            assert!(status == 400 && answer.contains("\"bad_path\""), "{method} {path}: {answer}");
        }
    }
    // Not UTF-8: no name at all.
    let answer = ann.client.send(&upload(&acme, "a%ff", "x"));
    assert!([400, 404].contains(&answer.status), "{}", answer.text());
    assert!(contents(&installation, &acme).is_empty());
    server.stop();
}

#[test]
fn a_name_is_taken_as_it_is_and_decoded_once() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let names = [
        ("a.txt", "a.txt"),
        ("A.TXT", "A.TXT"),
        (".env", ".env"),
        ("CON", "CON"),
        ("a%3Ab%3F%2A%7C%3C%3E%22.txt", "a:b?*|<>\".txt"),
        ("%C3%A9", "\u{e9}"),
        ("e%CC%81", "e\u{301}"),
        ("%252e%252e%252fx", "%2e%2e%2fx"),
        ("a%2Bb+c", "a+b+c"),
        ("d/e/f%20g.txt", "d/e/f g.txt"),
        ("$%7Bjndi%7D", "${jndi}"),
        ("'%3B%20DROP%20TABLE%20_files%3B--", "'; DROP TABLE _files;--"),
    ];
    for (encoded, name) in names {
        assert_eq!(put(&ann.client, &acme, encoded, name).expect(201).string("/path"), name);
    }
    for (encoded, name) in names {
        assert_eq!(get(&ann.client, &acme, encoded).expect(200).text(), name, "{encoded}");
        let location =
            put(&ann.client, &acme, encoded, name).expect(200).header("location").unwrap().to_owned();
        assert_eq!(ann.client.get(&location).expect(200).text(), name, "{location}");
    }
    // A slash that is encoded parts segments as well.
    assert_eq!(get(&ann.client, &acme, "d%2Fe%2Ff%20g.txt").expect(200).text(), "d/e/f g.txt");
    for path in contents(&installation, &acme) {
        let on_disk = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(on_disk.len() == 36 && on_disk.split('-').count() == 5, "{on_disk} tells something");
    }
    server.stop();
}

#[test]
fn a_name_is_a_file_or_the_beginning_of_others() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann.client, &acme, "a/b", "x");
    for taken in ["a", "a/b/c", "a/b/c/d"] {
        ann.client.send(&upload(&acme, taken, "x")).expect_code(409, "path_taken");
        get(&ann.client, &acme, taken).expect(404);
    }
    // Neighbours in order, not below.
    for free in ["a.", "a-b", "a0", "a%20b", "ab"].iter().filter(|name| !name.ends_with('.')) {
        put(&ann.client, &acme, free, "x").expect(201);
    }
    ann.client.delete(&acme.path("/files/a/b")).expect(204);
    put(&ann.client, &acme, "a", "x").expect(201);
    ann.client.send(&upload(&acme, "a/b", "x")).expect_code(409, "path_taken");
    server.stop();
}
