//! Uploads: which names there are, and which content each has.

use super::TenantTx;
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::id::ContentId;
use crate::model::FilePath;
use crate::params;
use std::collections::HashSet;

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StoredFile {
    /// Its name.
    pub path: String,
    /// Which content it has; not for clients.
    #[serde(skip)]
    pub id: ContentId,
    /// How many bytes.
    pub size: u64,
    /// Digest of the content, in hex.
    pub sha256: String,
    /// Media type, by its content.
    pub content_type: String,
    /// When this name was first uploaded.
    pub created_at: Timestamp,
    /// Who did that.
    pub created_by: String,
    /// When this content was uploaded.
    pub updated_at: Timestamp,
    /// Who did that.
    pub updated_by: String,
}

/// Content that is to be called by a name.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// The name.
    pub path: FilePath,
    /// The content.
    pub id: ContentId,
    /// How many bytes.
    pub size: u64,
    /// Digest in hex.
    pub sha256: String,
    /// Media type.
    pub content_type: &'static str,
    /// Who uploads.
    pub by: String,
}

/// What all uploads of a tenant come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FilesTotal {
    /// How many.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
}

const COLUMNS: &str = "path, id, size, sha256, content_type, created_at, created_by, updated_at, updated_by";
/// Behind every name that begins with what stands before it: it is no character, so no name holds it.
const LAST: char = char::MAX;

impl TenantTx<'_> {
    /// The upload of that name.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_file(&self, path: &FilePath) -> Result<Option<StoredFile>> {
        let sql = format!("SELECT {COLUMNS} FROM _files WHERE path = ?1");
        Ok(self.tx.query_row(&sql, params![path.as_str()], read)?)
    }

    /// Uploads whose names begin with `prefix` and come behind `after`, in order.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_files(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<StoredFile>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM _files WHERE path >= ?1 AND path < ?2 AND path > ?3 ORDER BY path LIMIT ?4"
        );
        Ok(self.tx.query(&sql, params![prefix, format!("{prefix}{LAST}"), after, limit], read)?)
    }

    /// Gives a name to content, and takes it from what had it before, which is returned.
    ///
    /// # Errors
    /// 409 `path_taken` where a part of the name is a file, or the name the beginning of others.
    pub fn put_file(&self, new: &NewFile) -> Result<(StoredFile, Option<StoredFile>)> {
        let before = self.find_file(&new.path)?;
        if before.is_none() {
            self.refuse_taken(&new.path)?;
        }
        let now = self.now();
        let file = StoredFile {
            path: new.path.as_str().to_owned(),
            id: new.id,
            size: new.size,
            sha256: new.sha256.clone(),
            content_type: new.content_type.to_owned(),
            created_at: before.as_ref().map_or(now, |before| before.created_at),
            created_by: before.as_ref().map_or_else(|| new.by.clone(), |before| before.created_by.clone()),
            updated_at: now,
            updated_by: new.by.clone(),
        };
        self.tx.execute(
            "INSERT INTO _files (path, id, size, sha256, content_type, created_at, created_by, updated_at, updated_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (path) DO UPDATE SET id = excluded.id, size = excluded.size, sha256 = excluded.sha256,
               content_type = excluded.content_type, updated_at = excluded.updated_at,
               updated_by = excluded.updated_by",
            params![
                &file.path,
                file.id,
                count(file.size),
                &file.sha256,
                &file.content_type,
                file.created_at,
                &file.created_by,
                file.updated_at,
                &file.updated_by,
            ],
        )?;
        let more = count(file.size) - before.as_ref().map_or(0, |before| count(before.size));
        self.add_to_total(i64::from(before.is_none()), more)?;
        Ok((file, before))
    }

    /// Takes a name away and returns what had it.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_file(&self, path: &FilePath) -> Result<Option<StoredFile>> {
        let Some(file) = self.find_file(path)? else { return Ok(None) };
        self.tx.execute("DELETE FROM _files WHERE path = ?1", params![path.as_str()])?;
        self.add_to_total(-1, -count(file.size))?;
        Ok(Some(file))
    }

    /// Every content that has a name.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_contents(&self) -> Result<HashSet<ContentId>> {
        Ok(self.tx.query("SELECT id FROM _files", &[], |row| row.get(0))?.into_iter().collect())
    }

    /// What all uploads come to.
    ///
    /// # Errors
    /// As the database says.
    pub fn files_total(&self) -> Result<FilesTotal> {
        let total = self.tx.query_row("SELECT files, bytes FROM _files_total", &[], |row| {
            Ok(FilesTotal { files: unsigned(row.get(0)?), bytes: unsigned(row.get(1)?) })
        })?;
        Ok(total.unwrap_or_default())
    }

    /// How large the tenant's file is, without its log.
    ///
    /// # Errors
    /// As the database says.
    pub fn database_bytes(&self) -> Result<u64> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        Ok(unsigned(self.tx.query_row(sql, &[], |row| row.get(0))?.unwrap_or_default()))
    }

    fn add_to_total(self, files: i64, bytes: i64) -> Result<()> {
        self.tx.execute(
            "UPDATE _files_total SET files = files + ?1, bytes = bytes + ?2",
            params![files, bytes],
        )?;
        Ok(())
    }

    /// A name cannot be a file and a directory: no zip file of both can be unpacked.
    fn refuse_taken(self, path: &FilePath) -> Result<()> {
        let taken = |name: &str, is: &str| {
            Error::conflict(
                "path_taken",
                format!("{name:?} is {is}. Choose another name, or delete that first."),
            )
        };
        for parent in path.parents() {
            let is_file =
                self.tx.query_row("SELECT 1 FROM _files WHERE path = ?1", params![parent], |row| {
                    row.get::<i64>(0)
                })?;
            if is_file.is_some() {
                return Err(taken(parent, "a file, and can hold no others"));
            }
        }
        let below = format!("{}/", path.as_str());
        if self.list_files(&below, "", 1)?.is_empty() {
            return Ok(());
        }
        Err(taken(path.as_str(), "the beginning of other names, and can be no file"))
    }
}

fn read(row: &Row<'_>) -> Result<StoredFile, DbError> {
    Ok(StoredFile {
        path: row.get(0)?,
        id: row.get(1)?,
        size: unsigned(row.get(2)?),
        sha256: row.get(3)?,
        content_type: row.get(4)?,
        created_at: row.get(5)?,
        created_by: row.get(6)?,
        updated_at: row.get(7)?,
        updated_by: row.get(8)?,
    })
}

fn count(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn unsigned(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}
