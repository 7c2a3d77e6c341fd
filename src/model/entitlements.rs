//! What a tenant may use: its plan as its own file keeps it, which is what is enforced.

use super::plan::Plan;
use crate::error::{Error, Result};
use serde_json::{Value, json};

/// What a tenant may use. Moments are milliseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlements {
    /// The number of the change that made it so; the catalog's `tenants.entitlements`.
    pub revision: i64,
    /// Key of the plan.
    pub plan: String,
    /// Version of the plan.
    pub version: i64,
    /// How the subscription stands: `trialing`, `active`, `past_due`, `canceled`.
    pub status: String,
    /// The time zone that the period goes by.
    pub timezone: String,
    /// When the period began.
    pub period_start: i64,
    /// When it ends.
    pub period_end: i64,
    /// What usage may cost in a period, in minor units of the plan's currency; any amount where nothing is said.
    pub spend_cap: Option<i64>,
    /// What the plan says: prices, limits, seats, features, currency.
    pub terms: Plan,
}

impl Entitlements {
    /// As JSON text.
    pub fn write(&self) -> String {
        let mut body = json!({
            "revision": self.revision,
            "plan": self.plan,
            "version": self.version,
            "status": self.status,
            "timezone": self.timezone,
            "period": { "start": self.period_start, "end": self.period_end },
            "spend_cap": self.spend_cap,
        });
        body["terms"] = Value::Object(self.terms.document());
        body.to_string()
    }

    /// Reads what [`Entitlements::write`] wrote.
    ///
    /// # Errors
    /// A text that it did not write.
    pub fn read(text: &str) -> Result<Entitlements> {
        let mut body: Value = serde_json::from_str(text)?;
        let broken = |name: &str| Error::internal(format!("entitlements cannot be read: {name}"));
        let terms = Plan::published(&body["terms"].take().to_string())?;
        let number = |value: &Value, name: &str| value.as_i64().ok_or_else(|| broken(name));
        let word = |name: &str| body[name].as_str().map(str::to_owned).ok_or_else(|| broken(name));
        Ok(Entitlements {
            revision: number(&body["revision"], "revision")?,
            plan: word("plan")?,
            version: number(&body["version"], "version")?,
            status: word("status")?,
            timezone: word("timezone")?,
            period_start: number(&body["period"]["start"], "period")?,
            period_end: number(&body["period"]["end"], "period")?,
            spend_cap: body["spend_cap"].as_i64(),
            terms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for spend_cap in [None, Some(10_000)] {
            let entitlements = Entitlements {
                revision: 7,
                plan: "pro".to_owned(),
                version: 2,
                status: "active".to_owned(),
                timezone: "Europe/Berlin".to_owned(),
                period_start: 1,
                period_end: 2,
                spend_cap,
                terms: Plan { seats: Some(3), ..Plan::free("Pro") },
            };
            assert_eq!(Entitlements::read(&entitlements.write()).unwrap(), entitlements);
        }
        assert!(Entitlements::read("{}").is_err());
    }
}
