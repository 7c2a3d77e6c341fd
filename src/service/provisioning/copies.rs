//! Tenants that are made of data that is there: an import, a backup or another tenant.

use super::candidate::TenantCandidate;
use super::{Maker, activate, insert_tenant, make, or_nothing};
use crate::catalog::{By, CopyOf, FileVersion, Tenant};
use crate::error::{Error, Result};
use crate::id::{IdentityId, ImportId, TenantId};
use crate::model::tenant::TenantStatus;
use crate::policy::OWNER;
use crate::service::Installation;
use crate::tenancy::blocking;
use crate::tenancy::tx::files::NewFile;
use std::path::PathBuf;
use std::sync::Arc;

/// What a tenant is made of that was imported.
pub(in crate::service) struct Adoption {
    pub(in crate::service) import: ImportId,
    /// What was found in it, as JSON.
    pub(in crate::service) preview: String,
    /// For the audit log.
    pub(in crate::service) details: serde_json::Value,
    /// The filled file and the contents of uploads.
    pub(in crate::service) directory: PathBuf,
    pub(in crate::service) uploads: Vec<NewFile>,
}

/// Makes a tenant of files that were filled already: from its first row to the last step it takes a moment, in which
/// nobody else sweeps it.
pub(in crate::service) async fn adopt_tenant(
    installation: &Arc<Installation>,
    new: TenantCandidate,
    owner: IdentityId,
    maker: Maker,
    by: By,
    adoption: Adoption,
) -> Result<Tenant> {
    let most = (maker == Maker::Person).then_some(installation.config.tenants_per_identity);
    make(installation, new, owner, most, move |installation, id| async move {
        complete_adoption(&installation, id, by, adoption).await
    })
    .await
}

async fn complete_adoption(
    installation: &Installation,
    id: TenantId,
    by: By,
    adoption: Adoption,
) -> Result<Tenant> {
    let entitlements = installation.catalog.read(move |tx| tx.of(id).entitlements()).await?;
    let tenancy = Arc::clone(&installation.tenancy);
    let Adoption { import, preview, details, directory, uploads } = adoption;
    crate::fault::step();
    blocking(move || tenancy.place_import(id, entitlements.as_ref(), &directory, &uploads)).await?;
    crate::fault::step();
    installation
        .catalog
        .write("activate_import", move |tx| {
            let of = tx.of(id);
            if !of.change_status(&[TenantStatus::Provisioning], TenantStatus::Active)? {
                return Err(Error::not_found());
            }
            of.audit(&by, "tenant.imported", "", &details)?;
            tx.note_import_tenant(import, id, &preview)?;
            of.tenant()
        })
        .await
}

/// Makes a tenant out of another one's data, whose file is made by `place`, which says what version it has. A failure half-way leaves nothing of it.
pub(in crate::service) async fn provision_beside<F>(
    installation: &Installation,
    new: TenantCandidate,
    owners: Vec<IdentityId>,
    plan: String,
    of: CopyOf,
    by: By,
    place: impl FnOnce(TenantId) -> F,
) -> Result<Tenant>
where
    F: Future<Output = Result<FileVersion>>,
{
    let Some(owner) = owners.first().copied() else {
        return Err(Error::conflict("no_owner", "Nobody would own that tenant."));
    };
    let id = new.id;
    let version = installation.tenancy.migration_target().version.clone();
    let _making = installation.making.begin(id);
    let insert = installation.catalog.write("insert_tenant", move |tx| {
        of.require_source(tx)?;
        insert_tenant(tx, &new, owner, &plan, &version)?;
        tx.of(id).note_copy(of)?;
        owners.iter().skip(1).try_for_each(|owner| tx.of(id).insert_membership(*owner, OWNER).map(drop))
    });
    insert.await?;
    let made = async {
        let version = place(id).await?;
        installation.catalog.write("note_version", move |tx| tx.of(id).note_version(&version)).await?;
        activate(installation, id, owner, Some(of), by).await
    };
    or_nothing(installation, id, made.await).await
}
