//! Plans: immutable versions. Prices and limits come with billing; a tenant has had a plan from its first day.

use super::CatalogTx;
use crate::error::Result;
use crate::params;

/// The plan of a tenant for which nobody chose one: no limits.
pub const DEFAULT_PLAN: &str = "default";

/// One version of a plan.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// Its key.
    pub key: String,
    /// Its version, from 1.
    pub version: i64,
    /// Its title.
    pub title: String,
    /// How many members a tenant may have under it; `None`: any number.
    pub seats: Option<i64>,
}

impl CatalogTx<'_> {
    /// Publishes the default plan where it is missing.
    ///
    /// # Errors
    /// As the database says.
    pub fn ensure_default_plan(&self) -> Result<()> {
        self.tx.execute(
            "INSERT INTO plans (key, version, title, created_at) VALUES (?1, 1, 'Default', ?2)
             ON CONFLICT (key, version) DO NOTHING",
            params![DEFAULT_PLAN, self.now()],
        )?;
        Ok(())
    }

    /// The newest version of a plan.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_plan(&self, key: &str) -> Result<Option<Plan>> {
        Ok(self.tx.query_row(
            "SELECT key, version, title, seats FROM plans WHERE key = ?1 ORDER BY version DESC LIMIT 1",
            params![key],
            |row| Ok(Plan { key: row.get(0)?, version: row.get(1)?, title: row.get(2)?, seats: row.get(3)? }),
        )?)
    }
}
