//! A tenant that is asked for: its name and its slug, before it is stored.

use crate::catalog::{CatalogTx, slug_taken};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::{Name, Slug};
use crate::service::Installation;

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
pub(in crate::service) struct TenantCandidate {
    /// Its id.
    pub(in crate::service) id: TenantId,
    pub(super) name: Name,
    slug: WantedSlug,
}

#[derive(Clone)]
enum WantedSlug {
    Given(Slug),
    OfName(Slug),
}

impl TenantCandidate {
    /// The slug that it gets: the one that was chosen, or one like its name that is free.
    pub(super) fn take_slug(&self, tx: &CatalogTx<'_>) -> Result<Slug> {
        match &self.slug {
            WantedSlug::Given(slug) => Ok(slug.clone()),
            WantedSlug::OfName(slug) => free_slug(tx, slug),
        }
    }
}

/// Checks the fields of a new tenant; names every field at fault.
pub(in crate::service) fn prepare_tenant(
    installation: &Installation,
    input: &NewTenantIn,
) -> Result<TenantCandidate> {
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

/// 409 `slug_taken` where the slug that was chosen is none to have.
pub(in crate::service) async fn refuse_taken_slug(
    installation: &Installation,
    new: &TenantCandidate,
) -> Result<()> {
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
