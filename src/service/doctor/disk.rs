//! Whether there is room: on the disk of the data, on volumes, and where backups are.

use super::{Findings, Level};
use crate::error::{Error, Result};
use crate::tenancy::Layout;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// With fewer bytes free a disk is as good as full, or nearly so.
const FULL: u64 = 100 << 20;
const NEARLY_FULL: u64 = 1 << 30;

#[expect(clippy::cast_precision_loss, reason = "to be told")]
pub(super) fn disk(directory: &Path, check: &'static str, findings: &mut Findings) -> Result<()> {
    let disk =
        rustix::fs::statvfs(directory).map_err(|error| Error::internal(std::io::Error::from(error)))?;
    let (free, all) =
        (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
    let share = free as f64 / all.max(1) as f64;
    let files = if disk.f_files == 0 { 1.0 } else { disk.f_favail as f64 / disk.f_files as f64 };
    let scarcest = share.min(files);
    let level = if free < FULL || scarcest < 0.01 {
        Level::Fault
    } else if free < NEARLY_FULL || scarcest < 0.05 {
        Level::Warning
    } else {
        Level::Good
    };
    let of_files =
        if files < 0.05 { format!(", and {:.1} % of its inodes", files * 100.0) } else { String::new() };
    let about = format!(
        "{:.1} GB are free on the disk of {}, {:.0} % of it{of_files}.",
        free as f64 / 1e9,
        directory.display(),
        share * 100.0
    );
    if level == Level::Good {
        findings.good(check, about);
    } else {
        findings.add(check, level, about, "Make room: a full disk refuses every write, of all tenants.");
    }
    Ok(())
}

pub(super) fn volumes(layout: &Layout, findings: &mut Findings) -> Result<()> {
    for (name, volume) in layout.volumes() {
        match volume.fault {
            None => disk(&volume.path, "volumes", findings)?,
            Some(fault) => findings.add(
                "volumes",
                Level::Fault,
                format!("The volume {name} ({}) cannot be used: {fault}.", volume.path.display()),
                "Mount it, or put right what `volumes` of the settings says. Tenants on it are served again by themselves within a minute.",
            ),
        }
    }
    Ok(())
}

pub(super) fn disk_of_backups(root: &Path, directory: &Path, findings: &mut Findings) -> Result<()> {
    if device(&root.metadata()?) == device(&directory.metadata()?) {
        findings.add(
            "disk of backups",
            Level::Note,
            "Backups are on the disk of the data: who loses it loses both.",
            "Set backup_directory on another disk, or backup_bucket.",
        );
        return Ok(());
    }
    disk(directory, "disk of backups", findings)
}

fn device(metadata: &Metadata) -> u64 {
    metadata.dev()
}
