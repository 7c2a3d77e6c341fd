//! What a backup is to know of the file that it holds.

use super::TenantTx;
use crate::db::DbError;
use crate::id::ContentId;

/// An upload that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedContent {
    /// Its content.
    pub id: ContentId,
    /// SHA-256 of that, in hex.
    pub sha256: String,
}

/// Where a file stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its last change.
    pub change_seq: i64,
    /// Its last usage event.
    pub event_seq: i64,
}

impl TenantTx<'_> {
    /// The last of what is numbered.
    ///
    /// # Errors
    /// As the database says.
    pub fn marks(&self) -> Result<Marks, DbError> {
        Ok(Marks {
            change_seq: self.tx.count("SELECT coalesce(max(seq), 0) FROM _changes", &[])?,
            event_seq: self.tx.count("SELECT coalesce(max(seq), 0) FROM _usage_events", &[])?,
        })
    }

    /// All uploads, in the order of their contents.
    ///
    /// # Errors
    /// As the database says.
    pub fn named_contents(&self) -> Result<Vec<NamedContent>, DbError> {
        self.tx.query("SELECT id, sha256 FROM _files ORDER BY id", &[], |row| {
            Ok(NamedContent { id: row.get(0)?, sha256: row.get(1)? })
        })
    }
}
