//! Where Stripe and the catalog differ: found look by look, page by page, so that none of it is held in memory.

use crate::catalog::CatalogTx;
use crate::clock::Timestamp;
use crate::db::Value;
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

/// What is compared, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StripeObjects {
    /// Customers.
    Customers,
    /// Subscriptions.
    Subscriptions,
    /// Invoices.
    Invoices,
}

impl StripeObjects {
    const fn table(self) -> &'static str {
        match self {
            StripeObjects::Customers => "stripe_customers",
            StripeObjects::Subscriptions => "stripe_subscriptions",
            StripeObjects::Invoices => "stripe_invoices",
        }
    }
}

impl CatalogTx<'_> {
    /// Notes what a look found. What was found before is found again.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_stripe_drift(&self, look: i64, one: &StripeDrift) -> Result<()> {
        self.tx.execute(
            "INSERT INTO stripe_drift (object, kind, field, tenant_id, here, there, found_at, look)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (object, field) DO UPDATE SET tenant_id = ?4, here = ?5, there = ?6, found_at = ?7, look = ?8,
               repaired_at = NULL",
            params![
                one.object.as_str(),
                one.kind.as_str(),
                one.field.as_str(),
                one.tenant_id,
                one.here.as_deref(),
                one.there.as_deref(),
                one.found_at,
                look
            ],
        )?;
        Ok(())
    }

    /// Forgets one thing that was found: it is so no longer.
    ///
    /// # Errors
    /// As the database says.
    pub fn forget_stripe_drift(&self, object: &str, field: &str) -> Result<()> {
        self.tx
            .execute("DELETE FROM stripe_drift WHERE object = ?1 AND field = ?2", params![object, field])?;
        Ok(())
    }

    /// Notes of an object that a look has seen it at Stripe.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_stripe_compared(&self, look: i64, kind: StripeObjects, id: &str) -> Result<()> {
        let sql = format!("UPDATE {} SET compared = ?2 WHERE id = ?1", kind.table());
        self.tx.execute(&sql, params![id, look])?;
        Ok(())
    }

    /// Notes what a look has not seen at Stripe although it is known here: customers, subscriptions that count, and drafts
    /// made at `since` or later. Of subscriptions also those that count for nothing.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_stripe_absent(&self, look: i64, kind: StripeObjects, since: Timestamp) -> Result<()> {
        let absent = match kind {
            StripeObjects::Customers => {
                "SELECT id, 'customer', 'customer', tenant_id, tenant_id, NULL, ?2, ?1 FROM stripe_customers
                 WHERE compared < ?1 AND linked_at < ?1"
            }
            StripeObjects::Subscriptions => {
                "SELECT id, 'subscription', 'status', tenant_id, 'live', NULL, ?2, ?1 FROM stripe_subscriptions
                 WHERE compared < ?1 AND seen_at < ?1
                   AND status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
                 UNION ALL
                 SELECT id, 'subscription', 'counts for nothing', tenant_id, parked, status, ?2, ?1 FROM stripe_subscriptions
                 WHERE parked IS NOT NULL AND status NOT IN ('canceled', 'incomplete', 'incomplete_expired')"
            }
            StripeObjects::Invoices => {
                "SELECT id, 'invoice', 'status', tenant_id, status, NULL, ?2, ?1 FROM stripe_invoices
                 WHERE status = 'draft' AND created >= ?3 AND compared < ?1 AND seen_at < ?1"
            }
        };
        let sql = format!(
            "INSERT INTO stripe_drift (object, kind, field, tenant_id, here, there, found_at, look)
             SELECT * FROM ({absent}) AS absent WHERE true
             ON CONFLICT (object, field) DO UPDATE SET tenant_id = excluded.tenant_id, here = excluded.here,
               there = excluded.there, found_at = excluded.found_at, look = excluded.look, repaired_at = NULL"
        );
        let mut values: Vec<Value> = vec![look.into(), self.now().into()];
        values.extend((kind == StripeObjects::Invoices).then(|| Value::from(since)));
        self.tx.execute(&sql, &values)?;
        Ok(())
    }

    /// Ends a look: what it did not find is no longer told; after a repair (`repaired_since`: the look before it) what that
    /// one had found is told as repaired. Returns how much that is, and how much differs.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_stripe_look(&self, look: i64, repaired_since: Option<i64>) -> Result<(i64, i64)> {
        let before = repaired_since.unwrap_or(look);
        // What was noted beside this look (as of none) may be newer than what it saw.
        self.tx.execute(
            "DELETE FROM stripe_drift WHERE look NOT IN (?1, ?2) AND NOT (look = 0 AND found_at >= ?1)",
            params![look, before],
        )?;
        let repaired = self.tx.execute(
            "UPDATE stripe_drift SET repaired_at = ?3, look = ?1 WHERE look = ?2 AND look <> ?1",
            params![look, before, self.now()],
        )?;
        let left = self.tx.count("SELECT count(*) FROM stripe_drift WHERE repaired_at IS NULL", &[])?;
        Ok((i64::try_from(repaired).unwrap_or(i64::MAX), left))
    }

    /// What was found, in the order of ids and fields, and how much that is in all.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_stripe_drift(&self, limit: u32) -> Result<(Vec<StripeDrift>, i64)> {
        let items = self.tx.query(
            "SELECT object, kind, field, tenant_id, here, there, found_at, repaired_at FROM stripe_drift
             ORDER BY object, field LIMIT ?1",
            params![limit],
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
        )?;
        Ok((items, self.tx.count("SELECT count(*) FROM stripe_drift", &[])?))
    }

    /// Objects that a look found, behind `after` (kind and id): customers first, the rest is of one of them. With each the
    /// tenant that Stripe names, where it is a customer that nobody knows.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_drifted(
        &self,
        look: i64,
        after: &(String, String),
        limit: u32,
    ) -> Result<Vec<(String, String, Option<String>)>> {
        Ok(self.tx.query(
            "SELECT kind, object, max(CASE WHEN kind = 'customer' AND here IS NULL THEN there END) FROM stripe_drift
             WHERE look = ?1 AND (kind, object) > (?2, ?3) GROUP BY kind, object ORDER BY kind, object LIMIT ?4",
            params![look, after.0.as_str(), after.1.as_str(), limit],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?)
    }
}
