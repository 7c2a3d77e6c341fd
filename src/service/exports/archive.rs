//! The zip file of an export.

use super::uploads;
use super::working::Working;
use crate::catalog::Tenant;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::hex::hex;
use crate::tenancy::tx::records::{dump_cells, dump_json, harmless};
use crate::tenancy::{ExportCopy, Tenancy, TenantScope};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What may stand in the name of a file in the zip: a table may be called `../x`.
const FILE_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// What files of a table are called in the zip, before their extension.
pub(in crate::service) fn file_name_of(table: &str) -> String {
    utf8_percent_encode(table, FILE_NAME).to_string()
}

/// Why a table has no files of its own in the zip.
const KEEPS_NO_ROWS: &str = "an index that keeps no rows of its own; data.db has it as it is";

/// An archive to be written.
pub(super) struct Archive {
    pub(super) tenant: Tenant,
    pub(super) installation: String,
    pub(super) at: Timestamp,
    /// Where members.csv and audit.ndjson are, and where the copy of the database goes.
    pub(super) working: Working,
    pub(super) target: PathBuf,
    pub(super) tenancy: Arc<Tenancy>,
    /// 0-100.
    pub(super) progress: watch::Sender<i64>,
}

/// An archive that was written.
pub(super) struct Finished {
    pub(super) size: i64,
    pub(super) sha256: String,
}

impl Archive {
    /// Writes it. Blocks.
    pub(super) fn write(self, scope: &TenantScope) -> Result<Finished> {
        let (list, events) = (self.working.path("files.list"), self.working.path("usage_events.ndjson"));
        let copy = ExportCopy::make(scope, &self.tenancy, &self.working.path("data.db"), &list, &events)?;
        let unfinished = self.working.path("export.zip");
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&unfinished)?;
        let mut zip = Entries { zip: ZipWriter::new(file), manifest: Vec::new() };
        let mut counts = serde_json::Map::new();
        let tables = copy.tables().to_vec();
        for (index, table) in tables.iter().enumerate() {
            let name = file_name_of(&table.name);
            let mut rows = 0_u64;
            zip.entry(&format!("tables/{name}.ndjson"), |out| {
                copy.read(|tx| {
                    dump_json(tx, table, |line| {
                        rows += 1;
                        Ok(out.write_all(line)?)
                    })
                })
            })?;
            zip.entry(&format!("tables/{name}.csv"), |out| {
                let mut csv = csv::Writer::from_writer(out);
                let header = table.visible.iter().filter_map(|index| table.columns.get(*index));
                csv.write_record(header.map(|column| harmless(column.name.clone())))?;
                copy.read(|tx| dump_cells(tx, table, |cells| Ok(csv.write_record(cells)?)))?;
                Ok(csv.flush()?)
            })?;
            counts.insert(table.name.clone(), rows.into());
            let done = (index + 1) * 50 / tables.len().max(1);
            self.progress.send_replace(i64::try_from(done).unwrap_or(50));
        }
        let left_out: Vec<_> =
            copy.indexes().iter().map(|name| json!({ "table": name, "reason": KEEPS_NO_ROWS })).collect();
        let database = copy.close();
        zip.file("data.db", &database)?;
        zip.file("usage_events.ndjson", &events)?;
        zip.file("members.csv", &self.working.path("members.csv"))?;
        for name in ["invoices.ndjson", "audit.ndjson", "audit-checkpoints.ndjson"] {
            zip.file(name, &self.working.path(name))?;
        }
        let uploads = uploads::write(&mut zip, scope, &list, |percent| {
            self.progress.send_replace(50 + i64::try_from(percent * 45 / 100).unwrap_or(45));
        })?;
        let manifest = json!({
            "format": "tenantry.export.v1",
            "version": env!("CARGO_PKG_VERSION"),
            "installation": self.installation,
            "tenant": { "id": self.tenant.id, "slug": self.tenant.slug, "name": self.tenant.name },
            "exported_at": self.at,
            "records": counts,
            "left_out": left_out,
            "uploads": uploads.describe(),
            "files": std::mem::take(&mut zip.manifest),
        });
        zip.entry("manifest.json", |out| Ok(serde_json::to_writer_pretty(out, &manifest)?))?;
        zip.zip.finish().map_err(Error::internal)?.sync_all()?;
        self.publish(&unfinished)
    }

    /// Digests the finished file and moves it to where it is downloaded from.
    fn publish(&self, unfinished: &Path) -> Result<Finished> {
        let mut digest = Sha256::new();
        let size = io::copy(&mut File::open(unfinished)?, &mut DigestWriter(&mut digest))?;
        let Some(directory) = self.target.parent() else {
            return Err(Error::internal("an export without a place"));
        };
        // An erasure either finds the file or keeps it from coming.
        self.tenancy.unless_fenced_blocking(self.tenant.id, || {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            Ok(std::fs::rename(unfinished, &self.target)?)
        })?;
        for parent in [Some(directory), directory.parent()].into_iter().flatten() {
            File::open(parent)?.sync_all()?;
        }
        Ok(Finished { size: i64::try_from(size).unwrap_or(i64::MAX), sha256: hex(&digest.finalize()) })
    }
}

/// A zip file that notes size and SHA-256 of each of its entries.
pub(super) struct Entries {
    zip: ZipWriter<File>,
    manifest: Vec<Entry>,
}

/// One entry, as the manifest lists it.
#[derive(Clone, serde::Serialize)]
pub(super) struct Entry {
    path: String,
    #[serde(rename = "size_bytes")]
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl Entries {
    pub(super) fn entry(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        self.entry_as(name, true, write).map(drop)
    }

    /// The same, with or without compression: most of what people upload is compressed already.
    pub(super) fn entry_as(
        &mut self,
        name: &str,
        compressed: bool,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<Entry> {
        let method = if compressed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let options =
            SimpleFileOptions::default().large_file(true).unix_permissions(0o600).compression_method(method);
        self.zip.start_file(name, options).map_err(Error::internal)?;
        let mut digest = Sha256::new();
        let mut out = io::BufWriter::new(Noting { inner: &mut self.zip, digest: &mut digest, size: 0 });
        write(&mut out)?;
        let size = out.into_inner().map_err(|error| Error::from(error.into_error()))?.size;
        let entry = Entry { path: name.to_owned(), size, sha256: hex(&digest.finalize()) };
        self.manifest.push(entry.clone());
        Ok(entry)
    }

    fn file(&mut self, name: &str, path: &Path) -> Result<()> {
        let mut file = File::open(path)?;
        self.entry(name, |out| {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = file.read(&mut buffer)?;
                if count == 0 {
                    return Ok(());
                }
                out.write_all(buffer.get(..count).unwrap_or_default())?;
            }
        })
    }
}

struct Noting<'w> {
    inner: &'w mut ZipWriter<File>,
    digest: &'w mut Sha256,
    size: u64,
}

impl Write for Noting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.digest.update(bytes.get(..count).unwrap_or_default());
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

struct DigestWriter<'d>(&'d mut Sha256);

impl Write for DigestWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
