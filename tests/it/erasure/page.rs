//! The receipt as a page that is printed and filed.

use serde_json::json;

use super::erase;
use crate::harness::{Call, Installation};

#[test]
fn a_receipt_is_a_page_where_that_is_asked_and_the_same_as_a_file() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let hostile = "<script>alert(1)</script>\"'&";
    ann.client.patch(&acme.path(""), json!({ "name": hostile })).expect(200);
    let receipt = erase(&server, &acme);
    let operator = server.add_operator();
    let path = format!("/api/v1/operator/erasures/{}", acme.id);
    let with = |accept: &str| operator.client.send(&Call::get(&path).header("accept", accept)).expect(200);
    let page = with("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("vary").map(|vary| vary.contains("accept")), Some(true));
    let text = page.text();
    for told in [acme.id.as_str(), receipt["signature"].as_str().unwrap(), "tenantry verify receipt"] {
        assert!(text.contains(told), "{told}");
    }
    for markup in ["<script", "http://", "https://", "url(", " src=", " href="] {
        assert!(!text.contains(markup), "{markup}");
    }
    assert_eq!(operator.client.get(&format!("{path}.html")).expect(200).text(), text);
    assert_eq!(operator.client.get("/api/v1/operator/erasures/acme.html").expect(200).text(), text);
    for accept in ["application/json", "*/*", "application/json, text/html"] {
        assert_eq!(with(accept).json, receipt, "{accept}");
    }
    // Nobody else's, and nobody else.
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    operator.client.get(&format!("/api/v1/operator/erasures/{}.html", bolt.id)).expect(404);
    operator.client.get("/api/v1/operator/erasures/nobody.html").expect(404);
    operator.client.get("/api/v1/operator/erasures/.html").expect(404);
    bob.client.get(&format!("{path}.html")).expect(403);
    server.nobody().get(&format!("{path}.html")).expect(401);
    // From the file of the receipt, with nothing else at hand.
    let elsewhere = Installation::new();
    let (json, html) = (elsewhere.beside("receipt.json"), elsewhere.beside("receipt.html"));
    std::fs::write(&json, receipt.to_string()).unwrap();
    let arguments = ["verify", "receipt", json.to_str().unwrap(), "--html", html.to_str().unwrap()];
    elsewhere.run(&arguments).expect_code(0);
    assert_eq!(std::fs::read_to_string(&html).unwrap(), text);
    std::fs::remove_file(&html).unwrap();
    std::fs::write(&json, receipt.to_string().replace(&acme.id, "another")).unwrap();
    elsewhere.run(&arguments).expect_code(1);
    assert!(!html.exists(), "what is not to be trusted is no page");
    server.stop();
}
