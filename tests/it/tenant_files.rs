//! What is wrong with one tenant's file is that tenant's trouble and nobody else's.

use std::sync::Arc;

use serde_json::json;

use crate::harness::{Client, Installation, Person, Server, Tenant};

/// Two tenants with a record each, and the server stopped.
struct AtRest {
    installation: Arc<Installation>,
    ann: Person,
    acme: Tenant,
    bob: Person,
    bolt: Tenant,
}

fn at_rest() -> AtRest {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    ann.client.post(&acme.path("/records/customers"), json!({"name": "of Acme"})).expect(201);
    bob.client.post(&bolt.path("/records/customers"), json!({"name": "of Bolt"})).expect(201);
    server.stop();
    AtRest { installation, ann, acme, bob, bolt }
}

impl AtRest {
    fn file(&self) -> std::path::PathBuf {
        self.installation.tenant_file(&self.acme.id)
    }

    /// Acme cannot be used, and says so without saying why; Bolt can.
    #[track_caller]
    fn assert_only_acme_is_unavailable(&self, server: &Server) {
        let (ann, bob) = self.clients(server);
        for _ in 0..2 {
            ann.get(&self.acme.path("/records/customers")).expect_code(503, "tenant_unavailable");
            ann.post(&self.acme.path("/records/customers"), json!({"name": "x"}))
                .expect_code(503, "tenant_unavailable");
        }
        let list = bob.get(&self.bolt.path("/records/customers")).expect(200);
        assert!(list.text().contains("of Bolt") && !list.text().contains("of Acme"), "{}", list.text());
        bob.post(&self.bolt.path("/records/customers"), json!({"name": "more"})).expect(201);
        server.nobody().get("/readyz").expect(200);
        server.sign_up_with_tenant("cid", "cids");
    }

    fn clients(&self, server: &Server) -> (Client, Client) {
        (server.nobody().bearer(&self.ann.access_token), server.nobody().bearer(&self.bob.access_token))
    }
}

#[test]
fn a_missing_file_makes_its_tenant_unavailable_and_is_not_made_anew() {
    let rest = at_rest();
    let kept = rest.installation.beside("kept.db");
    std::fs::rename(rest.file(), &kept).unwrap();
    let server = rest.installation.serve();
    rest.assert_only_acme_is_unavailable(&server);
    assert!(!rest.installation.tenant_directory(&rest.acme.id).join("data.db").exists(), "it was made anew");
    server.stop();
    std::fs::rename(&kept, rest.installation.tenant_directory(&rest.acme.id).join("data.db")).unwrap();
    let server = rest.installation.serve();
    let list = rest.clients(&server).0.get(&rest.acme.path("/records/customers")).expect(200);
    assert!(list.text().contains("of Acme"), "{}", list.text());
    server.stop();
}

#[test]
fn a_missing_directory_makes_its_tenant_unavailable() {
    let rest = at_rest();
    std::fs::remove_dir_all(rest.installation.tenant_directory(&rest.acme.id)).unwrap();
    let server = rest.installation.serve();
    rest.assert_only_acme_is_unavailable(&server);
    server.stop();
}

#[test]
fn an_empty_file_makes_its_tenant_unavailable() {
    let rest = at_rest();
    std::fs::write(rest.file(), b"").unwrap();
    let server = rest.installation.serve();
    rest.assert_only_acme_is_unavailable(&server);
    server.stop();
}

#[test]
fn a_file_that_is_no_database_makes_its_tenant_unavailable() {
    let rest = at_rest();
    let mut bytes = std::fs::read(rest.file()).unwrap();
    bytes[..200].fill(0x2a);
    std::fs::write(rest.file(), bytes).unwrap();
    let server = rest.installation.serve();
    rest.assert_only_acme_is_unavailable(&server);
    server.stop();
}

#[test]
fn a_file_with_its_head_alone_intact_makes_its_tenant_unavailable() {
    let rest = at_rest();
    let mut bytes = std::fs::read(rest.file()).unwrap();
    bytes[100..].fill(0xff);
    std::fs::write(rest.file(), bytes).unwrap();
    let server = rest.installation.serve();
    rest.assert_only_acme_is_unavailable(&server);
    server.stop();
}

#[test]
fn swapped_files_are_served_to_neither_tenant() {
    let rest = at_rest();
    let (first, second) = (rest.file(), rest.installation.tenant_file(&rest.bolt.id));
    let aside = rest.installation.beside("aside.db");
    for (from, to) in [(&first, &aside), (&second, &first), (&aside, &second)] {
        std::fs::rename(from, to).unwrap();
    }
    let server = rest.installation.serve();
    let (ann, bob) = rest.clients(&server);
    ann.get(&rest.acme.path("/records/customers")).expect_code(503, "tenant_unavailable");
    bob.get(&rest.bolt.path("/records/customers")).expect_code(503, "tenant_unavailable");
    server.stop();
}

#[test]
fn a_link_to_another_tenants_file_is_not_followed() {
    let rest = at_rest();
    std::fs::remove_file(rest.file()).unwrap();
    let directory = rest.installation.tenant_directory(&rest.acme.id);
    std::os::unix::fs::symlink(rest.installation.tenant_file(&rest.bolt.id), directory.join("data.db"))
        .unwrap();
    let server = rest.installation.serve();
    rest.assert_only_acme_is_unavailable(&server);
    server.stop();
}

#[test]
fn a_copy_of_another_tenants_file_is_not_served() {
    let rest = at_rest();
    std::fs::copy(rest.installation.tenant_file(&rest.bolt.id), rest.file()).unwrap();
    let server = rest.installation.serve();
    rest.assert_only_acme_is_unavailable(&server);
    server.stop();
}

#[test]
fn a_file_from_a_newer_version_of_the_app_is_not_served_by_an_older_one() {
    let first =
        ("0001_first.sql", "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;");
    let second = ("0002_second.sql", "ALTER TABLE customers ADD COLUMN city TEXT;");
    let installation = Installation::with_migrations(&[first, second]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client.post(&acme.path("/records/customers"), json!({"name": "x", "city": "Paris"})).expect(201);
    server.stop();
    std::fs::remove_file(installation.migrations().join(second.0)).unwrap();
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    client.get(&acme.path("/records/customers")).expect_code(503, "tenant_unavailable");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    bob.client.post(&bolt.path("/records/customers"), json!({"name": "y"})).expect(201);
    server.stop();
    std::fs::write(installation.migrations().join(second.0), second.1).unwrap();
    let server = installation.serve();
    let list = server.nobody().bearer(&ann.access_token).get(&acme.path("/records/customers")).expect(200);
    assert!(list.text().contains("Paris"), "{}", list.text());
    server.stop();
}

#[test]
fn directories_swapped_with_their_logs_are_served_to_neither_tenant() {
    let rest = at_rest();
    // A server that is killed leaves its logs beside the files.
    let server = rest.installation.serve();
    let (ann, bob) = rest.clients(&server);
    ann.post(&rest.acme.path("/records/customers"), json!({"name": "in the log of Acme"})).expect(201);
    bob.post(&rest.bolt.path("/records/customers"), json!({"name": "in the log of Bolt"})).expect(201);
    server.kill();
    let directory = |tenant: &Tenant| rest.installation.tenant_directory(&tenant.id);
    let (first, second, aside) =
        (directory(&rest.acme), directory(&rest.bolt), rest.installation.beside("aside"));
    assert!(first.join("data.db-wal").metadata().unwrap().len() > 0, "the log is empty, this proves nothing");
    for (from, to) in [(&first, &aside), (&second, &first), (&aside, &second)] {
        std::fs::rename(from, to).unwrap();
    }
    let server = rest.installation.serve();
    let (ann, bob) = rest.clients(&server);
    ann.get(&rest.acme.path("/records/customers")).expect_code(503, "tenant_unavailable");
    bob.get(&rest.bolt.path("/records/customers")).expect_code(503, "tenant_unavailable");
    server.stop();
}
