//! Tenants: listed and changed.

use super::Installation;
use super::members::require_now;
use crate::catalog::{MyMembership, Principal, Tenant, TenantChange};
use crate::error::{Error, FieldError, Result};
use crate::id::TenantId;
use crate::model::tenant::{Act, TenantStatus};
use crate::model::{Name, Slug};
use crate::policy::Permission;
use crate::tenancy::TenantScope;
use serde_json::json;

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
/// 403 without `settings:manage`, 422 with every field, 409 `slug_taken` or `too_many_slugs`.
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
