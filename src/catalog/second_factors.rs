//! Second factors of identities, their recovery codes, and tries that failed.

use super::{CatalogTx, OfTenant};
use crate::clock::{DAY, MINUTE, SECOND, Timestamp};
use crate::error::Result;
use crate::id::IdentityId;
use crate::params;

/// Failures that are free; after them each costs a wait, twice as long as the one before.
const FREE_FAILURES: i64 = 5;
const LONGEST_WAIT: i64 = 15 * MINUTE;
/// Failures this old are forgotten.
const FORGOTTEN_AFTER: i64 = DAY;

/// The second factor of an identity.
#[derive(Clone)]
pub struct SecondFactor {
    /// What its secret is made of, in hex.
    pub seed: String,
    /// The time step of the last code that was taken.
    pub last_step: i64,
    /// When a first code proved that the device has the secret; it counts from then on.
    pub confirmed_at: Option<Timestamp>,
}

impl CatalogTx<'_> {
    /// The second factor of an identity, confirmed or not.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_second_factor(&self, identity: IdentityId) -> Result<Option<SecondFactor>> {
        Ok(self.tx.query_row(
            "SELECT seed, last_step, confirmed_at FROM second_factors WHERE identity_id = ?1",
            params![identity],
            |row| Ok(SecondFactor { seed: row.get(0)?, last_step: row.get(1)?, confirmed_at: row.get(2)? }),
        )?)
    }

    /// Whether an identity has a second factor that counts.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_second_factor(&self, identity: IdentityId) -> Result<bool> {
        Ok(self.find_second_factor(identity)?.is_some_and(|factor| factor.confirmed_at.is_some()))
    }

    /// Begins a second factor, in the place of one that was never confirmed.
    ///
    /// # Errors
    /// As the database says.
    pub fn put_second_factor(&self, identity: IdentityId, seed: &str) -> Result<()> {
        self.delete_second_factor(identity)?;
        self.tx.execute(
            "INSERT INTO second_factors (identity_id, seed, created_at) VALUES (?1, ?2, ?3)",
            params![identity, seed, self.now()],
        )?;
        Ok(())
    }

    /// Takes the code of a time step. False if that step, or a later one, was taken before.
    ///
    /// # Errors
    /// As the database says.
    pub fn take_step(&self, identity: IdentityId, step: i64) -> Result<bool> {
        let changed = self.tx.execute(
            "UPDATE second_factors SET last_step = ?2 WHERE identity_id = ?1 AND last_step < ?2",
            params![identity, step],
        )?;
        Ok(changed > 0)
    }

    /// The second factor counts from now on.
    ///
    /// # Errors
    /// As the database says.
    pub fn confirm_second_factor(&self, identity: IdentityId) -> Result<()> {
        self.tx.execute(
            "UPDATE second_factors SET confirmed_at = ?2 WHERE identity_id = ?1",
            params![identity, self.now()],
        )?;
        self.forget_all_sessions();
        Ok(())
    }

    /// Removes a second factor with its recovery codes.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_second_factor(&self, identity: IdentityId) -> Result<()> {
        self.tx.execute("DELETE FROM recovery_codes WHERE identity_id = ?1", params![identity])?;
        self.tx.execute("DELETE FROM second_factors WHERE identity_id = ?1", params![identity])?;
        self.forget_all_sessions();
        Ok(())
    }

    /// Replaces the recovery codes by those with these marks.
    ///
    /// # Errors
    /// As the database says.
    pub fn put_recovery_codes(&self, identity: IdentityId, marks: &[String]) -> Result<()> {
        self.tx.execute("DELETE FROM recovery_codes WHERE identity_id = ?1", params![identity])?;
        for mark in marks {
            self.tx.execute(
                "INSERT INTO recovery_codes (identity_id, mark) VALUES (?1, ?2)",
                params![identity, mark],
            )?;
        }
        Ok(())
    }

    /// Uses a recovery code up. False if there is none like it, or it was used.
    ///
    /// # Errors
    /// As the database says.
    pub fn use_recovery_code(&self, identity: IdentityId, mark: &str) -> Result<bool> {
        let changed = self.tx.execute(
            "UPDATE recovery_codes SET used_at = ?3 WHERE identity_id = ?1 AND mark = ?2 AND used_at IS NULL",
            params![identity, mark, self.now()],
        )?;
        Ok(changed > 0)
    }

    /// How many recovery codes are left.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_recovery_codes(&self, identity: IdentityId) -> Result<i64> {
        Ok(self.tx.count(
            "SELECT count(*) FROM recovery_codes WHERE identity_id = ?1 AND used_at IS NULL",
            params![identity],
        )?)
    }

    /// Milliseconds until another code may be tried; zero or less if one may now.
    ///
    /// # Errors
    /// As the database says.
    pub fn wait_of_factor(&self, identity: IdentityId) -> Result<i64> {
        let (failures, last) = self.factor_failures(identity)?;
        if failures < FREE_FAILURES {
            return Ok(0);
        }
        let pause = (SECOND << (failures - FREE_FAILURES).min(20)).min(LONGEST_WAIT);
        Ok(last.plus(pause).since(self.now()))
    }

    /// Counts a try as failed, before it is looked at.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_factor_failure(&self, identity: IdentityId) -> Result<()> {
        let (failures, _) = self.factor_failures(identity)?;
        self.tx.execute(
            "INSERT INTO factor_failures (identity_id, failures, last_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (identity_id) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at",
            params![identity, failures + 1, self.now()],
        )?;
        Ok(())
    }

    /// Forgets the failures: a code was right.
    ///
    /// # Errors
    /// As the database says.
    pub fn forget_factor_failures(&self, identity: IdentityId) -> Result<()> {
        self.tx.execute("DELETE FROM factor_failures WHERE identity_id = ?1", params![identity])?;
        Ok(())
    }

    fn factor_failures(&self, identity: IdentityId) -> Result<(i64, Timestamp)> {
        let found = self.tx.query_row(
            "SELECT failures, last_at FROM factor_failures WHERE identity_id = ?1",
            params![identity],
            |row| Ok((row.get::<i64>(0)?, row.get::<Timestamp>(1)?)),
        )?;
        let (failures, last) = found.unwrap_or((0, self.now()));
        let counts = self.now().since(last) < FORGOTTEN_AFTER;
        Ok((if counts { failures } else { 0 }, last))
    }

    /// Whether the password is one that needs a second factor beside it.
    ///
    /// # Errors
    /// As the database says.
    pub fn is_password_short(&self, identity: IdentityId) -> Result<bool> {
        let short = self.tx.query_row(
            "SELECT password_short FROM identities WHERE id = ?1",
            params![identity],
            |row| row.get::<bool>(0),
        )?;
        Ok(short.unwrap_or_default())
    }

    /// Notes whether the password that is being stored needs a second factor beside it. Belongs into every transaction
    /// that stores a password somebody chose.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_password_short(&self, identity: IdentityId, short: bool) -> Result<()> {
        self.tx
            .execute("UPDATE identities SET password_short = ?2 WHERE id = ?1", params![identity, short])?;
        Ok(())
    }
}

impl OfTenant<'_> {
    /// Asks for a second factor of every member, or no longer.
    ///
    /// # Errors
    /// As the database says.
    pub fn require_second_factor(&self, required: bool) -> Result<()> {
        self.tx().execute(
            "UPDATE tenants SET second_factor_required = ?2 WHERE id = ?1",
            params![self.tenant, required],
        )?;
        self.catalog.forget_tenant(self.tenant)
    }
}
