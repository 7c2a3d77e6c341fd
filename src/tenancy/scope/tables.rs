//! Which tables a scope may read and write: every capability that touches records asks here.

use super::TenantScope;
use crate::error::{Error, Result};
use crate::model::table::Table;
use crate::policy::{Permission, TableRights};
use crate::tenancy::table_access::{Caller, TableAccess, Wants, unknown_table};
use std::sync::Arc;

impl TenantScope {
    /// What the scope may do with the table of this name, whether or not there is one.
    pub fn rights(&self, table: &str) -> TableRights {
        self.tenancy.app().roles.lines().bounded(table, self.role.as_deref(), self.permissions)
    }

    /// Whether the scope may do this with all tables or, by a line of app.toml, with at least one.
    pub fn may_enter(&self, wants: Wants) -> bool {
        let permission = match wants {
            Wants::Read => Permission::RecordsRead,
            Wants::Write => Permission::RecordsWrite,
        };
        self.tenancy.app().roles.lines().lets_in(self.role.as_deref(), self.permissions, permission)
    }

    /// The table of this name, if the scope may do with it what is wanted.
    ///
    /// # Errors
    /// 404 `unknown_table` for one that does not exist or is withheld, 403 where only writing is not allowed, 405 for
    /// a write to what can only be read; 503 when the file cannot be served.
    pub async fn table(&self, name: &str, wants: Wants) -> Result<TableAccess> {
        let table = self.schema().await?.table(name).ok_or_else(unknown_table)?;
        let access = TableAccess::new(Arc::clone(table), self.caller());
        access.require(wants)?;
        Ok(access)
    }

    /// The tables that the scope may read, by name.
    ///
    /// # Errors
    /// 403 where no table could be among them; 503 when the file cannot be served.
    pub async fn readable_tables(&self) -> Result<impl Iterator<Item = &Arc<Table>>> {
        if !self.may_enter(Wants::Read) {
            return Err(Error::forbidden(Permission::RecordsRead.name()));
        }
        Ok(self.schema().await?.tables().filter(|table| self.rights(&table.name).read))
    }

    fn caller(&self) -> Caller {
        Caller {
            app: Arc::clone(self.tenancy.app()),
            role: self.role.clone(),
            permissions: self.permissions,
            identity: self.identity(),
        }
    }
}
