//! Tenants for which something is to be done, each with the lease to do it.

use super::{Lease, Tenancy};
use crate::catalog::Export;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TenantId;

/// Tenants that are billed in one go.
const CLOSINGS: u32 = 1_000;

impl Tenancy {
    /// Takes the tenants that were used since the last time, each with the lease to look at it.
    pub fn take_touched(&self) -> Vec<Lease> {
        self.requests.take_touched().into_iter().map(Lease::new).collect()
    }

    /// Takes the tenants whose people are to be told of a limit, each with the lease to do it.
    pub fn take_due_notices(&self) -> Vec<Lease> {
        self.warnings.take_due().into_iter().map(Lease::new).collect()
    }

    /// Takes tenants with a service period that ended at `ended` or before and is to be billed; of `only` one of them.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn claim_closings(&self, ended: Timestamp, only: Option<TenantId>) -> Result<Vec<Lease>> {
        let found = match only {
            Some(id) => vec![id],
            None => self.catalog.read(move |tx| tx.list_tenants_to_bill(ended, CLOSINGS)).await?,
        };
        Ok(found.into_iter().map(Lease::new).collect())
    }

    /// Takes tenants whose files do not have all their final invoices.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn claim_invoices_to_keep(&self) -> Result<Vec<Lease>> {
        let found = self.catalog.read(|tx| tx.list_tenants_with_invoices_to_keep(CLOSINGS)).await?;
        Ok(found.into_iter().map(Lease::new).collect())
    }

    /// Takes the export that waits longest, with the lease to do it.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn claim_export(&self) -> Result<Option<(Lease, Export)>> {
        // A read first: this is asked every second, and the writer has better things to do.
        if !self.catalog.read(|tx| tx.has_queued_export()).await? {
            return Ok(None);
        }
        let claimed = self.catalog.write("claim_export", |tx| tx.claim_export()).await?;
        Ok(claimed.map(|export| (Lease::new(export.tenant), export)))
    }
}
