//! Our own tables of one file in the place of those of another: what is not to go back in time when the rest does.

use super::constraint::DbError;
use crate::model::table::quote;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// Names that begin with `_` are ours.
const OURS: &str = "substr(tbl_name, 1, 1) = '_' AND sql IS NOT NULL";

/// A file that is being put together of two. Nobody else uses it; it is synced when it is done.
pub struct Graft {
    raw: Connection,
    /// Of our own tables those that stay as well.
    kept: Vec<String>,
}

impl Graft {
    /// Opens the file whose app's tables stay, and removes our own from it but for those in `keep`. Of migrations it keeps those
    /// of the app.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn open(path: &Path, keep: &[&str]) -> Result<Graft, DbError> {
        // Attaching needs a connection without our authorizer. It runs the statements below and what they make of our
        // own schema, nothing else.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let raw = Connection::open_with_flags(path, flags)?;
        raw.execute_batch(
            "PRAGMA busy_timeout=5000; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA secure_delete=ON;
             PRAGMA foreign_keys=OFF; PRAGMA trusted_schema=OFF;",
        )?;
        let ours = objects(&raw, "main", "type = 'table' AND name <> '_migrations'")?;
        raw.execute_batch("BEGIN IMMEDIATE")?;
        let (kept, ours): (Vec<_>, Vec<_>) =
            ours.into_iter().map(|(name, _)| name).partition(|name| keep.contains(&name.as_str()));
        for name in ours {
            raw.execute_batch(&format!("DROP TABLE {}", quote(&name)))?;
        }
        raw.execute_batch("DELETE FROM _migrations WHERE track <> 'app'; COMMIT;")?;
        Ok(Graft { raw, kept })
    }

    /// Takes over our own tables as they are in the file `live`, which nobody writes meanwhile, and counts on where it
    /// counts: no number that it gave is given again.
    ///
    /// # Errors
    /// As [`DbError`] says.
    pub fn take_from(self, live: &Path) -> Result<(), DbError> {
        let (raw, kept) = (self.raw, self.kept);
        raw.execute("ATTACH ?1 AS live", [live.to_string_lossy()])?;
        raw.execute_batch(
            "BEGIN IMMEDIATE; CREATE TEMP TABLE of_app AS SELECT * FROM main._migrations; DROP TABLE main._migrations;",
        )?;
        for (name, sql) in objects(&raw, "live", "type = 'table'")? {
            if kept.contains(&name) {
                make_anew(&raw, &name, &sql)?;
                continue;
            }
            let name = quote(&name);
            raw.execute_batch(&format!("{sql}; INSERT INTO main.{name} SELECT * FROM live.{name};"))?;
        }
        raw.execute_batch(
            "DELETE FROM main._migrations WHERE track = 'app'; INSERT INTO main._migrations SELECT * FROM temp.of_app;",
        )?;
        // Afterwards, so that rows are not looked at one by one.
        for kind in ["index", "view", "trigger"] {
            for (_, sql) in objects(&raw, "live", &format!("type = '{kind}'"))? {
                raw.execute_batch(&sql)?;
            }
        }
        count_on(&raw)?;
        raw.execute_batch("COMMIT; DETACH live;")?;
        Ok(())
    }
}

/// Gives a table that is kept the columns that it has in the live file, whose migrations count from now on.
fn make_anew(raw: &Connection, name: &str, sql: &str) -> Result<(), DbError> {
    let shared = "SELECT name FROM pragma_table_info(?1, 'main') WHERE name IN (SELECT name FROM pragma_table_info(?1, 'live'))";
    let mut statement = raw.prepare(shared)?;
    let columns = statement.query_map([name], |row| row.get::<_, String>(0))?;
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let columns = columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ");
    drop(statement);
    let name = quote(name);
    raw.execute_batch(&format!(
        "CREATE TEMP TABLE kept AS SELECT {columns} FROM main.{name}; DROP TABLE main.{name}; {sql};
         INSERT INTO main.{name} ({columns}) SELECT {columns} FROM temp.kept; DROP TABLE temp.kept;"
    ))?;
    Ok(())
}

/// Keeps `sqlite_sequence` where the live file has it. A row for a table that is not there waits for one of its name.
fn count_on(raw: &Connection) -> Result<(), DbError> {
    let has = |schema: &str| {
        let sql = format!("SELECT count(*) FROM {schema}.sqlite_schema WHERE name = 'sqlite_sequence'");
        raw.query_row(&sql, [], |row| row.get::<_, i64>(0))
    };
    if has("live")? == 0 {
        return Ok(());
    }
    if has("main")? == 0 {
        // SQLite makes that table with the first one that needs it, and leaves it.
        raw.execute_batch(
            "CREATE TABLE main._counting (id INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE main._counting;",
        )?;
    }
    raw.execute_batch(
        "UPDATE main.sqlite_sequence AS own SET seq = max(seq, (SELECT max(seq) FROM live.sqlite_sequence WHERE name = own.name))
           WHERE name IN (SELECT name FROM live.sqlite_sequence);
         INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM live.sqlite_sequence
           WHERE name NOT IN (SELECT name FROM main.sqlite_sequence);",
    )?;
    Ok(())
}

/// Our own objects of a kind in a schema: name and SQL, in the order in which they were made.
fn objects(raw: &Connection, schema: &str, which: &str) -> Result<Vec<(String, String)>, DbError> {
    let sql = format!("SELECT name, sql FROM {schema}.sqlite_schema WHERE {OURS} AND {which} ORDER BY rowid");
    let mut statement = raw.prepare(&sql)?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_are_kept_have_their_rows_and_the_columns_and_indexes_of_the_live_file() {
        let place = tempfile::TempDir::new().unwrap();
        let migrations = "CREATE TABLE _migrations (track TEXT, name TEXT); INSERT INTO _migrations VALUES ('system', '1'), ('app', '1');";
        let make = |name: &str, sql: &str| {
            let path = place.path().join(name);
            Connection::open(&path).unwrap().execute_batch(&format!("{migrations}{sql}")).unwrap();
            path
        };
        let older = make(
            "older.db",
            "CREATE TABLE _files (path TEXT PRIMARY KEY); INSERT INTO _files VALUES ('of then');",
        );
        let live = make(
            "live.db",
            "CREATE TABLE _files (kind TEXT NOT NULL DEFAULT 'plain', path TEXT PRIMARY KEY);
             CREATE INDEX _files_of_kind ON _files (kind); INSERT INTO _files (path) VALUES ('of later');",
        );
        Graft::open(&older, &["_files"]).unwrap().take_from(&live).unwrap();
        let made = Connection::open(&older).unwrap();
        let text = |sql: &str| made.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(text("SELECT group_concat(path || ' ' || kind) FROM _files"), "of then plain");
        assert_eq!(
            text("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"),
            "_files_of_kind"
        );
    }
}
