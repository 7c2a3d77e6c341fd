//! Whom invoices are addressed to: the tenant says so itself, also while it owes, or an operator does.

use crate::catalog::{By, OfTenant};
use crate::error::{Error, Result};
use crate::model::invoice::BillingDetails;
use crate::model::tenant::Act;
use crate::policy::Permission;
use crate::service::Installation;
use crate::service::members::require_now;
use crate::tenancy::TenantScope;
use serde_json::json;

/// Whom the tenant's invoices are addressed to.
///
/// # Errors
/// 403 without `billing:read`.
pub async fn find_billing_details(scope: &TenantScope) -> Result<BillingDetails> {
    scope.require(Permission::BillingRead)?;
    Ok(scope.catalog().read(|of| of.find_billing_details()).await?.unwrap_or_default())
}

/// Sets it for the invoices that are issued from now on: those that are final stay as they are.
///
/// # Errors
/// 403 without `billing:manage`.
pub async fn put_billing_details(scope: &TenantScope, details: BillingDetails) -> Result<BillingDetails> {
    scope.require(Permission::BillingManage)?;
    let (actor, roles, by) = (scope.by().actor, scope.app_roles().clone(), scope.by().clone());
    let catalog = scope.catalog();
    let write = catalog.write("put_billing_details", move |of| {
        require_now(of, &roles, actor, Permission::BillingManage)?;
        of.admit(Act::Pay)?;
        put(of, &details, &by)?;
        Ok(details.clone())
    });
    write.await
}

fn put(of: &OfTenant<'_>, details: &BillingDetails, by: &By) -> Result<()> {
    let changed = details.changed(&of.find_billing_details()?.unwrap_or_default());
    if changed.is_empty() {
        return Ok(());
    }
    of.put_billing_details(details)?;
    of.expect_stripe_customer_told()?;
    // Which fields, and not what they say: the log is read by more people than bills are.
    of.audit(by, "billing.details_changed", "", &json!({ "changed": changed }))
}

/// As [`find_billing_details`], for operators.
///
/// # Errors
/// 404 for a tenant that is not there.
pub async fn find_billing_details_of(installation: &Installation, selector: &str) -> Result<BillingDetails> {
    let id = installation.catalog.tenant(selector).await?.id;
    Ok(installation.catalog.read(move |tx| tx.of(id).find_billing_details()).await?.unwrap_or_default())
}

/// As [`put_billing_details`], for operators.
///
/// # Errors
/// 404 for a tenant that is not there.
pub async fn put_billing_details_of(
    installation: &Installation,
    selector: &str,
    details: BillingDetails,
    by: By,
) -> Result<BillingDetails> {
    let id = installation.catalog.tenant(selector).await?.id;
    let write = installation.catalog.write("put_billing_details", move |tx| {
        let of = tx.of(id);
        if !of.tenant()?.status.is_visible() {
            return Err(Error::not_found());
        }
        put(&of, &details, &by)?;
        Ok(details.clone())
    });
    write.await
}
