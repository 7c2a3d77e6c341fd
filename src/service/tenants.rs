//! Tenants: listed and changed.

use super::members::require_now;
use super::{Installation, step_up};
use crate::catalog::{Actor, MyMembership, OfTenant, Principal, Tenant, TenantChange};
use crate::error::{Error, FieldError, Kind, Result};
use crate::id::{IdentityId, TenantId};
use crate::model::tenant::{Act, TenantStatus};
use crate::model::{Email, Name, Slug};
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
    /// Whether every member needs a second factor.
    pub second_factor_required: Option<bool>,
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
/// 403 without `settings:manage`, 403 `step_up_required` (or `api_key_not_allowed`) for changing whether a second factor
/// is asked for, 403 `second_factor_required` for who asks it of others and has none, 422 with every field, 409 `slug_taken` or `too_many_slugs`.
pub async fn change_tenant(
    installation: &Installation,
    scope: &TenantScope,
    principal: &Principal,
    input: TenantChangeIn,
) -> Result<Tenant> {
    scope.require(Permission::SettingsManage)?;
    if input.second_factor_required.is_some_and(|required| required != scope.tenant().second_factor_required)
    {
        step_up::require_fresh(installation, principal)?;
    }
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
    let (actor, roles) = (scope.by().actor, scope.app_roles().clone());
    let required = input.second_factor_required;
    let by = scope.by().clone();
    scope
        .catalog()
        .write("change_tenant", move |of| {
            require_now(of, &roles, actor, Permission::SettingsManage)?;
            of.admit(Act::Write)?;
            let before = of.tenant()?;
            let mut after = of.update_tenant(&change)?;
            if let Some(required) = required.filter(|required| *required != before.second_factor_required) {
                require_second_factor(of, by.actor, required)?;
                let action =
                    if required { "tenant.second_factor_required" } else { "tenant.second_factor_optional" };
                of.audit(&by, action, "", &json!({}))?;
                after.second_factor_required = required;
            }
            let details = json!({
                "slug": [before.slug, after.slug], "name": [before.name, after.name],
                "timezone": [before.timezone, after.timezone],
            });
            of.audit(&by, "tenant.changed", "", &details)?;
            Ok(after)
        })
        .await
}

/// Who asks it of all members goes ahead: nobody shuts themselves out, nor everyone else by mistake.
fn require_second_factor(of: &OfTenant<'_>, actor: Actor, required: bool) -> Result<()> {
    if let (true, Actor::Identity(actor)) = (required, actor)
        && !of.catalog().has_second_factor(actor)?
    {
        return Err(Error::new(
            Kind::Forbidden,
            "second_factor_required",
            "Set up a second factor of your own first, at /api/v1/auth/totp/enroll; then ask it of all members.",
        ));
    }
    of.require_second_factor(required)
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

/// The tenant of that id or slug, whatever its status, for the operator.
///
/// # Errors
/// 404.
pub async fn find_tenant(installation: &Installation, selector: &str) -> Result<Tenant> {
    let selector = selector.to_owned();
    installation.catalog.read(move |tx| tx.find_tenant(&selector)?.ok_or_else(Error::not_found)).await
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

/// The account that is to own a tenant.
///
/// # Errors
/// 404 `unknown_owner`; 422 for what is no address.
pub async fn find_owner(installation: &Installation, email: &str) -> Result<IdentityId> {
    let parsed = Email::parse(email).map_err(|fault| Error::invalid(vec![fault]))?;
    let found = installation.catalog.read(move |tx| tx.find_identity_by_email(&parsed)).await?;
    found.map(|found| found.id).ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            "unknown_owner",
            format!("There is no account with the address {email}. Sign it up first, or add it with `operator add`."),
        )
    })
}
