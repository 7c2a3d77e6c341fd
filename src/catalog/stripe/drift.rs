//! Where Stripe and the catalog differed when that was last looked at.

use crate::catalog::CatalogTx;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TenantId;
use crate::params;

/// One thing that is another here than at Stripe.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StripeDrift {
    /// Id of the object at Stripe.
    pub object: String,
    /// What it is: customer, subscription or invoice.
    pub kind: String,
    /// What of it.
    pub field: String,
    /// Whose it is.
    pub tenant_id: Option<TenantId>,
    /// Here; nothing where it is unknown.
    pub here: Option<String>,
    /// At Stripe; nothing where it is unknown.
    pub there: Option<String>,
    /// When that was found.
    pub found_at: Timestamp,
    /// When it was put right.
    pub repaired_at: Option<Timestamp>,
}

impl CatalogTx<'_> {
    /// Puts what was found now in the place of what was found before.
    ///
    /// # Errors
    /// As the database says.
    pub fn replace_stripe_drift(&self, found: &[StripeDrift]) -> Result<()> {
        self.tx.execute("DELETE FROM stripe_drift", &[])?;
        for one in found {
            self.tx.execute(
                "INSERT INTO stripe_drift (object, kind, field, tenant_id, here, there, found_at, repaired_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (object, field) DO NOTHING",
                params![
                    one.object.as_str(),
                    one.kind.as_str(),
                    one.field.as_str(),
                    one.tenant_id,
                    one.here.as_deref(),
                    one.there.as_deref(),
                    one.found_at,
                    one.repaired_at
                ],
            )?;
        }
        Ok(())
    }

    /// What was found.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_stripe_drift(&self) -> Result<Vec<StripeDrift>> {
        Ok(self.tx.query(
            "SELECT object, kind, field, tenant_id, here, there, found_at, repaired_at FROM stripe_drift ORDER BY object, field",
            &[],
            |row| {
                Ok(StripeDrift {
                    object: row.get(0)?,
                    kind: row.get(1)?,
                    field: row.get(2)?,
                    tenant_id: row.get(3)?,
                    here: row.get(4)?,
                    there: row.get(5)?,
                    found_at: row.get(6)?,
                    repaired_at: row.get(7)?,
                })
            },
        )?)
    }
}
