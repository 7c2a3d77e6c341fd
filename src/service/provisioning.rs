//! Making tenants: their rows, their files, their first owner, and how many one identity may have.

#[cfg(test)]
mod tests;

use super::{Installation, detached, plans, subscriptions};
use crate::catalog::{By, CatalogTx, CopyOf, FileVersion, NewTenant, Principal, Tenant, slug_taken};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{IdentityId, ImportId, TenantId};
use crate::model::tenant::TenantStatus;
use crate::model::{Name, Slug};
use crate::policy::OWNER;
use crate::tenancy::blocking;
use crate::tenancy::tx::files::NewFile;
use serde_json::json;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Tenants that somebody is making, however long that takes: a sweep leaves them alone.
#[derive(Default)]
pub(super) struct InTheMaking(Mutex<HashSet<TenantId>>);

impl InTheMaking {
    fn begin(&self, tenant: TenantId) -> Making<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        Making { all: self, tenant }
    }

    fn now(&self) -> HashSet<TenantId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Somebody makes a tenant, until this is dropped.
struct Making<'m> {
    all: &'m InTheMaking,
    tenant: TenantId,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
    }
}

/// The body of a new tenant.
#[derive(Clone)]
pub struct NewTenantIn {
    /// Its name.
    pub name: String,
    /// Its slug; made of the name where none is given.
    pub slug: Option<String>,
}

/// A tenant that is valid and not stored yet.
#[derive(Clone)]
pub(super) struct TenantCandidate {
    /// Its id.
    pub(super) id: TenantId,
    name: Name,
    slug: WantedSlug,
}

#[derive(Clone)]
enum WantedSlug {
    Given(Slug),
    OfName(Slug),
}

/// Checks the fields of a new tenant; names every field at fault.
pub(super) fn prepare_tenant(installation: &Installation, input: &NewTenantIn) -> Result<TenantCandidate> {
    let name = Name::parse("name", &input.name);
    let slug = match &input.slug {
        Some(slug) => Slug::parse(slug).map(WantedSlug::Given),
        None => Slug::of_name(&input.name).map_or_else(|| Slug::parse("team"), Ok).map(WantedSlug::OfName),
    };
    match (name, slug) {
        (Ok(name), Ok(slug)) => {
            Ok(TenantCandidate { id: TenantId::new(installation.clock.now()), name, slug })
        }
        (name, slug) => Err(Error::invalid(name.err().into_iter().chain(slug.err()).collect())),
    }
}

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
    let installation = Arc::clone(installation);
    let most = most_owned(&installation, owner, maker)?;
    detached(async move {
        let _making = installation.making.begin(new.id);
        let id = begin_tenant(&installation, new, owner, most).await?;
        let made = complete_tenant(&installation, id, owner, by).await;
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

/// Leaves nothing of a tenant whose making failed.
async fn or_nothing(installation: &Installation, id: TenantId, made: Result<Tenant>) -> Result<Tenant> {
    if made.is_err()
        && let Err(cause) = remove_half_made(installation, id).await
    {
        tracing::error!(tenant_id = %id, error = ?cause, "a half-made tenant stays until it is swept");
    }
    made
}

/// What a tenant is made of that was imported.
pub(super) struct Adoption {
    pub(super) import: ImportId,
    /// What was found in it, as JSON.
    pub(super) preview: String,
    /// For the audit log.
    pub(super) details: serde_json::Value,
    /// The filled file and the contents of uploads.
    pub(super) directory: PathBuf,
    pub(super) uploads: Vec<NewFile>,
}

/// Makes a tenant of files that were filled already: from its first row to the last step it takes a moment, in which
/// nobody else sweeps it.
pub(super) async fn adopt_tenant(
    installation: &Arc<Installation>,
    new: TenantCandidate,
    owner: IdentityId,
    maker: Maker,
    by: By,
    adoption: Adoption,
) -> Result<Tenant> {
    let installation = Arc::clone(installation);
    let most = (maker == Maker::Person).then_some(installation.config.tenants_per_identity);
    detached(async move {
        let _making = installation.making.begin(new.id);
        let id = begin_tenant(&installation, new, owner, most).await?;
        let made = complete_adoption(&installation, id, by, adoption).await;
        or_nothing(&installation, id, made).await
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
pub(super) async fn provision_beside<F>(
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
    let made = made.await;
    if made.is_err()
        && let Err(cause) = remove_half_made(installation, id).await
    {
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
    let slug = match &new.slug {
        WantedSlug::Given(slug) => slug.clone(),
        WantedSlug::OfName(slug) => free_slug(tx, slug)?,
    };
    tx.insert_tenant(&NewTenant { id: new.id, slug, name: new.name.clone() }, &plan.reference())?;
    let of = tx.of(new.id);
    of.insert_version(version)?;
    subscriptions::begin(&of, &plan)?;
    of.insert_membership(owner, OWNER).map(drop)
}

/// 409 `slug_taken` where the slug that was chosen is none to have.
pub(super) async fn refuse_taken_slug(installation: &Installation, new: &TenantCandidate) -> Result<()> {
    let WantedSlug::Given(slug) = new.slug.clone() else { return Ok(()) };
    if installation.catalog.read(move |tx| tx.is_slug_free(&slug)).await? {
        Ok(())
    } else {
        Err(slug_taken())
    }
}

/// The slug itself, or the first of `slug-2`, `slug-3`, ... that is free.
fn free_slug(tx: &CatalogTx<'_>, slug: &Slug) -> Result<Slug> {
    let numbered = (2..100).filter_map(|number| slug.numbered(number));
    for candidate in std::iter::once(slug.clone()).chain(numbered) {
        if tx.is_slug_free(&candidate)? {
            return Ok(candidate);
        }
    }
    Err(Error::conflict("slug_taken", "All slugs like this one are in use. Choose one of your own."))
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
