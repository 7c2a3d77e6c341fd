//! Money against a naive oracle in rationals, and what was worked out by hand.

mod calendar;
mod course;
mod credit;
mod golden;
mod invoice_oracle;
mod invoices;
mod oracle;

use super::{Period, Share, rate};
use crate::model::money::Amount;
use crate::model::plan::Decimal;
use crate::model::plan::{Price, PriceModel, Tier};

fn number(text: &str) -> Decimal {
    Decimal::parse(text, 9).unwrap()
}

fn cents(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn price(model: PriceModel) -> Price {
    Price { meter: "tokens".to_owned(), included: Decimal::ZERO, minimum: 0, model }
}

fn tier(up_to: Option<&str>, unit: &str, flat: &str) -> Tier {
    Tier { up_to: up_to.map(number), unit: cents(unit), flat: cents(flat) }
}

/// A whole period.
fn whole() -> Share {
    Share::whole(Period { from: 0, to: 1_000 })
}

/// The moment of a text in RFC 3339.
fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// What a quantity in whole units costs.
#[track_caller]
fn minor(price: &Price, quantity: i64) -> i64 {
    let rated = rate(price, 0, quantity, &whole()).unwrap();
    assert_eq!(rated.parts.iter().map(|part| part.minor).sum::<i64>(), rated.minor, "{rated:?}");
    rated.minor
}
