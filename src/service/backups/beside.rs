//! Restoring beside a tenant, as a new one that does nothing by itself.

use super::contents::bring_uploads;
use super::restore::{Restored, fetched, refuse_erased};
use super::{Backup, Installation};
use crate::catalog::{By, CopyOf, Tenant};
use crate::error::Result;
use crate::id::TenantId;
use crate::policy::OWNER;
use crate::service::mail::MOST_PEOPLE;
use crate::service::provisioning::{self, NewTenantIn};
use crate::tenancy::{Beside, blocking};
use serde_json::json;
use std::sync::Arc;

/// Makes a new tenant of a backup, with the same owners.
///
/// # Errors
/// As [`restore`](super::restore::restore).
pub(super) async fn beside(
    installation: &Arc<Installation>,
    tenant: &Tenant,
    backup: &Backup,
    slug: String,
    by: By,
) -> Result<Restored> {
    let id = tenant.id;
    let input = NewTenantIn { name: tenant.name.clone(), slug: Some(slug) };
    let new = provisioning::prepare_tenant(installation, &input)?;
    provisioning::refuse_taken_slug(installation, &new).await?;
    let owners =
        installation.catalog.read(move |tx| tx.of(id).list_people_in_roles(&[OWNER], MOST_PEOPLE)).await?;
    let owners = owners.into_iter().map(|(owner, _)| owner).collect();
    let _begun = installation.backups.wait_and_begin(id).await;
    refuse_erased(installation, id)?;
    let (fetched, facts) = fetched(installation, id, backup).await?;
    let taken_at = fetched.manifest.summary.taken_at;
    let why = format!("restored beside {} from a backup of {taken_at}", tenant.slug);
    let (mut missing_uploads, path) = (Vec::new(), fetched.path());
    let missing = &mut missing_uploads;
    let place = |new: TenantId| async move {
        refuse_erased(installation, id)?;
        let entitlements = installation.catalog.read(move |tx| tx.of(new).entitlements()).await?;
        let tenancy = Arc::clone(&installation.tenancy);
        let version = blocking(move || {
            tenancy.provision_from(&path, new, entitlements.as_ref(), &why, Beside::Restored)
        })
        .await?;
        *missing = bring_uploads(installation, (id, new), &facts.contents).await?;
        // It ends with nothing of it, as an erasure in the middle wants.
        refuse_erased(installation, id)?;
        Ok(version)
    };
    let of = CopyOf { tenant: id, is_clone: false, expires_at: None };
    let plan = tenant.plan.clone();
    let made = provisioning::provision_beside(installation, new, owners, plan, of, by.clone(), place).await?;
    let (new, backup_id) = (made.id, backup.summary.id);
    let audit = installation.catalog.write("note_restored", move |tx| {
        let details = json!({ "taken_at": taken_at, "of": id, "beside": new });
        tx.of(new).audit(&by, "tenant.restored", &format!("backup:{backup_id}"), &details)?;
        tx.audit(&by, "tenant.restored", &format!("tenant:{new}"), &details)
    });
    audit.await?;
    Ok(Restored {
        tenant_id: new,
        slug: made.slug,
        backup: backup.summary.id,
        taken_at,
        epoch: made.epoch,
        discarded: None,
        lost: None,
        before: None,
        missing_uploads,
        jobs_held: true,
    })
}
