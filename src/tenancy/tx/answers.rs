//! Answers to requests about a tenant that are not about its records, kept in its file.

use super::TenantTx;
use crate::catalog::Answers;

impl<'t> TenantTx<'t> {
    /// Answers that are kept in the tenant's file.
    pub fn answers(&self) -> Answers<'t> {
        Answers::of(self.tx)
    }
}
