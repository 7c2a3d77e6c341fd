//! Lists at Stripe that are longer than what is taken at once: nothing of them is left out, and what was left off is gone
//! on with.

use serde_json::json;

use super::Town;
use super::simulator::Shape;
use crate::harness::{DAY, HOUR, MINUTE, eventually};

/// Events that never came: more than two rounds take.
const EVENTS: usize = 320;
/// Invoices of which nothing was heard: more than two rounds of pages, and their fields more than a report shows.
const INVOICES: usize = 290;

#[test]
fn events_that_are_more_than_one_round_takes_are_recovered_all_the_same() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    let mark = || town.rows("SELECT value FROM settings WHERE name = 'stripe_recovered_at'");
    let before = mark();
    for number in 0..EVENTS {
        let status = if number == EVENTS - 1 { "past_due" } else { "active" };
        town.stripe.change_subscription(&id, &json!({ "status": status }), "customer.subscription.updated");
    }
    // It breaks off in the second round.
    town.stripe.fail_on(Some(("/v1/events", 25)));
    let asked = || town.stripe.asked("GET /v1/events");
    let so_far = asked().len();
    town.installation.advance_clock(HOUR + MINUTE);
    eventually("the end of that", || (asked().len() > so_far + 25).then_some(()));
    assert_eq!(mark(), before, "nothing counts as recovered before all is");
    let kept = "SELECT id FROM stripe_events WHERE source = 'recovery'";
    assert!(town.rows(kept).len() < EVENTS);
    // A server that comes up again goes on where that one left off.
    town.server = town.server.restart();
    let broken = asked().len();
    town.stripe.fail_on(None);
    town.installation.advance_clock(6 * MINUTE);
    eventually("the rest", || (town.rows(kept).len() >= EVENTS).then_some(()));
    assert!(asked()[broken].contains("starting_after"), "{}", asked()[broken]);
    let mark = || town.rows("SELECT value FROM settings WHERE name = 'stripe_recovered_at'");
    eventually("the mark", || (mark() != before).then_some(()));
    assert!(asked()[so_far].contains("types[]"), "only what means something is asked for");
    town.sign_in_again();
    eventually("what came of it", || (town.stands().1 == "past_due").then_some(()));
    town.server.stop();
}

#[test]
fn a_comparison_of_many_pages_goes_on_where_it_was_left_off_and_its_report_says_how_much_there_is() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    let as_of = |town: &Town| town.rows("SELECT value FROM settings WHERE name = 'stripe_drift_at'");
    let before = eventually("the first look", || Some(as_of(&town)).filter(|at| !at.is_empty()));
    for _ in 0..INVOICES {
        town.stripe.bill(&id, 100);
    }
    // Nor will anything be heard of them.
    town.stripe.forget_events();
    town.stripe.fail_on(Some(("/v1/invoices", 25)));
    town.installation.advance_clock(DAY + MINUTE);
    let asked = |town: &Town| town.stripe.asked("GET /v1/invoices ");
    let so_far = asked(&town).len();
    eventually("that it breaks off", || (asked(&town).len() > so_far + 25).then_some(()));
    assert_eq!(as_of(&town), before);
    town.server = town.server.restart();
    let broken = asked(&town).len();
    town.stripe.fail_on(None);
    town.installation.advance_clock(2 * HOUR);
    town.sign_in_again();
    // Asked after that: what is told while it goes on is less.
    eventually("the end of the comparison", || (as_of(&town) != before).then_some(()));
    let report = town.operator.client.get("/api/v1/operator/stripe-drift").expect(200);
    // status, number, total, paid and attempts of each.
    let all = i64::try_from(INVOICES * 5).unwrap();
    assert_eq!(report.json["total"], json!(all), "{}", report.json["total"]);
    assert_eq!(report.json["items"].as_array().unwrap().len(), 1_000);
    let lists: Vec<String> =
        asked(&town).into_iter().skip(broken).filter(|one| one.contains("limit")).collect();
    assert!(lists[0].contains("starting_after"), "{}", lists[0]);
    // All of it is put right, not only what is shown.
    let repaired = super::post(&town.operator.client, "/api/v1/operator/stripe-drift/repair").expect(200);
    assert_eq!(repaired.json["total"], json!(all));
    assert!(repaired.json["items"].as_array().unwrap().iter().all(|item| item["repaired_at"].is_string()));
    assert_eq!(town.rows("SELECT id FROM stripe_invoices").len(), INVOICES + 1);
    town.server.stop();
}
