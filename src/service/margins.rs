//! What each tenant brings in and costs in a month: invoices, what its usage cost, and what serving it took at the costs
//! of a unit that the settings say.

use super::Installation;
use crate::catalog::MonthOfTenant;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::money::{Amount, MICROS};
use crate::model::plan::Window;
use crate::rating::{Period, window_of};

/// One tenant in one month. Amounts are millionths of a minor unit of its currency.
#[derive(Clone, Debug)]
pub struct Margin {
    /// What is known of it.
    pub month: MonthOfTenant,
    /// What serving it cost, in millionths of a minor unit of `cost_currency`.
    pub serving: i64,
    /// What is left of its revenue; nothing is told where amounts are in several currencies.
    pub margin: Option<i64>,
}

const DATABASE_HOUR: i128 = 3_600_000_000;
const GIGABYTE: i128 = 1_000_000_000;

/// Margins of a month (`2026-03`, of UTC), tenant by tenant in the order of their ids; of one alone where it is named.
///
/// # Errors
/// 400 `bad_month`; 404 where the tenant that is named is unknown.
pub async fn list_margins(
    installation: &Installation,
    month: Option<&str>,
    only: Option<&str>,
    after: Option<TenantId>,
    limit: u32,
) -> Result<(Period, Vec<Margin>)> {
    let period = read_month(month, installation.clock().now().0)?;
    let only = match only {
        Some(selector) => Some(installation.catalog.tenant(selector).await?.id),
        None => None,
    };
    let read = installation.catalog.read(move |tx| match only {
        Some(tenant) => Ok(vec![tx.of(tenant).month(period)?]),
        None => tx.list_months(period, after, limit),
    });
    let months = read.await?;
    let config = installation.config();
    Ok((period, months.into_iter().map(|month| margin(config, month)).collect()))
}

fn read_month(month: Option<&str>, now: i64) -> Result<Period> {
    let moment = match month {
        None => now,
        Some(month) => {
            let is_month = month.len() == 7;
            let first = format!("{month}-01T00:00:00Z").parse::<crate::clock::Timestamp>();
            first.ok().filter(|_| is_month).map(|first| first.0).ok_or_else(|| {
                Error::malformed("bad_month", "month must be a year and a month, like 2026-03.")
            })?
        }
    };
    window_of("UTC", Window::Month, moment)
}

fn margin(config: &Config, month: MonthOfTenant) -> Margin {
    let costs = |quantity: i64, unit: &str, units: i128| {
        // The settings were read as amounts when they were loaded.
        let unit = Amount::parse(unit).unwrap_or_default();
        i128::from(quantity.max(0)) * i128::from(unit.0) / units
    };
    let serving = costs(month.database_us, &config.cost_database_hour_cents, DATABASE_HOUR)
        + costs(month.storage_bytes, &config.cost_storage_gb_month_cents, GIGABYTE)
        + costs(month.bytes_out, &config.cost_out_gb_cents, GIGABYTE);
    let serving = i64::try_from(serving).unwrap_or(i64::MAX);
    let is_one_currency =
        !month.has_other_currency && (serving == 0 || month.currency.code() == config.cost_currency);
    let left = || {
        let revenue = month.revenue.checked_mul(MICROS)?;
        revenue.checked_sub(month.event_cost)?.checked_sub(serving)
    };
    let margin = if is_one_currency { left() } else { None };
    Margin { month, serving, margin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_one_of_the_calendar() {
        let text = |period: Period| crate::clock::Timestamp(period.from).to_string();
        assert_eq!(text(read_month(Some("2024-02"), 0).unwrap()), "2024-02-01T00:00:00.000Z");
        assert_eq!(text(read_month(None, 0).unwrap()), "1970-01-01T00:00:00.000Z");
        for wrong in ["2024", "2024-13", "2024-2", "x", "2024-02-01"] {
            assert_eq!(read_month(Some(wrong), 0).unwrap_err().code(), "bad_month", "{wrong}");
        }
    }
}
