//! The document of all routes, and the page that shows it.

use std::collections::BTreeSet;

use super::{assert_served, assert_sound, operations};
use crate::harness::{Call, Installation};

#[test]
fn every_route_is_in_the_document_of_the_installation() {
    let server = Installation::new().serve();
    let document = server.nobody().get("/api/v1/openapi.json").expect(200).json;
    assert_sound(&document);
    assert_served(&document, "");
    let told: BTreeSet<String> =
        operations(&document).iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    let declared: BTreeSet<String> = tenantry::http::routes()
        .iter()
        .map(|route| format!("{} {}", route.method.to_lowercase(), route.path.replace("{*", "{")))
        .collect();
    assert_eq!(told, declared);
    let sign_in = &document["paths"]["/api/v1/auth/sign-in"]["post"];
    assert_eq!(sign_in["security"], serde_json::json!([]));
    let members = &document["paths"]["/api/v1/tenants/{tenant}/members"]["get"];
    assert_eq!(members["x-permission"], "members:read");
    assert_eq!(members["security"], serde_json::json!([{ "bearer": [] }]));
    server.stop();
}

#[test]
fn the_page_of_the_documents_runs_nothing_but_our_own_script() {
    let server = Installation::new().serve();
    let nobody = server.nobody();
    let page = nobody.get("/api/docs").expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.header("content-security-policy").unwrap().contains("script-src 'self'"));
    let text = page.text();
    assert!(text.contains("/docs.js\"") && !text.contains("http"), "{text}");
    for line in text.lines().filter(|line| line.contains("<script")) {
        assert!(line.contains("src=\"/assets/"), "{line}");
    }
    assert!(nobody.get("/assets/docs.js").expect(200).text().contains("openapi.json"));
    server.stop();
}

#[test]
fn who_has_the_document_is_not_sent_it_again() {
    let server = Installation::new().serve();
    let nobody = server.nobody();
    let first = nobody.get("/api/v1/openapi.json").expect(200);
    let etag = first.header("etag").unwrap();
    let again = Call::get("/api/v1/openapi.json").header("if-none-match", etag);
    assert!(nobody.send(&again).expect(304).bytes.is_empty());
    nobody.send(&Call::get("/api/v1/openapi.json").header("if-none-match", "\"another\"")).expect(200);
    // A tenant that changes its name is told so in a document that was kept for all.
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let of = |client: &crate::harness::Client, tenant: &crate::harness::Tenant| {
        let answer = client.get(&tenant.path("/openapi.json")).expect(200);
        (
            answer.string("/info/title"),
            answer.string("/servers/0/url"),
            answer.header("etag").unwrap().to_owned(),
        )
    };
    let before = of(&ann.client, &acme);
    ann.client.patch("/api/v1/tenants/acme", serde_json::json!({"name": "Other"})).expect(200);
    let after = of(&ann.client, &acme);
    assert_eq!((after.0.as_str(), after.1.as_str()), ("Other", "/api/v1/tenants/acme"));
    assert_ne!(before.2, after.2);
    let theirs = of(&bob.client, &bolt);
    assert_eq!(theirs.1, "/api/v1/tenants/bolt");
    assert_ne!(theirs.2, after.2);
    server.stop();
}
