//! What is looked after in tenants' files between runs: which version they have, and copies that have had their time.

use crate::error::Result;
use crate::id::TenantId;
use crate::service::Installation;
use crate::tenancy::Tenancy;

/// Tenants that are taken up in one go.
const PAGE: u32 = 256;

/// Looks into all files into which nobody has looked: those of before this was kept in the catalog.
pub(super) async fn survey(installation: &Installation) -> Result<()> {
    let mut after: Option<TenantId> = None;
    loop {
        let page =
            installation.catalog.read(move |tx| tx.list_tenants_of_unknown_version(after, PAGE)).await?;
        look_at(installation, &page).await?;
        match page.last() {
            Some(last) if page.len() == PAGE as usize && !installation.is_draining() => after = Some(*last),
            _ => return Ok(()),
        }
    }
}

/// Looks into files and notes what version they have. What cannot be read is left to the run that comes to it.
pub(super) async fn look_at(installation: &Installation, tenants: &[TenantId]) -> Result<()> {
    let mut found = Vec::new();
    for id in tenants {
        match installation.tenancy.look_at_version(Tenancy::lease_for_migration(*id)).await {
            Ok(version) => found.extend(version.map(|version| (*id, version))),
            Err(error) => {
                tracing::warn!(tenant_id = %id, error = ?error, "the version of a tenant's file could not be read");
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let note = installation.catalog.write("note_versions", move |tx| {
        found.iter().try_for_each(|(id, version)| tx.of(*id).note_version(version))
    });
    note.await
}

/// Removes copies made before migrations that have had their time.
///
/// # Errors
/// As catalog and disk say.
pub async fn sweep_snapshots(installation: &Installation) -> Result<()> {
    loop {
        let page = installation.catalog.read(|tx| tx.list_expired_snapshots(PAGE)).await?;
        if page.is_empty() || installation.is_draining() {
            return Ok(());
        }
        let mut left = Vec::new();
        for id in page {
            let lease = Tenancy::lease_for_migration(id);
            left.push((id, installation.tenancy.expire_snapshots(lease).await?));
        }
        let settle = installation.catalog.write("settle_snapshots", move |tx| {
            left.iter().try_for_each(|(id, newest)| {
                let newest = newest.as_ref().map(|(name, until)| (name.as_str(), *until));
                tx.of(*id).settle_snapshots(newest)
            })
        });
        settle.await?;
    }
}
