//! A tenant that is cloned while it is migrated or moved.

use serde_json::json;

use super::{add, behind, done, migrate, names, settings, told};
use crate::harness::Installation;

#[test]
fn a_clone_that_is_made_in_the_middle_of_a_migration_is_up_to_date_and_so_is_its_tenant() {
    let (fleet, server, tenants) = behind(2);
    let installation = &fleet.installation;
    let operator = server.add_operator().client;
    let client = fleet.client(&server);
    let [copied, migrated] = &tenants[..] else { panic!("{tenants:?}") };
    let clone = |slug: &str| {
        let clone = format!("{slug}-staging");
        let arguments = ["tenant", "clone", slug, "--as", &clone, "--owner", "ann@example.com", "--json"];
        installation.run_beside(&arguments)
    };
    // One is migrated between the beginning and the end of its clone, the other one is cloned in the middle of its migration.
    let copying = installation.hold("copy", &copied.1);
    let migrating = installation.hold("migration", &migrated.1);
    let cloning = clone(&copied.0);
    copying.reached();
    let run = migrate(&operator, 2);
    migrating.reached();
    told(clone(&migrated.0), 0);
    migrating.release();
    assert_eq!(done(&operator, &run), (json!(2), json!(0)));
    copying.release();
    told(cloning, 0);
    for (slug, _) in &tenants {
        for slug in [slug.clone(), format!("{slug}-staging")] {
            assert_eq!(names(&client, &slug), ["before"], "{slug}");
            assert_eq!(add(&client, &slug, "later")["city"], "Paris", "{slug}");
        }
    }
    let status = fleet.migrate(&["status", "--look"], 0);
    let counts = ["current", "pending", "failed"].map(|name| status[name].clone());
    assert_eq!(counts, [json!(4), json!(0), json!(0)], "{status}");
    assert_eq!(status["drift"], json!([]));
    server.stop();
}

#[test]
fn a_clone_of_a_tenant_that_is_moved_between_its_beginning_and_the_copy_is_made() {
    let installation = Installation::new();
    settings(&installation, "");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    add(&ann.client, "acme", "before");
    let held = installation.hold("clone", &acme.id);
    let arguments = ["tenant", "clone", "acme", "--as", "acme-staging", "--owner", &ann.email, "--json"];
    let cloning = installation.run_beside(&arguments);
    held.reached();
    told(installation.run_beside(&["tenant", "move", "acme", "--to", "fast", "--json"]), 0);
    held.release();
    let clone = told(cloning, 0);
    assert_eq!(clone["tenant"]["volume"], "data", "{clone}");
    for slug in ["acme", "acme-staging"] {
        add(&ann.client, slug, "later");
        assert_eq!(names(&ann.client, slug), ["before", "later"], "{slug}");
    }
    server.stop();
}
