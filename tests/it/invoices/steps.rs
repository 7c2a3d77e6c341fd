//! The power fails at every step of the work, one after the other: before and after each commit, and each line of a ledger.

use std::collections::BTreeSet;

use super::*;
use crate::harness::Call;

/// More steps than any of this takes.
const MOST: i64 = 400;

/// Runs a command that ends at each step in turn, until it comes through; tells at how many it was ended.
fn at_every_step(installation: &Installation, arguments: &[&str]) -> i64 {
    for step in 1..MOST {
        let mut command = installation.command(arguments);
        command.env("TENANTRY_TEST_FAULT", step.to_string());
        let status =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status().unwrap();
        if status.success() {
            return step - 1;
        }
        assert_eq!(status.code(), None, "it was ended, and did not fail");
    }
    panic!("it never came through");
}

#[test]
fn a_closing_that_is_ended_at_every_step_makes_each_invoice_once() {
    let (installation, server, ann, acme) = begin();
    let other = ann.create_tenant("other");
    for tenant in [&acme, &other] {
        tokens(&ann.client, tenant, 300, "a");
    }
    server.stop();
    set_clock(&installation, "2026-06-03T00:00:00Z");
    let closing = ["plan", "close-period", "--final", "--app", app_of_tests()];
    let steps = at_every_step(&installation, &closing);
    assert!(steps > 10, "{steps}");
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let mut invoices = Vec::new();
    for tenant in [&acme, &other] {
        let mut of_one = list(&ann.client, tenant);
        assert_eq!(of_one.len(), 1, "{of_one:#?}");
        invoices.append(&mut of_one);
    }
    for invoice in &invoices {
        assert_eq!((&invoice["status"], &invoice["total_cents"]), (&json!("final"), &json!(5_300)));
    }
    let mut numbers: Vec<&str> = invoices.iter().map(|one| one["number"].as_str().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["INV-000001", "INV-000002"]);
    // Once more nothing is left to do, and nothing of a final invoice changes.
    server.stop();
    at_every_step(&installation, &closing);
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let again: Vec<Value> =
        [&acme, &other].into_iter().flat_map(|tenant| list(&ann.client, tenant)).collect();
    assert_eq!(again, invoices);
    for tenant in [&acme, &other] {
        let file = rusqlite::Connection::open(installation.tenant_file(&tenant.id)).unwrap();
        let kept: i64 = file.query_row("SELECT count(*) FROM _invoices", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 1);
    }
    let ledger = std::fs::read_to_string(installation.data().join("backups/issued-invoices.ndjson")).unwrap();
    for number in 1..=2 {
        assert!(ledger.contains(&format!("\\\"number\\\":{number},")), "{ledger}");
    }
    assert_eq!(verify(&installation, 0, &[]), "OK: 2 invoices of 2 tenants.\n");
    server.stop();
}

#[test]
fn an_event_that_is_sent_while_the_server_is_ended_at_every_step_counts_once() {
    let (installation, server, ann, acme) = begin();
    server.stop();
    let (mut ended, mut answered) = (0, 0);
    for step in 1..24 {
        // It may end before it listens.
        let Some(dying) = dying_at(&installation, step) else { continue };
        let event = json!({ "meter": "tokens", "quantity": 10, "idempotency_key": format!("k{step}") });
        let client = ann.client.at(dying.url());
        let sent = client.try_send(&Call::post(acme.path("/usage-events"), event.clone()));
        match sent {
            Ok(answer) if answer.status == 201 => answered += 1,
            _ => ended += 1,
        }
        dying.kill();
        let server = installation.serve();
        let again = ann.sign_in_again_at(&server);
        again.client.post(&acme.path("/usage-events"), event).expect_one_of(&[200, 201]);
        let used = again.client.get(&acme.path("/usage?meter=tokens&window=month")).expect(200);
        assert_eq!(used.json["items"][0]["quantity"], (10 * (ended + answered)).to_string(), "step {step}");
        server.stop();
    }
    assert!(ended > 0 && answered > 0, "{ended} {answered}");
    assert!(
        installation.run(&["verify", "usage", "--app", app_of_tests()]).expect_code(0).stdout.contains("OK")
    );
}

/// The server, ended at that step; nothing if it ended before it listened.
fn dying_at(installation: &Arc<Installation>, step: i64) -> Option<Server> {
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_TEST_FAULT", step.to_string());
    Server::spawn(installation, installation.with_app(command)).ok()
}

/// The numbers of all credit notes: those that the catalog has, and the lines of the ledger.
fn credit_note_numbers(installation: &Installation) -> (Vec<i64>, Vec<i64>) {
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let mut statement = catalog.prepare("SELECT number FROM credit_notes ORDER BY number").unwrap();
    let issued = statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let issued = issued.map(|number| number.trim_start_matches("CN-").parse().unwrap()).collect();
    let ledger = installation.data().join("backups/issued-credit-notes.ndjson");
    let ledger = std::fs::read_to_string(ledger).unwrap_or_default();
    let lines = ledger.lines().filter_map(|line| {
        let signed: Value = serde_json::from_str(line).ok()?;
        let statement: Value = serde_json::from_str(signed["statement"].as_str()?).ok()?;
        statement["number"].as_i64()
    });
    (issued, lines.collect())
}

#[test]
fn a_credit_note_that_is_issued_while_the_server_is_ended_at_every_step_is_whole_and_its_number_is_given_once()
 {
    let (installation, server, ann, acme) = begin();
    let operator = server.add_operator();
    set_clock(&installation, "2026-06-01T01:00:00Z");
    close(&installation, &["--final"]);
    let (ann, operator) = (ann.sign_in_again(), operator.sign_in_again());
    let invoice = list(&ann.client, &acme).remove(0);
    let id = invoice["id"].as_str().unwrap();
    server.stop();
    let credit = |server: &Server, reason: &str| {
        let path = format!("/api/v1/operator/invoices/{id}/credit-notes");
        let body = json!({ "amount_cents": 10, "reason": reason });
        operator.client.at(server.url()).try_send(&Call::post(path, body))
    };
    let (mut answered, mut behind, mut lost, mut step) = (BTreeSet::new(), 0, 0, 1);
    for turn in 0.. {
        assert!(turn < 120, "never between the two: answered {}, lost {lost}", answered.len());
        if behind > 0 && lost > 0 && answered.len() > 2 {
            break;
        }
        let Some(dying) = dying_at(&installation, step) else {
            step += 1;
            continue;
        };
        let reason = format!("turn {turn}");
        let (issued_before, _) = credit_note_numbers(&installation);
        let is_answered = credit(&dying, &reason).is_ok_and(|answer| answer.status == 201);
        dying.kill();
        let (issued, noted) = credit_note_numbers(&installation);
        if is_answered {
            answered.insert(reason);
            assert_eq!(issued, noted, "whoever was answered can rely on its line");
        }
        lost += i64::from(issued == issued_before);
        // Issued, and the ledger does not know it yet.
        behind += i64::from(noted.len() < issued.len());
        // Back to where it ended on the way, once it came through.
        step = if is_answered { (step - 8).max(1) } else { step + 1 };
    }
    let server = installation.serve();
    let last = credit(&server, "the last one").unwrap().expect(201);
    let (issued, noted) = credit_note_numbers(&installation);
    let expected: Vec<i64> = (1..=i64::try_from(issued.len()).unwrap()).collect();
    assert_eq!((&issued, &noted), (&expected, &expected), "without a gap, and each is one line");
    assert_eq!(last.string("/number"), format!("CN-{:06}", issued.len()));
    let told = ann.client.at(server.url()).get(&acme.path(&format!("/invoices/{id}"))).expect(200);
    let notes = told.json["credit_notes"].as_array().unwrap();
    let reasons: BTreeSet<String> =
        notes.iter().map(|note| note["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!((notes.len(), reasons.len()), (issued.len(), issued.len()), "each was issued once");
    assert!(answered.is_subset(&reasons), "{answered:?} {reasons:?}");
    assert_eq!(told.json["credited_cents"], json!(10 * issued.len()));
    assert_eq!(verify(&installation, 0, &[]), "OK: 1 invoices of 1 tenants.\n");
    server.stop();
}
