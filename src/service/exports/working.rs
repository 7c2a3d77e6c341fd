//! The directory in which an export is made, and the lists that are put there before the archive is written.

use crate::catalog::Member;
use crate::error::Result;
use crate::paced;
use crate::tenancy::tx::records::harmless;
use crate::tenancy::{TenantScope, blocking};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// Rows of one read of members or audit entries.
const PAGE: u32 = 5_000;

/// The directory of an unfinished export; gone when it is done, however that ends.
pub(super) struct Working(paced::Working);

impl Working {
    /// Makes it. Blocks.
    pub(super) fn create(path: PathBuf) -> Result<Working> {
        std::fs::create_dir_all(&path)?;
        Ok(Working(paced::Working::new(path)))
    }

    /// The place of one file in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes `members.csv`.
    pub(super) async fn spool_members(&self, scope: &TenantScope) -> Result<()> {
        let path = self.path("members.csv");
        let mut out = blocking(move || begin_members(&path)).await?;
        let mut after = None;
        loop {
            let page = scope.catalog().read(move |of| of.list_members(after, PAGE)).await?;
            let next = page.last().map(|last| (last.joined_at, last.identity_id));
            let full = page.len() == PAGE as usize;
            out = blocking(move || {
                page.iter().try_for_each(|member| write_member(&mut out, member))?;
                Ok(out)
            })
            .await?;
            if !full {
                return blocking(move || Ok(out.flush()?)).await;
            }
            after = next;
        }
    }

    /// Writes `invoices.ndjson`.
    pub(super) async fn spool_invoices(&self, scope: &TenantScope) -> Result<()> {
        let text = scope.catalog().read(crate::service::invoices::exported).await?;
        let path = self.path("invoices.ndjson");
        blocking(move || Ok(std::fs::write(path, text)?)).await
    }

    /// Writes `audit.ndjson`, and the checkpoints that vouch for it.
    pub(super) async fn spool_audit(&self, scope: &TenantScope) -> Result<()> {
        // First: no checkpoint is of an entry that is not there.
        let checkpoints =
            scope.catalog().read(|of| of.catalog().list_checkpoints(&of.tenant_id().to_string())).await?;
        let path = self.path("audit-checkpoints.ndjson");
        blocking(move || Ok(std::fs::write(path, checkpoints.join("\n") + "\n")?)).await?;
        let path = self.path("audit.ndjson");
        let mut out = blocking(move || Ok(BufWriter::new(File::create(path)?))).await?;
        let mut after = 0;
        loop {
            let page = scope
                .catalog()
                .read(move |of| of.catalog().list_audit_chain(&of.tenant_id().to_string(), after, PAGE))
                .await?;
            let full = page.len() == PAGE as usize;
            after = page.last().map_or(after, |last| last.seq);
            out = blocking(move || {
                for entry in &page {
                    serde_json::to_writer(&mut out, entry)?;
                    out.write_all(b"\n")?;
                }
                Ok(out)
            })
            .await?;
            if !full {
                return blocking(move || Ok(out.flush()?)).await;
            }
        }
    }
}

fn begin_members(path: &Path) -> Result<csv::Writer<File>> {
    let mut out = csv::Writer::from_path(path)?;
    out.write_record(["identity_id", "kind", "email", "name", "role", "status", "joined_at"])?;
    Ok(out)
}

fn write_member(out: &mut csv::Writer<File>, member: &Member) -> Result<()> {
    Ok(out.write_record([
        member.identity_id.to_string(),
        member.kind.clone(),
        harmless(member.email.clone().unwrap_or_default()),
        harmless(member.name.clone()),
        harmless(member.role.clone()),
        member.status.clone(),
        member.joined_at.to_string(),
    ])?)
}
