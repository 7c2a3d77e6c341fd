//! A tenant's state and what it lets through (DESIGN 13, "States").

use crate::error::{Error, Result};

/// Where a tenant is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// Its file is being made.
    Provisioning,
    /// In use.
    Active,
    /// Read-only, by the operator.
    Suspended,
    /// It asked to leave; readable and exportable until the grace period ends.
    Closing,
    /// Its data are being removed.
    Erasing,
    /// Gone; the row is a tombstone.
    Erased,
}

impl TenantStatus {
    /// Its name in the catalog and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            TenantStatus::Provisioning => "provisioning",
            TenantStatus::Active => "active",
            TenantStatus::Suspended => "suspended",
            TenantStatus::Closing => "closing",
            TenantStatus::Erasing => "erasing",
            TenantStatus::Erased => "erased",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<TenantStatus> {
        use TenantStatus as S;
        [S::Provisioning, S::Active, S::Suspended, S::Closing, S::Erasing, S::Erased]
            .into_iter()
            .find(|status| status.name() == name)
    }

    /// Whether anyone but the operator can know of the tenant.
    pub const fn is_visible(self) -> bool {
        matches!(self, TenantStatus::Active | TenantStatus::Suspended | TenantStatus::Closing)
    }

    /// Refuses what this state does not let through.
    ///
    /// # Errors
    /// 404 while there is nothing to see, 409 `tenant_suspended` or `tenant_closing` for changes.
    pub fn admit(self, act: Act) -> Result<()> {
        match (self, act) {
            (TenantStatus::Provisioning | TenantStatus::Erasing | TenantStatus::Erased, _) => {
                Err(Error::not_found())
            }
            (_, Act::Read)
            | (TenantStatus::Active, _)
            | (TenantStatus::Suspended | TenantStatus::Closing, Act::Leave) => Ok(()),
            (TenantStatus::Suspended, Act::Write | Act::Pay) => Err(Error::conflict(
                "tenant_suspended",
                "This tenant is suspended and can only be read. Ask the operator to resume it.",
            )),
            (TenantStatus::Closing, Act::Write | Act::Pay) => Err(Error::conflict(
                "tenant_closing",
                "This tenant is closing and can only be read and exported. An owner can reopen it.",
            )),
        }
    }
}

/// What a request wants of a tenant, as far as its state is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Look.
    Read,
    /// Change something.
    Write,
    /// What a tenant may do on its way out: export, reopen.
    Leave,
    /// Change what it pays for: also one that owes and can do nothing else.
    Pay,
}
