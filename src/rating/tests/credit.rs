//! Credit across billers, against a purse that is held beside the documents.

use super::invoices::{assert_told, bill_by, later, periods, priced, serving, used};
use crate::model::invoice::{Credit, Invoice, LineKind};
use crate::model::plan::{KnownMeters, Plan};
use crate::rating::invoice::Books;
use crate::rating::{Period, PlanRef, ServiceKind, ServicePeriod};
use proptest::prelude::*;
use serde_json::json;

fn plan() -> Plan {
    let document =
        json!({ "title": "Pro", "prices": [{ "meter": "m", "model": "per_unit", "unit_cents": "1" }] });
    Plan::read(document.as_object().unwrap().clone(), "", &KnownMeters::Any).unwrap()
}

fn period(kind: ServiceKind, at: i64) -> ServicePeriod {
    let plan = PlanRef { key: "pro".to_owned(), version: 1 };
    let part = Period { from: at, to: at + 1 };
    ServicePeriod { plan, kind, part, whole: part }
}

/// What of a document goes to Stripe.
fn pushed(invoice: &Invoice) -> i64 {
    let lines = invoice.lines.iter();
    lines
        .filter(|line| matches!(line.kind, LineKind::Usage | LineKind::Adjustment))
        .map(|line| line.amount)
        .sum()
}

proptest! {
    /// However often the biller changes, and whatever is void: what is collected by both together, less what is still to
    /// the tenant's credit, is what the services came to; and Stripe's balance is what the documents say that it is.
    #[test]
    fn credit_is_carried_once_wherever_the_biller_changes(
        steps in proptest::collection::vec((any::<bool>(), -60_i64..100, 0_u8..5), 1..40),
    ) {
        let plan = plan();
        let (mut credit, mut books) = (Credit::default(), Books::default());
        let first = serving(1, &plan, &period(ServiceKind::Regular, 0), vec![used("m", 0, 1_000_000)]);
        let begun = bill_by(vec![first.clone()], credit.terms(false), false);
        prop_assert_eq!(books.take(&begun, false).unwrap(), None);
        let (mut billed, mut quantity, mut due) = (first, 1_000_000, 0);
        let (mut collected, mut balance) = (0, 0);
        for (number, (by_stripe, more, luck)) in (2_i64..).zip(steps) {
            quantity += more;
            let now = later(&billed, quantity);
            let empty = serving(number, &plan, &period(ServiceKind::Trial, number), Vec::new());
            let terms = credit.terms(by_stripe);
            let invoice = bill_by(vec![empty, now.clone()], terms, by_stripe);
            billed = now;
            if !invoice.says_something() {
                continue;
            }
            prop_assert_eq!(books.take(&invoice, by_stripe).unwrap(), None);
            prop_assert!(invoice.total >= 0);
            credit = credit.after(&invoice, by_stripe);
            let (before, was_collected) = (balance, collected);
            if by_stripe {
                let total = pushed(&invoice) - balance;
                collected += total.max(0);
                balance = (-total).max(0);
            } else {
                collected += invoice.total;
            }
            prop_assert_eq!(collected - was_collected, invoice.total, "both documents say the same");
            due += more;
            if luck == 0 && invoice.total > 0 {
                credit = credit.without(&invoice, by_stripe);
                books.give_back(&invoice, by_stripe);
                (collected, due) = (was_collected, due - more);
                balance = if by_stripe { before } else { balance };
            }
            prop_assert!(credit.ours >= 0 && credit.at_stripe >= 0 && credit.given_here >= 0);
            prop_assert_eq!(balance, credit.at_stripe + credit.given_here);
            prop_assert_eq!(collected - credit.ours - credit.at_stripe, due);
        }
    }
}

#[test]
fn credit_that_was_lost_or_given_twice_on_the_way_is_found() {
    let plan = plan();
    let first = serving(1, &plan, &period(ServiceKind::Regular, 0), vec![used("m", 0, 500)]);
    let empty = |number| serving(number, &plan, &period(ServiceKind::Trial, number), Vec::new());
    let begun = bill_by(vec![first.clone()], Credit::default().terms(false), false);
    let less = bill_by(vec![empty(2), later(&first, 100)], Credit::default().terms(false), false);
    assert_eq!(less.credit_left(), 400);
    let credit = Credit::default().after(&less, false);
    let carried = bill_by(vec![empty(3), later(&later(&first, 100), 700)], credit.terms(true), true);
    let lines: Vec<_> = carried.lines.iter().map(|line| (line.kind.name(), line.amount)).collect();
    assert_eq!(lines, [("adjustment", 600), ("adjustment", -400)]);
    let lost = bill_by(vec![empty(3), later(&later(&first, 100), 700)], Credit::default().terms(true), true);
    for (documents, fault) in [
        (vec![(&begun, false), (&less, false), (&carried, true)], None),
        (
            vec![(&begun, false), (&less, false), (&lost, true)],
            Some("credit that is carried over: it says that there was 0"),
        ),
        (
            vec![(&begun, false), (&carried, true)],
            Some("credit that is carried over: it says that there was 4.00"),
        ),
        (vec![(&begun, false), (&less, false), (&carried, false)], Some("it says that Stripe sent it")),
    ] {
        let mut books = Books::default();
        let found =
            documents.iter().find_map(|(invoice, by_stripe)| books.take(invoice, *by_stripe).unwrap());
        match fault {
            None => assert_eq!(found, None),
            Some(fault) => assert!(found.as_ref().is_some_and(|found| found.starts_with(fault)), "{found:?}"),
        }
    }
}

#[test]
fn a_void_invoice_stays_as_it_was_and_the_credit_that_it_took_is_there_for_the_next_one() {
    let unit = priced(json!({ "meter": "tokens", "model": "per_unit", "unit_cents": "1" }));
    let months = periods(&unit, "UTC", "2026-05-01T00:00:00Z", 4);
    let serve = |number: usize, quantity| {
        serving(i64::try_from(number).unwrap(), &unit, &months[number - 1], vec![used("tokens", 0, quantity)])
    };
    let ours = |services, credit: Credit| bill_by(services, credit.terms(false), false);
    let may = ours(vec![serve(1, 500)], Credit::default());
    let june = ours(vec![serve(2, 40), later(&serve(1, 500), 100)], Credit::default());
    let purse = Credit::default().after(&may, false).after(&june, false);
    let july = ours(vec![serve(3, 560)], purse);
    let as_issued = [
        "usage: tokens | 560 x 1 = 5.60 USD",
        "credit: Credit of earlier invoices | 1 x -360 = -3.60 USD",
        "total 2.00 USD",
    ];
    assert_told(&july, &as_issued);
    let spent = purse.after(&july, false);
    assert_eq!((purse.terms(false).available, spent.terms(false).available), (360, 0));
    // Void: its lines say what they said, and what it took is given back.
    let back = spent.without(&july, false);
    assert_eq!(back.terms(false).available, 360);
    assert_told(&july, &as_issued);
    // August is billed for itself, and July by nobody.
    let august = ours(vec![serve(4, 400)], back);
    assert_told(
        &august,
        &[
            "usage: tokens | 400 x 1 = 4.00 USD",
            "credit: Credit of earlier invoices | 1 x -360 = -3.60 USD",
            "total 0.40 USD",
        ],
    );
    let checked = |is_void: bool| {
        let mut books = Books::default();
        for invoice in [&may, &june, &july] {
            assert_eq!(books.take(invoice, false).unwrap(), None);
        }
        if is_void {
            books.give_back(&july, false);
        }
        books.take(&august, false).unwrap().unwrap_or_default()
    };
    assert_eq!(checked(true), "");
    // Were it not void, the same credit would be spent twice.
    assert!(checked(false).starts_with("credit: it says that there was 3.60 USD"), "{}", checked(false));
}
