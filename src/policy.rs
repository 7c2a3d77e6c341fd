//! Who may do what: the table of roles and permissions, and nothing else.

mod tables;

pub use tables::{TableLines, TableRights};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// A verb that is checked at the call site (API "Permissions").
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $($(#[$doc])* $name),* }

        impl Permission {
            /// Every permission, in the order of the table.
            pub const ALL: &'static [Permission] = &[$(Permission::$name),*];

            /// Its name in the API, in app.toml and in errors.
            pub const fn name(self) -> &'static str {
                match self { $(Permission::$name => $text),* }
            }

            /// The permission of that name.
            pub fn parse(name: &str) -> Option<Permission> {
                match name { $($text => Some(Permission::$name),)* _ => None }
            }
        }
    };
}

permissions! {
    /// Read records, the list of tables, changes.
    RecordsRead = "records:read",
    /// Read uploads.
    FilesRead = "files:read",
    /// See who else is a member.
    MembersRead = "members:read",
    /// See usage.
    UsageRead = "usage:read",
    /// See jobs.
    JobsRead = "jobs:read",
    /// See limits.
    LimitsRead = "limits:read",
    /// Create, change and delete records.
    RecordsWrite = "records:write",
    /// Upload and delete files.
    FilesWrite = "files:write",
    /// Emit usage events.
    UsageWrite = "usage:write",
    /// Enqueue and cancel jobs.
    JobsWrite = "jobs:write",
    /// Use the SQL console.
    RecordsSql = "records:sql",
    /// Invite, change and remove members.
    MembersManage = "members:manage",
    /// Define roles of the tenant.
    RolesManage = "roles:manage",
    /// Make and revoke API keys.
    KeysManage = "keys:manage",
    /// Manage webhook endpoints.
    WebhooksManage = "webhooks:manage",
    /// Read the audit log.
    AuditRead = "audit:read",
    /// Change the tenant's name, slug and settings.
    SettingsManage = "settings:manage",
    /// See invoices and the subscription.
    BillingRead = "billing:read",
    /// Export everything.
    TenantExport = "tenant:export",
    /// Change plan and spend cap.
    BillingManage = "billing:manage",
    /// Close and reopen the tenant.
    TenantClose = "tenant:close",
    /// Hand the ownership to another member.
    OwnershipTransfer = "ownership:transfer",
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PermissionSet(u32);

impl PermissionSet {
    /// The set of all permissions up to and including `last` in the order of [`Permission::ALL`].
    const fn up_to(last: Permission) -> PermissionSet {
        PermissionSet((1 << (last as u32 + 1)) - 1)
    }

    /// Whether `permission` is in the set.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    /// Whether every permission of `other` is in this set.
    pub const fn covers(self, other: PermissionSet) -> bool {
        other.without(self).0 == 0
    }

    /// This set and `other`.
    #[must_use]
    pub const fn and(self, other: PermissionSet) -> PermissionSet {
        PermissionSet(self.0 | other.0)
    }

    /// What of this set is in `other` too.
    #[must_use]
    pub const fn within(self, other: PermissionSet) -> PermissionSet {
        PermissionSet(self.0 & other.0)
    }

    /// What of this set is not in `other`.
    #[must_use]
    pub const fn without(self, other: PermissionSet) -> PermissionSet {
        PermissionSet(self.0 & !other.0)
    }

    /// Every permission.
    pub fn all() -> PermissionSet {
        Permission::ALL.iter().copied().collect()
    }

    /// Names of the permissions, in the order of the table.
    pub fn names(self) -> Vec<&'static str> {
        Permission::ALL.iter().filter(|one| self.has(**one)).map(|one| one.name()).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> PermissionSet {
        PermissionSet(permissions.into_iter().fold(0, |set, one| set | 1 << one as u32))
    }
}

impl PermissionSet {
    /// Whether rows that belong to others may be written too, in tables that have an owner for each row: those who
    /// manage the members of a tenant and write its records manage their rows.
    pub const fn writes_rows_of_others(self) -> bool {
        self.has(Permission::RecordsWrite) && self.has(Permission::MembersManage)
    }
}

impl Permission {
    /// Whether an API key can have it: a key never mints keys, members or roles, and never gives a tenant away.
    pub const fn is_for_keys(self) -> bool {
        !matches!(
            self,
            Permission::KeysManage
                | Permission::MembersManage
                | Permission::RolesManage
                | Permission::TenantClose
                | Permission::OwnershipTransfer
        )
    }
}

/// What a caller may do: what its role gives, cut down by the bound of an API key if it is one.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    set: PermissionSet,
    bound: PermissionSet,
}

impl Held {
    /// All of the set: no key is in between.
    pub fn all_of(set: PermissionSet) -> Held {
        Held::bound_by(set, PermissionSet::all())
    }

    /// What of the set lies within the bound.
    pub const fn bound_by(set: PermissionSet, bound: PermissionSet) -> Held {
        Held { set: set.within(bound), bound }
    }

    /// Whether `permission` is held.
    pub const fn has(self, permission: Permission) -> bool {
        self.set.has(permission)
    }

    /// Whether the bound lets `permission` through, wherever it comes from.
    pub const fn lets_through(self, permission: Permission) -> bool {
        self.bound.has(permission)
    }

    /// All that is held.
    pub const fn set(self) -> PermissionSet {
        self.set
    }

    /// What the bound leaves of rights that a line of app.toml gives to the role.
    pub const fn bound(self, rights: TableRights) -> TableRights {
        TableRights {
            read: rights.read && self.bound.has(Permission::RecordsRead),
            write: rights.write && self.bound.has(Permission::RecordsWrite),
        }
    }
}

/// The name of the role that owns the tenant.
pub const OWNER: &str = "owner";
/// The name of the role that manages everything but owners and money.
pub const ADMIN: &str = "admin";
/// The name of the role that works on records.
pub const MEMBER: &str = "member";
/// The name of the role that looks.
pub const VIEWER: &str = "viewer";

/// Whether a role can be called so: 1 to 40 of a-z, 0-9, `_` and `-`, the first a letter.
pub fn is_role_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

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
