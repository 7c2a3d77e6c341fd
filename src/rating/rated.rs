//! What the usage of one meter costs in one service period.

use super::exact::{Exact, Overflow};
use super::share::Share;
use super::split::apportion;
use crate::model::money::Amount;
use crate::model::plan::Decimal;
use crate::model::plan::{Price, PriceModel, Tier};

/// What the usage of one meter costs in one service period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    /// What was used, in the meter's smallest unit; never less than nothing.
    pub quantity: i64,
    /// How much of it the fee covers.
    pub included: i64,
    /// Usage at its prices, before rounding and without the minimum.
    pub exact: Exact,
    /// What is due, in minor units: rounded once, and the minimum at least.
    pub minor: i64,
    /// What that is made of. Their amounts add up to it.
    pub parts: Vec<RatedPart>,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatedPart {
    /// What it stands for.
    pub kind: RatedPartKind,
    /// Units, in the meter's smallest; of packages their number.
    pub quantity: i64,
    /// For each of them.
    pub unit: Amount,
    /// Its amount in minor units.
    pub minor: i64,
}

/// What a part of the amount stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatedPartKind {
    /// Units at a price.
    Units,
    /// Units within the tier of that number, from 0.
    Tier(usize),
    /// What the tier of that number costs once.
    TierFlat(usize),
    /// Packages.
    Packages,
    /// One amount for all.
    Flat,
    /// What lacked to the minimum.
    Minimum,
}

/// A part before it is rounded.
struct Line {
    kind: RatedPartKind,
    quantity: i64,
    unit: Amount,
    exact: i128,
}

/// Rates what was used of one meter in a service period: `quantity` in units of 10^-`scale`. Less than nothing counts as
/// nothing.
///
/// # Errors
/// [`Overflow`] where the amount, or a quantity of the price, is beyond what can be counted.
pub fn rate(price: &Price, scale: u8, quantity: i64, share: &Share) -> Result<Rated, Overflow> {
    let quantity = quantity.max(0);
    let included = share.of(scaled(price.included, scale)?).min(quantity);
    let lines = lines(&price.model, scale, quantity - included)?;
    let exact = Exact { numerator: lines.iter().map(|line| line.exact).sum(), scale };
    let usage = exact.to_minor()?;
    let least = share.of(price.minimum);
    let each: Vec<i128> = lines.iter().map(|line| line.exact).collect();
    let mut parts: Vec<RatedPart> = lines
        .iter()
        .zip(apportion(&each, exact.units_of_minor(), i128::from(usage)))
        .map(|(line, minor)| RatedPart {
            kind: line.kind,
            quantity: line.quantity,
            unit: line.unit,
            minor: i64::try_from(minor).unwrap_or(usage),
        })
        .collect();
    if usage < least {
        let unit = Amount::ZERO;
        parts.push(RatedPart { kind: RatedPartKind::Minimum, quantity: 1, unit, minor: least - usage });
    }
    Ok(Rated { quantity, included, exact, minor: usage.max(least), parts })
}

fn scaled(quantity: Decimal, scale: u8) -> Result<i64, Overflow> {
    quantity.scaled(scale).ok_or(Overflow)
}

fn lines(model: &PriceModel, scale: u8, billable: i64) -> Result<Vec<Line>, Overflow> {
    if billable == 0 {
        return Ok(Vec::new());
    }
    let once = 10_i128.pow(u32::from(scale));
    let units = |kind: RatedPartKind, quantity: i64, unit: Amount| Line {
        kind,
        quantity,
        unit,
        exact: i128::from(quantity) * i128::from(unit.0),
    };
    let single = |kind: RatedPartKind, count: i64, unit: Amount| Line {
        kind,
        quantity: count,
        unit,
        exact: i128::from(count) * i128::from(unit.0) * once,
    };
    Ok(match model {
        PriceModel::Flat(amount) => vec![single(RatedPartKind::Flat, 1, *amount)],
        PriceModel::PerUnit(unit) => vec![units(RatedPartKind::Units, billable, *unit)],
        PriceModel::Package { size, amount } => {
            let size = scaled(*size, scale)?.max(1);
            let packages = billable / size + i64::from(billable % size != 0);
            vec![single(RatedPartKind::Packages, packages, *amount)]
        }
        PriceModel::Graduated(tiers) => {
            let (mut lines, mut below) = (Vec::new(), 0);
            for (number, tier) in tiers.iter().enumerate() {
                let top = end_of(tier, scale)?.min(billable);
                if top <= below {
                    break;
                }
                lines.push(units(RatedPartKind::Tier(number), top - below, tier.unit));
                if tier.flat != Amount::ZERO {
                    lines.push(single(RatedPartKind::TierFlat(number), 1, tier.flat));
                }
                below = top;
            }
            lines
        }
        PriceModel::Volume(tiers) => {
            let mut reached = None;
            for (number, tier) in tiers.iter().enumerate() {
                if billable <= end_of(tier, scale)? {
                    reached = Some((number, tier));
                    break;
                }
            }
            let (number, tier) = reached.ok_or(Overflow)?;
            let mut lines = vec![units(RatedPartKind::Tier(number), billable, tier.unit)];
            if tier.flat != Amount::ZERO {
                lines.push(single(RatedPartKind::TierFlat(number), 1, tier.flat));
            }
            lines
        }
    })
}

fn end_of(tier: &Tier, scale: u8) -> Result<i64, Overflow> {
    tier.up_to.map_or(Ok(i64::MAX), |up_to| scaled(up_to, scale))
}
