//! Telling people that a limit is nearly or wholly used.

use crate::catalog::OfTenant;
use crate::error::Result;
use crate::policy::{OWNER, Permission, Roles};
use crate::service::Installation;
use crate::service::mail::Letter;
use crate::service::webhooks;
use crate::tenancy::tx::usage::Notice;
use crate::tenancy::{Lease, TenantScope};

/// Tells of the limits that have come to a threshold. One tenant whose people cannot be told does not keep the others.
///
/// # Errors
/// None so far; the log tells of tenants that are tried again.
pub async fn tell_notices(installation: &Installation) -> Result<()> {
    for lease in installation.tenancy().take_due_notices() {
        let told = tell(installation, &lease).await;
        if let Err(error) = told {
            tracing::error!(
                tenant_id = %lease.tenant_id(), error = ?error,
                "the people of a tenant could not be told of a limit; it is tried again when the tenant is next used"
            );
        }
    }
    Ok(())
}

async fn tell(installation: &Installation, lease: &Lease) -> Result<()> {
    let scope = TenantScope::for_job(installation.tenancy(), lease).await?;
    loop {
        let notices = scope.untold_notices().await?;
        let Some(last) = notices.last().map(|notice| notice.id) else { return Ok(()) };
        webhooks::tell_notices(&scope, &notices).await?;
        let roles = scope.app_roles().clone();
        let addresses = scope.catalog().read(move |of| whom(of, &roles)).await?;
        for notice in &notices {
            for address in &addresses {
                let letter = letter(&scope, notice, address.clone());
                installation.mailer.send(installation.tenancy(), letter, installation.clock().now()).await?;
            }
        }
        scope.told_notices(last).await?;
    }
}

/// Owners, and whoever else sees what is billed.
fn whom(of: &OfTenant<'_>, app_roles: &Roles) -> Result<Vec<String>> {
    let roles = of.roles(app_roles)?;
    let members = of.list_members(None, 500)?.into_iter();
    let told = members.filter(|member| {
        member.status == "active"
            && (member.role == OWNER || roles.permissions(&member.role).has(Permission::BillingRead))
    });
    Ok(told.filter_map(|member| member.email).collect())
}

fn letter(scope: &TenantScope, notice: &Notice, to: String) -> Letter {
    let tenant = scope.tenant();
    let what = if notice.meter.is_empty() { "the spend cap" } else { notice.meter.as_str() };
    let (subject, then) = if notice.threshold >= 100 {
        let then = "What goes beyond it may be refused.";
        (format!("{}: {what} is used up", tenant.name), then)
    } else {
        let then = "There is time to look at it before anything is refused.";
        (format!("{}: {} % of {what} is used", tenant.name, notice.threshold), then)
    };
    let over = match notice.window.as_str() {
        "none" => String::new(),
        "period" => " in this billing period".to_owned(),
        window => format!(" in this {window}"),
    };
    let text = format!(
        "{} of {} have been used of {what} by {} ({}){over}.\n\n{then} A larger plan or a higher cap can be chosen by an \
         owner.\n",
        notice.used, notice.allowed, tenant.name, tenant.slug
    );
    Letter { to, subject: subject.replace(['\r', '\n'], " "), text, about: Some(tenant.id) }
}
