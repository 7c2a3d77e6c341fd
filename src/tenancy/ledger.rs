//! The ledger of erasures: an append-only file beside the backups. A catalog restored from a backup may have forgotten
//! an erasure; the ledger has not, and the erased tenant's file is refused.

use super::layout::sync;
use crate::error::Result;
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
    state: Mutex<State>,
}

struct State {
    tenants: HashSet<TenantId>,
    /// Whether the file ends in the middle of a line.
    torn: bool,
}

impl Ledger {
    /// Reads the ledger. A line that a crash cut off is let pass: its receipt is in the
    /// catalog and is written again.
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
        let torn = !text.is_empty() && !text.ends_with('\n');
        Ok(Ledger { path, state: Mutex::new(State { tenants, torn }) })
    }

    pub(super) fn tenants(&self) -> Vec<TenantId> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tenants.iter().copied().collect()
    }

    /// Appends a receipt, once per tenant. On disk when it returns. Blocks.
    pub(super) fn append(&self, tenant: TenantId, receipt: &Receipt) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.tenants.contains(&tenant) {
            return Ok(());
        }
        let end_of_torn = if state.torn { "\n" } else { "" };
        let line = format!("{end_of_torn}{}\n", serde_json::to_string(receipt)?);
        state.torn = true;
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        if let Some(directory) = self.path.parent() {
            sync(directory)?;
        }
        state.torn = false;
        state.tenants.insert(tenant);
        Ok(())
    }
}

fn tenant_of(line: &str) -> Option<TenantId> {
    let receipt: Receipt = serde_json::from_str(line).ok()?;
    let statement: Statement = serde_json::from_str(&receipt.statement).ok()?;
    TenantId::parse(&statement.tenant_id)
}
