//! A server that takes part in the comparison.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OpenFlags};

use crate::Result;
use crate::process::Process;
use crate::tenantry::Session;
use crate::workload::Target;

/// A running server, ready for the load.
pub struct Contender {
    /// Its name in the tables.
    pub name: &'static str,
    /// Where its requests go.
    pub target: Target,
    /// The process.
    pub process: Process,
    /// Tokens that have to be refreshed between rounds.
    pub session: Option<Session>,
    /// The database file with its customers.
    pub database: PathBuf,
}

impl Contender {
    /// Renews what expires.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn refresh(&mut self) -> Result<()> {
        if let Some(session) = &mut self.session {
            session.refresh().await?;
            self.target.token.clone_from(&session.token);
        }
        Ok(())
    }

    /// Kills the server without warning and counts what of our records its file holds.
    ///
    /// # Errors
    /// The file cannot be read, or holds more than was sent.
    pub fn kill_and_count(self) -> Result<u64> {
        drop(self.process);
        // For writing: the log that the kill left behind is recovered on the way.
        let connection = Connection::open_with_flags(&self.database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let sql = "SELECT count(*) FROM customers WHERE email LIKE 'customer-%@example.com'";
        let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        let (found, sent) = (u64::try_from(found)?, self.target.serial.load(Ordering::Relaxed));
        if found > sent {
            return Err(format!("{} holds {found} records of {sent} that were sent", self.name).into());
        }
        Ok(found)
    }
}
