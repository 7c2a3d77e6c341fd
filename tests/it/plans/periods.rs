//! Periods that end while the server runs, or while it does not: the 31st, leap days, clocks that go forward, trials.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{entitlements, installation, subscription};
use crate::harness::{Answer, Call, DAY, HOUR, Installation, Person, Server, Tenant, eventually};

/// Begins at that moment, with a tenant.
fn begin(at: &str) -> (Arc<Installation>, Server, Person, Tenant) {
    let installation = installation();
    set_clock(&installation, at);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    (installation, server, ann, acme)
}

fn set_clock(installation: &Installation, at: &str) {
    installation.set_clock(at.parse::<jiff::Timestamp>().unwrap().as_millisecond());
}

/// The subscription at that moment.
#[track_caller]
fn at(installation: &Installation, person: &Person, tenant: &Tenant, moment: &str) -> Answer {
    set_clock(installation, moment);
    subscription(&person.sign_in_again().client, tenant)
}

/// Begin and end of the period, to the minute.
fn period(told: &Answer) -> [String; 2] {
    ["/period_start", "/period_end"].map(|name| told.string(name)[..16].to_owned())
}

/// Stretches of the tenant: plan, kind, begin, end. The server is stopped.
fn service_periods(installation: &Installation, tenant: &Tenant) -> Vec<(String, String, i64, i64)> {
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let sql =
        "SELECT plan, kind, starts_at, ends_at FROM service_periods WHERE tenant_id = ?1 ORDER BY number";
    let mut statement = catalog.prepare(sql).unwrap();
    let rows =
        statement.query_map([&tenant.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[track_caller]
fn assert_without_gaps(periods: &[(String, String, i64, i64)]) {
    for pair in periods.windows(2) {
        assert_eq!(pair[0].3, pair[1].2, "{periods:#?}");
        assert!(pair[0].2 < pair[0].3, "{periods:#?}");
    }
}

#[test]
fn the_31st_comes_back_and_a_year_of_sleep_is_caught_up_with_through_a_leap_day() {
    let (installation, server, ann, acme) = begin("2027-01-31T10:00:00Z");
    assert_eq!(period(&subscription(&ann.client, &acme)), ["2027-01-31T10:00", "2027-02-28T10:00"]);
    let told = at(&installation, &ann, &acme, "2027-02-28T11:00:00Z");
    assert_eq!(period(&told), ["2027-02-28T10:00", "2027-03-31T10:00"]);
    server.stop();
    set_clock(&installation, "2028-03-01T00:00:00Z");
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    assert_eq!(period(&subscription(&ann.client, &acme)), ["2028-02-29T10:00", "2028-03-31T10:00"]);
    ann.client.get(&acme.path("/tables")).expect(200);
    server.stop();
    let periods = service_periods(&installation, &acme);
    assert_eq!(periods.len(), 14);
    assert_without_gaps(&periods);
    let (_, body) = entitlements(&installation, &acme);
    assert_eq!(body["period"]["end"], periods.last().unwrap().3, "the file goes with the catalog");
}

#[test]
fn a_period_that_ends_is_followed_by_the_next_without_anyone_asking() {
    let (installation, server, _, acme) = begin("2027-01-31T10:00:00Z");
    set_clock(&installation, "2027-03-01T00:00:00Z");
    eventually("the next period", || {
        let periods = service_periods(&installation, &acme);
        (periods.len() == 2).then_some(())
    });
    server.stop();
}

#[test]
fn another_time_zone_counts_from_the_next_period_on_and_clocks_that_go_forward_do_not_move_it() {
    let (installation, server, ann, acme) = begin("2027-01-28T02:30:00Z");
    ann.client.patch(&acme.path(""), json!({"timezone": "Europe/Berlin"})).expect(200);
    assert_eq!(period(&subscription(&ann.client, &acme)), ["2027-01-28T02:30", "2027-02-28T02:30"]);
    // Half past two in Berlin; on 28 March there is no such hour.
    let told = at(&installation, &ann, &acme, "2027-03-01T00:00:00Z");
    assert_eq!(period(&told), ["2027-02-28T02:30", "2027-03-28T01:30"]);
    assert_eq!(told.string("/timezone"), "Europe/Berlin");
    let told = at(&installation, &ann, &acme, "2027-04-01T00:00:00Z");
    assert_eq!(period(&told), ["2027-03-28T01:30", "2027-04-28T00:30"]);
    server.stop();
    assert_without_gaps(&service_periods(&installation, &acme));
}

#[test]
fn a_trial_is_given_once_for_each_plan_and_periods_are_counted_from_its_end() {
    let (installation, server, ann, acme) = begin("2027-01-17T12:00:00Z");
    let choose = |person: &Person, plan: &str| {
        person.client.send(&Call::put(acme.path("/subscription"), json!({"plan": plan}))).expect(200)
    };
    let trial = choose(&ann, "pro");
    assert_eq!(
        (trial.string("/status"), period(&trial)),
        ("trialing".to_owned(), ["2027-01-17T12:00".to_owned(), "2027-01-31T12:00".to_owned()])
    );
    let told = at(&installation, &ann, &acme, "2027-02-01T00:00:00Z");
    assert_eq!(
        (told.string("/status"), period(&told)),
        ("active".to_owned(), ["2027-01-31T12:00".to_owned(), "2027-02-28T12:00".to_owned()])
    );
    let ann = ann.sign_in_again();
    choose(&ann, "free");
    let again = choose(&ann, "pro");
    assert_eq!(
        (again.string("/status"), period(&again)),
        ("active".to_owned(), ["2027-01-31T12:00".to_owned(), "2027-02-28T12:00".to_owned()])
    );
    server.stop();
    let periods = service_periods(&installation, &acme);
    let kinds: Vec<_> = periods.iter().map(|(plan, kind, ..)| format!("{plan} {kind}")).collect();
    assert_eq!(kinds, ["free regular", "pro trial", "pro regular", "free regular", "pro regular"]);
    assert_without_gaps(&periods);
}

#[test]
fn a_scheduled_change_comes_with_the_end_of_the_period_at_the_version_that_was_agreed_to() {
    let (installation, server, ann, acme) = begin("2027-01-31T10:00:00Z");
    let body = json!({"plan": "pro", "when": "period_end"});
    ann.client.send(&Call::put(acme.path("/subscription"), body)).expect(200);
    let dearer = super::app_toml().replace("\"4900\"", "\"9900\"");
    let file = super::written(&installation, "dearer.toml", &dearer);
    installation.run(&["plan", "apply", &file, "--yes"]).expect_code(0);
    let told = at(&installation, &ann, &acme, "2027-02-28T09:59:00Z");
    assert_eq!(told.string("/plan"), "free");
    let told = at(&installation, &ann, &acme, "2027-03-01T00:00:00Z");
    assert_eq!((told.string("/plan"), &told.json["version"]), ("pro".to_owned(), &json!(1)));
    assert_eq!(told.json["scheduled_change"], Value::Null);
    // Its trial, from the end of the period on.
    assert_eq!(period(&told), ["2027-02-28T10:00", "2027-03-14T10:00"]);
    let ann = ann.sign_in_again();
    let log = ann.client.get(&acme.path("/audit?action=subscription.changed")).expect(200);
    assert_eq!(log.json["items"][0]["actor"], "system", "{}", log.text());
    server.stop();
}

#[test]
fn a_tenant_on_its_way_out_is_counted_on_and_an_erased_one_is_not() {
    let (installation, server, ann, acme) = begin("2027-01-31T10:00:00Z");
    ann.client.post(&acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    set_clock(&installation, "2027-03-01T12:00:00Z");
    installation.run(&["tenant", "erase", "acme", "--confirm", "acme", "--now"]).expect_code(0);
    installation.advance_clock(40 * DAY + HOUR);
    let server = server.restart();
    server.stop();
    assert!(service_periods(&installation, &acme).is_empty());
}
