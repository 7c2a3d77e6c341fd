//! Facts about the installation itself.

use super::CatalogTx;
use crate::error::Result;
use crate::params;

impl CatalogTx<'_> {
    /// The installation's id; made at its first start.
    ///
    /// # Errors
    /// As the database says.
    pub fn installation_id(&self) -> Result<String> {
        let id = crate::id::uuid_v7(self.now()).to_string();
        self.tx.execute(
            "INSERT INTO settings (name, value) VALUES ('installation_id', ?1) ON CONFLICT (name) DO NOTHING",
            params![id.as_str()],
        )?;
        let found =
            self.tx.query_row("SELECT value FROM settings WHERE name = 'installation_id'", &[], |row| {
                row.get::<String>(0)
            })?;
        Ok(found.unwrap_or(id))
    }

    /// A fact that was noted under a name.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_setting(&self, name: &str) -> Result<Option<String>> {
        Ok(self
            .tx
            .query_row("SELECT value FROM settings WHERE name = ?1", params![name], |row| row.get(0))?)
    }

    /// Notes a fact under a name.
    ///
    /// # Errors
    /// As the database says.
    pub fn put_setting(&self, name: &str, value: &str) -> Result<()> {
        self.tx.execute(
            "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            params![name, value],
        )?;
        Ok(())
    }
}
