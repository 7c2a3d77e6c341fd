//! Sessions: one row per sign-in, whose refresh tokens are a family.

use super::CatalogTx;
use crate::clock::{SECOND, Timestamp};
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::{IdentityId, SessionId};
use crate::params;

/// For this long the token before the current one still answers with an access token: two tabs race (DESIGN 6).
const RACE: i64 = 20 * SECOND;

/// A session to be.
#[derive(Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Who signed in.
    pub identity: IdentityId,
    /// SHA-256 of its first refresh token, in hex.
    pub token_hash: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// The network address.
    pub address: String,
}

/// One sign-in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who signed in.
    pub identity: IdentityId,
    /// Generation of the current refresh token.
    pub generation: i64,
    /// Whether anything of the current generation was ever used.
    pub successor_used: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When its refresh token was last rotated.
    pub last_used_at: Timestamp,
    /// When whoever holds it last showed who they are: at sign-in, or by stepping up since.
    pub confirmed_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
    /// What the browser calls itself.
    pub user_agent: String,
    /// The network address.
    pub address: String,
}

/// What came of presenting a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The new token counts from now on; its generation.
    Rotated(i64),
    /// Another tab was quicker: an access token of this generation, the one before, and no refresh token.
    Raced(i64),
    /// The session is over, or there is none.
    Over,
    /// An old token came back: the family was revoked.
    Reused,
}

/// Sessions of one identity at once. One more ends the one that was not used for longest.
pub const MOST_SESSIONS: usize = 100;

const COLUMNS: &str = "id, identity_id, generation, successor_used, created_at, last_used_at, revoked_at, user_agent, address, confirmed_at";

fn session(row: &Row<'_>) -> Result<Session, DbError> {
    Ok(Session {
        id: row.get(0)?,
        identity: row.get(1)?,
        generation: row.get(2)?,
        successor_used: row.get(3)?,
        created_at: row.get(4)?,
        last_used_at: row.get(5)?,
        revoked_at: row.get(6)?,
        user_agent: row.get(7)?,
        address: row.get(8)?,
        confirmed_at: row.get(9)?,
    })
}

impl CatalogTx<'_> {
    /// Adds a session, with generation 1. It has no predecessor that could be lost, so it counts as used. Answers how many
    /// older ones had to end for it.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_session(&self, new: &NewSession) -> Result<usize> {
        self.tx.execute(
            "INSERT INTO sessions (id, identity_id, generation, token_hash, successor_used, created_at, last_used_at,
               user_agent, address, confirmed_at)
             VALUES (?1, ?2, 1, ?3, 1, ?4, ?4, ?5, ?6, ?4)",
            params![new.id, new.identity, &new.token_hash, self.now(), &new.user_agent, &new.address],
        )?;
        self.end_sessions_beyond_the_bound(new)
    }

    /// Where an identity signed in before: the newest addresses, those of sessions that are over among them.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_session_addresses(&self, identity: IdentityId) -> Result<Vec<String>> {
        Ok(self.tx.query(
            "SELECT address FROM sessions WHERE identity_id = ?1 ORDER BY created_at DESC LIMIT 500",
            params![identity],
            |row| row.get(0),
        )?)
    }

    fn end_sessions_beyond_the_bound(&self, new: &NewSession) -> Result<usize> {
        let alive: Vec<SessionId> = self.tx.query(
            "SELECT id FROM sessions WHERE identity_id = ?1 AND revoked_at IS NULL AND id <> ?2
             ORDER BY last_used_at DESC, id DESC",
            params![new.identity, new.id],
            |row| row.get(0),
        )?;
        let beyond = alive.get(MOST_SESSIONS - 1..).unwrap_or_default();
        for session in beyond {
            self.revoke_session(*session, "too many sessions")?;
        }
        Ok(beyond.len())
    }

    /// The session of that id.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_session(&self, id: SessionId) -> Result<Option<Session>> {
        let sql = format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1");
        Ok(self.tx.query_row(&sql, params![id], session)?)
    }

    /// Sessions of an identity that are not over, newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_sessions(&self, identity: IdentityId) -> Result<Vec<Session>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE identity_id = ?1 AND revoked_at IS NULL ORDER BY created_at DESC LIMIT 500"
        );
        let mut all = self.tx.query(&sql, params![identity], session)?;
        all.retain(|session| self.now() < session.ends_at());
        Ok(all)
    }

    /// Swaps the refresh token with hash `given` for the one with hash `next`, if it is the current one. `given` is
    /// known to be authentic: a token that is neither the current one nor the one before was used twice.
    ///
    /// # Errors
    /// As the database says.
    pub fn rotate_session(&self, id: SessionId, given: &str, next: &str) -> Result<Rotation> {
        let found = self.tx.query_row(
            "SELECT token_hash, previous_hash FROM sessions WHERE id = ?1",
            params![id],
            |row| Ok((row.get::<String>(0)?, row.get::<Option<String>>(1)?)),
        )?;
        let session = self.find_session(id)?;
        let (Some((current, previous)), Some(session)) = (found, session) else {
            return Ok(Rotation::Over);
        };
        let alive = self.find_identity(session.identity)?.is_some_and(|identity| identity.is_active);
        if !alive || session.revoked_at.is_some() || self.now() >= session.ends_at() {
            return Ok(Rotation::Over);
        }
        let is_previous = previous.as_deref() == Some(given);
        if is_previous && self.now().since(session.last_used_at) < RACE {
            // Of the generation that was given: using it proves nothing of the successor, whose answer may be lost.
            return Ok(Rotation::Raced(session.generation - 1));
        }
        // Later than that, the answer with the successor may have been lost on the way: once more, if nothing of the
        // successor was ever used.
        let lost = is_previous && !session.successor_used;
        if current != given && !lost {
            self.revoke_session(id, "refresh token reused")?;
            return Ok(Rotation::Reused);
        }
        self.tx.execute(
            "UPDATE sessions SET generation = generation + 1, previous_hash = ?2, token_hash = ?3, successor_used = 0,
               last_used_at = ?4 WHERE id = ?1",
            params![id, given, next, self.now()],
        )?;
        self.forget_session(id);
        Ok(Rotation::Rotated(session.generation + 1))
    }

    /// Notes that something of the current generation was used.
    ///
    /// # Errors
    /// As the database says.
    pub fn mark_session_used(&self, id: SessionId, generation: i64) -> Result<()> {
        self.tx.execute(
            "UPDATE sessions SET successor_used = 1 WHERE id = ?1 AND generation = ?2 AND successor_used = 0",
            params![id, generation],
        )?;
        self.forget_session(id);
        Ok(())
    }

    /// Notes that whoever holds the session showed just now who they are.
    ///
    /// # Errors
    /// As the database says.
    pub fn confirm_session(&self, id: SessionId) -> Result<()> {
        self.tx.execute("UPDATE sessions SET confirmed_at = ?2 WHERE id = ?1", params![id, self.now()])?;
        self.forget_session(id);
        Ok(())
    }

    /// Ends a session. False if it is over already.
    ///
    /// # Errors
    /// As the database says.
    pub fn revoke_session(&self, id: SessionId, reason: &str) -> Result<bool> {
        let changed = self.tx.execute(
            "UPDATE sessions SET revoked_at = ?2, revoked_reason = ?3 WHERE id = ?1 AND revoked_at IS NULL",
            params![id, self.now(), reason],
        )?;
        self.forget_session(id);
        Ok(changed > 0)
    }

    /// Ends all sessions of an identity.
    ///
    /// # Errors
    /// As the database says.
    pub fn revoke_sessions_of(&self, identity: IdentityId, reason: &str) -> Result<usize> {
        let changed = self.tx.execute(
            "UPDATE sessions SET revoked_at = ?2, revoked_reason = ?3 WHERE identity_id = ?1 AND revoked_at IS NULL",
            params![identity, self.now(), reason],
        )?;
        self.forget_all_sessions();
        Ok(changed)
    }

    /// Ends all sessions there are.
    ///
    /// # Errors
    /// As the database says.
    pub fn revoke_all_sessions(&self, reason: &str) -> Result<usize> {
        let changed = self.tx.execute(
            "UPDATE sessions SET revoked_at = ?1, revoked_reason = ?2 WHERE revoked_at IS NULL",
            params![self.now(), reason],
        )?;
        self.forget_all_sessions();
        Ok(changed)
    }

    /// Ends all sessions of an identity but one.
    ///
    /// # Errors
    /// As the database says.
    pub fn revoke_other_sessions(
        &self,
        identity: IdentityId,
        kept: SessionId,
        reason: &str,
    ) -> Result<usize> {
        let changed = self.tx.execute(
            "UPDATE sessions SET revoked_at = ?3, revoked_reason = ?4
             WHERE identity_id = ?1 AND id <> ?2 AND revoked_at IS NULL",
            params![identity, kept, self.now(), reason],
        )?;
        self.forget_all_sessions();
        Ok(changed)
    }

    /// Removes sessions that ended before `before`; nothing of them can be used again.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_old_sessions(&self, before: Timestamp) -> Result<usize> {
        Ok(self
            .tx
            .execute("DELETE FROM sessions WHERE revoked_at < ?1 OR last_used_at < ?1", params![before])?)
    }
}
