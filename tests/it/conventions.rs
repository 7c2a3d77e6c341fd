//! What holds for all of the HTTP surface: problems, methods, media types, sizes, health.

use serde_json::json;

use crate::harness::{Call, Case, Installation, raw_request, run_cases};

#[test]
fn a_request_that_is_wrong_in_itself_is_refused_with_a_problem_that_says_why() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let customers = acme.path("/records/customers");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases = [
        Case::new("unknown path", Call::get("/api/v1/nothing"), 404).has("not_found"),
        Case::new("unknown path below a tenant", Call::get(acme.path("/nothing")), 404),
        Case::new("wrong method", Call::delete("/api/v1/me/x"), 404),
        Case::new("wrong method on a known path", Call::put("/api/v1/auth/sign-in", json!({})), 405),
        Case::new("no JSON", Call::new("POST", &customers).bytes("application/json", "{\"name\":"), 400),
        Case::new("deep JSON", Call::new("POST", &customers).bytes("application/json", deep), 400),
        Case::new(
            "no UTF-8",
            Call::new("POST", &customers).bytes("application/json", [b'"', 0xff, b'"']),
            400,
        ),
        Case::new(
            "JSON called text",
            Call::new("POST", &customers).bytes("text/plain", "{\"name\":\"x\"}"),
            415,
        ),
        Case::new(
            "a form",
            Call::new("POST", &customers).bytes("application/x-www-form-urlencoded", "name=x"),
            415,
        ),
        Case::new("no body", Call::new("POST", "/api/v1/auth/sign-in"), 415).lacks("panic"),
    ];
    run_cases(&ann.client, &cases[..cases.len() - 1]);
    ann.client.send(&Call::new("POST", "/api/v1/auth/sign-in")).expect_one_of(&[400, 415]);
    server.stop();
}

#[test]
fn a_body_beyond_the_limit_is_413_and_the_server_lives_on() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let call = Call::post(acme.path("/records/customers"), json!({"name": "x".repeat(9 << 20)}));
    // The server may close the connection while the client is still sending.
    if let Ok(answer) = ann.client.try_send(&call) {
        answer.expect(413);
    }
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 999999999999\r\nConnection: close\r\n\r\n",
        acme.path("/records/customers"),
        ann.access_token,
    );
    let (status, answer) = raw_request(&server, head.as_bytes());
    assert_eq!(status, 413, "{answer}");
    ann.client.get(&acme.path("/records/customers")).expect(200);
    server.stop();
}

#[test]
fn unknown_query_parameters_and_body_fields_are_refused_by_name() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for path in ["/members", "/invitations", "/audit", "/exports", ""] {
        let path = format!("{}?limitt=3", acme.path(path));
        ann.client.get(&path).expect_refused_by_name("limitt");
    }
    ann.client.get("/api/v1/me?limitt=3").expect_refused_by_name("limitt");
    ann.client.get("/api/v1/tenants?limitt=3").expect_refused_by_name("limitt");
    let body = json!({"email": "bob@example.com", "role": "viewer", "colour": "red"});
    ann.client.post(&acme.path("/invitations"), body).expect_refused_by_name("colour");
    server.stop();
}

#[test]
fn every_failing_field_is_named_at_once() {
    let server = Installation::new().serve();
    let body = json!({"email": "nobody", "password": "short", "name": "Ann", "tenant": {"name": "A", "slug": "a/b"}});
    let answer = server.nobody().post("/api/v1/auth/sign-up", body).expect(422);
    for field in ["email", "password", "slug"] {
        let named = answer.json["errors"].as_array().unwrap().iter();
        let named =
            named.filter(|error| error["field"].as_str().is_some_and(|name| name.contains(field))).count();
        assert_eq!(named, 1, "{field} in {}", answer.text());
    }
    server.stop();
}

#[test]
fn security_headers_are_on_every_answer() {
    let server = Installation::new().serve();
    for path in ["/", "/api/v1/me", "/livez", "/nothing"] {
        let answer = server.nobody().get(path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let is_page = answer.header("content-type").is_some_and(|value| value.starts_with("text/html"));
        let policy = answer.header("content-security-policy").unwrap_or_default().to_owned();
        let guarded = policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'");
        assert!(guarded || !is_page, "{path}: {policy:?}");
        assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
    }
    let call = Call::get("/api/v1/me").header("origin", "https://evil.example");
    assert!(server.nobody().send(&call).header("access-control-allow-origin").is_none());
    server.stop();
}

#[test]
fn health_answers_without_a_credential() {
    let server = Installation::new().serve();
    server.nobody().get("/livez").expect(200);
    server.nobody().get("/readyz").expect(200);
    let keys = server.nobody().get("/.well-known/jwks.json").expect(200);
    let key = &keys.json["keys"][0];
    assert_eq!((key["kty"].as_str(), key["crv"].as_str()), (Some("OKP"), Some("Ed25519")), "{keys:?}");
    assert!(key["kid"].is_string() && key["x"].is_string() && key["d"].is_null(), "{keys:?}");
    server.stop();
}

#[test]
fn a_request_id_of_the_client_cannot_break_the_log_or_the_answer() {
    let server = Installation::new().serve();
    for id in ["a b", &"x".repeat(5_000), "<script>", "18446744073709551616"] {
        let answer = server.nobody().send(&Call::get("/api/v1/me").header("x-request-id", id));
        assert_ne!(answer.header("x-request-id"), Some(id));
    }
    server.stop();
}
