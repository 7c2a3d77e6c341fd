//! Plans: published versions, which never change.

use super::CatalogTx;
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::model::plan::Plan;
use crate::params;
use crate::rating::PlanRef;

/// The plan of a tenant for which nobody chose one: no limits.
pub const DEFAULT_PLAN: &str = "default";
/// Plans, each with all its versions.
const MOST_PLANS: i64 = 200;

/// One published version of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanVersion {
    /// Its key.
    pub key: String,
    /// Its version, from 1.
    pub version: i64,
    /// What it says.
    pub plan: Plan,
    /// SHA-256 of that in its canonical form, in hex.
    pub digest: String,
    /// Since when.
    pub published_at: Timestamp,
}

impl PlanVersion {
    /// Its name.
    pub fn reference(&self) -> PlanRef {
        PlanRef { key: self.key.clone(), version: self.version }
    }
}

/// A version in a list of them.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PlanVersionLine {
    /// The version.
    pub version: i64,
    /// SHA-256 of what it says.
    pub digest: String,
    /// Since when.
    pub published_at: Timestamp,
    /// How many tenants are on it.
    pub tenants: i64,
    /// What it says.
    pub document: serde_json::Map<String, serde_json::Value>,
}

const COLUMNS: &str = "p.key, p.version, p.document, p.digest, p.published_at";

/// What [`COLUMNS`] reads; the document is parsed behind the row.
type Stored = (String, i64, String, String, Timestamp);

fn stored(row: &Row<'_>) -> Result<Stored, DbError> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

fn version_of((key, version, document, digest, published_at): Stored) -> Result<PlanVersion> {
    Ok(PlanVersion { key, version, plan: Plan::published(&document)?, digest, published_at })
}

impl CatalogTx<'_> {
    /// Publishes the default plan where there is none of that name.
    ///
    /// # Errors
    /// As the database says.
    pub fn ensure_default_plan(&self) -> Result<()> {
        if self.find_plan(DEFAULT_PLAN)?.is_none() {
            self.publish_plan(DEFAULT_PLAN, &Plan::free("Default"))?;
        }
        Ok(())
    }

    /// The newest version of a plan.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_plan(&self, key: &str) -> Result<Option<PlanVersion>> {
        let sql = format!("SELECT {COLUMNS} FROM plans p WHERE p.key = ?1 ORDER BY p.version DESC LIMIT 1");
        self.tx.query_row(&sql, params![key], stored)?.map(version_of).transpose()
    }

    /// One version of a plan.
    ///
    /// # Errors
    /// As the database says; a version that is named and does not exist is a fault of ours.
    pub fn plan_version(&self, plan: &PlanRef) -> Result<PlanVersion> {
        let sql = format!("SELECT {COLUMNS} FROM plans p WHERE p.key = ?1 AND p.version = ?2");
        let found = self.tx.query_row(&sql, params![&plan.key, plan.version], stored)?;
        let missing =
            || Error::internal(format!("there is no version {} of the plan {}", plan.version, plan.key));
        version_of(found.ok_or_else(missing)?)
    }

    /// The newest version of each plan, by key.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_plans(&self) -> Result<Vec<PlanVersion>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM plans p
             JOIN (SELECT key, max(version) AS version FROM plans GROUP BY key) newest
               ON newest.key = p.key AND newest.version = p.version
             ORDER BY p.key"
        );
        self.tx.query(&sql, &[], stored)?.into_iter().map(version_of).collect()
    }

    /// The newest version of each plan that is or was sold for a price at Stripe.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_plans_sold_for(&self, stripe_price: &str) -> Result<Vec<PlanVersion>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM plans p WHERE instr(p.document, ?1) > 0 ORDER BY p.key, p.version DESC"
        );
        let mut found: Vec<PlanVersion> = Vec::new();
        for stored in self.tx.query(&sql, params![stripe_price], stored)? {
            let version = version_of(stored)?;
            let is_newest = found.last().is_none_or(|last| last.key != version.key);
            if is_newest && version.plan.stripe_price.as_deref() == Some(stripe_price) {
                found.push(version);
            }
        }
        Ok(found)
    }

    /// Versions of a plan, the newest first, and how many tenants are on each.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_plan_versions(&self, key: &str, limit: u32) -> Result<Vec<PlanVersionLine>> {
        let sql = format!(
            "SELECT {COLUMNS},
               (SELECT count(*) FROM subscriptions s WHERE s.plan = p.key AND s.version = p.version)
             FROM plans p WHERE p.key = ?1 ORDER BY p.version DESC LIMIT ?2"
        );
        let lines = self.tx.query(&sql, params![key, limit], |row| Ok((stored(row)?, row.get(5)?)))?;
        let line = |(stored, tenants): (Stored, i64)| {
            let PlanVersion { version, plan, digest, published_at, .. } = version_of(stored)?;
            Ok(PlanVersionLine { version, digest, published_at, tenants, document: plan.document() })
        };
        lines.into_iter().map(line).collect()
    }

    /// How many tenants are on any version of a plan.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_tenants_on(&self, key: &str) -> Result<i64> {
        Ok(self.tx.count("SELECT count(*) FROM subscriptions WHERE plan = ?1", params![key])?)
    }

    /// Publishes another version of a plan, or its first.
    ///
    /// # Errors
    /// 409 `too_many_plans`.
    pub fn publish_plan(&self, key: &str, plan: &Plan) -> Result<PlanVersion> {
        let before = self.find_plan(key)?.map_or(0, |plan| plan.version);
        if before == 0 {
            let plans = self.tx.count("SELECT count(DISTINCT key) FROM plans", &[])?;
            if plans >= MOST_PLANS {
                let detail = format!(
                    "There are {MOST_PLANS} plans, which is the most. Publish a version of one of them."
                );
                return Err(Error::conflict("too_many_plans", detail));
            }
        }
        let published = PlanVersion {
            key: key.to_owned(),
            version: before + 1,
            plan: plan.clone(),
            digest: plan.digest(),
            published_at: self.now(),
        };
        self.tx.execute(
            "INSERT INTO plans (key, version, document, digest, seats, published_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![key, published.version, plan.canonical(), published.digest.as_str(), plan.seats, self.now()],
        )?;
        Ok(published)
    }
}
