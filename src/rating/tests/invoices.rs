//! Invoices that were worked out by hand, line by line.

use super::at;
use crate::model::invoice::{
    Basis, BillingDetails, CreditTerms, Customer, Head, Invoice, MeterUsage, Service, Span, TaxRate,
    invoice_id,
};
use crate::model::plan::{KnownMeters, Plan};
use crate::rating::invoice::{Books, booked, draw};
use crate::rating::{Course, PlanRef, ServiceKind, ServicePeriod, Terms};
use serde_json::{Value, json};

fn customer(number: u8) -> Customer {
    let id = format!("01890000-0000-7000-8000-00000000000{number}");
    serde_json::from_value(json!({ "id": id, "slug": "acme", "name": "Acme" })).unwrap()
}

fn plan(document: Value) -> Plan {
    let Value::Object(document) = document else { panic!("a plan is an object") };
    Plan::read(document, "", &KnownMeters::Any).unwrap()
}

/// A plan without a fee, with one price.
pub(super) fn priced(price: Value) -> Plan {
    plan(json!({ "title": "Plan", "prices": [price] }))
}

pub(super) fn used(meter: &str, scale: u8, quantity: i64) -> MeterUsage {
    MeterUsage {
        meter: meter.to_owned(),
        unit: "unit".to_owned(),
        scale,
        aggregation: "sum".to_owned(),
        property: None,
        is_built_in: false,
        quantity,
        seq_from: (quantity != 0).then_some(1),
        seq_to: (quantity != 0).then_some(9),
        events: 9,
        digest: "d".repeat(64),
        booked_quantity: 0,
        booked: 0,
    }
}

pub(super) fn serving(number: i64, plan: &Plan, period: &ServicePeriod, usage: Vec<MeterUsage>) -> Service {
    let span = |period: crate::rating::Period| Span::of(period.from, period.to);
    Service {
        number,
        was_billed: false,
        is_trial: period.kind == ServiceKind::Trial,
        part: span(period.part),
        whole: span(period.whole),
        plan: period.plan.key.clone(),
        version: period.plan.version,
        terms: plan.document(),
        usage,
    }
}

fn terms(plan: &Plan, version: i64) -> Terms {
    let reference = PlanRef { key: "pro".to_owned(), version };
    Terms { plan: reference, interval: plan.interval, trial_days: plan.trial_days }
}

/// The first `count` service periods of a tenant that stays on a plan.
pub(super) fn periods(plan: &Plan, timezone: &str, from: &str, count: usize) -> Vec<ServicePeriod> {
    let (mut course, first) = Course::begin(&terms(plan, 1), timezone, at(from)).unwrap();
    let mut periods = vec![first];
    while periods.len() < count {
        let (next, service) = course.advance(None, timezone).unwrap();
        course = next;
        periods.push(service);
    }
    periods
}

pub(super) fn bill(
    services: Vec<Service>,
    tax_rate: Option<TaxRate>,
    credit: i64,
    timezone: &str,
) -> Invoice {
    let terms = CreditTerms { available: credit, ..CreditTerms::default() };
    bill_on(services, tax_rate, terms, false, timezone)
}

/// By one biller or the other, without tax.
pub(super) fn bill_by(services: Vec<Service>, credit: CreditTerms, by_stripe: bool) -> Invoice {
    bill_on(services, None, credit, by_stripe, "UTC")
}

fn bill_on(
    services: Vec<Service>,
    tax_rate: Option<TaxRate>,
    credit: CreditTerms,
    by_stripe: bool,
    timezone: &str,
) -> Invoice {
    let last = services.iter().find(|service| !service.was_billed).unwrap();
    let currency = last.terms["currency"].as_str().unwrap().to_owned();
    let head = Head {
        id: invoice_id(customer(1).id, last.number, &currency),
        drawn_at: last.part.to,
        issuer: "Example GmbH".to_owned(),
        tenant: customer(1),
        timezone: timezone.to_owned(),
        currency,
        period: last.part,
    };
    let basis = Basis {
        closes: last.number,
        watermark: 9,
        usage_head: None,
        services,
        tax_rate,
        by_stripe,
        credit: credit.available,
        carried: credit.carried,
        taken_back: credit.taken_back,
    };
    let invoice = draw(head, basis).unwrap();
    let sum: i64 = invoice.lines.iter().map(|line| line.amount).sum();
    assert_eq!((sum, invoice.subtotal + invoice.tax), (invoice.total, invoice.total));
    assert!(invoice.total >= 0, "an invoice is never less than nothing");
    let text = invoice.canonical().unwrap();
    assert_eq!(Invoice::read(&text).unwrap(), invoice, "it is read as it is written");
    invoice
}

/// A month of May on a plan, with that usage.
fn may(plan: &Plan, usage: Vec<MeterUsage>) -> Invoice {
    let period = &periods(plan, "UTC", "2026-05-01T00:00:00Z", 1)[0];
    bill(vec![serving(1, plan, period, usage)], None, 0, "UTC")
}

fn told(invoice: &Invoice) -> Vec<String> {
    let line = |line: &crate::model::invoice::InvoiceLine| {
        let unit = line.unit.as_deref().unwrap_or("-");
        format!(
            "{}: {} | {} x {unit} = {}",
            line.kind.name(),
            line.description,
            line.quantity,
            invoice.write(line.amount)
        )
    };
    invoice.lines.iter().map(line).chain([format!("total {}", invoice.write(invoice.total))]).collect()
}

#[track_caller]
pub(super) fn assert_told(invoice: &Invoice, expected: &[&str]) {
    assert_eq!(told(invoice), expected);
}

#[test]
fn a_fee_and_a_graduated_price_at_the_edges_of_its_tiers() {
    let pro = plan(json!({
        "title": "Pro", "fee_cents": "4900", "prices": [{ "meter": "tokens", "model": "graduated", "included": "1000",
        "tiers": [{ "up_to": "100", "unit_cents": "2" }, { "unit_cents": "0.5", "flat_cents": "50" }] }],
    }));
    let fee = "fee: Pro, version 1: 2026-05-01 to 2026-05-31 | 1 x 4900 = 49.00 USD";
    let included = "usage: tokens, included | 1000 x 0 = 0.00 USD";
    assert_told(&may(&pro, vec![used("tokens", 0, 1_000)]), &[fee, included, "total 49.00 USD"]);
    let first = "usage: tokens, tier 1 | 100 x 2 = 2.00 USD";
    assert_told(&may(&pro, vec![used("tokens", 0, 1_100)]), &[fee, included, first, "total 51.00 USD"]);
    let second = "usage: tokens, tier 2 | 1 x 0.5 = 0.01 USD";
    let once = "usage: tokens, tier 2, once | 1 x 50 = 0.50 USD";
    assert_told(
        &may(&pro, vec![used("tokens", 0, 1_101)]),
        &[fee, included, first, second, once, "total 51.51 USD"],
    );
}

#[test]
fn a_volume_price_at_the_edges_of_its_tiers() {
    let volume = priced(json!({ "meter": "gb", "model": "volume",
        "tiers": [{ "up_to": "1.5", "unit_cents": "10" }, { "unit_cents": "8", "flat_cents": "3" }] }));
    assert_told(
        &may(&volume, vec![used("gb", 1, 15)]),
        &["usage: gb, tier 1 | 1.5 x 10 = 0.15 USD", "total 0.15 USD"],
    );
    assert_told(
        &may(&volume, vec![used("gb", 1, 16)]),
        &[
            "usage: gb, tier 2 | 1.6 x 8 = 0.13 USD",
            "usage: gb, tier 2, once | 1 x 3 = 0.03 USD",
            "total 0.16 USD",
        ],
    );
}

#[test]
fn packages_units_and_one_amount_for_all() {
    let three = plan(json!({ "title": "Three", "prices": [
        { "meter": "pages", "model": "package", "package_size": "1000", "package_cents": "500" },
        { "meter": "mails", "model": "per_unit", "unit_cents": "0.1", "minimum_cents": "100" },
        { "meter": "sso", "model": "flat", "amount_cents": "900" },
    ] }));
    let usage = vec![used("pages", 0, 1_000), used("mails", 0, 994), used("sso", 0, 3)];
    assert_told(
        &may(&three, usage),
        &[
            "usage: pages, packages of 1000 | 1 x 500 = 5.00 USD",
            "usage: mails | 994 x 0.1 = 0.99 USD",
            "usage: mails, up to the minimum | 1 x - = 0.01 USD",
            "usage: sso, once | 1 x 900 = 9.00 USD",
            "total 15.00 USD",
        ],
    );
    let usage = vec![used("pages", 0, 1_001), used("mails", 0, 1_006), used("sso", 0, 0)];
    assert_told(
        &may(&three, usage),
        &[
            "usage: pages, packages of 1000 | 2 x 500 = 10.00 USD",
            "usage: mails | 1006 x 0.1 = 1.01 USD",
            "total 11.01 USD",
        ],
    );
}

#[test]
fn without_usage_there_is_the_fee_and_without_a_fee_nothing() {
    let price = json!({ "meter": "tokens", "model": "per_unit", "unit_cents": "1" });
    let pro = plan(json!({ "title": "Pro", "fee_cents": "4900", "prices": [price] }));
    let fee = "fee: Pro, version 1: 2026-05-01 to 2026-05-31 | 1 x 4900 = 49.00 USD";
    assert_told(&may(&pro, vec![used("tokens", 0, 0)]), &[fee, "total 49.00 USD"]);
    let nothing = may(&priced(price), vec![used("tokens", 0, 0)]);
    assert!(!nothing.says_something() && nothing.lines.is_empty());
}

#[test]
fn yen_have_no_cents_and_dinars_three_digits() {
    let in_currency = |currency: &str| {
        plan(json!({ "title": "Pro", "currency": currency, "fee_cents": "4900",
            "prices": [{ "meter": "tokens", "model": "per_unit", "unit_cents": "0.5" }] }))
    };
    assert_told(
        &may(&in_currency("JPY"), vec![used("tokens", 0, 3)]),
        &[
            "fee: Pro, version 1: 2026-05-01 to 2026-05-31 | 1 x 4900 = 4900 JPY",
            "usage: tokens | 3 x 0.5 = 2 JPY",
            "total 4902 JPY",
        ],
    );
    assert_told(
        &may(&in_currency("KWD"), vec![used("tokens", 0, 5)]),
        &[
            "fee: Pro, version 1: 2026-05-01 to 2026-05-31 | 1 x 4900 = 4.900 KWD",
            "usage: tokens | 5 x 0.5 = 0.003 KWD",
            "total 4.903 KWD",
        ],
    );
}

#[test]
fn tax_is_on_the_rounded_net_and_not_line_by_line() {
    let price = |meter: &str| json!({ "meter": meter, "model": "per_unit", "unit_cents": "33" });
    let three = plan(json!({ "title": "Three", "prices": [price("a"), price("b"), price("c")] }));
    let period = &periods(&three, "UTC", "2026-05-01T00:00:00Z", 1)[0];
    let usage = vec![used("a", 0, 1), used("b", 0, 1), used("c", 0, 1)];
    let rate = TaxRate::parse("VAT", "19", Some("DE123"), "").unwrap();
    let invoice = bill(vec![serving(1, &three, period, usage)], Some(rate), 0, "UTC");
    // 6 + 6 + 6 would be 18.
    assert_eq!(told(&invoice)[3..], ["tax: VAT 19 % (DE123) | 1 x 19 = 0.19 USD", "total 1.18 USD"]);
}

/// The service period that was billed, with usage as it is by now.
pub(super) fn later(service: &Service, quantity: i64) -> Service {
    let before = &service.usage[0];
    let now = MeterUsage {
        quantity,
        booked_quantity: before.quantity,
        booked: booked(service, before).unwrap(),
        ..before.clone()
    };
    Service { was_billed: true, usage: vec![now], ..service.clone() }
}

#[test]
fn a_late_event_is_one_adjustment_on_the_next_invoice() {
    let volume = priced(json!({ "meter": "tokens", "model": "volume",
        "tiers": [{ "up_to": "100", "unit_cents": "2" }, { "unit_cents": "1" }] }));
    let months = periods(&volume, "UTC", "2026-05-01T00:00:00Z", 2);
    let first = serving(1, &volume, &months[0], vec![used("tokens", 0, 100)]);
    let second = serving(2, &volume, &months[1], vec![used("tokens", 0, 10)]);
    let may = bill(vec![first.clone()], None, 0, "UTC");
    // 150 cost 1.50, which is less than 100 did: the difference is taken from what June costs.
    let june = bill(vec![second.clone(), later(&first, 150)], None, 0, "UTC");
    assert_told(
        &june,
        &[
            "usage: tokens, tier 1 | 10 x 2 = 0.20 USD",
            "adjustment: tokens of 2026-05-01 to 2026-05-31: 150 instead of 100 | 50 x - = -0.50 USD",
            "credit: Carried over to the next invoice | 1 x 30 = 0.30 USD",
            "total 0.00 USD",
        ],
    );
    assert_eq!(june.credit_left(), 30);
    let mut books = Books::default();
    assert_eq!(books.take(&may, false).unwrap(), None);
    assert_eq!(books.take(&june, false).unwrap(), None);
    // Another one in between would book the same difference twice.
    assert!(
        books.take(&june, false).unwrap().unwrap().starts_with("credit: it says that there was 0.00 USD")
    );
}

#[test]
fn what_is_taken_back_of_an_invoiced_period_is_credited_and_taken_from_the_next_invoices() {
    let price = json!({ "meter": "tokens", "model": "per_unit", "unit_cents": "1" });
    let unit = priced(price);
    let months = periods(&unit, "UTC", "2026-05-01T00:00:00Z", 4);
    let serve = |number: usize, quantity| {
        serving(i64::try_from(number).unwrap(), &unit, &months[number - 1], vec![used("tokens", 0, quantity)])
    };
    let may = bill(vec![serve(1, 500)], None, 0, "UTC");
    let june = bill(vec![serve(2, 40), later(&serve(1, 500), 100)], None, 0, "UTC");
    assert_told(
        &june,
        &[
            "usage: tokens | 40 x 1 = 0.40 USD",
            "adjustment: tokens of 2026-05-01 to 2026-05-31: 100 instead of 500 | -400 x - = -4.00 USD",
            "credit: Carried over to the next invoice | 1 x 360 = 3.60 USD",
            "total 0.00 USD",
        ],
    );
    let july = bill(vec![serve(3, 200)], None, 360, "UTC");
    assert_eq!(july.total, 0);
    let august = bill(vec![serve(4, 200)], None, 160, "UTC");
    assert_told(
        &august,
        &[
            "usage: tokens | 200 x 1 = 2.00 USD",
            "credit: Credit of earlier invoices | 1 x -160 = -1.60 USD",
            "total 0.40 USD",
        ],
    );
    let mut books = Books::default();
    for invoice in [&may, &june, &july, &august] {
        assert_eq!(books.take(invoice, false).unwrap(), None);
    }
}

#[test]
fn a_change_of_plan_makes_two_service_periods_whose_fees_are_shared_by_time() {
    let small = plan(json!({ "title": "Small", "fee_cents": "3100" }));
    let large = plan(json!({ "title": "Large", "fee_cents": "9300" }));
    let (course, first) = Course::begin(&terms(&small, 1), "UTC", at("2026-05-01T00:00:00Z")).unwrap();
    let (_, second) = course.change(&terms(&large, 2), "UTC", at("2026-05-11T00:00:00Z")).unwrap();
    let first = ServicePeriod { part: crate::rating::Period { to: second.part.from, ..first.part }, ..first };
    assert_told(
        &bill(vec![serving(1, &small, &first, Vec::new())], None, 0, "UTC"),
        &[
            "fee: Small, version 1: 2026-05-01 to 2026-05-10, a part of 2026-05-01 to 2026-05-31 | 1 x 1000 = 10.00 USD",
            "total 10.00 USD",
        ],
    );
    assert_told(
        &bill(vec![serving(2, &large, &second, Vec::new())], None, 0, "UTC"),
        &[
            "fee: Large, version 2: 2026-05-11 to 2026-05-31, a part of 2026-05-01 to 2026-05-31 | 1 x 6300 = 63.00 USD",
            "total 63.00 USD",
        ],
    );
}

#[test]
fn a_trial_costs_nothing_whatever_is_used_and_the_first_period_begins_where_it_ends() {
    let pro = plan(json!({ "title": "Pro", "fee_cents": "4900", "trial_days": 14,
        "prices": [{ "meter": "tokens", "model": "per_unit", "unit_cents": "1", "minimum_cents": "100" }] }));
    let both = periods(&pro, "UTC", "2026-05-01T12:00:00Z", 2);
    let trial = bill(vec![serving(1, &pro, &both[0], vec![used("tokens", 0, 9_999)])], None, 0, "UTC");
    assert!(trial.lines.is_empty() && !trial.says_something());
    assert_told(
        &bill(vec![serving(2, &pro, &both[1], vec![used("tokens", 0, 100)])], None, 0, "UTC"),
        &[
            "fee: Pro, version 1: 2026-05-15 to 2026-06-15 | 1 x 4900 = 49.00 USD",
            "usage: tokens | 100 x 1 = 1.00 USD",
            "total 50.00 USD",
        ],
    );
}

/// The fees of months, with their days.
fn fees(timezone: &str, from: &str, count: usize) -> Vec<String> {
    let pro = plan(json!({ "title": "Pro", "fee_cents": "4900" }));
    let months = periods(&pro, timezone, from, count);
    let each = months.iter().map(|month| {
        let invoice = bill(vec![serving(1, &pro, month, Vec::new())], None, 0, timezone);
        assert_eq!(invoice.total, 4_900);
        let hours = (month.part.to - month.part.from) / 3_600_000;
        let dates = invoice.lines[0].description.strip_prefix("Pro, version 1: ").unwrap().to_owned();
        format!("{dates}, {hours} h")
    });
    each.collect()
}

#[test]
fn months_from_the_thirty_first_come_back_to_it_and_february_has_its_leap_day() {
    assert_eq!(
        fees("UTC", "2028-01-31T00:00:00Z", 3),
        [
            "2028-01-31 to 2028-02-28, 696 h",
            "2028-02-29 to 2028-03-30, 744 h",
            "2028-03-31 to 2028-04-29, 720 h"
        ]
    );
    assert_eq!(fees("UTC", "2028-02-01T00:00:00Z", 1), ["2028-02-01 to 2028-02-29, 696 h"]);
    assert_eq!(fees("UTC", "2027-02-01T00:00:00Z", 1), ["2027-02-01 to 2027-02-28, 672 h"]);
}

#[test]
fn months_in_which_clocks_change_are_an_hour_shorter_or_longer_and_cost_the_same() {
    assert_eq!(fees("Europe/Berlin", "2026-02-28T23:00:00Z", 1), ["2026-03-01 to 2026-03-31, 743 h"]);
    assert_eq!(fees("Europe/Berlin", "2026-09-30T22:00:00Z", 1), ["2026-10-01 to 2026-10-31, 745 h"]);
    assert_eq!(fees("America/New_York", "2026-03-01T05:00:00Z", 1), ["2026-03-01 to 2026-03-31, 743 h"]);
}

#[test]
fn a_day_ahead_of_utc_the_dates_are_those_on_the_wall() {
    assert_eq!(
        fees("Pacific/Kiritimati", "2026-04-30T10:00:00Z", 2),
        ["2026-05-01 to 2026-05-31, 744 h", "2026-06-01 to 2026-06-30, 720 h"]
    );
}

#[test]
fn whoever_changes_an_invoice_is_told_which_line_differs() {
    let pro = plan(json!({ "title": "Pro", "fee_cents": "4900",
        "prices": [{ "meter": "tokens", "model": "per_unit", "unit_cents": "1" }] }));
    let sound = may(&pro, vec![used("tokens", 0, 7)]);
    let fault = |change: &dyn Fn(&mut Invoice)| {
        let mut invoice = sound.clone();
        change(&mut invoice);
        Books::default().take(&invoice, false).unwrap().unwrap_or_default()
    };
    assert_eq!(fault(&|_| {}), "");
    let line = fault(&|invoice| invoice.lines[1].amount = 8);
    assert_eq!(line, "line 2: it says 7 x tokens = 0.08 USD, it is 7 x tokens = 0.07 USD");
    assert!(fault(&|invoice| drop(invoice.lines.pop())).starts_with("line 2: it says nothing"));
    assert!(fault(&|invoice| invoice.total = 1).starts_with("total: it says 0.01 USD"));
    assert!(fault(&|invoice| invoice.basis.services[0].usage[0].quantity = 8).starts_with("line 2"));
    assert!(fault(&|invoice| invoice.basis.services[0].usage[0].booked = 8).contains("was invoiced before"));
    assert!(fault(&|invoice| invoice.basis.credit = 5).starts_with("line 3: it says nothing"));
}

#[test]
fn an_address_is_in_the_document_and_documents_without_one_read_as_they_were_written() {
    let plain = may(&plan(json!({ "title": "Pro", "fee_cents": "4900" })), Vec::new());
    let before = plain.canonical().unwrap();
    assert!(before.contains(r#""slug":"acme","name":"Acme"},"timezone""#), "{before}");
    let (address, tax_id) = (vec!["Lange Gasse 1".to_owned()], Some("ATU1".to_owned()));
    let mut addressed = plain.clone();
    addressed.tenant.billing = Some(BillingDetails { name: None, address, tax_id });
    let text = addressed.canonical().unwrap();
    assert!(
        text.contains(r#""billing":{"name":null,"address":["Lange Gasse 1"],"tax_id":"ATU1"}"#),
        "{text}"
    );
    assert_eq!(Invoice::read(&text).unwrap().digest().unwrap(), addressed.digest().unwrap());
    assert_ne!(addressed.digest().unwrap(), plain.digest().unwrap());
    assert_eq!(Books::default().take(&addressed, false).unwrap(), None);
}

#[test]
fn what_is_made_of_one_service_period_has_one_id() {
    let other = customer(2).id;
    let id = invoice_id(customer(1).id, 1, "USD");
    assert_eq!(id, invoice_id(customer(1).id, 1, "USD"));
    assert_eq!(id.to_string(), "8c094a39-2d65-876f-aed4-6f72fee3a25a");
    for another in [
        invoice_id(other, 1, "USD"),
        invoice_id(customer(1).id, 2, "USD"),
        invoice_id(customer(1).id, 1, "EUR"),
    ] {
        assert_ne!(id, another);
    }
}
