//! The table of roles and permissions, as it is committed beside this file: a change of it is seen in review.

use std::fmt::Write as _;

use tenantry::policy::{ADMIN, MEMBER, OWNER, Permission, Roles, VIEWER};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/role_table.txt");
/// Set to anything, it writes the file anew instead of comparing.
const REWRITE: &str = "TENANTRY_REWRITE_SNAPSHOTS";

fn table() -> String {
    let (roles, columns) = (Roles::default(), [VIEWER, MEMBER, ADMIN, OWNER]);
    let mut table = format!("{:<20}{}\n", "permission", columns.map(|role| format!("{role:>8}")).concat());
    for permission in Permission::ALL {
        let marks = columns.map(|role| if roles.permissions(role).has(*permission) { "x" } else { "-" });
        writeln!(table, "{:<20}{}", permission.name(), marks.map(|mark| format!("{mark:>8}")).concat())
            .unwrap();
    }
    table
}

#[test]
fn what_each_role_may_do_is_what_was_committed() {
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(COMMITTED, table()).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap();
    assert_eq!(table(), committed, "if this was meant, run it again with {REWRITE}=1 and commit the file");
}
