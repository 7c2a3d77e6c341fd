//! A tenant that is cloned while it is migrated.

use serde_json::json;

use super::{add, behind, beside, done, migrate, names, told};

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
        beside(installation, &arguments)
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
