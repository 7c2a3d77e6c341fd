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
    nobody
        .post("/api/v1/auth/password/reset", json!({"token": secret, "new_password": secret}))
        .expect_one_of(&[400, 404, 410, 422]);
    let broken = format!("{{\"password\": \"{secret}\"");
    nobody.send(&Call::new("POST", "/api/v1/auth/sign-in").bytes("application/json", broken)).expect(400);
    let query = secret.replace(' ', "-");
    installation.plant_secret(&query);
    nobody.get(&format!("/api/v1/me?access_token={query}")).expect_one_of(&[400, 401]);
    nobody.get(&format!("/?token={query}"));
    nobody.bearer(&query).get("/api/v1/me").expect(401);
    nobody.send(&Call::get("/api/v1/me").header("cookie", format!("__Host-tenantry={query}")));
    nobody
        .send(&Call::get("/api/v1/me").header("authorization", format!("Basic {query}")))
        .expect_one_of(&[400, 401]);
    // And those that go right.
    nobody.post("/api/v1/auth/password/forgot", json!({"email": bob.email})).expect(202);
    let reset = crate::harness::token_mailed_to(&installation, &bob.email, 2);
    nobody
        .post(
            "/api/v1/auth/password/reset",
            json!({"token": reset, "new_password": "nine lanterns juggle otters"}),
        )
        .expect(204);
    installation.advance_clock(MINUTE);
    nobody.post("/api/v1/auth/refresh", json!({"refresh_token": ann.refresh_token})).expect(200);
    nobody.post("/api/v1/auth/refresh", json!({"refresh_token": ann.refresh_token})).expect(200);
    server.kill();
    assert!(installation.secrets_planted() > 10, "{}", installation.secrets_planted());
    assert!(
        installation.log().lines().count() > 5,
        "a log of so few lines proves nothing:\n{}",
        installation.log()
    );
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
    let keys: Vec<_> =
        std::fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!keys.is_empty());
    for file in keys.into_iter().chain([data.join("catalog.db"), installation.tenant_file(&acme.id)]) {
        assert_eq!(mode(&file) & 0o077, 0, "{}", file.display());
    }
    server.stop();
}
