//! kill -9 while periods are closed: started again, each is billed once and the numbers have no gap.

use super::*;
use crate::harness::eventually;
use std::time::Duration;

#[test]
fn a_closing_that_is_killed_at_any_moment_ends_in_one_invoice_for_each_tenant() {
    let (installation, server, ann, _) = begin();
    let tenants: Vec<Tenant> = (0..12).map(|number| ann.create_tenant(&format!("t{number}"))).collect();
    for tenant in &tenants {
        tokens(&ann.client, tenant, 300, "a");
    }
    server.stop();
    set_clock(&installation, "2026-06-03T00:00:00Z");
    // A little later each time, so that it ends in another step of the work.
    for step in 0..8 {
        let mut command = installation.command(&["plan", "close-period", "--final", "--app", app_of_tests()]);
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + 25 * step));
        let _ = child.kill();
        child.wait().unwrap();
    }
    let server = installation.serve();
    close(&installation, &["--final"]);
    let ann = ann.sign_in_again_at(&server);
    let mut numbers = Vec::new();
    for tenant in &tenants {
        let invoices = list(&ann.client, tenant);
        assert_eq!(invoices.len(), 1, "{invoices:#?}");
        assert_eq!((&invoices[0]["status"], &invoices[0]["total_cents"]), (&json!("final"), &json!(5_300)));
        numbers.push(invoices[0]["number"].as_str().unwrap().to_owned());
    }
    numbers.extend(
        list(&ann.client, &tenant_of(&ann, "acme"))
            .iter()
            .map(|invoice| invoice["number"].as_str().unwrap().to_owned()),
    );
    numbers.sort();
    let expected: Vec<String> = (1..=13).map(|number| format!("INV-{number:06}")).collect();
    assert_eq!(numbers, expected);
    // The files have them too.
    eventually("the files have their invoices", || {
        let file = rusqlite::Connection::open(installation.tenant_file(&tenants[0].id)).unwrap();
        let kept = file.query_row("SELECT count(*) FROM _invoices", [], |row| row.get::<_, i64>(0)).unwrap();
        (kept == 1).then_some(())
    });
    assert!(verify(&installation, 0, &[]).starts_with("OK: 13 invoices of 13 tenants."));
}

fn tenant_of(person: &Person, slug: &str) -> Tenant {
    let me = person.client.get("/api/v1/me").expect(200);
    let memberships = me.json["memberships"].as_array().unwrap();
    Tenant::from_json(&memberships.iter().find(|one| one["tenant"]["slug"] == slug).unwrap()["tenant"])
}
