//! The file of an import on its way in.

use super::{ImportIn, remove_file};
use crate::catalog::{By, CatalogTx, Import, Importer, Principal};
use crate::error::{Error, Kind, Result};
use crate::id::{IdentityId, ImportId};
use crate::model::hex::hex;
use crate::model::plan::Feature;
use crate::service::provisioning::admit_one_more;
use crate::service::{Installation, detached, plans};
use crate::tenancy::blocking;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

/// Largest file that whoever has the machine imports.
const MOST_OF_CONSOLE: u64 = 1 << 40;
/// Bytes after which it is looked again whether the disk has room.
const LOOK_FOR_ROOM: u64 = 64 << 20;
/// Bytes of one read of it.
const PIECE: usize = 1 << 20;

/// Largest zip file that is taken in from there.
pub(super) fn most_bytes(installation: &Installation, importer: Importer) -> u64 {
    match (importer, installation.config.import_max_bytes) {
        (Importer::Console, _) => MOST_OF_CONSOLE,
        (Importer::Operator, 0) => 1 << 30,
        (_, most) => most,
    }
}

/// An import whose file is coming in. Dropped before its end, it leaves nothing.
pub struct ImportUpload {
    installation: Arc<Installation>,
    id: ImportId,
    owner: IdentityId,
    by: By,
    writing: Option<(File, Sha256)>,
    size: u64,
    most: u64,
    is_queued: bool,
}

/// Begins an import.
///
/// # Errors
/// 403 `imports_by_operator`, 409 `too_many_tenants` or `too_many_imports`, 413 `import_too_large` for more bytes than
/// are taken in, 429, 503.
pub async fn begin_upload(
    installation: &Arc<Installation>,
    principal: &Principal,
    by: By,
    announced: Option<u64>,
) -> Result<ImportUpload> {
    let importer = if principal.identity().operator { Importer::Operator } else { Importer::Person };
    if importer == Importer::Person {
        if installation.config.import_max_bytes == 0 {
            return Err(Error::new(
                Kind::Forbidden,
                "imports_by_operator",
                "Imports are made by the operator here. Ask for one.",
            ));
        }
        installation.throttle.before_tenant(principal.id())?;
    }
    begin(installation, principal.id(), importer, by, announced.unwrap_or_default()).await
}

async fn begin(
    installation: &Arc<Installation>,
    owner: IdentityId,
    importer: Importer,
    by: By,
    announced: u64,
) -> Result<ImportUpload> {
    let id = ImportId::new(installation.clock.now());
    let most = most_bytes(installation, importer);
    let plan = plans::default_plan(installation).to_owned();
    let owned = installation.config.tenants_per_identity;
    // The frame around the file is a little longer.
    refuse_more_than(most.saturating_add(64 << 10), announced)?;
    installation
        .catalog
        .write("begin_import", move |tx| {
            if importer == Importer::Person {
                admit_one_more(tx.count_tenants_owned(owner)?, owned)?;
                refuse_by_plan(tx, &plan)?;
            }
            tx.begin_import(id, owner, importer)
        })
        .await?;
    let installation = Arc::clone(installation);
    let tenancy = Arc::clone(&installation.tenancy);
    // From here on what is there goes when this is dropped.
    let mut upload =
        ImportUpload { installation, id, owner, by, writing: None, size: 0, most, is_queued: false };
    let path = upload.installation.tenancy.layout().import(id);
    let file = blocking(move || {
        tenancy.require_room_for_import(announced)?;
        Ok(File::options().write(true).create_new(true).mode(0o600).open(path)?)
    })
    .await?;
    upload.writing = Some((file, Sha256::new()));
    Ok(upload)
}

/// 403 where the plan that new tenants begin on says `imports = false` among its features.
fn refuse_by_plan(tx: &CatalogTx<'_>, plan: &str) -> Result<()> {
    let plan = tx.find_plan(plan)?;
    if plan.is_some_and(|found| found.plan.features.get("imports") == Some(&Feature::Flag(false))) {
        return Err(Error::new(
            Kind::Forbidden,
            "not_in_plan",
            "The plan that new tenants begin on does not have imports. Ask the operator.",
        ));
    }
    Ok(())
}

fn refuse_more_than(most: u64, size: u64) -> Result<()> {
    if size <= most {
        return Ok(());
    }
    let detail = format!("An export may have at most {most} bytes here. Ask the operator to import it.");
    Err(Error::new(Kind::TooLarge, "import_too_large", detail))
}

impl ImportUpload {
    /// Takes in more of the file.
    ///
    /// # Errors
    /// 413 `import_too_large`; 503 `no_room_for_imports`; the disk refuses.
    pub async fn write<B: AsRef<[u8]> + Send + 'static>(&mut self, pieces: Vec<B>) -> Result<()> {
        let before = self.size;
        self.size += pieces.iter().map(|piece| piece.as_ref().len() as u64).sum::<u64>();
        refuse_more_than(self.most, self.size)?;
        // How long it gets is not always announced.
        let looks_for_room = before / LOOK_FOR_ROOM != self.size / LOOK_FOR_ROOM;
        let tenancy = Arc::clone(&self.installation.tenancy);
        let (mut file, mut digest) = self.take()?;
        let written = blocking(move || {
            if looks_for_room {
                tenancy.require_room_for_import(LOOK_FOR_ROOM)?;
            }
            for piece in &pieces {
                file.write_all(piece.as_ref())?;
                digest.update(piece.as_ref());
            }
            Ok((file, digest))
        });
        self.writing = Some(written.await?);
        Ok(())
    }

    /// Ends it: when this returns, the import is on the disk and waits for its turn.
    ///
    /// # Errors
    /// 422 for a name or slug that is none; the disk refuses.
    pub async fn finish(self, input: &ImportIn) -> Result<Import> {
        let wish = input.wish()?;
        detached(self.queue(wish)).await
    }

    async fn queue(mut self, wish: crate::catalog::ImportWish) -> Result<Import> {
        let (file, digest) = self.take()?;
        let directory = self.installation.tenancy.layout().imports();
        blocking(move || {
            file.sync_all()?;
            Ok(File::open(directory)?.sync_all()?)
        })
        .await?;
        let (id, owner, sha256, by) = (self.id, self.owner, hex(&digest.finalize()), self.by.clone());
        let size = i64::try_from(self.size).unwrap_or(i64::MAX);
        let import = self
            .installation
            .catalog
            .write("queue_import", move |tx| {
                tx.queue_import(id, size, &sha256, &wish)?;
                let details = json!({ "sha256": sha256, "preview": !wish.apply });
                tx.audit(&by, "import.requested", &format!("import:{id}"), &details)?;
                tx.find_import(owner, id)
            })
            .await?;
        self.is_queued = true;
        self.installation.imports.notify_one();
        Ok(import)
    }

    fn take(&mut self) -> Result<(File, Sha256)> {
        self.writing.take().ok_or_else(|| Error::internal("an import is written on after a failure"))
    }
}

impl Drop for ImportUpload {
    fn drop(&mut self) {
        if self.is_queued {
            return;
        }
        let (installation, id) = (Arc::clone(&self.installation), self.id);
        // Without a runtime, at the end of the program, the next start does it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move {
                let dropped = installation.catalog.write("drop_import", move |tx| tx.drop_import(id)).await;
                if let Err(error) = dropped.and(remove_file(&installation, id).await) {
                    tracing::error!(import_id = %id, error = ?error, "a broken-off import stays until it is swept");
                }
            }));
        }
    }
}

/// Takes in a file of this machine, for somebody who will own the tenant.
///
/// # Errors
/// 404 `no_such_file`; as [`ImportUpload`].
pub async fn import_file(
    installation: &Arc<Installation>,
    path: &Path,
    owner: IdentityId,
    input: &ImportIn,
) -> Result<Import> {
    let source = path.to_path_buf();
    let mut file = blocking(move || {
        File::open(&source).map_err(|error| {
            let detail = format!("{} cannot be read: {error}.", source.display());
            Error::new(Kind::NotFound, "no_such_file", detail)
        })
    })
    .await?;
    let mut upload = begin(installation, owner, Importer::Console, By::console(), 0).await?;
    loop {
        let (piece, next) = blocking(move || {
            let mut piece = vec![0; PIECE];
            let count = file.read(&mut piece)?;
            piece.truncate(count);
            Ok((piece, file))
        })
        .await?;
        file = next;
        if piece.is_empty() {
            return upload.finish(input).await;
        }
        upload.write(vec![piece]).await?;
    }
}
