//! Tenants: state, names, placement.

mod lists;
mod slugs;

pub use slugs::slug_taken;

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, OnConstraint, Row};
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::tenant::{Act, TenantStatus};
use crate::model::{Name, Slug};
use crate::params;
use crate::rating::PlanRef;
use slugs::{MOST_SLUGS, too_many_slugs};

/// One customer organisation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tenant {
    /// Its id, for good.
    pub id: TenantId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub status: TenantStatus,
    /// Key of its plan.
    pub plan: String,
    /// Version of its plan.
    #[serde(skip)]
    pub plan_version: i64,
    /// IANA name of its time zone.
    pub timezone: String,
    /// Settings of the product, as JSON text.
    pub settings: String,
    /// Whether its members need a second factor.
    pub second_factor_required: bool,
    /// Whether it owes for longer than is waited for.
    pub unpaid: bool,
    /// What must stand in its file.
    pub epoch: i64,
    /// The number of the last change of what it may use: what its file says of that is as new.
    pub entitlements: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When closing was asked for.
    pub closed_at: Option<Timestamp>,
    /// When it will be erased.
    pub erase_after: Option<Timestamp>,
    /// The volume that its files are on.
    #[serde(skip)]
    pub volume: String,
    /// The tenant whose data it was made of.
    #[serde(skip)]
    pub copy_of: Option<TenantId>,
    /// Whether it is a clone for staging: it is not billed.
    #[serde(skip)]
    pub is_clone: bool,
    /// When a clone is closed and erased by itself.
    #[serde(skip)]
    pub expires_at: Option<Timestamp>,
}

impl Tenant {
    /// Refuses what its state does not let through, or what it owes.
    ///
    /// # Errors
    /// As [`TenantStatus::admit`]; 402 `payment_required`.
    pub fn admit(&self, act: Act) -> Result<()> {
        self.status.admit(act)?;
        if self.unpaid && act == Act::Write {
            return Err(Error::new(
                Kind::PaymentRequired,
                "payment_required",
                "An invoice of this tenant is overdue, so it can only be read. Pay it, see GET .../invoices; everything \
                 else is as it was as soon as that is done.",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
impl Tenant {
    /// One for tests, made at a moment.
    pub fn of_tests(at: Timestamp) -> Tenant {
        Tenant {
            id: TenantId::new(at),
            slug: String::new(),
            name: String::new(),
            status: TenantStatus::Active,
            plan: "some".to_owned(),
            plan_version: 1,
            timezone: String::new(),
            settings: String::new(),
            second_factor_required: false,
            unpaid: false,
            epoch: 1,
            entitlements: 0,
            created_at: at,
            closed_at: None,
            erase_after: None,
            volume: super::DATA.to_owned(),
            copy_of: None,
            is_clone: false,
            expires_at: None,
        }
    }
}

/// What people call a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantNames {
    /// Its id.
    pub id: TenantId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name.
    pub name: String,
}

/// A tenant to be.
#[derive(Clone)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name.
    pub name: Name,
}

/// What may be changed of a tenant; `None` leaves it.
#[derive(Clone, Default)]
pub struct TenantChange {
    /// The name.
    pub name: Option<Name>,
    /// The slug; the old one keeps leading here.
    pub slug: Option<Slug>,
    /// The time zone, a known IANA name.
    pub timezone: Option<String>,
    /// The settings, JSON text of an object.
    pub settings: Option<String>,
}

/// What [`tenant`] reads, in this order; the table is called `t`.
pub(super) const COLUMNS: &str = "t.id, t.slug, t.name, t.status, t.plan, t.timezone, t.settings, t.epoch, t.created_at, t.closed_at, t.erase_after, \
     t.second_factor_required, t.entitlements, t.unpaid, t.plan_version, t.volume, t.copy_of, t.is_clone, t.expires_at";

/// How many of them there are: the place of what follows in a row.
pub(super) const COLUMNS_COUNT: usize = 19;

pub(super) fn tenant(row: &Row<'_>) -> Result<Tenant, DbError> {
    Ok(Tenant {
        id: row.get(0)?,
        slug: row.get(1)?,
        name: row.get(2)?,
        // The CHECK of the table lets no other word in.
        status: TenantStatus::parse(&row.get::<String>(3)?).unwrap_or(TenantStatus::Erased),
        plan: row.get(4)?,
        timezone: row.get(5)?,
        settings: row.get(6)?,
        epoch: row.get(7)?,
        created_at: row.get(8)?,
        closed_at: row.get(9)?,
        erase_after: row.get(10)?,
        second_factor_required: row.get(11)?,
        entitlements: row.get(12)?,
        unpaid: row.get(13)?,
        plan_version: row.get(14)?,
        volume: row.get(15)?,
        copy_of: row.get(16)?,
        is_clone: row.get(17)?,
        expires_at: row.get(18)?,
    })
}

impl CatalogTx<'_> {
    /// Adds a tenant whose file is still to be made.
    ///
    /// # Errors
    /// 409 `slug_taken`.
    pub fn insert_tenant(&self, new: &NewTenant, plan: &PlanRef) -> Result<()> {
        self.tx
            .execute(
                "INSERT INTO tenants (id, slug, name, status, plan, plan_version, epoch, created_at)
                 VALUES (?1, ?2, ?3, 'provisioning', ?4, ?5, 1, ?6)",
                params![new.id, new.slug.as_str(), new.name.as_str(), &plan.key, plan.version, self.now()],
            )
            .on_constraint("tenants.slug", slug_taken)?;
        self.claim_slug(new.id, &new.slug)
    }

    /// The tenant of that id or slug, also of a slug it had before.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_tenant(&self, selector: &str) -> Result<Option<Tenant>> {
        let sql = if TenantId::parse(selector).is_some() {
            format!("SELECT {COLUMNS} FROM tenants t WHERE t.id = ?1")
        } else {
            format!(
                "SELECT {COLUMNS} FROM tenants t JOIN tenant_slugs s ON s.tenant_id = t.id WHERE s.slug = ?1"
            )
        };
        Ok(self.tx.query_row(&sql, params![selector], tenant)?)
    }
}

impl OfTenant<'_> {
    /// The tenant as it stands now.
    ///
    /// # Errors
    /// 404 if there is none.
    pub fn tenant(&self) -> Result<Tenant> {
        self.catalog.find_tenant(&self.tenant.to_string())?.ok_or_else(Error::not_found)
    }

    /// Says whether it owes for longer than is waited for.
    ///
    /// # Errors
    /// As the database says.
    pub fn set_unpaid(&self, unpaid: bool) -> Result<()> {
        self.tx().execute("UPDATE tenants SET unpaid = ?2 WHERE id = ?1", params![self.tenant, unpaid])?;
        self.catalog.forget_tenant(self.tenant)
    }

    /// Changes name, slug, time zone or settings.
    ///
    /// # Errors
    /// 409 `slug_taken`, `too_many_slugs`.
    pub fn update_tenant(&self, change: &TenantChange) -> Result<Tenant> {
        let before = self.tenant()?;
        if let Some(slug) = change.slug.as_ref().filter(|slug| slug.as_str() != before.slug) {
            // Back to a slug of its own past is no new claim.
            let own = self.catalog.list_slugs(self.tenant)?;
            if !own.iter().any(|old| old == slug.as_str()) {
                if own.len() >= MOST_SLUGS {
                    return Err(too_many_slugs());
                }
                self.catalog.claim_slug(self.tenant, slug)?;
            }
        }
        self.tx()
            .execute(
                "UPDATE tenants SET name = coalesce(?2, name), slug = coalesce(?3, slug),
                   timezone = coalesce(?4, timezone), settings = coalesce(?5, settings) WHERE id = ?1",
                params![
                    self.tenant,
                    change.name.as_ref().map(Name::as_str),
                    change.slug.as_ref().map(Slug::as_str),
                    change.timezone.as_deref(),
                    change.settings.as_deref()
                ],
            )
            .on_constraint("tenants.slug", slug_taken)?;
        self.catalog.forget_tenant(self.tenant)?;
        self.tenant()
    }
}
