//! What operators are told of how the installation is set up.

use crate::harness::Installation;
use serde_json::{Value, json};

#[test]
fn settings_say_where_they_come_from_and_nothing_of_secrets() {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    let planted = "planted-secret-of-figures";
    let settings = format!("request_seconds = 45\nmetrics_token = \"{planted}\"\n");
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    let server = installation.serve();
    let operator = server.add_operator();
    let told = operator.client.get("/api/v1/operator/settings").expect(200);
    assert!(!told.text().contains(planted), "{}", told.text());
    let items = told.json["items"].as_array().unwrap();
    let of = |name: &str| items.iter().find(|one| one["name"] == name).unwrap_or(&Value::Null);
    assert_eq!(
        (&of("request_seconds")["value"], &of("request_seconds")["source"]),
        (&json!(45), &json!("file"))
    );
    assert_eq!(of("metrics_token")["value"], "(set)");
    assert_eq!(of("audit_days")["source"], "default");
    assert!(items.iter().all(|one| one["about"].as_str().is_some_and(|about| about.ends_with('.'))));
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    ann.client.get("/api/v1/operator/settings").expect(403);
    server.nobody().get("/api/v1/operator/settings").expect(401);
    server.stop();
}
