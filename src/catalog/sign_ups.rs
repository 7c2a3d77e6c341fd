//! Sign-ups that wait for the proof of their address.

use super::CatalogTx;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::Email;
use crate::params;

/// Letters about signing up that one address gets before the oldest has expired.
const MOST_OPEN: i64 = 5;

/// A sign-up that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignUp {
    /// What the audit log calls it.
    pub id: String,
    /// The address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The hash of the password, a PHC string.
    pub password_hash: String,
    /// Name and slug of the tenant that was asked for.
    pub tenant: Option<(String, Option<String>)>,
}

impl CatalogTx<'_> {
    /// Whether this address may get another letter about signing up.
    ///
    /// # Errors
    /// As the database says.
    pub fn may_sign_up_again(&self, email: &str) -> Result<bool> {
        let open = self.tx.count(
            "SELECT count(*) FROM sign_ups WHERE email = ?1 AND expires_at > ?2",
            params![email, self.now()],
        )?;
        Ok(open < MOST_OPEN)
    }

    /// Adds one that waits for its token.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_sign_up(&self, token_hash: &str, new: &PendingSignUp, expires_at: Timestamp) -> Result<()> {
        let (tenant_name, tenant_slug) = match &new.tenant {
            Some((name, slug)) => (Some(name.as_str()), slug.as_deref()),
            None => (None, None),
        };
        self.tx.execute(
            "INSERT INTO sign_ups (token_hash, id, email, name, password_hash, tenant_name, tenant_slug, created_at,
               expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                token_hash,
                &new.id,
                &new.email,
                &new.name,
                &new.password_hash,
                tenant_name,
                tenant_slug,
                self.now(),
                expires_at
            ],
        )?;
        Ok(())
    }

    /// Notes that the address got a letter with nothing to confirm; it counts as the others do.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_sign_up_told(&self, id: &str, email: &str, expires_at: Timestamp) -> Result<()> {
        self.tx.execute(
            "INSERT INTO sign_ups (token_hash, id, email, name, password_hash, created_at, expires_at)
             VALUES ('told ' || ?1, ?1, ?2, '', '', ?3, ?4)",
            params![id, email, self.now(), expires_at],
        )?;
        Ok(())
    }

    /// The one with that token.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_sign_up(&self, token_hash: &str) -> Result<Option<PendingSignUp>> {
        Ok(self.tx.query_row(
            "SELECT id, email, name, password_hash, tenant_name, tenant_slug FROM sign_ups
             WHERE token_hash = ?1 AND expires_at > ?2",
            params![token_hash, self.now()],
            |row| {
                let tenant_slug: Option<String> = row.get(5)?;
                Ok(PendingSignUp {
                    id: row.get(0)?,
                    email: row.get(1)?,
                    name: row.get(2)?,
                    password_hash: row.get(3)?,
                    tenant: row.get::<Option<String>>(4)?.map(|name| (name, tenant_slug)),
                })
            },
        )?)
    }

    /// The password of the newest that waits for this address.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_pending_password(&self, email: &Email) -> Result<Option<String>> {
        Ok(self.tx.query_row(
            "SELECT password_hash FROM sign_ups WHERE email = ?1 AND expires_at > ?2 AND password_hash <> ''
             ORDER BY created_at DESC, token_hash LIMIT 1",
            params![email.as_str(), self.now()],
            |row| row.get(0),
        )?)
    }

    /// Removes all of an address: one of them has become an account.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_sign_ups(&self, email: &str) -> Result<()> {
        self.tx.execute("DELETE FROM sign_ups WHERE email = ?1", params![email])?;
        Ok(())
    }

    /// Removes those whose time is over.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_old_sign_ups(&self) -> Result<usize> {
        Ok(self.tx.execute("DELETE FROM sign_ups WHERE expires_at <= ?1", params![self.now()])?)
    }
}
