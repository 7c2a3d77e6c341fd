//! The same figures in rationals, as one would write them down who never heard of overflow.

use super::{number, whole};
use crate::model::money::Amount;
use crate::model::plan::Decimal;
use crate::model::plan::{Price, PriceModel, Tier};
use crate::rating::{Period, Share, rate, split, tax};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;

fn rational(numerator: i128, denominator: i128) -> BigRational {
    BigRational::new(BigInt::from(numerator), BigInt::from(denominator))
}

fn of_decimal(decimal: Decimal) -> BigRational {
    rational(decimal.billionths(), 1_000_000_000)
}

fn of_amount(amount: Amount) -> BigRational {
    rational(i128::from(amount.0), 1_000_000)
}

/// Half away from zero, told in words: half more than its size, cut off, with its sign.
fn rounded(exact: &BigRational) -> BigInt {
    let zero = rational(0, 1);
    let half = rational(1, 2);
    if *exact < zero { -(-exact + half).floor().to_integer() } else { (exact + half).floor().to_integer() }
}

/// What units beyond the included ones cost, in minor units.
fn naive(model: &PriceModel, billable: &BigRational) -> BigRational {
    let zero = rational(0, 1);
    if *billable == zero {
        return zero;
    }
    match model {
        PriceModel::Flat(amount) => of_amount(*amount),
        PriceModel::PerUnit(unit) => billable * of_amount(*unit),
        PriceModel::Package { size, amount } => (billable / of_decimal(*size)).ceil() * of_amount(*amount),
        PriceModel::Graduated(tiers) => {
            let mut sum = zero.clone();
            let mut below = zero.clone();
            for tier in tiers {
                let top = tier.up_to.map_or_else(|| billable.clone(), of_decimal);
                let top = if top < *billable { top } else { billable.clone() };
                if top > below {
                    sum += (&top - &below) * of_amount(tier.unit) + of_amount(tier.flat);
                    below = top;
                }
            }
            sum
        }
        PriceModel::Volume(tiers) => {
            let reached =
                tiers.iter().find(|tier| tier.up_to.is_none_or(|up_to| *billable <= of_decimal(up_to)));
            let tier = reached.unwrap();
            billable * of_amount(tier.unit) + of_amount(tier.flat)
        }
    }
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        Just(Amount::ZERO),
        (0..10_i64).prop_map(Amount),
        (0..2_000_000_000_i64).prop_map(Amount),
        (0..1_000_i64).prop_map(|whole| Amount(whole * 1_000_000)),
        Just(Amount::MOST),
    ]
}

/// A quantity of a meter with that many digits after the point, as a decimal.
fn quantity(scale: u8) -> impl Strategy<Value = Decimal> {
    let most = 1_000_000_000_i64;
    (0..most, Just(scale)).prop_map(|(units, scale)| decimal_of(units, scale))
}

fn decimal_of(units: i64, scale: u8) -> Decimal {
    let unit = 10_i64.pow(u32::from(scale));
    let digits = usize::from(scale);
    let text =
        if scale == 0 { format!("{units}") } else { format!("{}.{:0digits$}", units / unit, units % unit) };
    number(&text)
}

fn tiers(scale: u8) -> impl Strategy<Value = Vec<Tier>> {
    let ends = proptest::collection::btree_set(1..1_000_000_000_i64, 0..5);
    (ends, proptest::collection::vec((amount(), amount()), 6)).prop_map(move |(ends, amounts)| {
        let ends = ends.into_iter().map(|end| Some(decimal_of(end, scale))).chain([None]);
        ends.zip(amounts).map(|(up_to, (unit, flat))| Tier { up_to, unit, flat }).collect()
    })
}

fn model(scale: u8) -> impl Strategy<Value = PriceModel> {
    prop_oneof![
        amount().prop_map(PriceModel::Flat),
        amount().prop_map(PriceModel::PerUnit),
        tiers(scale).prop_map(PriceModel::Graduated),
        tiers(scale).prop_map(PriceModel::Volume),
        (1..1_000_000_i64, amount())
            .prop_map(move |(size, amount)| PriceModel::Package { size: decimal_of(size, scale), amount }),
    ]
}

pub(super) fn case() -> impl Strategy<Value = (u8, Price, i64)> {
    (0..=9_u8).prop_flat_map(|scale| {
        let price = (model(scale), quantity(scale), 0..100_000_i64)
            .prop_map(|(model, included, minimum)| Price { meter: "m".to_owned(), included, minimum, model });
        // Around the edges as well as anywhere.
        let used = prop_oneof![0..2_000_000_000_i64, 0..1_000_i64, Just(0), Just(1_000_000_000)];
        (Just(scale), price, used)
    })
}

/// Cuts of a period of 1,000,000 ms, with both ends.
fn cuts() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::btree_set(1..1_000_000_i64, 0..8)
        .prop_map(|cuts| std::iter::once(0).chain(cuts).chain([1_000_000]).collect())
}

fn parts_of(cuts: &[i64]) -> Vec<Share> {
    let all = Period { from: 0, to: 1_000_000 };
    cuts.windows(2).map(|pair| Share::of_part(Period { from: pair[0], to: pair[1] }, all)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_rated_meter_costs_what_rationals_say((scale, price, used) in case()) {
        let rated = rate(&price, scale, used, &whole()).unwrap();
        let quantity = rational(i128::from(used), 10_i128.pow(u32::from(scale)));
        let beyond = &quantity - of_decimal(price.included);
        let beyond = if beyond < rational(0, 1) { rational(0, 1) } else { beyond };
        let exact = naive(&price.model, &beyond);
        let due = rounded(&exact).max(BigInt::from(price.minimum));
        prop_assert_eq!(BigInt::from(rated.minor), due);
        let micros = rounded(&(&exact * rational(1_000_000, 1)));
        match rated.exact.to_amount() {
            Ok(amount) => prop_assert_eq!(BigInt::from(amount.0), micros),
            Err(_) => prop_assert!(micros > BigInt::from(i64::MAX)),
        }
        prop_assert_eq!(rated.parts.iter().map(|part| part.minor).sum::<i64>(), rated.minor);
        // Each line is its exact amount, rounded down or up.
        prop_assert!(rated.parts.iter().all(|part| part.minor >= 0));
    }

    #[test]
    fn more_usage_never_costs_less_where_no_price_falls((scale, price, used) in case(), more in 0..1_000_000_i64) {
        // A volume price falls for all units as the next tier is reached; that is what it is for.
        prop_assume!(!matches!(price.model, PriceModel::Volume(_)));
        let cost = |used| rate(&price, scale, used, &whole()).unwrap().minor;
        prop_assert!(cost(used) <= cost(used + more));
    }

    #[test]
    fn the_parts_of_a_period_add_up(total in 0..1_000_000_000_000_i64, cuts in cuts()) {
        let parts: Vec<i64> = parts_of(&cuts).iter().map(|share| share.of(total)).collect();
        prop_assert_eq!(parts.iter().sum::<i64>(), total, "{:?}", parts);
        for (part, pair) in parts.iter().zip(cuts.windows(2)) {
            let exact = rational(i128::from(total) * i128::from(pair[1] - pair[0]), 1_000_000);
            let off = rational(i128::from(*part), 1) - exact;
            prop_assert!(off <= rational(1, 1) && off >= rational(-1, 1), "{}", off);
        }
    }

    #[test]
    fn a_negative_amount_is_shared_as_a_positive_one(total in 0..1_000_000_000_i64, cuts in cuts()) {
        for share in parts_of(&cuts) {
            prop_assert_eq!(share.of(-total), -share.of(total));
        }
    }

    #[test]
    fn what_is_split_adds_up_and_each_part_is_a_neighbour_of_its_share(
        total in -1_000_000_000_000_i64..1_000_000_000_000,
        weights in proptest::collection::vec(0..1_000_000_000_000_i64, 1..100),
    ) {
        let parts = split(total, &weights);
        prop_assert_eq!(parts.iter().sum::<i64>(), total);
        let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        prop_assume!(sum > 0);
        for (part, weight) in parts.iter().zip(&weights) {
            let exact = rational(i128::from(total) * i128::from(*weight), sum);
            let off = rational(i128::from(*part), 1) - exact;
            prop_assert!(off < rational(1, 1) && off > rational(-1, 1));
        }
    }

    #[test]
    fn tax_is_that_of_the_rounded_net(net in -1_000_000_000_i64..1_000_000_000, thousandths in 0..100_000_u32) {
        let percent = number(&format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000));
        let exact = rational(i128::from(net), 1) * of_decimal(percent) / rational(100, 1);
        prop_assert_eq!(BigInt::from(tax(net, percent)), rounded(&exact));
    }
}
