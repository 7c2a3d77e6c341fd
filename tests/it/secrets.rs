//! The log tells nothing that opens a door.

use serde_json::json;

use crate::harness::{Call, Installation, MINUTE};

#[test]
fn no_secret_of_a_whole_life_is_in_the_log() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    let nobody = server.nobody();
    // Secrets in requests that go wrong in every way.
    let secret = "a secret that went wrong 4711";
    installation.plant_secret(secret);
    nobody.post("/api/v1/auth/sign-in", json!({"email": ann.email, "password": secret})).expect(401);
    nobody
        .post("/api/v1/auth/sign-in", json!({"email": secret, "password": secret}))
        .expect_one_of(&[401, 422]);
    nobody
        .post("/api/v1/auth/sign-in", json!({"email": ann.email, "password": [secret]}))
        .expect_one_of(&[400, 422]);
    nobody
        .post("/api/v1/auth/sign-in", json!({"email": ann.email, "pasword": secret}))
        .expect_one_of(&[400, 422]);
    nobody.post("/api/v1/auth/refresh", json!({"refresh_token": secret})).expect_one_of(&[401, 422]);
    let setup = json!({"token": secret, "email": secret, "name": secret, "password": secret});
    nobody.post("/api/v1/setup", setup).expect_one_of(&[403, 422]);
    let broken = format!("{{\"password\": \"{secret}\"");
    nobody.send(&Call::new("POST", "/api/v1/auth/sign-in").bytes("application/json", broken)).expect(400);
    let query = secret.replace(' ', "-");
    installation.plant_secret(&query);
    nobody.get(&format!("/api/v1/me?access_token={query}")).expect_one_of(&[400, 401]);
    nobody.get(&format!("/?token={query}"));
    nobody.bearer(&query).get("/api/v1/me").expect(401);
    nobody.send(&Call::get("/api/v1/me").header("cookie", format!("__Host-tenantry_access={query}")));
    nobody
        .send(&Call::get("/api/v1/me").header("authorization", format!("Basic {query}")))
        .expect_one_of(&[400, 401]);
    // And those that go right.
    installation.advance_clock(MINUTE);
    let bob = bob.sign_in_again();
    bob.client.send(&Call::new("POST", "/api/v1/auth/sign-out")).expect(204);
    nobody.post("/api/v1/auth/refresh", json!({"refresh_token": ann.refresh_token})).expect(200);
    nobody.post("/api/v1/auth/refresh", json!({"refresh_token": ann.refresh_token})).expect(200);
    server.kill();
    assert!(installation.secrets_planted() > 10, "{}", installation.secrets_planted());
    let log = installation.log();
    for path in ["/api/v1/auth/sign-in", "/api/v1/auth/refresh", "/api/v1/me", "/api/v1/invitations/accept"] {
        assert!(log.contains(path), "a log without {path} proves nothing:\n{log}");
    }
    installation.assert_log_keeps_secrets();
}

#[test]
fn keys_and_directories_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let installation = Installation::new();
    let server = installation.serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = installation.data();
    for directory in
        [data.clone(), data.join("keys"), data.join("tenants"), installation.tenant_directory(&acme.id)]
    {
        assert_eq!(mode(&directory), 0o700, "{}", directory.display());
    }
    let keys = std::fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    // A public key is there to be given away.
    let keys: Vec<_> =
        keys.filter(|path| path.extension().is_none_or(|extension| extension != "pub")).collect();
    assert!(!keys.is_empty());
    for file in keys {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    server.stop();
}
