//! Making tenants: their rows, their files, their first owner, and how many one identity may have.

mod candidate;
mod copies;
mod making;
#[cfg(test)]
mod tests;

pub use candidate::NewTenantIn;
pub(super) use candidate::{TenantCandidate, prepare_tenant, refuse_taken_slug};
pub(super) use copies::{Adoption, adopt_tenant, provision_beside};
pub(super) use making::InTheMaking;

use super::{Installation, detached, plans, subscriptions, telemetry};
use crate::catalog::{By, CatalogTx, CopyOf, FileVersion, NewTenant, Principal, Tenant};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{IdentityId, TenantId};
use crate::model::tenant::TenantStatus;
use crate::policy::OWNER;
use serde_json::json;
use std::sync::Arc;

/// Who makes a tenant: a person under the bounds of the settings, or whoever runs the installation, without.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    Person,
    Operator,
}

/// Makes a tenant with file, owner and plan. A failure half-way leaves nothing of it. Goes on to its end even if whoever
/// asked does not wait for it.
pub(super) async fn provision_tenant(
    installation: &Arc<Installation>,
    new: TenantCandidate,
    owner: IdentityId,
    maker: Maker,
    by: By,
) -> Result<Tenant> {
    let most = most_owned(installation, owner, maker)?;
    make(installation, new, owner, most, move |installation, id| async move {
        complete_tenant(&installation, id, owner, by).await
    })
    .await
}

/// Writes the rows, and has the rest of it made by `complete`.
async fn make<F>(
    installation: &Arc<Installation>,
    new: TenantCandidate,
    owner: IdentityId,
    most: Option<u32>,
    complete: impl FnOnce(Arc<Installation>, TenantId) -> F + Send + 'static,
) -> Result<Tenant>
where
    F: Future<Output = Result<Tenant>> + Send,
{
    let installation = Arc::clone(installation);
    detached(async move {
        let _making = installation.making.begin(new.id);
        let id = begin_tenant(&installation, new, owner, most).await?;
        let made = complete(Arc::clone(&installation), id).await;
        or_nothing(&installation, id, made).await
    })
    .await
}

/// How many tenants the owner may have then; a person's tries are counted.
fn most_owned(installation: &Installation, owner: IdentityId, maker: Maker) -> Result<Option<u32>> {
    if maker == Maker::Operator {
        return Ok(None);
    }
    installation.throttle.before_tenant(owner)?;
    Ok(Some(installation.config.tenants_per_identity))
}

/// Writes the rows of a tenant whose file is still to come.
async fn begin_tenant(
    installation: &Installation,
    new: TenantCandidate,
    owner: IdentityId,
    most: Option<u32>,
) -> Result<TenantId> {
    let (id, plan) = (new.id, plans::default_plan(installation).to_owned());
    let version = installation.tenancy.migration_target().version.clone();
    let insert = move |tx: &CatalogTx<'_>| {
        if let Some(most) = most {
            admit_one_more(tx.count_tenants_owned(owner)?, most)?;
        }
        insert_tenant(tx, &new, owner, &plan, &version)
    };
    installation.catalog.write("insert_tenant", insert).await?;
    Ok(id)
}

/// Leaves nothing of a tenant whose making failed; of one that was made the fleet is told.
async fn or_nothing(installation: &Installation, id: TenantId, made: Result<Tenant>) -> Result<Tenant> {
    if made.is_ok() {
        telemetry::note_made(installation, id);
    } else if let Err(cause) = remove_half_made(installation, id).await {
        tracing::error!(tenant_id = %id, error = ?cause, "a half-made tenant stays until it is swept");
    }
    made
}

async fn complete_tenant(
    installation: &Installation,
    id: TenantId,
    owner: IdentityId,
    by: By,
) -> Result<Tenant> {
    installation.tenancy.provision(id, 1).await?;
    activate(installation, id, owner, None, by).await
}

async fn activate(
    installation: &Installation,
    id: TenantId,
    owner: IdentityId,
    made_of: Option<CopyOf>,
    by: By,
) -> Result<Tenant> {
    installation
        .catalog
        .write("activate_tenant", move |tx| {
            let of = tx.of(id);
            // Whoever erases the tenant whose data it has finds none of them here.
            made_of.map_or(Ok(()), |made_of| made_of.require_source(tx))?;
            // Whoever closes or erases what is not there yet is not overruled.
            if !of.change_status(&[TenantStatus::Provisioning], TenantStatus::Active)? {
                return Err(Error::not_found());
            }
            let tenant = of.tenant()?;
            of.audit(&by, "tenant.created", "", &json!({ "slug": tenant.slug, "owner": owner }))?;
            Ok(tenant)
        })
        .await
}

/// 409 for who owns as many tenants as one identity may.
pub(super) fn admit_one_more(owned: u32, most: u32) -> Result<()> {
    if owned < most {
        return Ok(());
    }
    let detail = match most {
        0 => "Tenants are made by the operator here. Ask for one.".to_owned(),
        _ => format!(
            "You own {owned} tenants, and one account may own {most} here. Hand one over, close one and wait for its \
             erasure, or ask the operator."
        ),
    };
    Err(Error::conflict("too_many_tenants", detail))
}

/// The rows of a tenant to be, its owner among them: it counts as owned from the beginning.
pub(super) fn insert_tenant(
    tx: &CatalogTx<'_>,
    new: &TenantCandidate,
    owner: IdentityId,
    plan: &str,
    version: &FileVersion,
) -> Result<()> {
    let plan = tx.find_plan(plan)?.ok_or_else(|| {
        Error::unavailable(
            "plan_missing",
            "New tenants begin on a plan that was not published yet. The operator has been told; try again later.",
            600,
        )
    })?;
    let slug = new.take_slug(tx)?;
    tx.insert_tenant(&NewTenant { id: new.id, slug, name: new.name.clone() }, &plan.reference())?;
    let of = tx.of(new.id);
    of.insert_version(version)?;
    subscriptions::begin(&of, &plan)?;
    of.insert_membership(owner, OWNER).map(drop)
}

async fn remove_half_made(installation: &Installation, id: TenantId) -> Result<()> {
    installation.tenancy.erase_files(id).await?;
    installation.catalog.write("delete_half_made", move |tx| tx.of(id).delete_half_made()).await
}

/// Removes tenants whose making was cut off, and that were begun before `before`: not those that somebody is still making.
///
/// # Errors
/// As catalog and disk say.
pub async fn sweep_half_made(installation: &Installation, before: Timestamp) -> Result<()> {
    // Before the list: what is made in between is not on it any more.
    let making = installation.making.now();
    let listed = installation.catalog.read(move |tx| tx.list_half_made_tenants(before)).await?;
    for id in listed.into_iter().filter(|id| !making.contains(id)) {
        tracing::warn!(tenant_id = %id, "removing a tenant whose making was cut off");
        if let Err(error) = remove_half_made(installation, id).await {
            tracing::error!(tenant_id = %id, error = ?error, "it could not be removed and will be tried again");
        }
    }
    Ok(())
}

/// Makes a tenant that the principal owns. Operators may make and own any number.
///
/// # Errors
/// 422 with every field, 409 `slug_taken` or `too_many_tenants`, 429 `too_many_new_tenants`.
pub async fn create_tenant(
    installation: &Arc<Installation>,
    principal: &Principal,
    input: &NewTenantIn,
    by: By,
) -> Result<Tenant> {
    let new = prepare_tenant(installation, input)?;
    let maker = if principal.identity().operator { Maker::Operator } else { Maker::Person };
    provision_tenant(installation, new, principal.id(), maker, by).await
}
