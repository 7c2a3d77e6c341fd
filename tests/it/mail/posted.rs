//! Letters that tell of what was done: to whom, once each, and never of what was not.

use std::sync::Arc;

use serde_json::json;
use sha2::Digest as _;

use super::set_mail;
use crate::harness::{Call, DAY, Installation, Person, Server, Smtp, Tenant, eventually, letters_to};

/// Ann owns a tenant in which Bob is a member and Cleo an admin; letters go to a mail server.
struct Stage {
    installation: Arc<Installation>,
    server: Server,
    smtp: Smtp,
    acme: Tenant,
    ann: Person,
    bob: Person,
    cleo: Person,
}

fn stage(more: &str) -> Stage {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, cleo) = (server.join(&ann, &acme, "bob", "member"), server.join(&ann, &acme, "cleo", "admin"));
    server.stop();
    let smtp = Smtp::start();
    set_mail(&installation, smtp.port(), &format!("smtp_security = \"none\"\n{more}"));
    let server = installation.serve();
    let [ann, bob, cleo] = [ann, bob, cleo].map(|person| person.sign_in_again_at(&server));
    Stage { installation, server, smtp, acme, ann, bob, cleo }
}

impl Stage {
    /// Subjects of the letters to a person so far, in no order.
    fn subjects(&self, to: &Person) -> Vec<String> {
        let letters = self.smtp.letters_to(&to.email).into_iter();
        letters.map(|letter| letter.subject).collect()
    }
}

#[test]
fn who_is_concerned_is_told_once_and_nobody_else() {
    let stage = stage("");
    let Stage { server, smtp, acme, ann, bob, cleo, .. } = &stage;
    ann.client.patch(&bob.membership(acme), json!({"role": "viewer"})).expect(200);
    let letter = smtp.letter_about(&bob.email, "your role is viewer now");
    assert!(letter.text.contains("Before: member\nNow: viewer"), "{}", letter.text);
    let key = json!({"name": "import", "permissions": ["records:read"]});
    ann.client.post(&acme.path("/api-keys"), key).expect(201);
    let letter = smtp.letter_about(&ann.email, "an API key was made");
    assert!(letter.text.contains("Key: import\nMade by: "), "{}", letter.text);
    assert!(!letter.text.contains("tnt_"), "the key itself is no news: {}", letter.text);
    ann.client.delete(&bob.membership(acme)).expect(204);
    smtp.letter_about(&bob.email, "You are no member of");
    ann.client.post(&acme.path("/ownership-transfer"), json!({"to": cleo.id})).expect(200);
    for person in [ann, cleo] {
        let letter = smtp.letter_about(&person.email, "has a new owner");
        assert!(letter.text.contains("From: ") && letter.text.contains("\nTo: "), "{}", letter.text);
    }
    let cleo = cleo.sign_in_again();
    let export = cleo.client.post(&acme.path("/exports"), json!({})).expect(202);
    let letter = smtp.letter_about(&cleo.email, "the export is ready");
    assert!(letter.text.contains("https://app.example.com/console\n"), "{}", letter.text);
    assert!(!letter.text.contains(&export.string("/id")), "what opens it is not mailed");
    cleo.client.post(&acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    let letter = smtp.letter_about(&cleo.email, "is being closed");
    assert!(letter.text.contains("\nErased on: 20"), "{}", letter.text);
    assert!(letter.text.contains("an owner can open it again:\nhttps://app.example.com/console\n"));
    stage.installation.advance_clock(31 * DAY);
    let letter = smtp.letter_about(&cleo.email, "acme was erased");
    assert!(!letter.text.contains("Tenant acme"), "its name is erased with it: {}", letter.text);
    // Once each, and only to whom it concerns.
    assert_eq!(stage.subjects(bob).len(), 2, "{:?}", stage.subjects(bob));
    assert_eq!(stage.subjects(ann).len(), 2, "{:?}", stage.subjects(ann));
    assert_eq!(stage.subjects(&cleo).len(), 4, "{:?}", stage.subjects(&cleo));
    server.ask_to_end();
}

#[test]
fn what_was_refused_is_told_to_nobody() {
    let stage = stage("");
    let Stage { smtp, acme, ann, bob, cleo, .. } = &stage;
    ann.client.patch(&ann.membership(acme), json!({"role": "member"})).expect_code(409, "last_owner");
    bob.client.patch(&cleo.membership(acme), json!({"role": "viewer"})).expect(403);
    bob.client.delete(&cleo.membership(acme)).expect(403);
    ann.client.post(&acme.path("/ownership-transfer"), json!({"to": ann.id})).expect(422);
    ann.client.post(&acme.path("/close"), json!({"confirm": "other"})).expect(422);
    // Who leaves knows it.
    cleo.client.delete(&cleo.membership(acme)).expect(204);
    ann.client.patch(&bob.membership(acme), json!({"role": "viewer"})).expect(200);
    smtp.letter_about(&bob.email, "your role is viewer now");
    assert_eq!(smtp.letters().len(), 1, "{:?}", smtp.letters());
    stage.server.stop();
}

#[test]
fn a_letter_of_an_act_outlives_a_kill_right_after_it() {
    let stage = stage("");
    stage.ann.client.patch(&stage.bob.membership(&stage.acme), json!({"role": "viewer"})).expect(200);
    stage.server.kill();
    let server = stage.installation.serve();
    stage.smtp.letter_about(&stage.bob.email, "your role is viewer now");
    server.stop();
}

#[test]
fn a_sign_in_from_a_new_network_is_told_and_one_from_a_known_one_is_not() {
    let stage = stage("trusted_proxies = [\"127.0.0.1\"]");
    let sign_in = |address: &str| {
        let body = json!({"email": stage.bob.email, "password": stage.bob.password});
        let call = Call::post("/api/v1/auth/sign-in", body).header("x-forwarded-for", address);
        stage.server.nobody().send(&call.header("user-agent", "Browser <b>1</b>")).expect(200);
    };
    sign_in("198.51.100.7");
    let letter = stage.smtp.letter_about(&stage.bob.email, "A sign-in from a new place");
    assert!(
        letter.text.contains("Network address: 198.51.100.7\nProgram: Browser <b>1</b>"),
        "{}",
        letter.text
    );
    assert!(!letter.html.contains("<b>"), "{}", letter.html);
    sign_in("198.51.100.99");
    sign_in("203.0.113.1");
    eventually("the second", || (stage.subjects(&stage.bob).len() == 2).then_some(()));
    let last = stage.smtp.letter_to(&stage.bob.email, 2);
    assert!(last.text.contains("203.0.113.1"), "{}", last.text);
    stage.server.stop();
}

#[test]
fn ten_thousand_letters_of_one_tenant_keep_no_other_waiting() {
    const FLOOD: usize = 10_000;
    let stage = stage("");
    let bolt = stage.cleo.create_tenant("bolt");
    stage.server.stop();
    let catalog = rusqlite::Connection::open(stage.installation.data().join("catalog.db")).unwrap();
    let content = json!({"letter": "member_removed", "tenant": "Flood"}).to_string();
    let insert = "INSERT INTO letters (id, fact, tenant_id, recipient, content, posted_at) VALUES (?1, ?1, ?2, ?3, ?4, 1)";
    catalog.execute_batch("BEGIN").unwrap();
    for number in 0..FLOOD {
        catalog
            .execute(insert, (format!("0-{number:05}"), &stage.acme.id, "flood@example.com", &content))
            .unwrap();
    }
    catalog.execute(insert, ("1", &bolt.id, "bolt@example.com", &content)).unwrap();
    catalog.execute_batch("COMMIT").unwrap();
    drop(catalog);
    let server = stage.installation.serve();
    let cleo = stage.cleo.sign_in_again_at(&server);
    stage.smtp.letter_to("bolt@example.com", 1);
    // What comes now overtakes the flood, too.
    let body = json!({"email": "dan@example.com", "role": "member"});
    cleo.client.post(&bolt.path("/invitations"), body).expect(201);
    let letter = stage.smtp.letter_to("dan@example.com", 1);
    crate::harness::token_in(&stage.installation, &letter.text);
    let before = stage.smtp.letters_to("flood@example.com").len();
    assert!(before < FLOOD / 4, "{before} letters of another tenant came first");
    server.kill();
}

#[test]
fn the_end_of_a_trial_is_told_once_three_days_before_it() {
    let installation = Installation::with_app_of_tests("plans");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.send(&Call::put(acme.path("/subscription"), json!({"plan": "pro"}))).expect(200);
    let told = || {
        let letters = letters_to(&installation, &ann.email).into_iter();
        letters.filter(|letter| letter.contains("the trial ends on")).count()
    };
    installation.advance_clock(10 * DAY);
    let server = server.restart();
    // Time for looking at trials: they are looked at as the server starts, before anybody can sign in anew.
    ann.sign_in_again_at(&server);
    installation.advance_clock(2 * DAY);
    let server = server.restart();
    eventually("the letter", || (told() == 1).then_some(()));
    let server = server.restart();
    ann.sign_in_again_at(&server);
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let facts = "SELECT count(*), max(posted_at) FROM letters WHERE fact LIKE 'trial_ends %'";
    let (count, posted): (i64, i64) =
        catalog.query_row(facts, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let end: i64 = catalog.query_row("SELECT trial_end FROM subscriptions", [], |row| row.get(0)).unwrap();
    assert_eq!((count, told()), (1, 1));
    assert!((0..=3 * DAY).contains(&(end - posted)), "{posted} {end}");
}

#[test]
fn a_letter_that_cannot_be_read_or_addressed_holds_up_none_behind_it() {
    let stage = stage("");
    let Stage { installation, server, smtp, acme, .. } = stage;
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let insert = "INSERT INTO letters (id, fact, tenant_id, recipient, content, posted_at) VALUES (?1, ?1, ?2, ?3, ?4, 1)";
    let removed = json!({"letter": "member_removed", "tenant": "Acme"}).to_string();
    let tomorrow = json!({"letter": "of_tomorrow", "tenant": "Acme"}).to_string();
    for (id, to, content) in [
        ("0-0", "first@example.com", tomorrow.as_str()),
        ("0-1", "first@example.com", "no JSON at all"),
        ("0-2", "no address", &removed),
        ("0-3", "last@example.com", &removed),
    ] {
        catalog.execute(insert, (id, &acme.id, to, content)).unwrap();
    }
    drop(catalog);
    let server = installation.serve();
    smtp.letter_to("last@example.com", 1);
    server.restart().stop();
    assert!(smtp.letters_to("first@example.com").is_empty());
    let told = installation.log().matches("is given up").count();
    assert_eq!(told, 2, "each once: {}", installation.log());
    assert!(installation.log().contains("an address cannot be written in a mail"));
    assert!(!installation.log().contains("of_tomorrow"), "what is in a letter is not logged");
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let mut given_up = catalog
        .prepare("SELECT id, given_up, content FROM letters WHERE given_up IS NOT NULL ORDER BY id")
        .unwrap();
    let kept: Vec<(String, String, String)> = given_up
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let line = |id: &str, content: &str| (id.to_owned(), "unreadable".to_owned(), content.to_owned());
    assert_eq!(
        kept,
        [line("0-0", &tomorrow), line("0-1", "no JSON at all")],
        "what was given up can be looked at"
    );
}

#[test]
fn a_letter_that_the_disk_refuses_comes_later_and_is_tried_less_and_less_often() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "member");
    let (mail, away) = (installation.data().join("mail"), installation.data().join("mail.away"));
    std::fs::rename(&mail, &away).unwrap();
    ann.client.patch(&bob.membership(&acme), json!({"role": "viewer"})).expect(200);
    let stands = |attempts: i64| {
        let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
        let sql = "SELECT next_at - posted_at FROM letters WHERE written_at IS NULL AND attempts = ?1";
        catalog.query_row(sql, [attempts], |row| row.get::<_, i64>(0)).ok()
    };
    eventually("a first try", || stands(1));
    installation.advance_clock(31 * 1_000);
    let waited = eventually("a second try", || stands(2));
    assert!(waited >= 31_000 + 60_000, "the second wait is twice as long: {waited}");
    std::fs::rename(&away, &mail).unwrap();
    installation.advance_clock(61 * 1_000);
    let is_told = |letter: &String| letter.contains("your role is viewer now");
    eventually("the letter", || letters_to(&installation, &bob.email).iter().any(is_told).then_some(()));
    server.stop();
}

#[test]
fn an_owner_who_joined_as_the_six_hundredth_is_told_and_so_is_who_sees_the_bills() {
    let stage = stage("");
    let Stage { installation, server, smtp, acme, ann, cleo, .. } = stage;
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog.execute_batch("BEGIN").unwrap();
    for number in 0..600 {
        let (id, email) =
            (format!("00000000-0000-7000-8000-{number:012}"), format!("many-{number}@example.com"));
        catalog
            .execute("INSERT INTO identities (id, email, name, password_hash, created_at) VALUES (?1, ?2, 'Many', 'x', 1)", (&id, email))
            .unwrap();
        catalog
            .execute("INSERT INTO memberships (tenant_id, identity_id, role, created_at) VALUES (?1, ?2, 'viewer', 1)", (&acme.id, id))
            .unwrap();
    }
    let insert = "INSERT INTO letters (id, fact, tenant_id, recipient, content, posted_at) VALUES (?1, ?1, ?2, ?3, ?4, 1)";
    let failed =
        json!({"letter": "payment_failed", "tenant": "Acme", "number": "INV-000009", "total": "1.00 EUR"});
    catalog.execute(insert, ("0-0", &acme.id, "money", failed.to_string())).unwrap();
    let seen = json!({"letter": "invoice_final", "tenant": "Acme", "number": "INV-000008", "total": "1.00 EUR", "due_on": "2026-01-01"});
    catalog.execute(insert, ("0-1", &acme.id, "billing", seen.to_string())).unwrap();
    catalog.execute_batch("COMMIT").unwrap();
    drop(catalog);
    let server = installation.serve();
    smtp.letter_about(&ann.email, "a payment failed");
    smtp.letter_about(&ann.email, "INV-000008");
    smtp.letter_about(&cleo.email, "INV-000008");
    let ann = ann.sign_in_again_at(&server);
    ann.client.post(&acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    smtp.letter_about(&ann.email, "is being closed");
    installation.advance_clock(31 * DAY);
    smtp.letter_about(&ann.email, "acme was erased");
    let others: Vec<_> = smtp.letters().into_iter().filter(|letter| letter.to.contains("many-")).collect();
    assert!(others.is_empty(), "viewers are not concerned: {others:?}");
    server.stop();
}

#[test]
fn who_had_a_letter_before_it_could_not_be_written_to_others_gets_no_second_one() {
    let Stage { installation, server, smtp, acme, ann, cleo, .. } = stage("");
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let mark = |person: &Person| {
        let digest = sha2::Sha256::digest(person.email.as_bytes());
        tenantry::model::hex::hex(&digest[..8])
    };
    let insert = "INSERT INTO letters (id, fact, tenant_id, recipient, content, posted_at, attempts, told)
                  VALUES (?1, ?1, ?2, 'billing', ?3, 1, 1, ?4)";
    let final_of = |number: &str| {
        json!({"letter": "invoice_final", "tenant": "Acme", "number": number, "total": "1.00 EUR", "due_on": "2026-01-01"})
            .to_string()
    };
    for (id, number, told) in [("0-0", "INV-000007", mark(&ann)), ("0-1", "INV-000008", String::new())] {
        catalog.execute(insert, (id, &acme.id, final_of(number), told)).unwrap();
    }
    drop(catalog);
    let server = installation.serve();
    // Both come to Cleo, and what comes after to Ann as well.
    smtp.letter_about(&cleo.email, "INV-000007");
    smtp.letter_about(&cleo.email, "INV-000008");
    smtp.letter_about(&ann.email, "INV-000008");
    assert!(!smtp.letters_to(&ann.email).iter().any(|letter| letter.subject.contains("INV-000007")));
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let left = eventually("the end of both", || {
        let sql = "SELECT group_concat(told, '') FROM letters WHERE id LIKE '0-%' AND written_at IS NOT NULL HAVING count(*) = 2";
        catalog.query_row(sql, [], |row| row.get::<_, String>(0)).ok()
    });
    assert_eq!(left, "", "nothing of an address stays");
    server.stop();
}
