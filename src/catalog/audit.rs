//! Who did what: a chain of hashes per tenant, and one for the installation.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::{ApiKeyId, IdentityId, SessionId};
use crate::model::audit::{AuditEntry, GENESIS};
use crate::params;
use std::sync::Arc;

/// The chain of acts that belong to no tenant.
pub const INSTALLATION: &str = "installation";

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in identity.
    Identity(IdentityId),
    /// A program with an API key, for the member that holds it.
    ApiKey {
        /// The key.
        key: ApiKeyId,
        /// The member.
        holder: IdentityId,
    },
    /// An operator over the API.
    Operator(IdentityId),
    /// Whoever has the machine: the command line.
    Console,
    /// The program itself, at a set time.
    System,
}

impl Actor {
    /// Whether it is an operator: over the API, or at the machine.
    pub const fn is_operator(self) -> bool {
        matches!(self, Actor::Operator(_) | Actor::Console)
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Actor::Identity(id) => write!(f, "identity:{id}"),
            Actor::ApiKey { key, .. } => write!(f, "key:{key}"),
            Actor::Operator(id) => write!(f, "operator:{id}"),
            Actor::Console => f.write_str("operator:console"),
            Actor::System => f.write_str("system"),
        }
    }
}

/// Who acts, and from where.
#[derive(Clone, Debug)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// In which session, if in one.
    pub session: Option<SessionId>,
    /// The network address; empty if it is this machine.
    pub address: Arc<str>,
}

impl By {
    /// Somebody at a network address.
    pub fn of(actor: Actor, address: impl Into<Arc<str>>) -> By {
        By { actor, session: None, address: address.into() }
    }

    /// The same, in this session.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> By {
        By { session: Some(session), ..self }
    }

    /// The program itself.
    pub fn system() -> By {
        By::of(Actor::System, "")
    }

    /// The command line.
    pub fn console() -> By {
        By::of(Actor::Console, "")
    }
}

/// Which entries are asked for; newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only this action; all that begin so where it ends with a point.
    pub action: Option<String>,
    /// Only this actor.
    pub actor: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Entries with a smaller number.
    pub before_seq: Option<i64>,
    /// How many at most.
    pub limit: u32,
}

const COLUMNS: &str = "seq, at, actor, session, action, target, address, details, prev_hash, hash";

fn entry(row: &Row<'_>) -> Result<AuditEntry, DbError> {
    Ok(AuditEntry {
        seq: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        session: row.get(3)?,
        action: row.get(4)?,
        target: row.get(5)?,
        address: row.get(6)?,
        details: row.get(7)?,
        prev_hash: row.get(8)?,
        hash: row.get(9)?,
    })
}

impl CatalogTx<'_> {
    /// Writes an entry of the installation's own log.
    ///
    /// # Errors
    /// As the database says.
    pub fn audit(&self, by: &By, action: &str, target: &str, details: &serde_json::Value) -> Result<()> {
        self.append(INSTALLATION, by, action, target, details).map(drop)
    }

    fn append(
        &self,
        chain: &str,
        by: &By,
        action: &str,
        target: &str,
        details: &serde_json::Value,
    ) -> Result<String> {
        let (last, prev_hash) = self.audit_head(chain)?;
        let mut entry = AuditEntry {
            seq: last + 1,
            at: self.now(),
            actor: by.actor.to_string(),
            session: by.session.map(|id| id.to_string()).unwrap_or_default(),
            action: action.to_owned(),
            target: target.to_owned(),
            address: by.address.to_string(),
            details: details.to_string(),
            prev_hash,
            hash: String::new(),
        };
        entry.hash = entry.hash_of(chain);
        self.tx.execute(
            "INSERT INTO audit_entries (chain, seq, at, actor, session, action, target, address, details, prev_hash, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                chain, entry.seq, entry.at, entry.actor, entry.session, entry.action, entry.target, entry.address, entry.details,
                entry.prev_hash, entry.hash.as_str()
            ],
        )?;
        self.audit_entry_is_unsigned(chain, action)?;
        Ok(entry.hash)
    }

    pub(super) fn append_for_system(
        &self,
        chain: &str,
        action: &str,
        details: &serde_json::Value,
    ) -> Result<()> {
        self.append(chain, &By::system(), action, "", details).map(drop)
    }

    fn audit_head(&self, chain: &str) -> Result<(i64, String)> {
        let last = self.tx.query_row(
            "SELECT seq, hash FROM audit_entries WHERE chain = ?1 ORDER BY seq DESC LIMIT 1",
            params![chain],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if let Some(last) = last {
            return Ok(last);
        }
        // Of a chain of which all entries were dropped, the floor is the head.
        Ok(self.audit_floor(chain)?.unwrap_or((0, GENESIS.to_owned())))
    }

    /// Names of all chains.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_audit_chains(&self) -> Result<Vec<String>> {
        Ok(self.tx.query("SELECT DISTINCT chain FROM audit_entries ORDER BY chain", &[], |row| row.get(0))?)
    }

    /// Entries of a chain after `after`, oldest first: for checking and exporting.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_audit_chain(&self, chain: &str, after: i64, limit: u32) -> Result<Vec<AuditEntry>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entries WHERE chain = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
        );
        Ok(self.tx.query(&sql, params![chain, after, limit], entry)?)
    }
}

impl OfTenant<'_> {
    /// Writes an entry of the tenant's log. What of it endpoints of webhooks may ask for is on its way to them with that.
    ///
    /// # Errors
    /// As the database says.
    pub fn audit(&self, by: &By, action: &str, target: &str, details: &serde_json::Value) -> Result<()> {
        let hash = self.catalog.append(&self.tenant.to_string(), by, action, target, details)?;
        self.tell_webhooks_of_act(&hash, action, target, details)
    }

    /// Number and hash of the last entry.
    ///
    /// # Errors
    /// As the database says.
    pub fn audit_head(&self) -> Result<(i64, String)> {
        self.catalog.audit_head(&self.tenant.to_string())
    }

    /// Entries, newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        self.catalog.list_audit_of(&self.tenant.to_string(), filter)
    }
}

impl CatalogTx<'_> {
    /// Entries of the chain that is named, newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_audit_of(&self, chain: &str, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entries WHERE chain = ?1
               AND (?2 IS NULL OR action = ?2 OR (substr(?2, -1) = '.' AND substr(action, 1, length(?2)) = ?2))
               AND (?3 IS NULL OR actor = ?3)
               AND (?4 IS NULL OR at >= ?4) AND (?5 IS NULL OR at < ?5) AND (?6 IS NULL OR seq < ?6)
             ORDER BY seq DESC LIMIT ?7"
        );
        Ok(self.tx.query(
            &sql,
            params![
                chain,
                filter.action.as_deref(),
                filter.actor.as_deref(),
                filter.from,
                filter.to,
                filter.before_seq,
                filter.limit
            ],
            entry,
        )?)
    }
}
