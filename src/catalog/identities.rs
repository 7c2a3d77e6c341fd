//! Identities: people and services, global to the installation.

use super::CatalogTx;
use crate::clock::Timestamp;
use crate::db::{DbError, OnConstraint, Row};
use crate::error::{Error, Result};
use crate::id::IdentityId;
use crate::model::{Email, Name};
use crate::params;

/// Who can sign in, and who cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind {
    /// Somebody with an address and a password.
    Person,
    /// A program, which has API keys alone.
    Service,
}

/// One person or service.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// Whether it is a person or a service.
    #[serde(skip)]
    pub kind: IdentityKind,
    /// Its address, in lower case; empty for a service.
    pub email: String,
    /// Whether somebody who reads mail to the address has shown so.
    pub email_verified: bool,
    /// Its name.
    pub name: String,
    /// Whether it may sign in.
    #[serde(skip)]
    pub is_active: bool,
    /// Whether it runs this installation.
    pub operator: bool,
    /// When it signed up.
    pub created_at: Timestamp,
}

/// What is needed to check a password.
#[derive(Clone)]
pub struct StoredPassword {
    /// Whose it is.
    pub identity: Identity,
    /// The hash, a PHC string.
    pub hash: String,
}

const COLUMNS: &str = "id, coalesce(email, ''), name, status = 'active', operator, created_at, email_verified_at IS NOT NULL, \
     kind = 'service'";
/// How many they are: what a query adds begins there.
const COLUMNS_COUNT: usize = 8;

fn identity(row: &Row<'_>) -> Result<Identity, DbError> {
    Ok(Identity {
        id: row.get(0)?,
        email: row.get(1)?,
        name: row.get(2)?,
        is_active: row.get(3)?,
        operator: row.get(4)?,
        created_at: row.get(5)?,
        email_verified: row.get(6)?,
        kind: if row.get(7)? { IdentityKind::Service } else { IdentityKind::Person },
    })
}

/// 409 for an address that belongs to an account.
pub fn email_taken() -> Error {
    Error::conflict("email_taken", "There is an account with this address. Sign in instead.")
}

impl CatalogTx<'_> {
    /// Adds an identity.
    ///
    /// # Errors
    /// 409 `email_taken`.
    pub fn insert_identity(
        &self,
        id: IdentityId,
        email: &Email,
        name: &Name,
        password_hash: &str,
    ) -> Result<Identity> {
        self.tx
            .execute(
                "INSERT INTO identities (id, email, name, password_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, email.as_str(), name.as_str(), password_hash, self.now()],
            )
            .on_constraint("identities.email", email_taken)?;
        self.find_identity(id)?.ok_or_else(Error::not_found)
    }

    /// The identity of that id.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_identity(&self, id: IdentityId) -> Result<Option<Identity>> {
        let sql = format!("SELECT {COLUMNS} FROM identities WHERE id = ?1");
        Ok(self.tx.query_row(&sql, params![id], identity)?)
    }

    /// The identity with that address.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_identity_by_email(&self, email: &Email) -> Result<Option<Identity>> {
        let sql = format!("SELECT {COLUMNS} FROM identities WHERE email = ?1");
        Ok(self.tx.query_row(&sql, params![email.as_str()], identity)?)
    }

    /// The identity with that address, and its password, for signing in.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_password(&self, email: &Email) -> Result<Option<StoredPassword>> {
        let sql = format!("SELECT {COLUMNS}, password_hash FROM identities WHERE email = ?1");
        Ok(self.tx.query_row(&sql, params![email.as_str()], |row| {
            Ok(StoredPassword { identity: identity(row)?, hash: row.get(COLUMNS_COUNT)? })
        })?)
    }

    /// The password of an identity, for asking again.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_password_of(&self, id: IdentityId) -> Result<Option<StoredPassword>> {
        let sql = format!("SELECT {COLUMNS}, password_hash FROM identities WHERE id = ?1");
        Ok(self.tx.query_row(&sql, params![id], |row| {
            Ok(StoredPassword { identity: identity(row)?, hash: row.get(COLUMNS_COUNT)? })
        })?)
    }

    /// The hash of an identity's password.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_password_hash(&self, id: IdentityId) -> Result<Option<String>> {
        let sql = "SELECT password_hash FROM identities WHERE id = ?1";
        Ok(self.tx.query_row(sql, params![id], |row| row.get(0))?)
    }

    /// Stores a password hashed anew.
    ///
    /// # Errors
    /// As the database says.
    pub fn update_password_hash(&self, id: IdentityId, hash: &str) -> Result<()> {
        self.tx.execute("UPDATE identities SET password_hash = ?2 WHERE id = ?1", params![id, hash])?;
        Ok(())
    }

    /// Notes that somebody who reads mail to the address has shown so.
    ///
    /// # Errors
    /// As the database says.
    pub fn mark_email_verified(&self, id: IdentityId) -> Result<()> {
        self.tx
            .execute("UPDATE identities SET email_verified_at = ?2 WHERE id = ?1", params![id, self.now()])?;
        self.forget_all_sessions();
        Ok(())
    }

    /// Changes the address, which is verified.
    ///
    /// # Errors
    /// 409 `email_taken`.
    pub fn update_email(&self, id: IdentityId, email: &str) -> Result<()> {
        self.tx
            .execute(
                "UPDATE identities SET email = ?2, email_verified_at = ?3 WHERE id = ?1",
                params![id, email, self.now()],
            )
            .on_constraint("identities.email", email_taken)?;
        self.forget_all_sessions();
        Ok(())
    }

    /// Changes the name.
    ///
    /// # Errors
    /// As the database says.
    pub fn update_identity_name(&self, id: IdentityId, name: &Name) -> Result<()> {
        self.tx.execute("UPDATE identities SET name = ?2 WHERE id = ?1", params![id, name.as_str()])?;
        self.forget_all_sessions();
        Ok(())
    }

    /// Removes an identity with its sessions and memberships.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_identity(&self, id: IdentityId) -> Result<()> {
        self.tx.execute(
            "DELETE FROM _idempotency WHERE actor IN ('identity:' || ?1, 'operator:' || ?1)",
            params![id],
        )?;
        self.tx.execute("DELETE FROM identities WHERE id = ?1", params![id])?;
        self.forget_all_sessions();
        Ok(())
    }

    /// Whether someone was invited under this address.
    ///
    /// # Errors
    /// As the database says.
    pub fn is_invited(&self, email: &Email) -> Result<bool> {
        Ok(self.tx.exists(
            "SELECT 1 FROM invitations WHERE email = ?1 AND accepted_at IS NULL AND revoked_at IS NULL
               AND expires_at > ?2 LIMIT 1",
            params![email.as_str(), self.now()],
        )?)
    }

    /// Makes an identity an operator.
    ///
    /// # Errors
    /// As the database says.
    pub fn make_operator(&self, id: IdentityId) -> Result<()> {
        self.tx.execute("UPDATE identities SET operator = 1 WHERE id = ?1", params![id])?;
        self.forget_all_sessions();
        Ok(())
    }

    /// Whether someone runs this installation.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_operator(&self) -> Result<bool> {
        Ok(self.tx.exists("SELECT 1 FROM identities WHERE operator = 1 LIMIT 1", &[])?)
    }
}
