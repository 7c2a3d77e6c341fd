//! A tenant that is moved to another volume while something else goes on with it.

use serde_json::{Value, json};

use super::{add, behind, done, migrate, names, settings, told};
use crate::harness::{Client, Installation, eventually};

fn path(slug: &str) -> String {
    format!("/api/v1/operator/tenants/{slug}/move")
}

#[track_caller]
fn begin(operator: &Client, slug: &str) {
    operator.post(&path(slug), json!({ "to": "fast" })).expect(202);
}

#[track_caller]
fn is_moved(operator: &Client, slug: &str) {
    let moved = eventually("the end of the move", || {
        let told = operator.get(&path(slug)).expect(200).json;
        told["ended_at"].is_string().then_some(told)
    });
    assert_eq!((&moved["status"], &moved["error"]), (&json!("done"), &Value::Null), "{moved}");
    let tenant = operator.get(&format!("/api/v1/operator/tenants/{slug}")).expect(200);
    assert_eq!(tenant.string("/volume"), "fast");
}

#[test]
fn a_move_and_a_migration_of_one_tenant_wait_for_each_other_and_both_come_to_their_ends() {
    let (fleet, server, tenants) = behind(4);
    let installation = &fleet.installation;
    let operator = server.add_operator().client;
    let client = fleet.client(&server);
    let [served, waiting, fenced, migrated] = &tenants[..] else { panic!("{tenants:?}") };
    let copying = installation.hold("move_copying", &served.1);
    let alone = installation.hold("move_alone", &waiting.1);
    let gated = installation.hold("migration_gated", &waiting.1);
    let comparing = installation.hold("move_fenced", &fenced.1);
    let migrating = installation.hold("migration_gated", &migrated.1);
    for (moved, held) in [(served, &copying), (waiting, &alone), (fenced, &comparing)] {
        begin(&operator, &moved.0);
        held.reached();
    }
    let run = migrate(&operator, 4);
    // One that is being migrated is not moved.
    migrating.reached();
    operator.post(&path(&migrated.0), json!({ "to": "fast" })).expect_code(503, "tenant_migrating");
    operator.get(&path(&migrated.0)).expect_code(404, "never_moved");
    // One that is copied while it is served is migrated where it is, and written.
    eventually("a migration in the middle of a move", || {
        let list =
            operator.get(&format!("/api/v1/operator/migrations/tenants?tenant={}", served.0)).expect(200);
        let version = &list.json["items"][0];
        (version["app"] == 2 && version["state"] == "known").then_some(())
    });
    assert_eq!(add(&client, &served.0, "during")["city"], "Paris");
    assert_eq!(operator.get(&path(&served.0)).expect(200).string("/status"), "copying");
    // Each of these two has what the other waits for.
    gated.reached();
    alone.release();
    gated.release();
    for held in [migrating, comparing, copying] {
        held.release();
    }
    assert_eq!(done(&operator, &run), (json!(4), json!(0)));
    for (slug, _) in [served, waiting, fenced] {
        is_moved(&operator, slug);
    }
    let server = server.restart();
    let client = fleet.client(&server);
    for (slug, id) in &tenants {
        let before = if *id == served.1 { vec!["before", "during"] } else { vec!["before"] };
        assert_eq!(names(&client, slug), before, "{slug}");
        assert_eq!(add(&client, slug, "later")["city"], "Paris", "{slug}");
        assert_eq!(installation.tenant_file(id).exists(), *id == migrated.1, "{slug}");
    }
    server.stop();
}

#[test]
fn a_tenant_that_is_moved_while_it_is_backed_up_is_in_the_backup_and_at_its_new_place() {
    let installation = Installation::new();
    settings(&installation, "");
    let server = installation.serve();
    let operator = server.add_operator().client;
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    add(&ann.client, "acme", "before");
    add(&bob.client, "bolt", "before");
    // One is being copied, the other one is about to be: by the time it is, it is elsewhere and of another epoch.
    let (copying, begun) = (installation.hold("copy", &acme.id), installation.hold("backup", &bolt.id));
    let round = installation.run_beside(&["backup", "run", "--json"]);
    copying.reached();
    begun.reached();
    begin(&operator, "acme");
    begin(&operator, "bolt");
    is_moved(&operator, "bolt");
    add(&ann.client, "acme", "during");
    assert_eq!(operator.get(&path("acme")).expect(200).string("/status"), "copying");
    copying.release();
    begun.release();
    let run = told(round, 0);
    let counts = ["tenants", "stored", "failed"].map(|name| run[name].clone());
    assert_eq!(counts, [json!(2), json!(2), json!(0)], "{run}");
    is_moved(&operator, "acme");
    let server = server.restart();
    for (person, tenant) in [(&ann, &acme), (&bob, &bolt)] {
        let client = person.sign_in_again_at(&server).client;
        assert!(names(&client, &tenant.slug).contains(&"before".to_owned()));
        add(&client, &tenant.slug, "later");
        assert!(!installation.tenant_file(&tenant.id).exists());
        told(installation.run_beside(&["verify", "backup", "--tenant", &tenant.slug, "--json"]), 0);
    }
    server.stop();
}
