//! The lines, one function for each kind.

use super::share;
use crate::error::{Error, Result};
use crate::model::invoice::{Basis, LineKind, MeterUsage, Service, Span, TaxRate};
use crate::model::plan::{Plan, Price, PriceModel};
use crate::rating::{Rated, RatedPart, RatedPartKind};
use jiff::tz::TimeZone;

/// A line before it has its place.
pub(super) struct Draft {
    pub(super) kind: LineKind,
    pub(super) service_period: Option<i64>,
    pub(super) meter: Option<String>,
    pub(super) description: String,
    pub(super) quantity: String,
    pub(super) unit: Option<String>,
    pub(super) amount: i64,
    pub(super) proof: Option<Proof>,
    pub(super) digest: Option<String>,
}

/// Which events a line rests on.
pub(super) struct Proof {
    pub(super) seqs: (Option<i64>, Option<i64>),
    pub(super) events: i64,
}

/// The fee of the plan, or the share of it that falls to a part of a period.
pub(super) fn fee(service: &Service, plan: &Plan, timezone: &str) -> Result<Option<Draft>> {
    let amount = share(service).of(plan.fee);
    if amount == 0 {
        return Ok(None);
    }
    let part = dates(service.part, timezone)?;
    let of_whole = if service.part == service.whole {
        String::new()
    } else {
        format!(", a part of {}", dates(service.whole, timezone)?)
    };
    let description = format!("{}, version {}: {part}{of_whole}", plan.title, service.version);
    Ok(Some(Draft {
        kind: LineKind::Fee,
        service_period: Some(service.number),
        meter: None,
        description,
        quantity: "1".to_owned(),
        unit: Some(amount.to_string()),
        amount,
        proof: None,
        digest: None,
    }))
}

/// What a meter's usage comes to: a line for what the fee covers, and one for each part of the rest.
pub(super) fn usage(service: &Service, price: &Price, used: &MeterUsage, rated: &Rated) -> Vec<Draft> {
    let line = |what: String, quantity: String, unit: Option<String>, amount: i64| {
        let description = format!("{}{what}", used.meter);
        let (proof, digest) = proof(used);
        Draft {
            kind: LineKind::Usage,
            service_period: Some(service.number),
            meter: Some(used.meter.clone()),
            description,
            quantity,
            unit,
            amount,
            proof,
            digest,
        }
    };
    let mut lines = Vec::with_capacity(rated.parts.len() + 1);
    if rated.included > 0 {
        let quantity = write_quantity(rated.included, used.scale);
        lines.push(line(", included".to_owned(), quantity, Some("0".to_owned()), 0));
    }
    for part in &rated.parts {
        let (what, quantity) = told(part, price, used.scale);
        let unit = (part.kind != RatedPartKind::Minimum).then(|| part.unit.to_string());
        lines.push(line(what, quantity, unit, part.minor));
    }
    lines
}

fn told(part: &RatedPart, price: &Price, scale: u8) -> (String, String) {
    let units = || write_quantity(part.quantity, scale);
    let single = || part.quantity.to_string();
    match part.kind {
        RatedPartKind::Units => (String::new(), units()),
        RatedPartKind::Tier(number) => (format!(", tier {}", number + 1), units()),
        RatedPartKind::TierFlat(number) => (format!(", tier {}, once", number + 1), single()),
        RatedPartKind::Packages => {
            let size = match price.model {
                PriceModel::Package { size, .. } => size.to_string(),
                _ => String::new(),
            };
            (format!(", packages of {size}"), single())
        }
        RatedPartKind::Flat => (", once".to_owned(), single()),
        RatedPartKind::Minimum => (", up to the minimum".to_owned(), single()),
    }
}

/// The one line for a meter of an earlier service period whose usage costs something else by now.
pub(super) fn adjustment(
    service: &Service,
    used: &MeterUsage,
    rated: &Rated,
    timezone: &str,
) -> Result<Option<Draft>> {
    let amount = rated.minor.checked_sub(used.booked).ok_or_else(super::too_much)?;
    if amount == 0 {
        return Ok(None);
    }
    let more = used.quantity.checked_sub(used.booked_quantity).ok_or_else(super::too_much)?;
    let (proof, digest) = proof(used);
    let description = format!(
        "{} of {}: {} instead of {}",
        used.meter,
        dates(service.part, timezone)?,
        write_quantity(used.quantity, used.scale),
        write_quantity(used.booked_quantity, used.scale)
    );
    Ok(Some(Draft {
        kind: LineKind::Adjustment,
        service_period: Some(service.number),
        meter: Some(used.meter.clone()),
        description,
        quantity: write_quantity(more, used.scale),
        unit: None,
        amount,
        proof,
        digest,
    }))
}

/// Credit that goes from the documents of one biller to those of the other. These are adjustments, which go to Stripe where
/// that sends the document.
pub(super) fn carried(basis: &Basis) -> impl Iterator<Item = Draft> {
    let from_other = if basis.by_stripe {
        "Credit of invoices that Stripe did not send"
    } else {
        "Credit of invoices that Stripe sent"
    };
    let back = "Credit of invoices that Stripe sent, given on other invoices since";
    let lines = [(from_other, -basis.carried), (back, basis.taken_back)];
    lines.into_iter().filter(|(_, amount)| *amount != 0).map(|(description, amount)| Draft {
        kind: LineKind::Adjustment,
        service_period: None,
        meter: None,
        description: description.to_owned(),
        quantity: "1".to_owned(),
        unit: Some(amount.to_string()),
        amount,
        proof: None,
        digest: None,
    })
}

/// Credit that is taken, or left to the next invoice.
pub(super) fn credit(net: i64, available: i64) -> Option<Draft> {
    let (description, amount) = if net < 0 {
        ("Carried over to the next invoice", net.checked_neg()?)
    } else {
        ("Credit of earlier invoices", -net.min(available.max(0)))
    };
    (amount != 0).then(|| Draft {
        kind: LineKind::Credit,
        service_period: None,
        meter: None,
        description: description.to_owned(),
        quantity: "1".to_owned(),
        unit: Some(amount.to_string()),
        amount,
        proof: None,
        digest: None,
    })
}

pub(super) fn tax_line(rate: &TaxRate, amount: i64) -> Draft {
    let id = rate.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    Draft {
        kind: LineKind::Tax,
        service_period: None,
        meter: None,
        description: format!("{} {} %{id}", rate.name, rate.percent),
        quantity: "1".to_owned(),
        unit: Some(amount.to_string()),
        amount,
        proof: None,
        digest: None,
    }
}

/// What Tenantry counts itself has no events to show.
fn proof(used: &MeterUsage) -> (Option<Proof>, Option<String>) {
    if used.is_built_in {
        return (None, None);
    }
    let proof = Proof { seqs: (used.seq_from, used.seq_to), events: used.events };
    (Some(proof), Some(used.digest.clone()))
}

/// A quantity with the meter's digits after the point, without zeros that say nothing.
fn write_quantity(units: i64, scale: u8) -> String {
    let digits = usize::from(scale);
    let text = format!("{:0>width$}", units.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = text.split_at(text.len() - digits);
    let fraction = fraction.trim_end_matches('0');
    let (sign, point) = (if units < 0 { "-" } else { "" }, if fraction.is_empty() { "" } else { "." });
    format!("{sign}{whole}{point}{fraction}")
}

/// The first and the last day of a stretch of time, by the calendar of a time zone.
fn dates(span: Span, timezone: &str) -> Result<String> {
    let zone = TimeZone::get(timezone).map_err(Error::internal)?;
    let day = |moment: i64| {
        let moment = jiff::Timestamp::from_millisecond(moment).map_err(Error::internal)?;
        Ok::<_, Error>(zone.to_datetime(moment).date())
    };
    Ok(format!("{} to {}", day(span.from.0)?, day(span.last().0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_without_zeros_that_say_nothing() {
        for (units, scale, text) in [
            (0, 0, "0"),
            (1_500, 0, "1500"),
            (1_500, 3, "1.5"),
            (-5, 3, "-0.005"),
            (1_000, 3, "1"),
            (i64::MIN, 9, "-9223372036.854775808"),
        ] {
            assert_eq!(write_quantity(units, scale), text);
        }
    }

    #[test]
    fn days_are_those_of_the_calendar_on_the_wall() {
        let at = |text: &str| text.parse().unwrap();
        let span = Span { from: at("2026-04-30T10:00:00Z"), to: at("2026-05-31T10:00:00Z") };
        assert_eq!(dates(span, "UTC").unwrap(), "2026-04-30 to 2026-05-31");
        assert_eq!(dates(span, "Pacific/Kiritimati").unwrap(), "2026-05-01 to 2026-05-31");
        let none = Span { to: span.from, ..span };
        assert_eq!(dates(none, "UTC").unwrap(), "2026-04-30 to 2026-04-30");
    }
}
