//! Names of tenants as nobody should write them.

use serde_json::json;

use crate::harness::{Call, Installation, raw_request};

/// As they stand in a path; `acme` exists and belongs to the one who asks.
fn hostile_in_a_path() -> Vec<String> {
    let mut all: Vec<String> = [
        "..",
        ".",
        "%2e%2e",
        "%2e%2e%2facme",
        "acme%2f..%2facme",
        "..%2facme",
        "a%2fb",
        "acme%2fdata.db",
        "acme%5c..",
        "con",
        "nul",
        "acme.",
        "acme%20",
        "%20acme",
        "acme%00",
        "%00acme",
        "acme%00x",
        "acme%0d%0ax",
        "ACME",
        "Acme",
        "%61cm%65x",
        // Cyrillic a, fullwidth a, a soft hyphen, a zero width joiner, a combining accent.
        "%d0%b0cme",
        "%ef%bd%81cme",
        "ac%c2%adme",
        "ac%e2%80%8dme",
        "acme%cc%81",
        "acme%3f",
        "acme%23",
        "acme;x=1",
        "acme:x",
        "*",
        "acme,other",
        "acme'",
        "acme%22",
        "acme%27%20or%201=1",
        "file:acme",
        "%ff%fe",
        "018F4D3C-7C1A-7000-8000-000000000000",
        "{018f4d3c-7c1a-7000-8000-000000000000}",
        "-acme",
        "acme-",
        "ac--me",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push("a".repeat(300));
    all.push("acme".repeat(2_000));
    all
}

#[test]
fn a_hostile_selector_in_the_path_finds_no_tenant() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"id": "known", "name": "Planted"})).expect(201);
    for selector in hostile_in_a_path() {
        for rest in ["", "/records/customers", "/records/customers/known"] {
            let path = format!("/api/v1/tenants/{selector}{rest}");
            let head = format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
                ann.access_token
            );
            let (status, answer) = raw_request(&server, head.as_bytes());
            assert!([400, 404, 414].contains(&status), "{path}: {answer}");
            assert!(!answer.contains("Planted") && !answer.contains(&acme.id), "{path}: {answer}");
        }
    }
    ann.client.get(&acme.path("/records/customers/known")).expect(200);
    server.stop();
}

#[test]
fn a_hostile_selector_in_the_header_finds_no_tenant() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"id": "known", "name": "Planted"})).expect(201);
    let long = "a".repeat(300);
    let hostile: Vec<&[u8]> = vec![
        b"",
        b"..",
        b"../acme",
        b"a/b",
        b"acme/data.db",
        b"con",
        b"acme.",
        b"ACME",
        b"acme\0",
        b"acme,acme",
        b"acme, other",
        b"acme;x",
        b"\"acme\"",
        "\u{430}cme".as_bytes(),
        b"\xff\xfe",
        b"file:acme",
        b"acme' OR '1'='1",
        long.as_bytes(),
    ];
    for selector in hostile {
        let mut request = format!(
            "GET /api/v1/records/customers/known HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\nX-Tenant-Id: ",
            ann.access_token
        )
        .into_bytes();
        request.extend(selector);
        request.extend(b"\r\n\r\n");
        let (status, answer) = raw_request(&server, &request);
        let selector = String::from_utf8_lossy(selector);
        assert!([400, 404].contains(&status), "{selector:?}: {answer}");
        assert!(!answer.contains("Planted"), "{selector:?}: {answer}");
    }
    let none = ann.client.get("/api/v1/records/customers/known");
    assert!([400, 404].contains(&none.status), "without a tenant: {none:?}");
    server.stop();
}

#[test]
fn a_hostile_slug_is_refused_and_makes_no_directory() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let long = "a".repeat(41);
    let huge = "a".repeat(300);
    let hostile = [
        "",
        "a",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "acme.",
        ".acme",
        "Acme",
        "acme ",
        " acme",
        "ac me",
        "ac\0me",
        "ac\nme",
        "\u{430}cme",
        "acme\u{301}",
        "ac\u{200d}me",
        "-acme",
        "acme-",
        "ac--me",
        "a_b",
        "a:b",
        "a'b",
        "api",
        "operator",
        "console",
        "import",
        "018f4d3c-7c1a-7000-8000-000000000000",
        &long,
        &huge,
    ];
    for slug in hostile {
        ann.client
            .post("/api/v1/tenants", json!({"name": "Acme", "slug": slug}))
            .expect_refused_by_name("slug");
    }
    for slug in [json!(1), json!(null), json!(["acme"]), json!({"a": 1})] {
        let answer = ann.client.post("/api/v1/tenants", json!({"name": "Acme", "slug": slug}));
        // Null is the same as not given.
        assert!([400, 422].contains(&answer.status) || slug.is_null(), "{answer:?}");
    }
    let made = installation.tenant_directories().len();
    assert!(made <= 1, "{made} tenants were made");
    server.stop();
}

#[test]
fn a_taken_slug_is_a_conflict_and_leaves_the_tenant_alone() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    let answer = bob.client.post("/api/v1/tenants", json!({"name": "Acme", "slug": "acme"})).expect(409);
    assert!(!answer.text().contains(&acme.id), "{}", answer.text());
    let body = json!({"email": "eve@example.com", "password": "eve juggles nine lanterns", "name": "Eve",
        "tenant": {"name": "Acme", "slug": "acme"}});
    server.nobody().post("/api/v1/auth/sign-up", body).expect(409);
    // The sign-up left nothing behind either: the same address can sign up with another slug.
    server.sign_up_with_tenant("eve", "eves");
    bob.client.get(&acme.path("")).expect(404);
    ann.client.get(&acme.path("")).expect(200);
    assert_eq!(installation.tenant_directories().len(), 2);
    server.stop();
}

#[test]
fn one_slug_wanted_by_many_at_once_goes_to_one() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let create = || ann.client.post("/api/v1/tenants", json!({"name": "Acme", "slug": "acme"})).status;
        let all: Vec<_> = (0..12).map(|_| scope.spawn(create)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 11, "{statuses:?}");
    let me = ann.client.get("/api/v1/me").expect(200);
    assert_eq!(me.json["memberships"].as_array().map(Vec::len), Some(1), "{}", me.text());
    server.stop();
}

#[test]
fn an_old_slug_leads_members_to_the_new_one_and_is_nobody_elses() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    ann.client.patch(&acme.path(""), json!({"slug": "apex"})).expect(200);
    ann.client.get("/api/v1/tenants/apex").expect(200);
    // Old links of members go on working, by a redirect or at once.
    let answer = ann.client.get("/api/v1/tenants/acme").expect_one_of(&[200, 301, 302, 307, 308]);
    let location = answer.header("location").unwrap_or_default();
    let leads_there = location.ends_with("/api/v1/tenants/apex") || answer.json["slug"] == "apex";
    assert!(leads_there, "{location:?} {}", answer.text());
    bob.client.get("/api/v1/tenants/acme/members").expect(404);
    bob.client.post("/api/v1/tenants", json!({"name": "Acme", "slug": "acme"})).expect(409);
    server.stop();
}

#[test]
fn names_with_control_characters_reach_neither_log_nor_letter_as_they_are() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let name = "Evil\r\nBcc: all@example.com\u{1b}[2J";
    let answer = ann.client.patch(&acme.path(""), json!({"name": name}));
    assert!([200, 422].contains(&answer.status), "{answer:?}");
    let call = Call::get("/api/v1/me").header("user-agent", "curl \u{7f}x");
    // The client itself may refuse to send it.
    let _ = ann.client.try_send(&call);
    ann.invite(&server, &acme, "bob@example.com", "viewer");
    let letter = crate::harness::letters_to(&installation, "bob@example.com").pop().unwrap();
    assert!(!letter.lines().any(|line| line.starts_with("Bcc:")), "{letter}");
    assert!(!installation.log().contains('\u{1b}'), "an escape sequence in the log");
    server.stop();
}
