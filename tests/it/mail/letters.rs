//! What letters look like, as it is committed beside this file: a change of it is seen in review. And those of an app.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{invite, set_mail};
use crate::harness::{Installation, Smtp, Tenant, token_in};

/// Set to anything, it writes the files anew instead of comparing.
const REWRITE: &str = "TENANTRY_REWRITE_SNAPSHOTS";

fn committed(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail").join(name)
}

fn compare(name: &str, now: &str) {
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(committed(name), now).unwrap();
    }
    let before = std::fs::read_to_string(committed(name)).unwrap_or_default();
    assert_eq!(now, before, "{name}: if this was meant, run it again with {REWRITE}=1 and commit the file");
}

fn json_of(installation: &Installation, arguments: &[&str]) -> Value {
    let ran = installation.run(&[&["--json", "mail"], arguments].concat()).expect_code(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// What differs from letter to letter: the body without its styles.
fn without_styles(html: &str) -> String {
    let body = html.split_once("<td class=\"card\"").unwrap().1;
    let body = body.split_once("</td></tr>\n<tr><td class=\"quiet\"").unwrap().0;
    let mut pieces = body.split(" style=\"");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str(piece.split_once('"').map_or(piece, |(_, rest)| rest));
    }
    out
}

#[test]
fn every_letter_reads_as_it_was_committed() {
    let installation = Installation::new();
    let letters = json_of(&installation, &["list"]);
    let items = letters["items"].as_array().unwrap();
    assert!(items.len() >= 30, "{letters}");
    let (mut texts, mut pages) = (String::new(), String::new());
    for name in items.iter().map(|one| one["name"].as_str().unwrap()) {
        let letter = json_of(&installation, &["preview", name]);
        let part = |part: &str| letter[part].as_str().unwrap().to_owned();
        writeln!(texts, "==== {name}\nSubject: {}\n\n{}", part("subject"), part("text")).unwrap();
        writeln!(pages, "==== {name}{}", without_styles(&part("html"))).unwrap();
    }
    compare("letters.txt", &texts);
    compare("letters.html.txt", &pages);
    let whole = installation.run(&["mail", "preview", "invitation", "--part", "html"]).expect_code(0);
    compare("invitation.html", &whole.stdout);
    let unknown = installation.run(&["mail", "preview", "invitaton"]).expect_code(1);
    assert!(unknown.stderr.contains("tenantry mail list"), "{unknown:?}");
    assert!(!installation.data().exists(), "looking at letters made a directory");
}

/// An app with these templates.
fn shop(templates: &[(&str, &str)]) -> Arc<Installation> {
    let notes = "CREATE TABLE notes (id INTEGER PRIMARY KEY);";
    let installation = Installation::with_migrations(&[("0001_notes.sql", notes)]);
    let directory = installation.migrations().parent().unwrap().to_owned();
    std::fs::write(directory.join("app.toml"), "name = \"Shop & Co\"\n").unwrap();
    std::fs::create_dir_all(directory.join("mail")).unwrap();
    for (name, text) in templates {
        std::fs::write(directory.join("mail").join(name), text).unwrap();
    }
    installation
}

/// As a reader's program understands it.
fn unescaped(html: &str) -> String {
    let mut text = html.to_owned();
    for (from, to) in [("&quot;", "\""), ("&#34;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")] {
        text = text.replace(from, to);
    }
    text
}

#[test]
fn templates_of_the_app_count_and_the_page_follows_from_its_text() {
    let own =
        "{% extends \"layout.html\" %}{% block body %}<p id=own>{{ to }} in {{ tenant }}</p>{% endblock %}";
    let installation = shop(&[
        ("invitation.subject", "{{ tenant }} wartet auf dich\n"),
        ("invitation.txt", "Hallo, du bist bei {{ tenant }} eingeladen.\n\nKomm herein:\n{{ link }}\n"),
        ("role_changed.html", own),
    ]);
    let smtp = Smtp::start();
    let server = installation.serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    server.stop();
    set_mail(&installation, smtp.port(), "smtp_security = \"none\"");
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let name = "Fish <b>& Chips</b> \"Ltd\"";
    let made = ann.client.post("/api/v1/tenants", json!({"name": name, "slug": "fish"})).expect(201);
    invite(&server, &ann, &Tenant::from_json(&made.json), "bob@example.com");
    let letter = smtp.letter_to("bob@example.com", 1);
    let token = token_in(&installation, &letter.text);
    assert_eq!(letter.subject, format!("{name} wartet auf dich"));
    let hello = format!("Hallo, du bist bei {name} eingeladen.");
    assert!(letter.text.contains(&hello), "{}", letter.text);
    assert!(letter.text.contains("Shop & Co\nhttps://app.example.com"), "{}", letter.text);
    assert!(!letter.html.contains("<b>") && unescaped(&letter.html).contains(&hello), "{}", letter.html);
    let link = letter.html.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(unescaped(link), format!("https://app.example.com/console/accept#token={token}"));
    assert!(letter.html.contains(">Komm herein</a>"), "{}", letter.html);
    assert!(letter.html.contains("Shop &amp; Co"), "{}", letter.html);
    let app = installation.migrations().parent().unwrap().display().to_string();
    let own = ["mail", "preview", "role_changed", "--part", "html", "--app", &app];
    let own = installation.run(&own).expect_code(0);
    assert!(own.stdout.contains("<p id=own>admin in Acme Analytics</p>"), "{}", own.stdout);
    server.stop();
}

#[test]
fn a_template_that_cannot_be_used_is_told_at_the_start_with_file_and_line() {
    for (name, text, told) in [
        (
            "invitation.txt",
            "Hello\n\n{{ tenat }}\n",
            "invitation.txt:3: there is no variable tenat; there are console, link",
        ),
        ("invitation.txt", "a\n{% if link %}\nb\n", "invitation.txt:"),
        ("invitation.html", "<p>\n{{ link }\n", "invitation.html:2"),
        ("invitation.subject", "{{ link|shout }}", "invitation.subject:1"),
        ("invitation.txt", "{% include 'nothing.txt' %}", "invitation.txt:1"),
        ("layout.html", "<p>{{ tenant }}", "layout.html:1: there is no variable tenant"),
        ("invitaton.txt", "x", "invitaton.txt: there is no such template"),
        ("readme.md", "x", "readme.md: there is no such template"),
    ] {
        let installation = shop(&[(name, text)]);
        let refused = installation.serve_refused().expect_code(1);
        assert!(refused.stderr.contains(&format!("mail/{told}")), "{name} {text:?}: {}", refused.stderr);
        assert!(!installation.data().join("catalog.db").exists(), "{name}: it made a catalog");
    }
}
