//! What a statement reads behind the authorizer's back.
//!
//! SQLite does not ask the authorizer about columns that are joined by USING or NATURAL, nor about what an outer join of
//! that kind makes of them. The program that it makes of the statement names every table.

use super::Tx;
use crate::db::constraint::DbError;
use crate::model::table::quote;
use std::collections::BTreeSet;

impl Tx<'_> {
    /// Whether a view reads tables of ours.
    ///
    /// # Errors
    /// [`DbError`] for one that does not work.
    pub fn view_opens_ours(&self, view: &str) -> Result<bool, DbError> {
        self.opens_ours(&format!("SELECT * FROM {}", quote(view)))
    }

    /// The first view or trigger of the app that reads tables of ours, as `view name` or `trigger name`. What does not
    /// work does not count: it reads nothing.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub(in crate::db) fn find_reader_of_ours(&self) -> Result<Option<String>, DbError> {
        let text = |sql: &str| self.query(sql, &[], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)));
        for (view, _) in text(
            "SELECT name, name FROM sqlite_schema WHERE type = 'view' AND substr(name, 1, 1) <> '_' ORDER BY name",
        )? {
            if self.view_opens_ours(&view).unwrap_or(false) {
                return Ok(Some(format!("view {view}")));
            }
        }
        for (trigger, table) in
            text("SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger' AND substr(tbl_name, 1, 1) <> '_'
                  ORDER BY name")?
        {
            for sql in self.writes_of(&table)? {
                if self.opens_ours(&sql).unwrap_or(false) {
                    return Ok(Some(format!("trigger {trigger} (or another one of {table})")));
                }
            }
        }
        Ok(None)
    }

    /// Statements that set off every trigger of a table or view.
    fn writes_of(&self, table: &str) -> Result<[String; 3], DbError> {
        let columns = self.query(
            "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0",
            crate::params![table],
            |row| row.get::<String>(0),
        )?;
        let set: Vec<String> = columns.iter().map(|name| format!("{0} = {0}", quote(name))).collect();
        let table = quote(table);
        Ok([
            format!("INSERT INTO {table} DEFAULT VALUES"),
            format!("UPDATE {table} SET {}", set.join(", ")),
            format!("DELETE FROM {table}"),
        ])
    }

    fn opens_ours(&self, sql: &str) -> Result<bool, DbError> {
        let roots = self.query(
            "SELECT rootpage FROM sqlite_schema WHERE rootpage > 0 AND substr(tbl_name, 1, 1) = '_'",
            &[],
            |row| row.get::<i64>(0),
        )?;
        let roots: BTreeSet<i64> = roots.into_iter().collect();
        let opened = self.query(&format!("EXPLAIN {sql}"), &[], |row| {
            let opens = matches!(row.get::<String>(1)?.as_str(), "OpenRead" | "ReopenIdx" | "OpenWrite");
            Ok(opens && roots.contains(&row.get::<i64>(3)?))
        })?;
        Ok(opened.contains(&true))
    }
}
