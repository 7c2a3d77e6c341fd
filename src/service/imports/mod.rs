//! Imports: an export of another installation, or of this one, becomes a new tenant of whoever brings it.

mod archive;
mod lines;
mod members;
mod preview;
mod upload;
mod work;

pub use upload::{ImportUpload, begin_upload, import_file};
pub use work::{run_next_import, sweep_imports};

use super::Installation;
use crate::catalog::{Actor, By, Import, ImportWish, Importer, Principal};
use crate::error::Result;
use crate::id::ImportId;
use crate::model::{Name, Slug};
use crate::tenancy::blocking;
use serde_json::json;

/// What is wanted of an import, as it comes in.
#[derive(Clone, Debug, Default)]
pub struct ImportIn {
    /// The tenant's name; the exported one's where none is given.
    pub name: Option<String>,
    /// The tenant's slug; made of the name where none is given.
    pub slug: Option<String>,
    /// Whether only a preview is made.
    pub preview: bool,
    /// Whether the members of the exported tenant are invited.
    pub invite_members: bool,
}

impl ImportIn {
    /// Checks the fields; names every one at fault.
    fn wish(&self) -> Result<ImportWish> {
        let name = self.name.as_deref().map(|name| Name::parse("name", name)).transpose();
        let slug = self.slug.as_deref().map(Slug::parse).transpose();
        match (name, slug) {
            (Ok(_), Ok(_)) => Ok(ImportWish {
                apply: !self.preview,
                name: self.name.clone(),
                slug: self.slug.clone(),
                invite_members: self.invite_members,
            }),
            (name, slug) => {
                Err(crate::error::Error::invalid(name.err().into_iter().chain(slug.err()).collect()))
            }
        }
    }
}

/// Who acts by an import, for the audit log.
fn by_of(import: &Import) -> By {
    match import.importer {
        Importer::Person => By::of(Actor::Identity(import.owner), ""),
        Importer::Operator => By::of(Actor::Operator(import.owner), ""),
        Importer::Console => By::console(),
    }
}

/// My imports, newest first.
///
/// # Errors
/// As the catalog says.
pub async fn list_imports(installation: &Installation, principal: &Principal) -> Result<Vec<Import>> {
    let owner = principal.id();
    installation.catalog.read(move |tx| tx.list_imports(owner)).await
}

/// One of my imports.
///
/// # Errors
/// 404; also for those of others.
pub async fn find_import(installation: &Installation, principal: &Principal, id: ImportId) -> Result<Import> {
    let owner = principal.id();
    installation.catalog.read(move |tx| tx.find_import(owner, id)).await
}

/// Makes a tenant of an import that was previewed.
///
/// # Errors
/// 404, 409 `import_not_previewed`, 422.
pub async fn apply_import(
    installation: &Installation,
    principal: &Principal,
    id: ImportId,
    input: &ImportIn,
    by: By,
) -> Result<Import> {
    let (owner, wish) = (principal.id(), input.wish()?);
    let import = installation
        .catalog
        .write("apply_import", move |tx| {
            let import = tx.apply_import(owner, id, &wish)?;
            tx.audit(&by, "import.applied", &format!("import:{id}"), &json!({}))?;
            Ok(import)
        })
        .await?;
    installation.imports.notify_one();
    Ok(import)
}

/// Gives an import up; its file is removed.
///
/// # Errors
/// 404, 409 `import_running`.
pub async fn delete_import(
    installation: &Installation,
    principal: &Principal,
    id: ImportId,
    by: By,
) -> Result<()> {
    let owner = principal.id();
    installation
        .catalog
        .write("delete_import", move |tx| {
            tx.delete_import(owner, id)?;
            tx.audit(&by, "import.deleted", &format!("import:{id}"), &json!({}))
        })
        .await?;
    remove_file(installation, id).await
}

/// Gives up what was only looked at from the console.
///
/// # Errors
/// As [`delete_import`].
pub(super) async fn forget_preview(
    installation: &Installation,
    owner: crate::id::IdentityId,
    id: ImportId,
) -> Result<()> {
    installation.catalog.write("delete_import", move |tx| tx.delete_import(owner, id)).await?;
    remove_file(installation, id).await
}

/// Removes the zip file of an import.
async fn remove_file(installation: &Installation, id: ImportId) -> Result<()> {
    let path = installation.tenancy.layout().import(id);
    blocking(move || match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    })
    .await
}
