//! Imports: exports that are to become tenants here, each of the identity that will own the tenant.

mod work;

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::id::{IdentityId, ImportId, TenantId};
use crate::params;

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportStatus {
    /// Its file is still coming in.
    Uploading,
    /// Waiting for its turn.
    Queued,
    /// Being looked at, or copied.
    Running,
    /// Looked at, and waiting for a decision.
    Previewed,
    /// A tenant.
    Ready,
    /// It went wrong; `error` says how.
    Failed,
    /// Nobody decided in time; its file is gone.
    Expired,
}

impl ImportStatus {
    fn parse(name: &str) -> ImportStatus {
        match name {
            "uploading" => ImportStatus::Uploading,
            "queued" => ImportStatus::Queued,
            "running" => ImportStatus::Running,
            "previewed" => ImportStatus::Previewed,
            "ready" => ImportStatus::Ready,
            "expired" => ImportStatus::Expired,
            _ => ImportStatus::Failed,
        }
    }
}

/// Who imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importer {
    /// Somebody for themselves, under the bounds of the settings.
    Person,
    /// An operator over the API.
    Operator,
    /// Whoever has the machine, for somebody who will own the tenant.
    Console,
}

impl Importer {
    fn name(self) -> &'static str {
        match self {
            Importer::Person => "person",
            Importer::Operator => "operator",
            Importer::Console => "console",
        }
    }

    fn parse(name: &str) -> Importer {
        match name {
            "operator" => Importer::Operator,
            "console" => Importer::Console,
            _ => Importer::Person,
        }
    }
}

/// What is wanted of an import.
#[derive(Clone, Debug, Default)]
pub struct ImportWish {
    /// Whether a tenant is made; else there is only a preview.
    pub apply: bool,
    /// The tenant's name; the exported one's where none is given.
    pub name: Option<String>,
    /// The tenant's slug; made of the name where none is given.
    pub slug: Option<String>,
    /// Whether the members of the exported tenant are invited.
    pub invite_members: bool,
}

/// One import.
#[derive(Clone, Debug)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// Who will own the tenant.
    pub owner: IdentityId,
    /// Who imports.
    pub importer: Importer,
    /// How far it is.
    pub status: ImportStatus,
    /// What is wanted.
    pub wish: ImportWish,
    /// 0-100.
    pub progress: i64,
    /// Size of the zip file.
    pub size_bytes: Option<i64>,
    /// SHA-256 of the zip file, in hex.
    pub sha256: Option<String>,
    /// What is in it, as JSON text.
    pub preview: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// The tenant that it became.
    pub tenant: Option<TenantId>,
    /// Slug of that tenant.
    pub tenant_slug: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was ready or failed.
    pub finished_at: Option<Timestamp>,
    /// Until when it waits for a decision.
    pub expires_at: Option<Timestamp>,
}

/// Imports of one identity that hold a file at the same time.
const MOST_OF_ONE: i64 = 3;
/// And of all.
const MOST_OF_ALL: i64 = 50;
/// States in which it has a file.
const WITH_FILE: &str = "('uploading', 'queued', 'running', 'previewed')";

const COLUMNS: &str = "i.id, i.identity_id, i.maker, i.status, i.apply, i.name, i.slug, i.invite_members, i.progress, \
     i.size_bytes, i.sha256, i.preview, i.error, i.tenant_id, i.created_at, i.finished_at, i.expires_at, \
     (SELECT t.slug FROM tenants t WHERE t.id = i.tenant_id)";

fn import(row: &Row<'_>) -> Result<Import, DbError> {
    let wish =
        ImportWish { apply: row.get(4)?, name: row.get(5)?, slug: row.get(6)?, invite_members: row.get(7)? };
    Ok(Import {
        id: row.get(0)?,
        owner: row.get(1)?,
        importer: Importer::parse(&row.get::<String>(2)?),
        status: ImportStatus::parse(&row.get::<String>(3)?),
        wish,
        progress: row.get(8)?,
        size_bytes: row.get(9)?,
        sha256: row.get(10)?,
        preview: row.get(11)?,
        error: row.get(12)?,
        tenant: row.get(13)?,
        created_at: row.get(14)?,
        finished_at: row.get(15)?,
        expires_at: row.get(16)?,
        tenant_slug: row.get(17)?,
    })
}

impl CatalogTx<'_> {
    /// Begins an import whose file is coming in.
    ///
    /// # Errors
    /// 409 `too_many_imports`; 503 `imports_busy` where the whole installation has too many.
    pub fn begin_import(&self, id: ImportId, owner: IdentityId, importer: Importer) -> Result<()> {
        let held = |and: &str, params: &[crate::db::Value]| {
            self.tx.count(&format!("SELECT count(*) FROM imports WHERE status IN {WITH_FILE}{and}"), params)
        };
        if importer == Importer::Person && held(" AND identity_id = ?1", params![owner])? >= MOST_OF_ONE {
            return Err(Error::conflict(
                "too_many_imports",
                format!(
                    "At most {MOST_OF_ONE} imports of one account may be on their way or wait for a decision. Apply or \
                     delete one of them."
                ),
            ));
        }
        if importer != Importer::Console && held("", &[])? >= MOST_OF_ALL {
            return Err(Error::unavailable(
                "imports_busy",
                "Too many imports are on their way here. Try again later.",
                300,
            ));
        }
        self.tx.execute(
            "INSERT INTO imports (id, identity_id, maker, status, created_at) VALUES (?1, ?2, ?3, 'uploading', ?4)",
            params![id, owner, importer.name(), self.now()],
        )?;
        Ok(())
    }

    /// Its file is there, and this is wanted of it.
    ///
    /// # Errors
    /// 404 if it is not coming in.
    pub fn queue_import(&self, id: ImportId, size: i64, sha256: &str, wish: &ImportWish) -> Result<()> {
        let queued = self.tx.execute(
            "UPDATE imports SET status = 'queued', size_bytes = ?2, sha256 = ?3, apply = ?4, name = ?5, slug = ?6,
               invite_members = ?7 WHERE id = ?1 AND status = 'uploading'",
            params![
                id,
                size,
                sha256,
                wish.apply,
                wish.name.as_deref(),
                wish.slug.as_deref(),
                wish.invite_members
            ],
        )?;
        if queued == 0 { Err(Error::not_found()) } else { Ok(()) }
    }

    /// The import of that id, if it is the identity's.
    ///
    /// # Errors
    /// 404 else.
    pub fn find_import(&self, owner: IdentityId, id: ImportId) -> Result<Import> {
        let sql = format!(
            "SELECT {COLUMNS} FROM imports i WHERE i.id = ?1 AND i.identity_id = ?2 AND i.status <> 'uploading'"
        );
        self.tx.query_row(&sql, params![id, owner], import)?.ok_or_else(Error::not_found)
    }

    /// Imports of an identity, newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_imports(&self, owner: IdentityId) -> Result<Vec<Import>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM imports i WHERE i.identity_id = ?1 AND i.status <> 'uploading'
             ORDER BY i.created_at DESC, i.id DESC LIMIT 100"
        );
        Ok(self.tx.query(&sql, params![owner], import)?)
    }

    /// Has a previewed import applied; what is not said stays as it was said before.
    ///
    /// # Errors
    /// 404; 409 `import_not_previewed` for one that does not wait for it.
    pub fn apply_import(&self, owner: IdentityId, id: ImportId, wish: &ImportWish) -> Result<Import> {
        let queued = self.tx.execute(
            "UPDATE imports SET status = 'queued', apply = 1, progress = 0, attempts = 0, name = coalesce(?3, name),
               slug = coalesce(?4, slug), invite_members = ?5
             WHERE id = ?1 AND identity_id = ?2 AND status = 'previewed' AND expires_at > ?6",
            params![id, owner, wish.name.as_deref(), wish.slug.as_deref(), wish.invite_members, self.now()],
        )?;
        let import = self.find_import(owner, id)?;
        if queued > 0 {
            return Ok(import);
        }
        Err(Error::conflict(
            "import_not_previewed",
            "Only an import with a preview that has not expired can be applied. Ask for its status.",
        ))
    }

    /// Gives an import up: its row is gone, its file is to be removed.
    ///
    /// # Errors
    /// 404; 409 `import_running`.
    pub fn delete_import(&self, owner: IdentityId, id: ImportId) -> Result<()> {
        if self.find_import(owner, id)?.status == ImportStatus::Running {
            return Err(Error::conflict(
                "import_running",
                "This import is being worked on. Wait until it is done.",
            ));
        }
        self.drop_import(id)
    }

    /// Removes the row of an import.
    ///
    /// # Errors
    /// As the database says.
    pub fn drop_import(&self, id: ImportId) -> Result<()> {
        self.tx.execute("DELETE FROM imports WHERE id = ?1", params![id])?;
        Ok(())
    }
}

impl OfTenant<'_> {
    /// Ids of the imports that the tenant was made of.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_ids_of_imports(&self) -> Result<Vec<ImportId>> {
        let sql = "SELECT id FROM imports WHERE tenant_id = ?1";
        Ok(self.tx().query(sql, params![self.tenant], |row| row.get(0))?)
    }
}
