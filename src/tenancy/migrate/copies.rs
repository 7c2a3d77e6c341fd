//! Copies of tenants' files that were made before migrations, and are kept for a while.

use super::version_of;
use crate::catalog::FileVersion;
use crate::clock::{DAY, Timestamp};
use crate::db::Maintenance;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::tenancy::layout::{make_directory, sync};
use crate::tenancy::{App, Layout, Lease, Tenancy, blocking};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of more bytes are not copied before they are migrated as they are opened: somebody waits for that.
const MOST_ON_OPEN: u64 = 64 << 20;
/// What is kept free on the disk when files are copied.
const SPARE: u64 = 64 << 20;

/// What the names of files begin with that could not be read when others were put in their places. They are kept as long as
/// copies, for whoever can get something out of them, and nothing is rolled back to them.
const DAMAGED: &str = "damaged-";
/// What a copy is called while it is made.
const UNFINISHED: &str = "new.db";
/// How long copies made before migrations are kept.
pub const KEEP_SNAPSHOTS: i64 = 7 * DAY;

/// A copy of a tenant's file that is kept.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Snapshot {
    /// Its file name, which says all else.
    #[serde(skip)]
    pub name: String,
    /// Migrations of ours that it has.
    pub system: i64,
    /// Migrations of the app that it has.
    pub app: i64,
    /// When it was made.
    pub made_at: Timestamp,
}

impl Snapshot {
    /// The copy of a file of that version, made now.
    pub fn of(version: &FileVersion, now: Timestamp) -> Snapshot {
        let name = format!("{:06}-{:06}-{}.db", version.system, version.app, now.0);
        Snapshot { name, system: version.system, app: version.app, made_at: now }
    }

    fn parse(name: &str) -> Option<Snapshot> {
        let mut parts = name.strip_suffix(".db")?.splitn(3, '-');
        let mut next = || parts.next()?.parse().ok();
        let (system, app, made_at) = (next()?, next()?, Timestamp(next()?));
        Some(Snapshot { name: name.to_owned(), system, app, made_at })
    }

    /// Until when it is kept.
    pub fn until(&self) -> Timestamp {
        self.made_at.plus(KEEP_SNAPSHOTS)
    }

    /// Its name, and until when it is kept.
    pub(super) fn kept(&self) -> (&str, Timestamp) {
        (&self.name, self.until())
    }
}

/// The name of a file that cannot be read and is put away now, and until when it is kept.
pub(crate) fn name_of_damaged(now: Timestamp) -> (String, Timestamp) {
    (format!("{DAMAGED}{}.db", now.0), now.plus(KEEP_SNAPSHOTS))
}

/// Whether a file of that name could not be read when it was put away.
pub(in crate::tenancy) fn is_damaged(name: &str) -> bool {
    name.starts_with(DAMAGED)
}

/// All that is kept for a while in a directory, whatever it is good for: names, and until when. The one that stays longest is the
/// last.
fn kept_in(directory: &Path) -> Vec<(String, Timestamp)> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut all: Vec<(String, Timestamp)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let until = match name.strip_prefix(DAMAGED) {
                // Its log has a longer name, and goes with it.
                Some(rest) => Timestamp(rest.strip_suffix(".db")?.parse().ok()?).plus(KEEP_SNAPSHOTS),
                None => Snapshot::parse(&name)?.until(),
            };
            Some((name, until))
        })
        .collect();
    all.sort_by_key(|(_, until)| *until);
    all
}

/// The copies in a directory, the oldest first.
fn snapshots_in(directory: &Path) -> Vec<Snapshot> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut all: Vec<Snapshot> =
        entries.filter_map(|entry| Snapshot::parse(&entry.file_name().to_string_lossy())).collect();
    all.sort_by_key(|snapshot| snapshot.made_at);
    all
}

/// Whether a copy of so many bytes leaves something free on the disk of that directory. Blocks.
fn has_room(directory: &Path, size: u64) -> Result<bool> {
    let room = rustix::fs::statvfs(directory).map_err(std::io::Error::from)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize) >= size.saturating_add(SPARE))
}

/// Refuses a copy of so many bytes that would leave nothing free on the disk of that directory. Blocks.
///
/// # Errors
/// 503 with this code.
pub(in crate::tenancy) fn require_room(directory: &Path, size: u64, code: &'static str) -> Result<()> {
    if has_room(directory, size)? {
        return Ok(());
    }
    let detail = format!("There is no room on the disk for a copy of {size} bytes. Make room.");
    Err(Error::unavailable(code, detail, 60))
}

/// Copies a file that is going to be migrated as it is opened, unless it is large. Where that fails it is migrated without:
/// somebody waits for it, and a migration that fails changes nothing. Blocks.
pub(in crate::tenancy) fn copy_on_open(
    path: &Path,
    directory: &Path,
    app: &App,
    now: Timestamp,
) -> Option<Snapshot> {
    let copied = (|| {
        let size = std::fs::metadata(path)?.len();
        if size > MOST_ON_OPEN {
            return Ok(None);
        }
        let file = Maintenance::open(path).map_err(Error::internal)?;
        let snapshot = Snapshot::of(&version_of(&file, app).map_err(Error::internal)?, now);
        take_snapshot(&file, size, directory, &snapshot)?;
        Ok::<_, Error>(Some(snapshot))
    })();
    copied.unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), error = ?error, "no copy was made of a file before it was migrated");
        None
    })
}

/// Copies a file of so many bytes as it is, damaged or not, into its tenant's directory of snapshots, beside those that are there.
/// Blocks.
pub(super) fn take_snapshot(
    source: &Maintenance,
    size: u64,
    directory: &Path,
    snapshot: &Snapshot,
) -> Result<()> {
    if !has_room(directory.parent().unwrap_or(directory), size)? {
        return Err(Error::new(
            Kind::Unavailable,
            "no_room_for_snapshots",
            format!(
                "There is no room on the disk for a copy of {size} bytes. Make room, or copy smaller files only."
            ),
        ));
    }
    make_directory(directory)?;
    let working = directory.join(UNFINISHED);
    remove_if_there(&working)?;
    source.copy_pages_into(&working)?;
    sync(&working)?;
    std::fs::rename(&working, directory.join(&snapshot.name))?;
    let (mut kept, mut over): (Vec<_>, Vec<_>) =
        snapshots_in(directory).into_iter().partition(|other| other.until() >= snapshot.made_at);
    // The first of a version is the one from before, the last has the most in it.
    kept.retain(|other| (other.system, other.app) == (snapshot.system, snapshot.app));
    let between = kept.len().saturating_sub(2);
    over.extend(kept.into_iter().skip(1).take(between));
    for old in over {
        remove_if_there(&directory.join(&old.name))?;
    }
    sync(directory)
}

pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The copy that was made before a migration which was cut off.
pub(super) fn snapshot_of_before(layout: &Layout, tenant: TenantId) -> Option<String> {
    snapshots_in(&layout.tenant_snapshots(tenant)).pop().map(|last| last.name)
}

impl Tenancy {
    /// Bytes of a tenant's file, without a look into it; 0 where there is none.
    pub fn file_bytes(&self, lease: &Lease) -> u64 {
        std::fs::metadata(self.layout.tenant_file(lease.tenant_id())).map_or(0, |file| file.len())
    }

    /// The copies of a tenant's file that are kept still, the oldest first.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn list_snapshots(self: &Arc<Tenancy>, lease: &Lease) -> Result<Vec<Snapshot>> {
        let (directory, now) = (self.layout.tenant_snapshots(lease.tenant_id()), self.clock.now());
        blocking(move || {
            let mut all = snapshots_in(&directory);
            all.retain(|snapshot| snapshot.until() >= now);
            Ok(all)
        })
        .await
    }

    /// Where a copy of a tenant's file is.
    pub fn snapshot_path(&self, lease: &Lease, snapshot: &Snapshot) -> PathBuf {
        self.layout.tenant_snapshots(lease.tenant_id()).join(&snapshot.name)
    }

    /// Removes the copies of a tenant's file that have had their time, and what was left of unfinished ones; the newest
    /// that stays, and until when.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn expire_snapshots(self: &Arc<Tenancy>, lease: Lease) -> Result<Option<(String, Timestamp)>> {
        let id = lease.tenant_id();
        let (directory, now) = (self.layout.tenant_snapshots(id), self.clock.now());
        // A migration makes no copy meanwhile.
        let _gate = self.files.gate(id).await;
        blocking(move || {
            if !directory.exists() {
                return Ok(None);
            }
            remove_if_there(&directory.join(UNFINISHED))?;
            let (mut kept, expired): (Vec<_>, Vec<_>) =
                kept_in(&directory).into_iter().partition(|(_, until)| *until >= now);
            for (name, _) in expired {
                remove_if_there(&directory.join(format!("{name}-wal")))?;
                remove_if_there(&directory.join(&name))?;
            }
            if kept.is_empty() {
                // Something else in it stays, and it with that.
                let _ = std::fs::remove_dir(&directory);
            }
            Ok(kept.pop())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::App;
    use crate::tenancy::provision::{NewFile, Template};

    #[test]
    fn of_each_version_the_first_and_the_last_copy_are_kept_and_none_beyond_its_time() {
        let place = tempfile::TempDir::new().unwrap();
        let layout = Layout::create(place.path()).unwrap();
        let template = Template::build(&layout, &App::load(None).unwrap(), Timestamp(0)).unwrap();
        let id = TenantId::new(Timestamp(1));
        template.copy_to(&layout, &NewFile { id, epoch: 1, entitlements: None }, Timestamp(0)).unwrap();
        let take = |app, at| {
            let version = FileVersion { system: 1, app, fingerprint: String::new() };
            let snapshot = Snapshot::of(&version, Timestamp(at));
            let file = Maintenance::open(&layout.tenant_file(id)).unwrap();
            take_snapshot(&file, 1, &layout.tenant_snapshots(id), &snapshot).unwrap();
            assert_eq!(Snapshot::parse(&snapshot.name), Some(snapshot));
        };
        let kept = || -> Vec<(i64, i64)> {
            let all = snapshots_in(&layout.tenant_snapshots(id));
            all.iter().map(|one| (one.app, one.made_at.0)).collect()
        };
        for (app, at) in [(1, 10), (1, 20), (2, 30), (1, 40), (1, 50)] {
            take(app, at);
        }
        assert_eq!(kept(), [(1, 10), (2, 30), (1, 50)]);
        take(3, 30 + KEEP_SNAPSHOTS);
        assert_eq!(kept(), [(2, 30), (1, 50), (3, 30 + KEEP_SNAPSHOTS)]);
        for name in [UNFINISHED, "000001-000002.db", "x-1-2.db", "1-2-3", "-.db"] {
            assert_eq!(Snapshot::parse(name), None, "{name}");
        }
    }
}
