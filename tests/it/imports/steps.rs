//! The power fails at every step of an import.

use serde_json::Value;

use super::{exported, zip_of};
use crate::harness::Installation;

#[test]
fn an_import_that_is_cut_off_anywhere_becomes_one_tenant_or_none() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let row = serde_json::json!({"name": "Planted"});
    ann.client.post(&acme.path("/records/customers"), row).expect(201);
    let file = installation.beside("acme.zip");
    std::fs::write(&file, zip_of(&exported(&ann.client, &acme))).unwrap();
    server.stop();
    let mut ended = false;
    for step in 1..200 {
        let slug = format!("again-{step}");
        let arguments = [
            "tenant",
            "import",
            file.to_str().unwrap(),
            "--owner",
            "ann@example.com",
            "--slug",
            &slug,
            "--json",
        ];
        let mut command = installation.with_app(installation.command(&arguments));
        let output = command.env("TENANTRY_TEST_FAULT", step.to_string()).output().unwrap();
        if output.status.success() {
            ended = true;
            break;
        }
        assert_eq!(output.status.code(), None, "{}", String::from_utf8_lossy(&output.stderr));
        // Whatever was begun is gone on with by the next server, whose file is then whole.
        let server = installation.serve();
        let client = server.nobody().bearer(&ann.access_token);
        let imports = crate::harness::eventually("the end of the import", || {
            let items = client.get("/api/v1/imports").expect(200).json["items"].clone();
            let waits = |one: &Value| ["queued", "running"].contains(&one["status"].as_str().unwrap());
            (!items.as_array().unwrap().iter().any(waits)).then_some(items)
        });
        let tenants = client.get("/api/v1/tenants").expect(200).json["items"].clone();
        let made = tenants.as_array().unwrap().iter().filter(|tenant| tenant["slug"] == *slug).count();
        let of_step = |one: &&Value| one["slug"] == *slug;
        match imports.as_array().unwrap().iter().find(of_step) {
            None => assert_eq!(made, 0, "step {step}"),
            Some(import) => {
                assert_eq!(
                    (import["status"].as_str().unwrap(), made),
                    ("ready", 1),
                    "step {step}: {import:#}"
                );
                let rows = client.get(&format!("/api/v1/tenants/{slug}/records/customers")).expect(200);
                assert_eq!(rows.json["items"].as_array().unwrap().len(), 1);
            }
        }
        assert_eq!(installation.tenant_directories().len(), tenants.as_array().unwrap().len(), "step {step}");
        assert_eq!(std::fs::read_dir(installation.data().join("imports")).unwrap().count(), 0, "step {step}");
        server.stop();
    }
    assert!(ended, "it never came to its end");
}
