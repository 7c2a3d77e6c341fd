//! Tokens sent by mail to prove an address: for one purpose, once, for some time.

use super::{CatalogTx, Identity};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::IdentityId;
use crate::params;

/// What a token is for; it is good for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new password without the old one.
    PasswordReset,
    /// The address of the account is read by its owner.
    EmailVerification,
    /// Another address for the account.
    EmailChange,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::PasswordReset => "password_reset",
            Purpose::EmailVerification => "email_verification",
            Purpose::EmailChange => "email_change",
        }
    }
}

/// Tokens of one identity and purpose that may be open at once: whoever asks for more has letters enough.
const MOST_OPEN: i64 = 5;

/// A token to be.
#[derive(Clone, Debug)]
pub struct NewAccountToken {
    /// SHA-256 of it, in hex.
    pub hash: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Whose it is.
    pub identity: IdentityId,
    /// The address that it is sent to.
    pub email: String,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

impl CatalogTx<'_> {
    /// Adds a token. False where the identity has enough open ones already.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_account_token(&self, new: &NewAccountToken) -> Result<bool> {
        let added = self.tx.execute(
            "INSERT INTO account_tokens (token_hash, purpose, identity_id, email, created_at, expires_at)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6
             WHERE (SELECT count(*) FROM account_tokens WHERE identity_id = ?3 AND purpose = ?2 AND expires_at > ?5) < ?7",
            params![
                &new.hash,
                new.purpose.name(),
                new.identity,
                &new.email,
                self.now(),
                new.expires_at,
                MOST_OPEN
            ],
        )?;
        Ok(added > 0)
    }

    /// The identity that may still use this token, and the address that it was sent to. The identity is active, and under
    /// that address, unless it is to change to it.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_token_owner(&self, purpose: Purpose, hash: &str) -> Result<Option<(Identity, String)>> {
        let owner = self.tx.query_row(
            "SELECT i.id, t.email FROM account_tokens t JOIN identities i ON i.id = t.identity_id
             WHERE t.token_hash = ?1 AND t.purpose = ?2 AND t.expires_at > ?3 AND i.status = 'active'
               AND (i.email = t.email OR t.purpose = 'email_change')",
            params![hash, purpose.name(), self.now()],
            |row| Ok((row.get::<IdentityId>(0)?, row.get::<String>(1)?)),
        )?;
        let Some((owner, email)) = owner else { return Ok(None) };
        Ok(self.find_identity(owner)?.map(|owner| (owner, email)))
    }

    /// Makes the tokens of an identity for a purpose useless: another takes their place. They go on to count as asked for.
    ///
    /// # Errors
    /// As the database says.
    pub fn replace_account_tokens(&self, purpose: Purpose, identity: IdentityId) -> Result<()> {
        self.tx.execute(
            "UPDATE account_tokens SET token_hash = 'replaced ' || token_hash
             WHERE identity_id = ?1 AND purpose = ?2 AND token_hash NOT LIKE 'replaced %'",
            params![identity, purpose.name()],
        )?;
        Ok(())
    }

    /// Uses up all tokens of an identity for a purpose: what one of them was for has happened.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_account_tokens(&self, purpose: Purpose, identity: IdentityId) -> Result<()> {
        self.tx.execute(
            "DELETE FROM account_tokens WHERE identity_id = ?1 AND purpose = ?2",
            params![identity, purpose.name()],
        )?;
        Ok(())
    }

    /// Removes tokens whose time is over.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_old_account_tokens(&self) -> Result<usize> {
        Ok(self.tx.execute("DELETE FROM account_tokens WHERE expires_at <= ?1", params![self.now()])?)
    }
}
