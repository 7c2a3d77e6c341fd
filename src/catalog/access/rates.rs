//! How fast a tenant may ask: what its plan says, held in memory.

use crate::catalog::{Catalog, Tenant};
use crate::error::Result;
use crate::model::plan::Rate;
use crate::rating::PlanRef;

impl Catalog {
    /// What the plan of a tenant says of how fast it may ask.
    ///
    /// # Errors
    /// As the database says; a version that is named and does not exist is a fault of ours.
    pub async fn rate(&self, tenant: &Tenant) -> Result<Rate> {
        let key = (tenant.plan.clone(), tenant.plan_version);
        if let Some(rate) = self.access.rates.get(&key) {
            return Ok(rate);
        }
        let mark = self.access.rates.mark();
        let plan = PlanRef { key: key.0.clone(), version: key.1 };
        let rate = self.read(move |tx| Ok(tx.plan_version(&plan)?.plan.rate)).await?;
        self.access.rates.insert(mark, key, rate);
        Ok(rate)
    }
}
