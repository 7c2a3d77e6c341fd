//! Letters through a mail server.

mod letters;
mod mailbox;
mod posted;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::{DAY, Installation, MINUTE, Person, SECOND, Server, Smtp, Tenant, eventually, token_in};

const PASSWORD: &str = "the-password-of-the-mail-server";

/// The settings for a mail server on this machine.
pub fn set_mail(installation: &Installation, port: u16, more: &str) {
    let settings = format!(
        "smtp_host = \"127.0.0.1\"\nsmtp_port = {port}\nmail_from = \"Example <no-reply@mail.example>\"\n\
         public_url = \"https://app.example.com/\"\n{more}\n"
    );
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
}

/// Ann and her tenant, from before there was a mail server.
fn with_ann() -> (Arc<Installation>, Person, Tenant) {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.stop();
    (installation, ann, acme)
}

/// Endings of the files of letters.
fn files(installation: &Installation) -> Vec<String> {
    let entries = std::fs::read_dir(installation.data().join("mail")).unwrap().flatten();
    let ending = |path: std::path::PathBuf| path.extension().unwrap().to_str().unwrap().to_owned();
    entries.map(|entry| ending(entry.path())).collect()
}

#[track_caller]
fn invite(server: &Server, ann: &Person, acme: &Tenant, email: &str) {
    let client = server.nobody().bearer(&ann.access_token);
    client.post(&acme.path("/invitations"), json!({"email": email, "role": "member"})).expect(201);
}

#[test]
fn a_letter_is_sent_with_the_link_of_the_public_url_and_then_gone_from_the_disk() {
    let (installation, ann, acme) = with_ann();
    let smtp = Smtp::start();
    installation.plant_secret(PASSWORD);
    let more = format!("smtp_security = \"none\"\nsmtp_user = \"robin\"\nsmtp_password = \"{PASSWORD}\"");
    set_mail(&installation, smtp.port(), &more);
    let server = installation.serve();
    invite(&server, &ann, &acme, "bob@example.com");
    let letter = smtp.letter_to("bob@example.com", 1);
    assert_eq!(letter.from, "no-reply@mail.example");
    for line in
        ["From: Example <no-reply@mail.example>", "To: bob@example.com", "Auto-Submitted: auto-generated"]
    {
        assert!(letter.text.contains(line), "no {line}: {}", letter.text);
    }
    assert!(letter.text.contains("\nhttps://app.example.com/console/accept#token="), "{}", letter.text);
    token_in(&installation, &letter.text);
    let credentials = STANDARD.encode(format!("\0robin\0{PASSWORD}"));
    assert!(smtp.commands().contains(&format!("AUTH PLAIN {credentials}")), "{:?}", smtp.commands());
    assert!(smtp.commands().contains(&"EHLO mail.example".to_owned()), "{:?}", smtp.commands());
    eventually("an empty spool", || files(&installation).is_empty().then_some(()));
    let shown = installation.run(&["config", "show", "--json"]).expect_code(0);
    assert!(shown.stdout.contains("smtp_password") && !shown.stdout.contains(PASSWORD), "{}", shown.stdout);
    server.stop();
}

/// A server whose mail server is away, at this port, and a letter to Bob that could not be sent yet.
fn with_a_letter_that_waits(installation: &Arc<Installation>, ann: &Person, acme: &Tenant) -> (Server, u16) {
    let port = Smtp::start().port();
    set_mail(installation, port, "smtp_security = \"none\"");
    let server = installation.serve();
    invite(&server, ann, acme, "bob@example.com");
    eventually("a try that failed", || installation.log().contains("will be tried again").then_some(()));
    (server, port)
}

#[test]
fn a_letter_outlives_the_mail_server_and_our_own_death() {
    let (installation, ann, acme) = with_ann();
    let (server, port) = with_a_letter_that_waits(&installation, &ann, &acme);
    server.kill();
    assert_eq!(files(&installation), ["queued"]);
    let smtp = Smtp::start_at(port);
    let server = installation.serve();
    let letter = smtp.letter_to("bob@example.com", 1);
    token_in(&installation, &letter.text);
    eventually("an empty spool", || files(&installation).is_empty().then_some(()));
    assert_eq!(smtp.letters_to("bob@example.com").len(), 1);
    server.stop();
}

#[test]
fn a_letter_that_is_refused_for_now_comes_later_and_one_refused_for_good_is_put_aside() {
    let (installation, ann, acme) = with_ann();
    let smtp = Smtp::start();
    set_mail(&installation, smtp.port(), "smtp_security = \"none\"");
    let server = installation.serve();
    smtp.refuse_next("451 4.7.1 greylisted");
    invite(&server, &ann, &acme, "bob@example.com");
    eventually("the refusal", || installation.log().contains("greylisted").then_some(()));
    invite(&server, &ann, &acme, "cleo@example.com");
    token_in(&installation, &smtp.letter_to("cleo@example.com", 1).text);
    assert!(smtp.letters_to("bob@example.com").is_empty(), "nothing of it came before its time");
    installation.advance_clock(31 * SECOND);
    token_in(&installation, &smtp.letter_to("bob@example.com", 1).text);
    smtp.refuse_next("550 5.1.1 nobody here \u{1b}[31m");
    invite(&server, &ann, &acme, "dan@example.com");
    eventually("the letter put aside", || (files(&installation) == ["undelivered"]).then_some(()));
    let aside = std::fs::read_dir(installation.data().join("mail")).unwrap().flatten().next().unwrap();
    // What is logged about it is not what is in it.
    token_in(
        &installation,
        &std::fs::read_to_string(aside.path()).unwrap().replace("=\r\n", "").replace("=3D", "="),
    );
    assert!(installation.log().contains("nobody here") && !installation.log().contains("\u{1b}[31m"));
    installation.advance_clock(31 * DAY);
    let server = server.restart();
    eventually("an empty spool", || files(&installation).is_empty().then_some(()));
    server.stop();
}

#[test]
fn without_tls_where_it_is_asked_for_neither_password_nor_letter_leaves() {
    let (installation, ann, acme) = with_ann();
    let smtp = Smtp::start();
    set_mail(&installation, smtp.port(), "smtp_user = \"robin\"\nsmtp_password = \"of nobody\"");
    let server = installation.serve();
    invite(&server, &ann, &acme, "bob@example.com");
    eventually("a try that failed", || installation.log().contains("will be tried again").then_some(()));
    let commands = smtp.commands();
    assert!(commands.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{commands:?}");
    assert_eq!(files(&installation), ["queued"]);
    server.stop();
}

#[test]
fn an_erased_tenant_sends_no_letter_and_leaves_none() {
    let (installation, ann, acme) = with_ann();
    let (server, port) = with_a_letter_that_waits(&installation, &ann, &acme);
    assert_eq!(files(&installation), ["queued"]);
    installation.run(&["tenant", "erase", "acme", "--confirm", "acme", "--now"]).expect_code(0);
    let names = std::fs::read_dir(installation.data().join("mail")).unwrap().flatten();
    let left: Vec<_> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains(&acme.id)), "{left:?}");
    let smtp = Smtp::start_at(port);
    installation.advance_clock(10 * MINUTE);
    let server = server.restart();
    let ann = ann.sign_in_again_at(&server);
    let bolt = ann.create_tenant("bolt");
    invite(&server, &ann, &bolt, "cleo@example.com");
    // Letters go in their order: one to bob would have come before.
    token_in(&installation, &smtp.letter_to("cleo@example.com", 1).text);
    assert!(smtp.letters_to("bob@example.com").is_empty());
    server.stop();
}

#[test]
fn names_of_tenants_put_nothing_into_a_letter_but_themselves() {
    let (installation, ann, _) = with_ann();
    let smtp = Smtp::start();
    set_mail(&installation, smtp.port(), "smtp_security = \"none\"");
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    for name in ["Acme\r\nBcc: eve@example.com", "Acme\nBcc: eve@example.com", "Acme\u{2028}x"] {
        client.post("/api/v1/tenants", json!({"name": name, "slug": "evil"})).expect(422);
    }
    let name = "\u{c9}vil \", <eve@example.com>, \" =?utf-8?q?=0ABcc:_eve@example.com?=";
    let made = client.post("/api/v1/tenants", json!({"name": name, "slug": "evil"})).expect(201);
    invite(&server, &ann, &Tenant::from_json(&made.json), "bob@example.com");
    let letter = smtp.letter_to("bob@example.com", 1);
    token_in(&installation, &letter.text);
    let head = letter.text.split("\n\n").next().unwrap();
    assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{head}");
    let recipients = smtp.commands().iter().filter(|line| line.starts_with("RCPT")).count();
    assert_eq!(recipients, 1);
    server.stop();
}
