//! What things are called in the store.

use crate::id::{BackupId, ContentId, TenantId};

/// Where the parts of one backup are.
#[derive(Clone)]
pub(in crate::service::backups) struct BackupKeys {
    of: String,
}

impl BackupKeys {
    pub(in crate::service::backups) fn of(tenant: Option<TenantId>, id: BackupId) -> BackupKeys {
        BackupKeys {
            of: match tenant {
                Some(tenant) => format!("tenants/{tenant}/{id}"),
                None => format!("catalog/{id}"),
            },
        }
    }

    pub(in crate::service::backups) fn database(&self) -> String {
        let name = if self.of.starts_with("catalog/") { "catalog.db.gz" } else { "data.db.gz" };
        format!("{}/{name}", self.of)
    }

    /// All of it.
    pub(in crate::service::backups) fn directory(&self) -> String {
        self.of.clone()
    }

    pub(in crate::service::backups) fn manifest(&self) -> String {
        format!("{}/manifest.json", self.of)
    }

    pub(in crate::service::backups) fn uploads(&self) -> String {
        format!("{}/uploads", self.of)
    }
}

/// All that is kept of a tenant.
pub(in crate::service::backups) fn of_tenant(tenant: TenantId) -> String {
    format!("tenants/{tenant}")
}

/// The contents of a tenant's uploads.
pub(in crate::service::backups) fn contents_of(tenant: TenantId) -> String {
    format!("tenants/{tenant}/files")
}

/// One of them.
pub(in crate::service::backups) fn content_of(tenant: TenantId, id: ContentId) -> String {
    format!("tenants/{tenant}/files/{id}")
}
