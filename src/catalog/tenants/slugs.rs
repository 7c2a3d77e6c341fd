//! Slugs of tenants: those that one has and had are its own for good.

use crate::catalog::CatalogTx;
use crate::db::OnConstraint;
use crate::error::{Error, FieldError, Result};
use crate::id::TenantId;
use crate::model::Slug;
use crate::params;

/// Slugs that one tenant may claim: none of them is ever given to another.
pub(super) const MOST_SLUGS: usize = 10;

pub(super) fn too_many_slugs() -> Error {
    Error::conflict(
        "too_many_slugs",
        format!(
            "This tenant has had {MOST_SLUGS} slugs, which is the most; each stays its own for good. Go back to one of \
             them."
        ),
    )
    .with_fields(vec![FieldError::new("slug", "too_many", "must be one that this tenant had before")])
}

/// 409 for a slug that a tenant has or had.
pub fn slug_taken() -> Error {
    Error::conflict("slug_taken", "This slug is or was in use. Choose another.")
        .with_fields(vec![FieldError::new("slug", "unique", "is or was in use")])
}

impl CatalogTx<'_> {
    pub(super) fn claim_slug(&self, id: TenantId, slug: &Slug) -> Result<()> {
        self.tx
            .execute(
                "INSERT INTO tenant_slugs (slug, tenant_id, since) VALUES (?1, ?2, ?3)",
                params![slug.as_str(), id, self.now()],
            )
            .on_constraint("tenant_slugs.slug", slug_taken)?;
        Ok(())
    }

    /// Whether no tenant has or had this slug.
    ///
    /// # Errors
    /// As the database says.
    pub fn is_slug_free(&self, slug: &Slug) -> Result<bool> {
        Ok(!self.tx.exists("SELECT 1 FROM tenant_slugs WHERE slug = ?1", params![slug.as_str()])?)
    }

    pub(in crate::catalog) fn list_slugs(&self, id: TenantId) -> Result<Vec<String>> {
        Ok(self
            .tx
            .query("SELECT slug FROM tenant_slugs WHERE tenant_id = ?1", params![id], |row| row.get(0))?)
    }
}
