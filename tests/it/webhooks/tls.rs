//! Receivers that are reached by https.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::{deliveries, make, path_of};
use crate::harness::{Authority, Client, Installation, Server, eventually};

/// A receiver that takes whatever comes over TLS; its port.
fn receiver(config: Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut head = [0; 4_096];
            // Whoever does not know the certificate breaks off.
            if stream.read(&mut head).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n");
                let _ = stream.flush();
            }
        }
    });
    port
}

/// Sends a test and tells what came of the attempt.
fn attempt(client: &Client, endpoint: &str) -> Value {
    let sent = client.post(&format!("{endpoint}/test"), json!({})).expect(202).string("/id");
    eventually("an attempt", || {
        let all = deliveries(client, endpoint);
        all.iter().find(|one| one["id"] == sent).filter(|one| one["attempt_count"] == 1).map(|_| ())
    });
    client.get(&format!("{endpoint}/deliveries/{sent}")).expect(200).json["attempts"][0].clone()
}

#[test]
fn a_receiver_has_to_show_a_certificate_that_this_machine_trusts_for_its_name() {
    let (trusted, unknown) = (Authority::new(), Authority::new());
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    let settings = "outgoing_allow_networks = [\"127.0.0.0/8\", \"::1\"]\n";
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    let certificates = installation.beside("authorities.pem");
    std::fs::write(&certificates, trusted.pem()).unwrap();
    let mut command =
        installation.with_app(installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]));
    command.env("SSL_CERT_FILE", certificates).env_remove("SSL_CERT_DIR");
    let server = Server::spawn(&installation, command).unwrap();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let tried = |config: Arc<ServerConfig>| {
        let url = format!("https://localhost:{}/", receiver(config));
        attempt(&ann.client, &path_of(&acme, &make(&ann.client, &acme, &url, &["invoice.paid"])))
    };
    assert_eq!(tried(trusted.server("localhost", 2_090))["status"], 204);
    for config in [
        unknown.server("localhost", 2_090),
        trusted.server("other.example", 2_090),
        trusted.server("localhost", 2_001),
    ] {
        let tried = tried(config);
        assert!(tried["status"].is_null(), "{tried}");
        assert!(tried["error"].as_str().unwrap().contains("no secure connection"), "{tried}");
    }
    server.stop();
}
