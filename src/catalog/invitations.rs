//! Invitations: offers of a membership, bound to an address.

use super::{CatalogTx, OfTenant};
use crate::clock::{DAY, Timestamp};
use crate::db::{DbError, OnConstraint, Row};
use crate::error::{Error, Result};
use crate::id::{IdentityId, InvitationId, TenantId};
use crate::model::Email;
use crate::params;

/// An offer of a membership. The token is in the mail only; here is its hash.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    #[serde(skip)]
    /// The tenant that invites.
    pub tenant: TenantId,
    /// Who is invited.
    pub email: String,
    /// To which role.
    pub role: String,
    /// Who invited.
    pub invited_by: IdentityId,
    /// When.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// Open invitations of one tenant at most: each is a mail to someone who has not asked for it.
const MOST_OPEN: i64 = 200;

/// Invitations of one address that nobody accepted, of one tenant or one inviter in a day: taking one back and sending
/// another must not fill somebody's mailbox.
const MOST_LETTERS: i64 = 5;
/// Those of one tenant in a day, to whatever addresses.
const MOST_UNANSWERED: i64 = 1_000;

const COLUMNS: &str = "id, tenant_id, email, role, invited_by, created_at, expires_at";

fn invitation(row: &Row<'_>) -> Result<Invitation, DbError> {
    Ok(Invitation {
        id: row.get(0)?,
        tenant: row.get(1)?,
        email: row.get(2)?,
        role: row.get(3)?,
        invited_by: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
    })
}

impl CatalogTx<'_> {
    /// The open invitation with that token, if it has not expired.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_open_invitation(&self, token_hash: &str) -> Result<Option<Invitation>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM invitations
             WHERE token_hash = ?1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ?2"
        );
        Ok(self.tx.query_row(&sql, params![token_hash, self.now()], invitation)?)
    }
}

impl OfTenant<'_> {
    /// Adds an invitation; one that has expired makes way for it.
    ///
    /// # Errors
    /// 409 `already_invited` while one is open for this address, `too_many_invitations`; 429 `too_many_letters`; 402
    /// `seats_exhausted`.
    pub fn insert_invitation(
        &self,
        id: InvitationId,
        email: &Email,
        role: &str,
        token_hash: &str,
        invited_by: IdentityId,
        expires_at: Timestamp,
    ) -> Result<Invitation> {
        self.tx().execute(
            "UPDATE invitations SET revoked_at = ?3 WHERE tenant_id = ?1 AND email = ?2 AND accepted_at IS NULL
               AND revoked_at IS NULL AND expires_at <= ?3",
            params![self.tenant, email.as_str(), self.now()],
        )?;
        self.tx()
            .execute(
                "INSERT INTO invitations (id, tenant_id, email, role, token_hash, invited_by, created_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![id, self.tenant, email.as_str(), role, token_hash, invited_by, self.now(), expires_at],
            )
            .on_constraint("invitations.tenant_id", || {
                Error::conflict(
                    "already_invited",
                    "There is an open invitation for this address. Revoke it to send another.",
                )
            })?;
        self.bound_letters(email, invited_by)?;
        let seats = self.seats()?;
        if seats.offered > MOST_OPEN {
            return Err(Error::conflict(
                "too_many_invitations",
                format!(
                    "At most {MOST_OPEN} invitations may be open at once. Revoke some, or wait for them."
                ),
            ));
        }
        seats.admit_invitations()?;
        self.find_invitation(id)?.ok_or_else(Error::not_found)
    }

    /// Refuses the one that was just added where it is one letter too many.
    fn bound_letters(&self, email: &Email, invited_by: IdentityId) -> Result<()> {
        let since = Timestamp(self.now().0 - DAY);
        let to_address = self.tx().count(
            "SELECT count(*) FROM invitations WHERE email = ?1 AND created_at > ?2 AND accepted_at IS NULL
               AND (tenant_id = ?3 OR invited_by = ?4)",
            params![email.as_str(), since, self.tenant, invited_by],
        )?;
        let of_tenant = self.tx().count(
            "SELECT count(*) FROM invitations WHERE tenant_id = ?1 AND created_at > ?2 AND accepted_at IS NULL",
            params![self.tenant, since],
        )?;
        let refuse =
            |why: &str| Err(Error::too_many("too_many_letters", format!("{why} Come back tomorrow."), 3_600));
        if to_address > MOST_LETTERS {
            return refuse("This address was invited often enough in the last day.");
        }
        if of_tenant > MOST_UNANSWERED {
            return refuse("The tenant sent more invitations in the last day than were accepted.");
        }
        Ok(())
    }

    fn find_invitation(&self, id: InvitationId) -> Result<Option<Invitation>> {
        let sql = format!("SELECT {COLUMNS} FROM invitations WHERE tenant_id = ?1 AND id = ?2");
        Ok(self.tx().query_row(&sql, params![self.tenant, id], invitation)?)
    }

    /// Invitations that can still be accepted, newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_open_invitations(&self) -> Result<Vec<Invitation>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM invitations WHERE tenant_id = ?1 AND accepted_at IS NULL AND revoked_at IS NULL
               AND expires_at > ?2 ORDER BY created_at DESC, id LIMIT 500"
        );
        Ok(self.tx().query(&sql, params![self.tenant, self.now()], invitation)?)
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// 404 if it is not open.
    pub fn revoke_invitation(&self, id: InvitationId) -> Result<Invitation> {
        let changed = self.tx().execute(
            "UPDATE invitations SET revoked_at = ?3
             WHERE tenant_id = ?1 AND id = ?2 AND accepted_at IS NULL AND revoked_at IS NULL",
            params![self.tenant, id, self.now()],
        )?;
        if changed == 0 {
            return Err(Error::not_found());
        }
        self.find_invitation(id)?.ok_or_else(Error::not_found)
    }

    /// Uses an invitation up. False if another request was quicker.
    ///
    /// # Errors
    /// As the database says.
    pub fn consume_invitation(&self, id: InvitationId) -> Result<bool> {
        let changed = self.tx().execute(
            "UPDATE invitations SET accepted_at = ?3
             WHERE tenant_id = ?1 AND id = ?2 AND accepted_at IS NULL AND revoked_at IS NULL",
            params![self.tenant, id, self.now()],
        )?;
        Ok(changed > 0)
    }
}
