//! Every line of a request or a job says whose it is.

use serde_json::{Value, json};

use super::with_settings;
use crate::harness::{Call, Installation, eventually};

#[test]
fn lines_of_requests_carry_the_tenant_once_it_is_proven_and_not_before() {
    let server = with_settings("log_format = \"json\"").serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.sign_up("bob");
    let served = ann.client.get(&acme.path("/records/customers")).expect(200);
    let repeated = Call::post(acme.path("/records/customers"), json!({ "name": "x" }));
    let kept = ann.client.send(&repeated.header("idempotency-key", "once")).expect(201);
    let wrong = ann.client.get(&acme.path("/records/nothing")).expect(404);
    let stranger = bob.client.get(&acme.path("/records/customers")).expect(404);
    // What is refused to a member is of the tenant: by what may not be done, and by its state.
    let vic = server.join(&ann, &acme, "vic", "viewer");
    let record = || Call::post(acme.path("/records/customers"), json!({ "name": "x" }));
    let forbidden = vic.client.send(&record()).expect(403);
    let operator = server.add_operator();
    operator.client.send(&Call::new("POST", "/api/v1/operator/tenants/acme/suspend")).expect(200);
    let suspended = ann.client.send(&record()).expect(409);
    let installation = std::sync::Arc::clone(server.installation());
    server.stop();
    let lines: Vec<Value> =
        installation.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |answer: &crate::harness::Answer| {
        let id = answer.header("x-request-id").unwrap().to_owned();
        let of: Vec<&Value> = lines.iter().filter(|line| line["request_id"] == id.as_str()).collect();
        assert!(!of.is_empty(), "no line of {id}");
        of
    };
    for answer in [&served, &kept, &wrong, &forbidden, &suspended] {
        assert!(of(answer).iter().all(|line| line["tenant_id"] == acme.id.as_str()), "{:?}", of(answer));
    }
    assert!(of(&stranger).iter().all(|line| line.get("tenant_id").is_none()), "{:?}", of(&stranger));
}

#[test]
fn lines_of_jobs_carry_tenant_job_and_kind_whatever_the_format() {
    for format in ["json", "text"] {
        let installation = Installation::with_migrations(&[]);
        // Nobody listens there.
        let app = "[jobs.render]\nurl = \"http://127.0.0.1:9/\"\nmax_attempts = 1\n";
        std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), app).unwrap();
        std::fs::create_dir_all(installation.data()).unwrap();
        let settings = format!("log_format = \"{format}\"");
        std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
        let server = installation.serve();
        let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
        let job =
            ann.client.post(&acme.path("/jobs"), json!({ "kind": "render", "payload": {} })).expect(202);
        let id = job.string("/id");
        let line = eventually("the line of the job that failed", || {
            let log = installation.log();
            log.lines().find(|line| line.contains("a job failed")).map(str::to_owned)
        });
        if format == "json" {
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&line["tenant_id"], &line["job_id"]), (&json!(acme.id), &json!(id)));
            assert_eq!(line["kind"], "render");
        } else {
            for part in [format!("tenant_id={}", acme.id), format!("job_id={id}"), "kind=".to_owned()] {
                assert_eq!(line.matches(&part).count(), 1, "{part} in {line}");
            }
        }
        server.stop();
    }
}
