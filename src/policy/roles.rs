//! Roles: the four that always exist, those of app.toml, those of a tenant; and who may give which.

use super::{Permission, PermissionSet, TableLines};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The name of the role that owns the tenant.
pub const OWNER: &str = "owner";
/// The name of the role that manages everything but owners and money.
pub const ADMIN: &str = "admin";
/// The name of the role that works on records.
pub const MEMBER: &str = "member";
/// The name of the role that looks.
pub const VIEWER: &str = "viewer";

/// Whether this is one of the four roles that always exist.
pub fn is_built_in(role: &str) -> bool {
    [OWNER, ADMIN, MEMBER, VIEWER].contains(&role)
}

/// The roles of this installation: the four that always exist, and those of app.toml; perhaps those of one tenant too.
#[derive(Clone, Debug)]
pub struct Roles {
    sets: BTreeMap<String, PermissionSet>,
    /// Those that a tenant defined.
    own: BTreeSet<String>,
    lines: Arc<TableLines>,
}

impl Default for Roles {
    fn default() -> Roles {
        use Permission as P;
        let sets = BTreeMap::from([
            (VIEWER.to_owned(), PermissionSet::up_to(P::LimitsRead)),
            (MEMBER.to_owned(), PermissionSet::up_to(P::JobsWrite)),
            (ADMIN.to_owned(), PermissionSet::up_to(P::TenantExport)),
            (OWNER.to_owned(), PermissionSet::up_to(P::OwnershipTransfer)),
        ]);
        Roles { sets, own: BTreeSet::new(), lines: Arc::default() }
    }
}

impl Roles {
    /// Adds a role of app.toml. False if the name is one of the four.
    pub fn define(&mut self, name: &str, permissions: PermissionSet) -> bool {
        if is_built_in(name) {
            return false;
        }
        self.sets.insert(name.to_owned(), permissions);
        true
    }

    /// The same with roles of a tenant. Those come before roles of app.toml that got the same name later.
    #[must_use]
    pub fn with(&self, own: impl IntoIterator<Item = (String, PermissionSet)>) -> Roles {
        let mut all = self.clone();
        for (name, permissions) in own.into_iter().filter(|(name, _)| !is_built_in(name)) {
            all.own.insert(name.clone());
            all.sets.insert(name, permissions);
        }
        all
    }

    /// The same with lines of app.toml about tables.
    #[must_use]
    pub fn with_lines(self, lines: TableLines) -> Roles {
        Roles { lines: Arc::new(lines), ..self }
    }

    /// Lines of app.toml about tables.
    pub fn lines(&self) -> &TableLines {
        &self.lines
    }

    /// What a role may do; nothing where the role is unknown (it was taken out of app.toml).
    pub fn permissions(&self, role: &str) -> PermissionSet {
        self.sets.get(role).copied().unwrap_or_default()
    }

    /// Whether there is such a role.
    pub fn is_known(&self, role: &str) -> bool {
        self.sets.contains_key(role)
    }

    /// Names of all roles.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(String::as_str)
    }

    /// Whether someone with `actor` role may give or take `role`: an owner any, others only what lies within their own
    /// permissions and what they may do with each table, and never that of an owner.
    pub fn may_grant(&self, actor: &str, role: &str) -> bool {
        let (own, others) = (self.permissions(actor), self.permissions(role));
        actor == OWNER
            || (role != OWNER
                && own.covers(others)
                && self.lines.covers((self.as_in_lines(actor), own), (self.as_in_lines(role), others)))
    }

    /// The role as lines of app.toml call it: they are about none that a tenant defined.
    fn as_in_lines<'r>(&self, role: &'r str) -> Option<&'r str> {
        Some(role).filter(|role| !self.own.contains(*role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of API "Permissions", as the code has it.
    #[test]
    fn the_matrix_is_that_of_the_contract() {
        let roles = Roles::default();
        let count = |role: &str| roles.permissions(role).names().len();
        assert_eq!((count(VIEWER), count(MEMBER), count(ADMIN), count(OWNER)), (6, 10, 19, 22));
        assert!(!roles.permissions(ADMIN).has(Permission::BillingManage));
        assert!(roles.permissions(VIEWER).has(Permission::LimitsRead));
        assert!(!roles.permissions(VIEWER).has(Permission::RecordsWrite));
        assert_eq!(roles.permissions("gone"), PermissionSet::default());
    }

    #[test]
    fn nobody_grants_above_themselves() {
        let roles = Roles::default();
        assert!(roles.may_grant(OWNER, OWNER));
        assert!(roles.may_grant(ADMIN, ADMIN));
        assert!(!roles.may_grant(ADMIN, OWNER));
        assert!(!roles.may_grant(MEMBER, ADMIN));
    }
}
