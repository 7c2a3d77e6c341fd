//! The secret key goes to Stripe alone: to whoever has a certificate of an authority that this machine trusts.

use super::checkout;
use super::simulator::{Shape, Stripe};
use crate::harness::{Authority, Installation, Server};

#[test]
fn the_key_is_sent_to_nobody_without_a_good_certificate() {
    let installation = Installation::with_app_of_tests("sold");
    let (known, other) = (Authority::new(), Authority::new());
    let stripe = Stripe::start_with(&installation, Shape::Current, Some(known.server("localhost", 2100)));
    let named_otherwise = known.server("stripe.example", 2100);
    let serve = |trusted: &Authority| {
        let file = installation.beside("authorities.pem");
        std::fs::write(&file, trusted.pem()).unwrap();
        let command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        let mut command = installation.with_app(command);
        // Where the certificates of this machine are taken from; and no proxy stands between.
        command.env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR").env("NO_PROXY", "localhost");
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        Server::spawn(&installation, command).unwrap()
    };
    let server = serve(&known);
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    checkout(&ann.client, &acme, "pro").expect(200);
    server.stop();
    let before = stripe.requests();
    let server = serve(&other);
    let ann = ann.sign_in_again_at(&server);
    checkout(&ann.client, &acme, "pro").expect_code(503, "stripe_unavailable");
    server.stop();
    assert_eq!(stripe.requests(), before, "nothing was sent");
    drop(stripe);
    let stripe = Stripe::start_with(&installation, Shape::Current, Some(named_otherwise));
    let server = serve(&known);
    let ann = ann.sign_in_again_at(&server);
    checkout(&ann.client, &acme, "pro").expect_code(503, "stripe_unavailable");
    server.stop();
    assert_eq!(stripe.requests(), 0, "nothing was sent");
}
