//! Tenants: made, listed, changed.

use super::Installation;
use super::members::require_now;
use crate::catalog::{By, DEFAULT_PLAN, MyMembership, NewTenant, Plan, Principal, Tenant, TenantChange};
use crate::clock::Timestamp;
use crate::error::{Error, FieldError, Result};
use crate::id::{IdentityId, TenantId};
use crate::model::tenant::{Act, TenantStatus};
use crate::model::{Name, Slug};
use crate::policy::{OWNER, Permission};
use crate::tenancy::TenantScope;
use serde_json::json;
use std::sync::Arc;

/// The body of a new tenant.
#[derive(Clone)]
pub struct NewTenantIn {
    /// Its name.
    pub name: String,
    /// Its slug; made of the name where none is given.
    pub slug: Option<String>,
}

/// The body of a change.
pub struct TenantChangeIn {
    /// The name.
    pub name: Option<String>,
    /// The slug.
    pub slug: Option<String>,
    /// IANA name of the time zone.
    pub timezone: Option<String>,
    /// Settings of the product, an object.
    pub settings: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A tenant that is valid and not stored yet.
pub(super) struct TenantCandidate {
    id: TenantId,
    name: Name,
    slug: WantedSlug,
}

enum WantedSlug {
    Given(Slug),
    OfName(Slug),
}

/// Checks the fields of a new tenant; names every field at fault.
pub(super) fn prepare_tenant(installation: &Installation, input: &NewTenantIn) -> Result<TenantCandidate> {
    let name = Name::parse("name", &input.name);
    let slug = match &input.slug {
        Some(slug) => Slug::parse(slug).map(WantedSlug::Given),
        None => Slug::of_name(&input.name).map_or_else(|| Slug::parse("team"), Ok).map(WantedSlug::OfName),
    };
    match (name, slug) {
        (Ok(name), Ok(slug)) => {
            Ok(TenantCandidate { id: TenantId::new(installation.clock.now()), name, slug })
        }
        (name, slug) => Err(Error::invalid(name.err().into_iter().chain(slug.err()).collect())),
    }
}

/// Makes a tenant with file, owner and plan. A failure half-way leaves nothing of it. Goes on to its end even if whoever
/// asked does not wait for it.
pub(super) async fn provision_tenant(
    installation: &Arc<Installation>,
    new: TenantCandidate,
    owner: IdentityId,
    by: By,
) -> Result<Tenant> {
    let installation = Arc::clone(installation);
    tokio::spawn(async move {
        let id = new.id;
        installation.catalog.write("insert_tenant", move |tx| insert_tenant(tx, &new)).await?;
        let made = complete_tenant(&installation, id, owner, by).await;
        if made.is_err()
            && let Err(cause) = remove_half_made(&installation, id).await
        {
            tracing::error!(tenant_id = %id, error = ?cause, "a half-made tenant stays until it is swept");
        }
        made
    })
    .await
    .unwrap_or_else(|error| Err(Error::internal(error)))
}

async fn complete_tenant(
    installation: &Installation,
    id: TenantId,
    owner: IdentityId,
    by: By,
) -> Result<Tenant> {
    installation.tenancy.provision(id, 1).await?;
    installation
        .catalog
        .write("activate_tenant", move |tx| {
            let of = tx.of(id);
            of.insert_membership(owner, OWNER)?;
            // It may have been swept meanwhile, on a disk that took minutes.
            if !of.change_status(&[TenantStatus::Provisioning], TenantStatus::Active)? {
                return Err(Error::not_found());
            }
            let tenant = of.tenant()?;
            of.audit(&by, "tenant.created", "", &json!({ "slug": tenant.slug, "owner": owner }))?;
            Ok(tenant)
        })
        .await
}

fn insert_tenant(tx: &crate::catalog::CatalogTx<'_>, new: &TenantCandidate) -> Result<()> {
    let plan = tx.find_plan(DEFAULT_PLAN)?.unwrap_or_else(|| Plan {
        key: DEFAULT_PLAN.to_owned(),
        version: 1,
        title: String::new(),
    });
    let slug = match &new.slug {
        WantedSlug::Given(slug) => slug.clone(),
        WantedSlug::OfName(slug) => free_slug(tx, slug)?,
    };
    tx.insert_tenant(&NewTenant { id: new.id, slug, name: new.name.clone() }, &plan)
}

/// The slug itself, or the first of `slug-2`, `slug-3`, ... that is free.
fn free_slug(tx: &crate::catalog::CatalogTx<'_>, slug: &Slug) -> Result<Slug> {
    let numbered = (2..100).filter_map(|number| slug.numbered(number));
    for candidate in std::iter::once(slug.clone()).chain(numbered) {
        if tx.is_slug_free(&candidate)? {
            return Ok(candidate);
        }
    }
    Err(Error::conflict("slug_taken", "All slugs like this one are in use. Choose one of your own."))
}

async fn remove_half_made(installation: &Installation, id: TenantId) -> Result<()> {
    installation.tenancy.erase_files(id).await?;
    installation.catalog.write("delete_half_made", move |tx| tx.of(id).delete_half_made()).await
}

/// Removes tenants whose making was cut off, and that were begun before `before`.
///
/// # Errors
/// As catalog and disk say.
pub async fn sweep_half_made(installation: &Installation, before: Timestamp) -> Result<()> {
    for id in installation.catalog.read(move |tx| tx.list_half_made_tenants(before)).await? {
        tracing::warn!(tenant_id = %id, "removing a tenant whose making was cut off");
        if let Err(error) = remove_half_made(installation, id).await {
            tracing::error!(tenant_id = %id, error = ?error, "it could not be removed and will be tried again");
        }
    }
    Ok(())
}

/// Makes a tenant that the principal owns.
///
/// # Errors
/// 422 with every field, 409 `slug_taken`.
pub async fn create_tenant(
    installation: &Arc<Installation>,
    principal: &Principal,
    input: &NewTenantIn,
    by: By,
) -> Result<Tenant> {
    let new = prepare_tenant(installation, input)?;
    provision_tenant(installation, new, principal.id(), by).await
}

/// The tenants that the principal is an active member of.
///
/// # Errors
/// As the catalog says.
pub async fn list_my_tenants(
    installation: &Installation,
    principal: &Principal,
) -> Result<Vec<MyMembership>> {
    let id = principal.id();
    installation.catalog.read(move |tx| tx.list_memberships_of(id)).await
}

/// Changes name, slug, time zone or settings.
///
/// # Errors
/// 403 without `settings:manage`, 422 with every field, 409 `slug_taken`.
pub async fn change_tenant(scope: &TenantScope, input: TenantChangeIn) -> Result<Tenant> {
    scope.require(Permission::SettingsManage)?;
    let mut faults = Vec::new();
    let mut keep = |fault: FieldError| faults.push(fault);
    let change = TenantChange {
        name: input.name.and_then(|name| Name::parse("name", &name).map_err(&mut keep).ok()),
        slug: input.slug.and_then(|slug| Slug::parse(&slug).map_err(&mut keep).ok()),
        timezone: input.timezone.and_then(|zone| parse_timezone(zone).map_err(&mut keep).ok()),
        settings: input.settings.and_then(|settings| parse_settings(settings).map_err(&mut keep).ok()),
    };
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let (actor, roles) = (scope.member(), scope.roles().clone());
    let by = scope.by().clone();
    scope
        .catalog()
        .write("change_tenant", move |of| {
            require_now(of, &roles, actor, Permission::SettingsManage)?;
            of.admit(Act::Write)?;
            let before = of.tenant()?;
            let after = of.update_tenant(&change)?;
            let details = json!({
                "slug": [before.slug, after.slug], "name": [before.name, after.name],
                "timezone": [before.timezone, after.timezone],
            });
            of.audit(&by, "tenant.changed", "", &details)?;
            Ok(after)
        })
        .await
}

fn parse_timezone(zone: String) -> Result<String, FieldError> {
    match jiff::tz::TimeZone::get(&zone) {
        Ok(_) => Ok(zone),
        Err(_) => Err(FieldError::new("timezone", "unknown", "must be an IANA time zone like Europe/Berlin")),
    }
}

fn parse_settings(settings: serde_json::Map<String, serde_json::Value>) -> Result<String, FieldError> {
    let text = serde_json::Value::Object(settings).to_string();
    if text.len() > 64 << 10 {
        return Err(FieldError::new("settings", "too_large", "must have at most 64 KiB as JSON"));
    }
    Ok(text)
}

/// Tenants in the order of their ids, for the operator.
///
/// # Errors
/// As the catalog says.
pub async fn list_tenants(
    installation: &Installation,
    after: Option<TenantId>,
    status: Option<TenantStatus>,
    limit: u32,
) -> Result<Vec<Tenant>> {
    installation.catalog.read(move |tx| tx.list_tenants(after, status, limit)).await
}

/// A status by its name.
///
/// # Errors
/// 400 for an unknown one.
pub fn parse_status(name: &str) -> Result<TenantStatus> {
    TenantStatus::parse(name).ok_or_else(|| {
        Error::malformed(
            "bad_status",
            "status must be provisioning, active, suspended, closing, erasing or erased.",
        )
    })
}

/// The tenant that a selector names.
pub async fn find_id(installation: &Installation, selector: &str) -> Option<TenantId> {
    installation.catalog.tenant(selector).await.ok().map(|tenant| tenant.id)
}
