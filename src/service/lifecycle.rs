//! A tenant's way out and back: closed, reopened, suspended, resumed.

use super::Installation;
use super::erasure;
use super::mail::on_day;
use super::members::require_now;
use super::step_up;
use crate::catalog::{By, OfTenant, Principal, Tenant};
use crate::clock::DAY;
use crate::error::{Error, Result};
use crate::model::letter::{Content, Recipient};
use crate::model::tenant::TenantStatus;
use crate::policy::Permission;
use crate::tenancy::TenantScope;
use serde_json::json;

/// Begins closing: the tenant is read-only and can be exported until the grace period ends, then it is erased.
///
/// # Errors
/// 403 without `tenant:close` or with a sign-in that is not fresh, 422 when `confirm` is not the slug, 409 when it is closing already.
pub async fn close_tenant(
    installation: &Installation,
    scope: &TenantScope,
    principal: &Principal,
    confirm: &str,
) -> Result<Tenant> {
    scope.require(Permission::TenantClose)?;
    step_up::require_fresh(installation, principal)?;
    if confirm != scope.tenant().slug {
        return Err(Error::invalid_field(
            "confirm",
            "mismatch",
            "must be the slug of the tenant, to be sure",
        ));
    }
    let (actor, roles) = (scope.by().actor, scope.app_roles().clone());
    let by = scope.by().clone();
    let grace = grace(installation);
    let tenant = scope
        .catalog()
        .write("close_tenant", move |of| {
            require_now(of, &roles, actor, Permission::TenantClose)?;
            close(of, &by, grace)
        })
        .await?;
    installation.work.notify_one();
    Ok(tenant)
}

pub(super) fn close(of: &OfTenant<'_>, by: &By, grace: i64) -> Result<Tenant> {
    let tenant = of.begin_closing(of.now().plus(grace))?;
    of.audit(by, "tenant.closed", "", &json!({ "erase_after": tenant.erase_after }))?;
    let content = Content::TenantClosing {
        tenant: tenant.name.clone(),
        erase_on: tenant.erase_after.map(on_day).unwrap_or_default(),
    };
    of.post(&format!("tenant_closing {} {}", tenant.id, of.now().0), &Recipient::Owners, &content)?;
    Ok(tenant)
}

fn grace(installation: &Installation) -> i64 {
    i64::from(installation.config.grace_days) * DAY
}

/// Takes closing back.
///
/// # Errors
/// 403 without `tenant:close`, 409 `not_closing`, `subscription_ending`.
pub async fn reopen_tenant(scope: &TenantScope) -> Result<Tenant> {
    scope.require(Permission::TenantClose)?;
    let (actor, roles) = (scope.by().actor, scope.app_roles().clone());
    let by = scope.by().clone();
    let tenant = scope
        .catalog()
        .write("reopen_tenant", move |of| {
            require_now(of, &roles, actor, Permission::TenantClose)?;
            let tenant = of.reopen()?;
            of.audit(&by, "tenant.reopened", "", &json!({}))?;
            Ok(tenant)
        })
        .await?;
    scope.release_jobs();
    Ok(tenant)
}

/// What an operator does to a tenant's state. None of it needs the tenant's file, which may be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorAct {
    /// Read-only from the next request on.
    Suspend,
    /// Back to normal.
    Resume,
    /// As if an owner had closed it.
    Close {
        /// Whether its customer at Stripe is to be deleted with it.
        stripe_customer: bool,
    },
}

/// Suspends, resumes or closes a tenant.
///
/// # Errors
/// 404 if there is none, 409 when its state does not allow it; `billing_local` where a customer is to be deleted and this installation
/// is not connected to Stripe.
pub async fn operate_tenant(
    installation: &Installation,
    selector: &str,
    act: OperatorAct,
    by: By,
) -> Result<Tenant> {
    let id = installation.catalog.tenant(selector).await?.id;
    let grace = grace(installation);
    if act == (OperatorAct::Close { stripe_customer: true }) {
        erasure::require_stripe(installation, id).await?;
    }
    let tenant = installation
        .catalog
        .write("operate_tenant", move |tx| {
            let of = tx.of(id);
            let status = of.tenant()?.status;
            if !status.is_visible() {
                return Err(Error::not_found());
            }
            let (from, to, action) = match act {
                OperatorAct::Close { stripe_customer } => {
                    let tenant = close(&of, &by, grace)?;
                    if stripe_customer {
                        erasure::ask_customer_erasure(&of, &tenant)?;
                        of.audit(&by, "tenant.customer_erasure_asked", "", &json!({}))?;
                    }
                    return Ok(tenant);
                }
                OperatorAct::Suspend => (TenantStatus::Active, TenantStatus::Suspended, "tenant.suspended"),
                OperatorAct::Resume => (TenantStatus::Suspended, TenantStatus::Active, "tenant.resumed"),
            };
            if !of.change_status(&[from], to)? {
                return Err(Error::conflict(
                    "wrong_status",
                    format!("The tenant is {}; this needs one that is {}.", status.name(), from.name()),
                ));
            }
            of.audit(&by, action, "", &json!({}))?;
            of.tenant()
        })
        .await?;
    installation.work.notify_one();
    // Its jobs may have been held.
    installation.tenancy.jobs().tell_due(id);
    Ok(tenant)
}
