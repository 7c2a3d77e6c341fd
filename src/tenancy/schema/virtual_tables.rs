//! Virtual tables, and which of them keep what is written to them.

use crate::db::{DbError, Tx};

/// A virtual table of the app.
pub(in crate::tenancy) struct VirtualTable {
    pub(in crate::tenancy) name: String,
    /// Whether its rows are its own, and can be read back.
    pub(in crate::tenancy) holds_rows: bool,
}

/// The app's virtual tables. A full-text index with content of its own keeps it in an ordinary table beside it, which
/// has a column for each of its columns.
///
/// # Errors
/// As [`DbError`] says.
pub(in crate::tenancy) fn virtual_tables(tx: &Tx<'_>) -> Result<Vec<VirtualTable>, DbError> {
    tx.query(
        "SELECT name,
                (SELECT count(*) FROM pragma_table_xinfo(list.name || '_content') WHERE name GLOB 'c[0-9]*')
                  >= (SELECT count(*) FROM pragma_table_xinfo(list.name) WHERE hidden <> 1)
         FROM pragma_table_list AS list
         WHERE schema = 'main' AND type = 'virtual' AND substr(name, 1, 1) <> '_' ORDER BY name",
        &[],
        |row| Ok(VirtualTable { name: row.get(0)?, holds_rows: row.get(1)? }),
    )
}
