//! The document of all routes, and the page that shows it.

use std::collections::BTreeSet;

use super::{assert_served, assert_sound, operations};
use crate::harness::Installation;

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
    assert!(text.contains("src=\"/assets/docs.js\"") && !text.contains("http"), "{text}");
    for line in text.lines().filter(|line| line.contains("<script")) {
        assert!(line.contains("src=\"/assets/"), "{line}");
    }
    assert!(nobody.get("/assets/docs.js").expect(200).text().contains("openapi.json"));
    server.stop();
}
