//! The power fails between the answer to Stripe and what follows from it.

use serde_json::json;

use super::simulator::{Shape, Shuffle};
use super::{Town, outcome, owned, worked_off};
use crate::harness::MINUTE;

#[test]
fn what_was_answered_is_worked_off_after_the_power_failed() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    // Taken in, and not worked off as long as nobody answers.
    town.stripe.fail_with(500);
    town.stripe.change_subscription(&id, &json!({"status": "past_due"}), "customer.subscription.updated");
    let event = town.stripe.event("customer.subscription.updated");
    town.stripe.send(&town.server.nobody(), &event).expect(200);
    town.server.kill();
    town.stripe.fail_with(0);
    town.installation.advance_clock(MINUTE);
    let server = town.installation.serve();
    let (operator, ann) = (town.operator.sign_in_again_at(&server), town.ann.sign_in_again_at(&server));
    worked_off(&operator.client);
    assert_eq!(super::stands(&ann.client, &town.acme), owned("pro", "past_due"));
    assert_eq!(outcome(&operator.client, event["id"].as_str().unwrap())["status"], "applied");
    server.stop();
}

#[test]
fn killed_at_any_moment_it_ends_in_what_stripe_says() {
    let (town, id) = Town::subscribed(Shape::Old, "pro");
    let Town { installation, stripe, mut server, operator, ann, acme } = town;
    let dice = Shuffle::new(7);
    for round in 0..6 {
        let (status, price) = ([("past_due"), ("active")][round % 2], ["price_team", "price_pro"][round % 2]);
        stripe.change_price(&id, price);
        stripe.change_subscription(&id, &json!({ "status": status }), "customer.subscription.updated");
        let invoice = stripe.bill(&id, 10 + i64::try_from(round).unwrap());
        stripe.pay(&invoice);
        let nobody = server.nobody();
        std::thread::scope(|threads| {
            let sending = threads.spawn(|| {
                for event in stripe.events() {
                    // The server may be gone; then Stripe sends it again.
                    drop(nobody.try_send(&stripe.webhook(event.to_string())));
                }
            });
            std::thread::sleep(std::time::Duration::from_millis(5 + u64::try_from(dice.below(60)).unwrap()));
            server.kill();
            sending.join().unwrap();
        });
        server = installation.serve();
    }
    stripe.send_all(&server.nobody());
    installation.advance_clock(MINUTE);
    let (operator, ann) = (operator.sign_in_again_at(&server), ann.sign_in_again_at(&server));
    worked_off(&operator.client);
    let last = owned("pro", "active");
    assert_eq!(super::stands(&ann.client, &acme), last);
    let report = super::post(&operator.client, "/api/v1/operator/stripe-drift/repair").expect(200);
    assert_eq!(report.json["items"], json!([]), "nothing was left to repair");
    server.stop();
}
