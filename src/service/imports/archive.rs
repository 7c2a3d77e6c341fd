//! The zip file of an import. It comes from anywhere: nothing that it says is believed before it was counted.

mod entries;
mod unpacked;

pub(super) use unpacked::{Contents, Unpacked, uploads};

use super::lines::{FlatRow, each_line, read_fault};
use crate::error::{Error, Result};
use crate::service::exports::file_name_of;
use crate::tenancy::import_refused;
use entries::{count_entries, is_known};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use zip::{CompressionMethod, ZipArchive};

/// Bytes of manifest.json.
const LARGEST_MANIFEST: u64 = 16 << 20;
/// Bytes of one row of a search index.
const LONGEST_ROW: u64 = 64 << 20;
/// All entries together may have so many times the largest zip file that is taken in.
const MOST_UNPACKED: u64 = 10;
/// And one of them so many times its own size in the zip file, beyond a megabyte.
const MOST_RATIO: u64 = 250;
const SMALL: u64 = 1 << 20;
/// What manifest.json says.
#[derive(Deserialize)]
pub(super) struct Manifest {
    format: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) installation: String,
    #[serde(default)]
    pub(super) tenant: ManifestTenant,
    #[serde(default)]
    pub(super) exported_at: String,
    #[serde(default)]
    records: BTreeMap<String, u64>,
    files: Vec<ManifestFile>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ManifestTenant {
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) name: String,
}

#[derive(Deserialize)]
struct ManifestFile {
    path: String,
    size_bytes: u64,
    sha256: String,
}

/// A zip file whose list of entries is in order.
pub(super) struct Archive {
    zip: ZipArchive<File>,
    pub(super) manifest: Manifest,
    /// Size and digest by name, as the manifest has them.
    listed: HashMap<String, (u64, String)>,
}

fn unreadable(error: &zip::result::ZipError) -> Error {
    import_refused(format!("the zip file cannot be read: {error}"))
}

impl Archive {
    /// Opens it and looks at the list of its entries, of which `most_bytes` may be in the zip file.
    ///
    /// # Errors
    /// 422 `import_refused` that says what is wrong.
    pub(super) fn open(path: &Path, most_bytes: u64) -> Result<Archive> {
        let mut file = File::open(path)?;
        let count = count_entries(&mut file)?;
        let mut zip = ZipArchive::new(file).map_err(|error| unreadable(&error))?;
        if zip.len() as u64 != count {
            return Err(import_refused("two of its entries have one name"));
        }
        let mut unpacked = 0_u64;
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(|error| unreadable(&error))?;
            let name = std::str::from_utf8(entry.name_raw())
                .map_err(|_| import_refused("the name of an entry is no UTF-8"))?
                .to_owned();
            let refuse = |why: &str| Err(import_refused(format!("its entry {name:?} {why}")));
            if !is_known(&name) {
                return refuse("is none that an export has");
            }
            let kind = entry.unix_mode().map_or(0, |mode| mode & 0o170_000);
            if entry.is_dir() || entry.is_symlink() || ![0, 0o100_000].contains(&kind) {
                return refuse("is a link, a directory or a device");
            }
            if entry.encrypted() {
                return refuse("is encrypted");
            }
            if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
                return refuse("is compressed in another way than exports are");
            }
            let (size, packed) = (entry.size(), entry.compressed_size());
            unpacked = unpacked.saturating_add(size);
            if size > SMALL && size / MOST_RATIO > packed {
                return refuse("says to hold far more than its bytes can");
            }
            if unpacked > most_bytes.saturating_mul(MOST_UNPACKED) {
                return Err(import_refused("what is in it is larger than is taken in here"));
            }
        }
        let mut text = Vec::new();
        zip.by_name("manifest.json")
            .map_err(|_| import_refused("it has no manifest.json: it is no export of Tenantry"))?
            .take(LARGEST_MANIFEST)
            .read_to_end(&mut text)
            .map_err(|error| read_fault("manifest.json", error))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| import_refused(format!("manifest.json is none of an export: {error}")))?;
        if manifest.format != "tenantry.export.v1" {
            return Err(import_refused("its manifest is of another format than tenantry.export.v1"));
        }
        let listed: HashMap<String, (u64, String)> = manifest
            .files
            .iter()
            .map(|file| (file.path.clone(), (file.size_bytes, file.sha256.clone())))
            .collect();
        if listed.len() as u64 + 1 != count || listed.len() != manifest.files.len() {
            return Err(import_refused("its entries are not those that manifest.json lists"));
        }
        Ok(Archive { zip, manifest, listed })
    }

    /// How many rows the manifest promises.
    pub(super) fn rows_promised(&self) -> u64 {
        self.manifest.records.values().fold(0, |sum, rows| sum.saturating_add(*rows))
    }

    /// How many bytes all entries have, as the manifest says.
    pub(super) fn unpacked_bytes(&self) -> u64 {
        self.listed.values().fold(0, |sum, (size, _)| sum.saturating_add(*size))
    }

    /// Uploads of more bytes than that: their names, and how many each has.
    pub(super) fn uploads_beyond(&self, most: u64) -> impl Iterator<Item = (&str, u64)> {
        let uploads =
            self.listed.iter().filter_map(|(name, (size, _))| Some((name.strip_prefix("files/")?, *size)));
        uploads.filter(move |(_, size)| *size > most)
    }

    /// Hands each line of the file of a table to `act`; false where it has none.
    ///
    /// # Errors
    /// 422 `import_refused`; what `act` returns.
    pub(super) fn rows_of(
        &mut self,
        table: &str,
        act: &mut dyn FnMut(Map<String, Value>) -> Result<()>,
    ) -> Result<bool> {
        let name = format!("tables/{}.ndjson", file_name_of(table));
        if !self.listed.contains_key(&name) {
            return Ok(false);
        }
        let entry = self.zip.by_name(&name).map_err(|error| unreadable(&error))?;
        each_line(entry, &name, LONGEST_ROW, &mut |row: FlatRow| act(row.0))?;
        Ok(true)
    }
}
