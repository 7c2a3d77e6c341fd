//! Imports being worked off: looked at, copied, and made a tenant of.

use super::archive::{self, Archive, Contents, Unpacked};
use super::members::{self, ExportedMembers};
use super::preview::{describe, stands_against};
use super::upload::most_bytes;
use super::{by_of, remove_file};
use crate::catalog::{Identity, Import, Importer, Tenant};
use crate::clock::{DAY, HOUR};
use crate::error::{Error, Kind, Result};
use crate::id::ImportId;
use crate::model::import::{ImportPreview, LeftOut};
use crate::paced::Working;
use crate::service::provisioning::{self, Adoption, Maker, NewTenantIn};
use crate::service::{Installation, invitations};
use crate::tenancy::tx::files::NewFile;
use crate::tenancy::{Filled, blocking};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// How long a preview waits for a decision.
const DECISION: i64 = 24 * HOUR;
/// Things that are told of as left out.
const MOST_LEFT_OUT: usize = 100;
/// How long it is told what became of an import.
const REMEMBERED: i64 = 30 * DAY;

/// Works the import off that waits longest. False if none does.
///
/// # Errors
/// As the catalog says; what goes wrong with the import itself is noted there.
pub async fn run_next_import(installation: &Arc<Installation>) -> Result<bool> {
    // A read first: this is asked every second, and the writer has better things to do.
    if !installation.catalog.read(|tx| tx.has_queued_import()).await? {
        return Ok(false);
    }
    let Some(import) = installation.catalog.write("claim_import", |tx| tx.claim_import()).await? else {
        return Ok(false);
    };
    let id = import.id;
    let working = Working::new(installation.tenancy.layout().unfinished_import(id));
    let worked = work_off(installation, &import, working.as_ref()).await;
    drop(working);
    match worked {
        Ok(Outcome::Previewed) => tracing::info!(import_id = %id, "import previewed"),
        Ok(Outcome::Ready) => {
            tracing::info!(import_id = %id, "import ready");
            remove_file(installation, id).await?;
        }
        Err(error) => {
            if error.kind() == Kind::Internal {
                tracing::error!(import_id = %id, error = ?error, "import failed");
            } else {
                tracing::info!(import_id = %id, error = ?error, "import refused");
            }
            let text = error.detail().to_owned();
            installation.catalog.write("fail_import", move |tx| tx.fail_import(id, &text)).await?;
            remove_file(installation, id).await?;
        }
    }
    Ok(true)
}

enum Outcome {
    Previewed,
    Ready,
}

/// What the archive holds beside rows.
pub(super) struct Opened {
    pub(super) archive: Archive,
    pub(super) unpacked: Unpacked,
    pub(super) members: ExportedMembers,
}

async fn work_off(installation: &Arc<Installation>, import: &Import, working: &Path) -> Result<Outcome> {
    let (progress, seen) = watch::channel(0_i64);
    let telling = tokio::spawn(tell(Arc::clone(installation), import.id, seen));
    let outcome = work_off_telling(installation, import, working, &progress).await;
    drop(progress);
    let _ = telling.await;
    outcome
}

/// Stores how far an import is, until it is done.
async fn tell(installation: Arc<Installation>, id: ImportId, mut seen: watch::Receiver<i64>) {
    while seen.changed().await.is_ok() {
        let percent = *seen.borrow_and_update();
        let told =
            installation.catalog.write("import_progress", move |tx| tx.update_import_progress(id, percent));
        // Not worth giving up the import for.
        let _ = told.await;
    }
}

async fn work_off_telling(
    installation: &Arc<Installation>,
    import: &Import,
    working: &Path,
    progress: &watch::Sender<i64>,
) -> Result<Outcome> {
    let owner = import.owner;
    let importer = installation.catalog.read(move |tx| tx.find_identity(owner)).await?;
    let importer = importer.filter(|importer| importer.is_active).ok_or_else(Error::not_found)?;
    let opened = unpack(installation, import, working, progress).await?;
    let id = import.id;
    if let Some(tenant) = import.tenant {
        // The end of the program came when the tenant was in use already.
        let tenant = installation.catalog.read(move |tx| tx.of(tenant).tenant()).await?;
        let known = import.preview.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let preview = known.unwrap_or_default();
        return finish(installation, import, &importer, &tenant, &opened.members, preview).await;
    }
    let knows_all = import.importer != Importer::Person;
    let (members, asker) = (opened.members.clone(), importer.clone());
    let (owners, shown) = installation
        .catalog
        .read(move |tx| {
            let owners = members::owners(tx, &members, &asker, knows_all)?;
            Ok((owners, members::shown(tx, &members, &asker, knows_all)?))
        })
        .await?;
    let filled = fill(installation, opened, working, owners, progress).await?;
    let (opened, filled, uploads, missing) = filled;
    let against = stands_against(installation, import, &opened, filled.stored_bytes).await?;
    let preview = describe(&opened, shown, filled, against, missing);
    if !import.wish.apply {
        let (text, until) = (serde_json::to_string(&preview)?, installation.clock.now().plus(DECISION));
        installation
            .catalog
            .write("preview_import", move |tx| tx.note_import_preview(id, &text, until))
            .await?;
        return Ok(Outcome::Previewed);
    }
    if let Some(problem) = preview.problems.first() {
        let more = match preview.problems.len() - 1 {
            0 => String::new(),
            more => format!(" ({more} more; a preview tells them all)"),
        };
        return Err(Error::new(Kind::Invalid, "import_refused", format!("{problem}{more}")));
    }
    let tenant = adopt(installation, import, &preview, working.join("tenant"), uploads).await?;
    finish(installation, import, &importer, &tenant, &opened.members, preview).await
}

async fn unpack(
    installation: &Arc<Installation>,
    import: &Import,
    working: &Path,
    progress: &watch::Sender<i64>,
) -> Result<Opened> {
    let path = installation.tenancy.layout().import(import.id);
    let most = most_bytes(installation, import.importer);
    let now = installation.clock.now();
    let (by, working) = (by_of(import).actor.to_string(), working.to_path_buf());
    let writes_contents = import.wish.apply && import.tenant.is_none();
    let (progress, tenancy) = (progress.clone(), Arc::clone(&installation.tenancy));
    blocking(move || {
        use std::os::unix::fs::DirBuilderExt as _;
        // One that was cut off left a directory only if the program went on.
        let _ = std::fs::remove_dir_all(&working);
        let tenant = working.join("tenant");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&tenant)?;
        let mut archive = Archive::open(&path, most)?;
        // Unpacked, and copied into a file of ours.
        tenancy.require_room_for_import(archive.unpacked_bytes().saturating_mul(2))?;
        let contents = Contents { directory: &tenant, by, now };
        let contents = writes_contents.then_some(&contents);
        let unpacked = archive.unpack(&working, contents, &mut |done, all| {
            progress.send_replace(percent(done as u64, all as u64, 0, 40));
        })?;
        let members = members::read(&unpacked.members)?;
        Ok(Opened { archive, unpacked, members })
    })
    .await
}

/// So many of a hundred between these two.
fn percent(done: u64, all: u64, from: u64, to: u64) -> i64 {
    let share = (to - from).saturating_mul(done.min(all)) / all.max(1);
    i64::try_from(from + share).unwrap_or(99)
}

type FilledAll = (Opened, Filled, Vec<NewFile>, Vec<String>);

async fn fill(
    installation: &Arc<Installation>,
    mut opened: Opened,
    working: &Path,
    owners: BTreeMap<String, String>,
    progress: &watch::Sender<i64>,
) -> Result<FilledAll> {
    let (tenancy, progress) = (Arc::clone(&installation.tenancy), progress.clone());
    let working = working.to_path_buf();
    blocking(move || {
        let incoming = tenancy.open_incoming(&opened.unpacked.database)?;
        let promised = opened.archive.rows_promised();
        let archive = &mut opened.archive;
        let filled = incoming.fill(
            &working.join("tenant"),
            &mut |table, act| archive.rows_of(table, act),
            &owners,
            &mut |rows| {
                progress.send_replace(percent(rows, promised, 40, 95));
            },
        )?;
        let (uploads, missing) = archive::uploads(&working, &opened.unpacked, &opened.archive)?;
        Ok((opened, filled, uploads, missing))
    })
    .await
}

async fn adopt(
    installation: &Arc<Installation>,
    import: &Import,
    preview: &ImportPreview,
    directory: PathBuf,
    uploads: Vec<NewFile>,
) -> Result<Tenant> {
    let name = import.wish.name.clone().unwrap_or_else(|| match preview.source.name.trim() {
        "" => "Imported".to_owned(),
        name => name.to_owned(),
    });
    let input = NewTenantIn { name, slug: import.wish.slug.clone() };
    let new = provisioning::prepare_tenant(installation, &input)?;
    let details = json!({
        "import": import.id, "sha256": import.sha256, "owner": import.owner,
        "source": { "installation": preview.source.installation, "tenant": preview.source.tenant_id },
    });
    let maker = if import.importer == Importer::Person { Maker::Person } else { Maker::Operator };
    let adoption =
        Adoption { import: import.id, preview: serde_json::to_string(preview)?, details, directory, uploads };
    provisioning::adopt_tenant(installation, new, import.owner, maker, by_of(import), adoption).await
}

/// The tenant is in use; what is left are invitations.
async fn finish(
    installation: &Arc<Installation>,
    import: &Import,
    importer: &Identity,
    tenant: &Tenant,
    members: &ExportedMembers,
    mut preview: ImportPreview,
) -> Result<Outcome> {
    if import.wish.invite_members {
        for person in members::to_invite(members, importer, &installation.app().roles) {
            let (email, by) = (person.email.clone(), by_of(import));
            let invited = invitations::invite_as(installation, tenant, by, importer.id, email, person.role);
            match invited.await {
                Ok(_) => {}
                Err(error) if error.code() == "already_invited" => {}
                Err(error) if error.kind() == Kind::Internal => return Err(error),
                // There is no room for those that follow either.
                Err(error)
                    if error.kind() == Kind::PaymentRequired || error.code().starts_with("too_many") =>
                {
                    preview.left_out.push(LeftOut::new("further invitations", error.detail()));
                    break;
                }
                Err(_) if preview.left_out.len() >= MOST_LEFT_OUT => {}
                Err(error) => preview
                    .left_out
                    .push(LeftOut::new(format!("invitation of {}", person.email.as_str()), error.detail())),
            }
        }
    }
    let (id, text) = (import.id, serde_json::to_string(&preview)?);
    installation.catalog.write("finish_import", move |tx| tx.finish_import(id, &text)).await?;
    Ok(Outcome::Ready)
}

/// Ends imports that nobody decided about in time, and removes files that belong to none.
///
/// # Errors
/// As catalog and disk say.
pub async fn sweep_imports(installation: &Installation) -> Result<()> {
    let directory = installation.tenancy.layout().imports();
    let listing = directory.clone();
    // The files first: one that comes meanwhile has its row before.
    let files = blocking(move || {
        let entries = std::fs::read_dir(listing)?;
        Ok(entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?)
    })
    .await?;
    let before = installation.clock.now().plus(-REMEMBERED);
    let now = installation.clock.now();
    if installation.catalog.read(move |tx| tx.has_imports_to_sweep(now, before)).await? {
        installation.catalog.write("expire_imports", move |tx| tx.expire_imports(before).map(drop)).await?;
    }
    let kept = installation.catalog.read(|tx| tx.list_imports_with_files()).await?;
    for name in files {
        let id = name.to_str().and_then(|name| ImportId::parse(name.strip_suffix(".zip")?));
        if id.is_none_or(|id| !kept.contains(&id)) {
            let path = directory.join(&name);
            blocking(move || Ok(std::fs::remove_file(path)?)).await?;
        }
    }
    Ok(())
}
