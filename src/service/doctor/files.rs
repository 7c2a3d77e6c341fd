//! The data directory: who may read it, whether there is room, and whether what is there is what the catalog says.

use super::disk::{disk, disk_of_backups, volumes};
use super::{Findings, Level, count, few};
use crate::catalog::TenantMove;
use crate::clock::{MINUTE, Timestamp};
use crate::error::Result;
use crate::id::{ExportId, TenantId};
use crate::model::tenant::TenantStatus;
use crate::service::{Installation, backups};
use crate::tenancy::{Layout, blocking};
use foldhash::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Bits of a mode that let in others than the owner.
const OTHERS: u32 = 0o077;
/// The settings file may be anybody's to write: what keeps others from it is the directory.
const SETTINGS: &str = "tenantry.toml";

pub(super) async fn look(installation: &Installation, findings: &mut Findings) -> Result<()> {
    let layout = installation.tenancy.layout().clone();
    let backups = backups::directory(installation);
    let now = installation.clock.now();
    // The directory first: what is made meanwhile has its row already.
    let found = {
        let layout = layout.clone();
        blocking(move || Found::of(&layout)).await?
    };
    let read = installation
        .catalog
        .read(|tx| Ok((tx.list_all_states()?, tx.list_all_exports()?, tx.list_open_moves()?)));
    let (tenants, exports, moves) = read.await?;
    let mut taken = std::mem::take(findings);
    *findings = blocking(move || {
        modes(&layout, &found, &mut taken)?;
        disk(layout.root(), "disk", &mut taken)?;
        volumes(&layout, &mut taken)?;
        if let Some(directory) = backups.filter(|directory| directory.is_dir()) {
            disk_of_backups(layout.root(), &directory, &mut taken)?;
        }
        times(&found, now, &mut taken);
        left_by_moves(&moves, &mut taken);
        orphans(&layout, &found, (&tenants, &exports, &moves), &mut taken);
        Ok(taken)
    })
    .await?;
    Ok(())
}

/// What is in the data directory.
#[derive(Default)]
struct Found {
    /// Directories where those of tenants are: path, and the tenant where the name is one of a tenant in its place.
    tenants: Vec<(PathBuf, Option<TenantId>)>,
    /// Files of exports.
    exports: Vec<(PathBuf, Option<(TenantId, ExportId)>)>,
    /// What others may read or write.
    open: Vec<String>,
    /// The latest time of a file, and which.
    newest: Option<(i64, PathBuf)>,
}

impl Found {
    fn of(layout: &Layout) -> Result<Found> {
        let mut found = Found::default();
        let there = layout.volumes().into_values().filter(|volume| volume.fault.is_none());
        for tenants in
            std::iter::once(layout.tenants()).chain(there.map(|volume| volume.path.join("tenants")))
        {
            found.note(&tenants);
            for shard in entries(&tenants)? {
                for directory in entries(&shard)? {
                    let id = name(&directory).and_then(TenantId::parse);
                    let id = id.filter(|id| layout.tenant(*id) == directory);
                    for file in ["data.db", "data.db-wal"] {
                        found.note(&directory.join(file));
                    }
                    found.tenants.push((directory, id));
                }
            }
        }
        for directory in entries(&layout.exports())? {
            let tenant = name(&directory).and_then(TenantId::parse);
            for file in entries(&directory)? {
                let id = name(&file).and_then(|name| ExportId::parse(name.strip_suffix(".zip")?));
                found.note(&file);
                found.exports.push((file, tenant.zip(id)));
            }
        }
        for file in entries(layout.root())?.into_iter().chain(entries(&layout.keys())?) {
            found.note(&file);
        }
        Ok(found)
    }

    /// Public keys may be read by everyone.
    fn note(&mut self, path: &Path) {
        let Ok(metadata) = path.symlink_metadata() else { return };
        let is_public =
            path.extension().is_some_and(|extension| extension == "pub") || name(path) == Some(SETTINGS);
        if !is_public && !metadata.is_symlink() && metadata.mode() & OTHERS != 0 {
            self.open.push(path.display().to_string());
        }
        let at = metadata.mtime() * 1_000;
        if metadata.is_file() && self.newest.as_ref().is_none_or(|(newest, _)| *newest < at) {
            self.newest = Some((at, path.to_path_buf()));
        }
    }
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// What is in a directory; nothing where it is gone meanwhile, or no directory.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::read_dir(directory) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn modes(layout: &Layout, found: &Found, findings: &mut Findings) -> Result<()> {
    let (own, root) = (rustix::process::getuid().as_raw(), layout.root().metadata()?);
    if root.mode() & OTHERS != 0 {
        findings.add(
            "files",
            Level::Fault,
            format!("Others on this machine may look into {}.", layout.root().display()),
            format!("chmod 700 {}", layout.root().display()),
        );
    }
    if root.uid() != own {
        findings.add(
            "files",
            Level::Warning,
            format!("{} belongs to another user than the one who runs this.", layout.root().display()),
            "Run this and the server as the user to whom the data belong.",
        );
    }
    if !found.open.is_empty() {
        findings.add(
            "files",
            Level::Fault,
            format!("Others on this machine may read or write: {}.", few(&found.open)),
            "chmod go-rwx on each. Where keys are among them and others use this machine: `tenantry keys rotate --emergency`.",
        );
    }
    if findings.is_good("files") {
        findings.good("files", "Nobody else on this machine may read data or keys.");
    }
    Ok(())
}

/// A clock that runs behind what it said before makes ids and times that are out of order.
fn times(found: &Found, now: Timestamp, findings: &mut Findings) {
    let Some((at, path)) = &found.newest else { return };
    // The disk's clock is the machine's, which the one of a test is not.
    if *at > now.0 + 5 * MINUTE {
        findings.add(
            "clock",
            Level::Warning,
            format!("{} was written at {}, which lies ahead.", path.display(), Timestamp(*at)),
            "Set the clock of this machine, and keep it set: with chrony or systemd-timesyncd.",
        );
    }
}

fn left_by_moves(moves: &[TenantMove], findings: &mut Findings) {
    for left in moves.iter().filter_map(|open| open.error.as_ref().map(|error| (open, error))) {
        let (open, error) = left;
        findings.add(
            "volumes",
            Level::Warning,
            format!(
                "The tenant {} was moved from {} to {}, but {error}.",
                open.tenant_id, open.from, open.to
            ),
            "The log says why. It is tried again each minute.",
        );
    }
}

type Rows<'r> = (&'r [(TenantId, String, TenantStatus)], &'r [(TenantId, ExportId, bool)], &'r [TenantMove]);

fn orphans(layout: &Layout, found: &Found, (tenants, exports, moves): Rows<'_>, findings: &mut Findings) {
    let is_moving = |path: &Path| {
        let id = name(path).and_then(TenantId::parse);
        id.is_some_and(|id| moves.iter().any(|open| open.tenant_id == id))
    };
    let of: HashMap<TenantId, TenantStatus> = tenants.iter().map(|(id, _, status)| (*id, *status)).collect();
    let lost: Vec<String> = found
        .tenants
        .iter()
        .filter(|(path, id)| {
            let status = id.and_then(|id| of.get(&id).copied());
            // What is erased right now goes in a moment.
            matches!(status, None | Some(TenantStatus::Erased)) && !is_moving(path) && path.exists()
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    if !lost.is_empty() {
        findings.add(
            "orphans",
            Level::Fault,
            format!("These directories have no tenant in the catalog: {}.", few(&lost)),
            "After a restore of an older catalog: restore a newer one. Of a tenant that is erased, or that lives on another volume: \
             look, and remove the directory.",
        );
    }
    let has_file =
        |status| matches!(status, TenantStatus::Active | TenantStatus::Suspended | TenantStatus::Closing);
    let without: Vec<String> = tenants
        .iter()
        .filter(|(id, _, status)| has_file(*status) && !layout.tenant_file(*id).exists())
        .map(|(_, slug, _)| slug.clone())
        .collect();
    if !without.is_empty() {
        findings.add(
            "orphans",
            Level::Fault,
            format!("{} without a file: {}.", count(without.len(), "tenant"), few(&without)),
            "Put each back from its backup: `tenantry restore --tenant SLUG --at TIME`.",
        );
    }
    let known: HashSet<(TenantId, ExportId)> = exports.iter().map(|(tenant, id, _)| (*tenant, *id)).collect();
    let lost: Vec<String> = found
        .exports
        .iter()
        .filter(|(path, id)| id.is_none_or(|id| !known.contains(&id)) && path.exists())
        .map(|(path, _)| path.display().to_string())
        .collect();
    if !lost.is_empty() {
        findings.add(
            "orphans",
            Level::Warning,
            format!(
                "{} of exports that the catalog does not know: {}.",
                count(lost.len(), "file"),
                few(&lost)
            ),
            "Remove them: they hold all that a tenant had, and nothing removes them by itself.",
        );
    }
    let missing = exports.iter().filter(|(tenant, id, is_ready)| {
        *is_ready && of.get(tenant).copied().is_some_and(has_file) && !layout.export(*tenant, *id).exists()
    });
    let missing: Vec<String> = missing.map(|(_, id, _)| id.to_string()).collect();
    if !missing.is_empty() {
        findings.add(
            "orphans",
            Level::Warning,
            format!("{} without a file: {}.", count(missing.len(), "export"), few(&missing)),
            "Ask for them anew: `tenantry tenant export SLUG`.",
        );
    }
    if findings.is_good("orphans") {
        findings.good(
            "orphans",
            format!(
                "{} and all exports have their files, and no others are there.",
                count(tenants.iter().filter(|(_, _, status)| has_file(*status)).count(), "tenant")
            ),
        );
    }
}
