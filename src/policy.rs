//! Who may do what: the table of roles and permissions, and nothing else.

mod roles;
mod tables;

pub use roles::{ADMIN, MEMBER, OWNER, Roles, VIEWER, is_built_in};
pub use tables::{TableLines, TableRights};

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

    /// The set of one.
    pub const fn of(permission: Permission) -> PermissionSet {
        PermissionSet(1 << permission as u32)
    }

    /// Whether `permission` is in the set.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    /// Whether every permission of `other` is in this set.
    pub const fn covers(self, other: PermissionSet) -> bool {
        other.without(self).0 == 0
    }

    /// What is in this set or in `other`.
    #[must_use]
    pub const fn with(self, other: PermissionSet) -> PermissionSet {
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

/// As the names of its permissions.
impl serde::Serialize for PermissionSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
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
