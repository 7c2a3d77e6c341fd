//! Telling people that a limit is nearly or wholly used.

use crate::catalog::Tenant;
use crate::error::Result;
use crate::model::letter::{Content, Recipient};
use crate::model::notice::Notice;
use crate::service::Installation;
use crate::service::webhooks;
use crate::tenancy::tx::usage::Untold;
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

fn letter(tenant: &Tenant, Untold { id, notice }: &Untold) -> (String, Content) {
    let content = notice.letter(tenant.name.clone(), tenant.slug.clone());
    let Notice { meter, window, starts_at, threshold, .. } = notice;
    (format!("usage_notice {} {id} {meter} {window} {starts_at} {threshold}", tenant.id), content)
}
