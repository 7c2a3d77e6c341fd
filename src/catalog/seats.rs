//! Seats: how many members a tenant may have under its plan.

use super::OfTenant;
use crate::error::{Error, Kind, Result};
use crate::params;

/// The seats of one tenant, as they are in this transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    /// Active members: each has one.
    pub used: i64,
    /// Invitations that can still be accepted.
    pub offered: i64,
    /// How many there are; `None`: any number.
    pub limit: Option<i64>,
}

impl OfTenant<'_> {
    /// The seats of this tenant: what its version of its plan says, and how many are taken by
    /// people: services take none.
    ///
    /// # Errors
    /// As the database says.
    pub fn seats(&self) -> Result<Seats> {
        let seats = self.tx().query_row(
            "SELECT
               (SELECT count(*) FROM memberships m JOIN identities i ON i.id = m.identity_id
                WHERE m.tenant_id = ?1 AND m.status = 'active' AND i.kind = 'person'),
               (SELECT count(*) FROM invitations
                WHERE tenant_id = ?1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ?2),
               (SELECT p.seats FROM tenants t JOIN plans p ON p.key = t.plan AND p.version = t.plan_version
                WHERE t.id = ?1)",
            params![self.tenant, self.now()],
            |row| Ok(Seats { used: row.get(0)?, offered: row.get(1)?, limit: row.get(2)? }),
        )?;
        seats.ok_or_else(|| Error::internal("a query of one row had none"))
    }
}

impl Seats {
    /// Refuses the member that was just counted in, if there is no seat for it.
    ///
    /// # Errors
    /// 402 `seats_exhausted`.
    pub(super) fn admit_members(self) -> Result<()> {
        match self.limit {
            Some(limit) if self.used > limit => Err(exhausted(
                limit,
                format!(
                    "All {limit} seats of this tenant are taken. Ask one of its owners to move it to a plan with more \
                     seats or to remove a member, then try again: the invitation stays open until it expires."
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Refuses the invitation that was just counted in, if there would not be a seat for everyone who is invited.
    ///
    /// # Errors
    /// 402 `seats_exhausted`.
    pub(super) fn admit_invitations(self) -> Result<()> {
        match self.limit {
            Some(limit) if self.used + self.offered > limit => Err(exhausted(
                limit,
                format!(
                    "This tenant has {limit} seats: {} are taken and {} offered by open invitations. Move it to a plan \
                     with more seats, remove a member or revoke an invitation first.",
                    self.used,
                    self.offered - 1
                ),
            )),
            _ => Ok(()),
        }
    }
}

fn exhausted(limit: i64, detail: String) -> Error {
    Error::new(Kind::PaymentRequired, "seats_exhausted", detail).with_member("seats", limit)
}
