//! The ledger of erasures: an append-only file beside the backups. A catalog restored from a backup may have forgotten
//! an erasure; the ledger has not, and the erased tenant's file is refused.

use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::receipt::{Receipt, Statement};
use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

pub(super) struct Ledger {
    path: PathBuf,
    tenants: Mutex<HashSet<TenantId>>,
}

impl Ledger {
    /// Reads the ledger. A line that was cut off by a crash at the very end is let pass: its erasure is done again.
    pub(super) fn open(path: PathBuf) -> Result<Ledger> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.into()),
        };
        let mut tenants = HashSet::new();
        for (number, line) in text.lines().enumerate() {
            match tenant_of(line) {
                Some(tenant) => drop(tenants.insert(tenant)),
                None => tracing::error!(
                    line = number + 1,
                    "the ledger of erasures has a line that cannot be read"
                ),
            }
        }
        Ok(Ledger { path, tenants: Mutex::new(tenants) })
    }

    pub(super) fn tenants(&self) -> Vec<TenantId> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Appends a receipt, once per tenant. On disk when it returns. Blocks.
    pub(super) fn append(&self, tenant: TenantId, receipt: &Receipt) -> Result<()> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if !tenants.insert(tenant) {
            return Ok(());
        }
        let mut line = serde_json::to_string(receipt)?;
        line.push('\n');
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)
            .and_then(|mut file| file.write_all(line.as_bytes()).and_then(|()| file.sync_all()));
        if let Err(error) = written {
            tenants.remove(&tenant);
            return Err(Error::from(error));
        }
        Ok(())
    }
}

fn tenant_of(line: &str) -> Option<TenantId> {
    let receipt: Receipt = serde_json::from_str(line).ok()?;
    let statement: Statement = serde_json::from_str(&receipt.statement).ok()?;
    TenantId::parse(&statement.tenant_id)
}
