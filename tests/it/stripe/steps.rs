//! The power fails at one step after the other of a push: before and after each commit, with what was sent in between.

use std::sync::Arc;

use serde_json::json;

use super::simulator::Shape;
use super::statements::{MONTH, agrees, statements, tokens, verify};
use super::{Town, rows, worked_off};
use crate::harness::{Call, Installation, Server, eventually};

/// More starts than any of this takes.
const MOST: i64 = 80;

/// The server, ended at that step; nothing if it ended before it listened.
fn dying_at(installation: &Arc<Installation>, step: i64) -> Option<Server> {
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_TEST_FAULT", step.to_string());
    Server::spawn(installation, installation.with_app(command)).ok()
}

#[test]
fn a_push_that_is_ended_at_one_step_after_the_other_puts_each_line_there_once() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    tokens(&town.ann.client, &town.acme, 1_001, "a");
    town.installation.advance_clock(MONTH);
    town.sign_in_again();
    let draft = town.stripe.renew(&id, 4_900);
    let Town { installation, stripe, server, operator, ann, acme } = town;
    // Of one line it is certain: it was sent, and no answer had come when the power failed.
    stripe.hold("POST /v1/invoiceitems");
    stripe.send_all(&server.nobody());
    stripe.held();
    server.kill();
    stripe.release();
    assert_eq!(rows(&installation, "SELECT line_id FROM stripe_items WHERE item IS NULL").len(), 1);
    let is_over = || {
        let pending = rows(&installation, "SELECT id FROM stripe_events WHERE status = 'pending'");
        let there = rows(&installation, "SELECT id FROM invoices WHERE stripe_invoice_id IS NOT NULL");
        pending.is_empty() && !there.is_empty()
    };
    let mut ended = 0;
    // What was done stays done, so a step or two further than its start take the server through all of it.
    let mut step = 1;
    for start in 1.. {
        assert!(start < MOST, "it never came through: {ended}");
        let Some(dying) = dying_at(&installation, step + start % 2) else {
            step += 1;
            continue;
        };
        let nobody = dying.nobody();
        let came_through = eventually("the end of the push, or of the server", || {
            if nobody.try_send(&Call::get("/livez")).is_err() {
                return Some(false);
            }
            is_over().then_some(true)
        });
        dying.kill();
        if came_through {
            break;
        }
        ended += 1;
        step += i64::from(start % 4 == 0);
    }
    assert!(ended > 3, "{ended}");
    let server = installation.serve();
    let (operator, ann) = (operator.sign_in_again_at(&server), ann.sign_in_again_at(&server));
    stripe.send_all(&server.nobody());
    worked_off(&operator.client);
    let all = statements(&ann.client, &acme);
    assert_eq!((all.len(), &all[0]["stripe_invoice_id"]), (1, &json!(draft)));
    agrees(&stripe, &all);
    assert_eq!(verify(&installation), "OK: 1 invoices of 1 tenants.\n");
    server.stop();
}
