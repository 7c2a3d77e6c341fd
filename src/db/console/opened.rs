//! Which tables a statement opens, read from the program that SQLite makes of it.
//!
//! The authorizer is not asked about columns that are joined by USING or NATURAL, and so not about a table that is used
//! in no other way. Its program tells.

use super::{ConsoleError, Readable};
use crate::db::DbError;
use rusqlite::Connection;
use std::collections::{BTreeSet, HashMap};

/// The tables behind the pages of a file.
pub(super) struct Opened {
    /// Root page of a table or an index, and the table's name in lower case.
    roots: HashMap<i64, String>,
    /// Tables of which not everything is readable.
    partly: BTreeSet<String>,
}

impl Opened {
    pub(super) fn read(raw: &Connection, readable: &Readable) -> Result<Opened, DbError> {
        let mut statement =
            raw.prepare("SELECT rootpage, lower(tbl_name) FROM sqlite_schema WHERE rootpage > 0")?;
        let roots = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut roots: HashMap<i64, String> = roots.collect::<Result<_, _>>()?;
        roots.insert(1, "sqlite_schema".to_owned());
        let mut statement = raw.prepare(
            "SELECT lower(t.name), lower(c.name) FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
             WHERE t.type = 'table' AND t.rootpage > 0",
        )?;
        let mut partly = BTreeSet::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (table, column): (String, String) = (row.get(0)?, row.get(1)?);
            if !readable.has_column(&table, &column) {
                partly.insert(table);
            }
        }
        Ok(Opened { roots, partly })
    }

    /// Refuses a statement, which the authorizer let through, for what it opens beyond what the authorizer was asked.
    pub(super) fn check(
        &self,
        raw: &Connection,
        sql: &str,
        explain: impl Fn(rusqlite::Error) -> ConsoleError,
    ) -> Result<(), ConsoleError> {
        let lower = sql.to_ascii_lowercase();
        let joins_unseen = lower.contains("using") || lower.contains("natural");
        let mut statement = raw.prepare(&format!("EXPLAIN {sql}")).map_err(&explain)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(&explain)? {
            let opcode: String = row.get(1).map_err(&explain)?;
            let table = match opcode.as_str() {
                "OpenRead" | "ReopenIdx" | "OpenWrite" => {
                    let root: i64 = row.get(3).map_err(&explain)?;
                    self.roots.get(&root).map(String::as_str)
                }
                // The program does not name a virtual table.
                "VOpen" if joins_unseen => None,
                _ => continue,
            };
            let is_ours = table.is_some_and(|table| table.starts_with('_') || table.starts_with("sqlite_"));
            if is_ours {
                return Err(ConsoleError::Refused(
                    "The statement reads tables that are not readable.".to_owned(),
                ));
            }
            if joins_unseen && table.is_none_or(|table| self.partly.contains(table)) {
                return Err(ConsoleError::Refused(
                    "USING and NATURAL are allowed only where all that the statement reads is readable: write ON."
                        .to_owned(),
                ));
            }
        }
        Ok(())
    }
}
