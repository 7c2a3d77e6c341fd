//! Invoices against sums that are made without them.

use super::invoices::{bill, later, serving, used};
use super::oracle;
use crate::model::plan::Plan;
use crate::rating::invoice::Books;
use crate::rating::{Period, PlanRef, ServiceKind, ServicePeriod};
use proptest::prelude::*;

fn period(number: i64, whole: Period, part: Period) -> (i64, ServicePeriod) {
    let plan = PlanRef { key: "pro".to_owned(), version: 1 };
    (number, ServicePeriod { plan, kind: ServiceKind::Regular, part, whole })
}

proptest! {
    /// What comes late, in whatever portions, makes the same sum as what came in time, and one adjustment at most each
    /// time. Fees of parts add up to the fee.
    #[test]
    fn late_usage_comes_to_what_it_would_have_in_time(
        (scale, price, in_time) in oracle::case(),
        late in proptest::collection::vec(-1_000_000..2_000_000_000_i64, 0..5),
        fee in 0..1_000_000_i64,
        cut in 0..=1_000_i64,
    ) {
        let plan = Plan { fee, prices: vec![price], ..Plan::free("Pro") };
        let whole = Period { from: 0, to: 1_000 };
        let (number, first) = period(1, whole, Period { from: 0, to: cut });
        let serve = |quantity| serving(number, &plan, &first, vec![used("m", scale, quantity)]);
        let mut books = Books::default();
        let mut billed = serve(in_time);
        let invoice = bill(vec![billed.clone()], None, 0, "UTC");
        prop_assert_eq!(books.take(&invoice, false).unwrap(), None);
        let mut net: i64 = invoice.subtotal;
        let mut credit = 0;
        let mut quantity = in_time;
        for (closes, more) in (2_i64..).zip(&late) {
            quantity += more;
            let now = later(&billed, quantity);
            let (number, next) = period(closes, Period { from: 1_000, to: 1_000 }, Period { from: 1_000, to: 1_000 });
            let empty = ServicePeriod { kind: ServiceKind::Trial, ..next };
            let invoice = bill(vec![serving(number, &plan, &empty, Vec::new()), now.clone()], None, credit, "UTC");
            let adjustments = invoice.lines.iter().filter(|line| line.kind.name() == "adjustment").count();
            prop_assert!(adjustments <= 1);
            prop_assert_eq!(books.take(&invoice, false).unwrap(), None);
            credit += invoice.credit_left() - invoice.credit_taken();
            net += invoice.subtotal;
            billed = now;
        }
        let in_time = bill(vec![serve(quantity)], None, 0, "UTC");
        prop_assert_eq!(net - credit, in_time.subtotal);

        let (number, second) = period(2, whole, Period { from: cut, to: 1_000 });
        let fees = |invoice: &crate::model::invoice::Invoice| -> i64 {
            invoice.lines.iter().filter(|line| line.kind.name() == "fee").map(|line| line.amount).sum()
        };
        let rest = bill(vec![serving(number, &plan, &second, Vec::new())], None, 0, "UTC");
        prop_assert_eq!(fees(&in_time) + fees(&rest), fee);
    }
}
