//! Telling people that a limit is nearly or wholly used.

use crate::catalog::Tenant;
use crate::error::Result;
use crate::model::letter::{Content, Recipient};
use crate::service::Installation;
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
        let tenant = scope.tenant();
        let letters: Vec<_> = notices.iter().map(|notice| letter(tenant, notice)).collect();
        // Truth is in the tenant's file; the catalog takes each once, however often it is copied.
        scope
            .catalog()
            .write("tell_notices", move |of| {
                letters.iter().try_for_each(|(fact, content)| of.post(fact, &Recipient::Billing, content))
            })
            .await?;
        scope.told_notices(last).await?;
    }
}

fn letter(tenant: &Tenant, notice: &Notice) -> (String, Content) {
    let Notice { meter, window, starts_at, threshold, .. } = notice;
    let what = if meter.is_empty() { "the spend cap" } else { meter.as_str() };
    let over = match window.as_str() {
        "none" => String::new(),
        "period" => " in this billing period".to_owned(),
        window => format!(" in this {window}"),
    };
    let content = Content::UsageNotice {
        tenant: tenant.name.clone(),
        slug: tenant.slug.clone(),
        what: what.to_owned(),
        used: notice.used.clone(),
        allowed: notice.allowed.clone(),
        percent: *threshold,
        over,
    };
    (format!("usage_notice {} {} {meter} {window} {starts_at} {threshold}", tenant.id, notice.id), content)
}
