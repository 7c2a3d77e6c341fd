//! What an operator does to the usage of tenants: sums made anew, events and sums checked.

use crate::catalog::{By, Tenant};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::tenant::{Act, TenantStatus};
use crate::service::Installation;
use crate::tenancy::TenantScope;

/// Tenants of one read of the list.
const PAGE: u32 = 500;

/// What was found of one tenant.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Checked {
    /// The tenant.
    pub tenant: String,
    /// How many events it has.
    pub events: i64,
    /// What is wrong, if anything is.
    pub fault: Option<String>,
}

/// Drops the sums of one tenant, or of all, and makes them anew from the events.
///
/// # Errors
/// 404 for an unknown tenant; as the database says.
pub async fn rebuild_usage(
    installation: &Installation,
    slug: Option<&str>,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Vec<Checked>> {
    let mut rebuilt = Vec::new();
    for tenant in chosen(installation, slug).await? {
        let scope = open(installation, &tenant, "usage rebuild").await?;
        let events = scope.rebuild_usage().await?;
        let tenant = scope.tenant().slug.clone();
        progress(format!("{tenant}: {events} events"));
        rebuilt.push(Checked { tenant, events, fault: None });
    }
    Ok(rebuilt)
}

/// Checks the events and sums of one tenant, or of all. A file that cannot be read is a fault of its tenant.
///
/// # Errors
/// 404 for an unknown tenant.
pub async fn verify_usage(installation: &Installation, slug: Option<&str>) -> Result<Vec<Checked>> {
    let mut checked = Vec::new();
    for tenant in chosen(installation, slug).await? {
        let scope = open(installation, &tenant, "usage check").await?;
        let (events, fault) =
            scope.verify_usage().await.unwrap_or_else(|error| (0, Some(error.detail().to_owned())));
        checked.push(Checked { tenant: scope.tenant().slug.clone(), events, fault });
    }
    Ok(checked)
}

/// The tenant that was named, or all that have a file.
async fn chosen(installation: &Installation, slug: Option<&str>) -> Result<Vec<String>> {
    if let Some(slug) = slug {
        return Ok(vec![slug.to_owned()]);
    }
    let (mut chosen, mut after): (Vec<String>, Option<TenantId>) = (Vec::new(), None);
    loop {
        let page: Vec<Tenant> =
            installation.catalog.read(move |tx| tx.list_tenants(after, None, PAGE)).await?;
        let with_file = |tenant: &&Tenant| {
            matches!(tenant.status, TenantStatus::Active | TenantStatus::Suspended | TenantStatus::Closing)
        };
        chosen.extend(page.iter().filter(with_file).map(|tenant| tenant.id.to_string()));
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.id),
            _ => return Ok(chosen),
        }
    }
}

async fn open(installation: &Installation, selector: &str, reason: &'static str) -> Result<TenantScope> {
    TenantScope::for_operator(installation.tenancy(), By::console(), selector, Act::Leave, reason).await
}
