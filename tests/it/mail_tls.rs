//! Letters over TLS: to whom they go, and to whom not.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use serde_json::json;

use crate::harness::{Authority, Installation, Security, Server, Smtp, eventually, token_in};
use crate::mail::set_mail;

const PASSWORD: &str = "the-password-of-the-mail-server";
const HERE: &str = "127.0.0.1";

/// A server whose letters go to `smtp`, secured as `security` says, and who vouches for it.
fn serve(smtp: &Smtp, security: &str, authority: Option<&Authority>) -> (Arc<Installation>, Server) {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    installation.plant_secret(PASSWORD);
    let trusted = authority.map_or_else(String::new, |authority| {
        std::fs::write(installation.beside("ca.pem"), authority.pem()).unwrap();
        format!("smtp_ca_file = \"{}\"", installation.beside("ca.pem").display())
    });
    let more = format!(
        "smtp_security = \"{security}\"\nsmtp_user = \"robin\"\nsmtp_password = \"{PASSWORD}\"\n{trusted}"
    );
    set_mail(&installation, smtp.port(), &more);
    let server = installation.serve();
    let body = json!({"email": "ann@example.com", "password": "otter juggles nine lanterns", "name": "Ann"});
    server.nobody().post("/api/v1/auth/sign-up", body).expect(202);
    (installation, server)
}

fn security(kind: &str, config: Arc<ServerConfig>) -> Security {
    if kind == "tls" { Security::Tls(config) } else { Security::Starttls(config) }
}

#[test]
fn a_letter_goes_over_tls_to_a_server_that_our_own_authority_vouches_for() {
    for kind in ["tls", "starttls"] {
        let authority = Authority::new();
        let smtp = Smtp::start_with(security(kind, authority.server(HERE, 2100)));
        let (installation, server) = serve(&smtp, kind, Some(&authority));
        let letter = smtp.letter_to("ann@example.com", 1);
        token_in(&installation, &letter.text);
        let commands = smtp.commands();
        let credentials = STANDARD.encode(format!("\0robin\0{PASSWORD}"));
        assert!(commands.contains(&format!("TLS AUTH PLAIN {credentials}")), "{kind}: {commands:?}");
        let in_the_clear: Vec<_> = commands.iter().filter(|line| !line.starts_with("TLS ")).collect();
        let expected: &[&str] = if kind == "tls" { &[] } else { &["EHLO mail.example", "STARTTLS"] };
        assert_eq!(in_the_clear, expected, "{kind}");
        server.stop();
    }
}

#[test]
fn neither_password_nor_letter_goes_to_a_server_that_nobody_vouches_for() {
    let (authority, other) = (Authority::new(), Authority::new());
    let cases = [
        ("an authority that is not ours", other.server(HERE, 2100), Some(&authority)),
        ("no authority of ours", authority.server(HERE, 2100), None),
        ("the name of another", authority.server("mail.example.org", 2100), Some(&authority)),
        ("a certificate of the past", authority.server(HERE, 2020), Some(&authority)),
    ];
    for (name, config, trusted) in cases {
        for kind in ["tls", "starttls"] {
            let smtp = Smtp::start_with(security(kind, Arc::clone(&config)));
            let (installation, server) = serve(&smtp, kind, trusted);
            let line = eventually("a try that failed", || {
                let log = installation.log();
                log.lines().find(|line| line.contains("will be tried again")).map(str::to_owned)
            });
            assert!(line.contains("certificate"), "{name}, {kind}: {line}");
            let commands = smtp.commands();
            let is_harmless =
                |line: &String| line.starts_with("EHLO") || line == "STARTTLS" || line == "QUIT";
            assert!(commands.iter().all(is_harmless), "{name}, {kind}: {commands:?}");
            assert!(smtp.letters_to("ann@example.com").is_empty(), "{name}, {kind}");
            server.stop();
        }
    }
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_told_at_the_start() {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    let file = installation.beside("ca.pem");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in [None, Some(""), Some("no certificate at all"), Some(garbage)] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        set_mail(&installation, 25, &format!("smtp_ca_file = \"{}\"", file.display()));
        let refused = installation.serve_refused();
        assert!(refused.stderr.contains("smtp_ca_file = "), "{content:?}: {refused:#?}");
    }
}
