//! Whom invoices are addressed to: the tenant says so itself, also while it owes.

use crate::error::Result;
use crate::model::invoice::BillingDetails;
use crate::model::tenant::Act;
use crate::policy::Permission;
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
        let before = of.find_billing_details()?.unwrap_or_default();
        let changed = details.changed(&before);
        if !changed.is_empty() {
            of.put_billing_details(&details)?;
            // Which fields, and not what they say: the log is read by more people than bills are.
            of.audit(&by, "billing.details_changed", "", &json!({ "changed": changed }))?;
        }
        Ok(details.clone())
    });
    write.await
}
