//! The operator's mailbox.

use serde_json::json;

use super::{invite, set_mail};
use crate::harness::{Call, Installation, Smtp, eventually, token_in};

#[test]
fn an_operator_reads_the_letters_that_nobody_mails() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    assert_eq!(operator.client.get("/api/v1/operator/mailbox").expect(200).json["items"], json!([]));
    for name in ["bob", "cleo", "dan"] {
        invite(&server, &ann, &acme, &format!("{name}@example.com"));
    }
    let page = operator.client.get("/api/v1/operator/mailbox?limit=2").expect(200);
    let items = page.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(
        (&items[0]["to"], &items[0]["subject"], &items[0]["status"], &items[0]["tenant_id"]),
        (&json!("dan@example.com"), &json!("Invitation to Tenant acme"), &json!("kept"), &json!(acme.id))
    );
    assert!(!page.text().contains("token="), "a list tells no secrets");
    let cursor = page.string("/next_cursor");
    let rest = operator.client.get(&format!("/api/v1/operator/mailbox?limit=2&cursor={cursor}")).expect(200);
    assert_eq!(rest.json["items"][0]["to"], json!("bob@example.com"));
    assert!(rest.json["next_cursor"].is_null());
    let path = format!("/api/v1/operator/mailbox/{}", rest.string("/items/0/id"));
    let letter = operator.client.get(&path).expect(200);
    let token = token_in(&installation, &letter.string("/text"));
    assert!(letter.string("/html").contains(&token));
    let headers = letter.json["headers"].as_array().unwrap();
    let subject = headers.iter().find(|header| header["name"] == "Subject").unwrap();
    assert_eq!(subject["value"], "Invitation to Tenant acme");
    // As a page it cannot run anything.
    let page = operator.client.send(&Call::get(&path).header("accept", "text/html,*/*")).expect(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("sandbox; default-src 'none'") && !policy.contains("allow-"), "{policy}");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert!(page.text().starts_with("<!doctype html>"));
    let audit = operator.client.get("/api/v1/operator/audit?action=letter.opened").expect(200);
    assert_eq!(audit.json["items"].as_array().unwrap().len(), 2, "{audit:?}");
    for name in ["nothing", "..%2f..%2fcatalog", "a%00b", &"x".repeat(300)] {
        operator.client.get(&format!("/api/v1/operator/mailbox/{name}")).expect(404);
    }
    ann.client.get(&path).expect_code(403, "operator_only");
    server.nobody().get(&path).expect(401);
    server.stop();
}

#[test]
fn with_a_mail_server_only_what_it_did_not_take_is_there() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    server.stop();
    let smtp = Smtp::start();
    set_mail(&installation, smtp.port(), "smtp_security = \"none\"");
    let server = installation.serve();
    let operator = operator.sign_in_again_at(&server);
    smtp.refuse_next("550 5.1.1 nobody here");
    invite(&server, &ann, &acme, "bob@example.com");
    eventually("the refusal", || installation.log().contains("nobody here").then_some(()));
    invite(&server, &ann, &acme, "cleo@example.com");
    token_in(&installation, &smtp.letter_to("cleo@example.com", 1).text);
    let items = eventually("the letter that was refused", || {
        let list = operator.client.get("/api/v1/operator/mailbox").expect(200).json;
        (!list["items"].as_array().unwrap().is_empty()).then(|| list["items"].clone())
    });
    assert_eq!(items.as_array().unwrap().len(), 1, "{items}");
    assert_eq!((&items[0]["to"], &items[0]["status"]), (&json!("bob@example.com"), &json!("undelivered")));
    let path = format!("/api/v1/operator/mailbox/{}", items[0]["id"].as_str().unwrap());
    let letter = operator.client.get(&path).expect(200);
    token_in(&installation, &letter.string("/text"));
    server.stop();
}
