//! The ledger of erasures: an append-only file beside the backups. A catalog restored from a backup may have forgotten
//! an erasure; the ledger has not, and the erased tenant's file is refused.

use super::layout::sync;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::receipt::{Receipt, Statement};
use std::collections::{HashMap, HashSet};
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
    /// The beginnings of the signatures of all receipts that stand there.
    receipts: HashSet<Box<str>>,
    /// Whether the file ends in the middle of a line.
    torn: bool,
}

impl Ledger {
    /// Reads the ledger. A line that a crash cut off is let pass: its receipt is in the
    /// catalog and is written again.
    pub(super) fn open(path: PathBuf) -> Result<Ledger> {
        let ledger = Ledger {
            path,
            state: Mutex::new(State { tenants: HashSet::new(), receipts: HashSet::new(), torn: false }),
        };
        let text = ledger.text()?;
        let mut state = ledger.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, line) in text.lines().enumerate() {
            match receipt_of(line) {
                Some((tenant, receipt)) => {
                    state.tenants.insert(tenant);
                    state.receipts.insert(mark(&receipt));
                }
                None => tracing::error!(
                    line = number + 1,
                    "the ledger of erasures has a line that cannot be read"
                ),
            }
        }
        state.torn = !text.is_empty() && !text.ends_with('\n');
        drop(state);
        Ok(ledger)
    }

    pub(super) fn tenants(&self) -> Vec<TenantId> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tenants.iter().copied().collect()
    }

    /// The last line of each tenant. Blocks.
    pub(super) fn read(&self) -> Result<HashMap<TenantId, String>> {
        let text = self.text()?;
        Ok(text.lines().filter_map(|line| Some((receipt_of(line)?.0, line.to_owned()))).collect())
    }

    fn text(&self) -> Result<String> {
        match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            other => Ok(other?),
        }
    }

    /// Appends a receipt, once. On disk when it returns. Blocks.
    pub(super) fn append(&self, tenant: TenantId, receipt: &Receipt) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.receipts.contains(&mark(receipt)) {
            return Ok(());
        }
        let end_of_torn = if state.torn { "\n" } else { "" };
        let line = format!("{end_of_torn}{}\n", serde_json::to_string(receipt)?);
        state.torn = true;
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        crate::fault::step();
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        crate::fault::step();
        if let Some(directory) = self.path.parent() {
            sync(directory)?;
        }
        state.torn = false;
        state.tenants.insert(tenant);
        state.receipts.insert(mark(receipt));
        Ok(())
    }
}

/// What tells one receipt from all others.
fn mark(receipt: &Receipt) -> Box<str> {
    receipt.signature.chars().take(32).collect()
}

fn receipt_of(line: &str) -> Option<(TenantId, Receipt)> {
    let receipt: Receipt = serde_json::from_str(line).ok()?;
    let statement: Statement = serde_json::from_str(&receipt.statement).ok()?;
    Some((TenantId::parse(&statement.tenant_id)?, receipt))
}
