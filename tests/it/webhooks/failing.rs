//! Receivers that do not take what is sent.

use std::time::Duration;

use serde_json::json;

use super::{Receiver, create_customer, deliveries, installation, make, path_of, taken, until_received};
use crate::harness::receiver::Received;
use crate::harness::{DAY, HOUR, MINUTE, SECOND, Server, eventually, letters_to};

fn ids(received: &[Received]) -> Vec<&str> {
    received.iter().map(|one| one.header("webhook-id")).collect()
}

#[test]
fn what_fails_is_tried_again_by_the_schedule_under_the_same_id() {
    let receiver = Receiver::open(|_, before| match before {
        0 => (500, String::new(), "no\u{1b}[1m paper".to_owned()),
        1 => (307, "Location: http://127.0.0.1:1/\r\n".to_owned(), String::new()),
        2 => (503, "Retry-After: 7200\r\n".to_owned(), String::new()),
        _ => taken(),
    });
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let endpoint = path_of(&acme, &make(&ann.client, &acme, &receiver.url("/"), &["record.created"]));
    create_customer(&ann.client, &acme, "One");
    let attempts = |client: &crate::harness::Client, count: u64| {
        let found = eventually("an attempt", || {
            Some(deliveries(client, &endpoint))
                .filter(|all| all.first().is_some_and(|one| one["attempt_count"] == count))
        });
        found[0].clone()
    };
    let first = attempts(&ann.client, 1);
    assert_eq!((&first["status"], first["next_attempt_at"].is_string()), (&json!("pending"), true));
    ann.client
        .post(&format!("{endpoint}/deliveries/{}/replay", first["id"].as_str().unwrap()), json!({}))
        .expect_code(409, "delivery_pending");
    installation.advance_clock(7 * SECOND);
    attempts(&ann.client, 2);
    installation.advance_clock(5 * MINUTE + MINUTE);
    let ann = ann.sign_in_again();
    attempts(&ann.client, 3);
    // Half an hour would be next, but two were asked for.
    installation.advance_clock(HOUR);
    let ann = ann.sign_in_again();
    create_customer(&ann.client, &acme, "Two");
    until_received(&receiver, 4);
    installation.advance_clock(2 * HOUR);
    let ann = ann.sign_in_again();
    let received = until_received(&receiver, 5);
    assert_eq!([ids(&received)[1], ids(&received)[2], ids(&received)[4]], [ids(&received)[0]; 3]);
    assert_ne!(ids(&received)[3], ids(&received)[0]);
    eventually("its end", || (deliveries(&ann.client, &endpoint)[1]["status"] == "delivered").then_some(()));
    let whole =
        ann.client.get(&format!("{endpoint}/deliveries/{}", first["id"].as_str().unwrap())).expect(200);
    let told: Vec<_> = whole.json["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|one| (one["status"].as_i64().unwrap(), one["error"].as_str().unwrap_or_default().to_owned()))
        .collect();
    assert_eq!(told.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [500, 307, 503, 204]);
    assert!(told[1].1.contains("redirects are not followed"), "{told:?}");
    let response = &whole.json["attempts"][3]["response"];
    assert_eq!(response, "no [1m paper");
    // Sent again by hand: the same id, and the attempts go on to be counted.
    let replay = format!("{endpoint}/deliveries/{}/replay", first["id"].as_str().unwrap());
    assert_eq!(ann.client.post(&replay, json!({})).expect(202).string("/status"), "pending");
    let received = until_received(&receiver, 6);
    assert_eq!(ids(&received)[5], ids(&received)[0]);
    server.stop();
}

#[test]
fn an_endpoint_that_is_gone_is_disabled_and_its_owners_are_told() {
    let receiver =
        Receiver::open(|_, before| if before == 0 { (410, String::new(), String::new()) } else { taken() });
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let endpoint = path_of(&acme, &make(&ann.client, &acme, &receiver.url("/"), &["record.created"]));
    create_customer(&ann.client, &acme, "One");
    let disabled = eventually("that it is disabled", || {
        Some(ann.client.get(&endpoint).expect(200)).filter(|one| one.json["status"] == "disabled")
    });
    assert_eq!(disabled.string("/disabled_reason"), "gone");
    let letter = eventually("a letter", || {
        letters_to(&installation, "ann@example.com")
            .into_iter()
            .find(|letter| letter.contains("switched off"))
    });
    assert!(letter.contains("410") && letter.contains(&receiver.url("/")), "{letter}");
    eventually("an entry in the log", || {
        let audit = ann.client.get(&acme.path("/audit?action=webhook_endpoint.disabled")).expect(200);
        (audit.json["items"].as_array().unwrap().len() == 1).then_some(())
    });
    // What happens now is not sent; what was on its way is, once it is enabled again.
    create_customer(&ann.client, &acme, "Two");
    installation.advance_clock(MINUTE);
    ann.client.patch(&endpoint, json!({ "status": "enabled" })).expect(200);
    create_customer(&ann.client, &acme, "Three");
    let received = until_received(&receiver, 3);
    let mut names: Vec<&str> =
        received[1..].iter().map(|one| one.json["data"]["record"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["One", "Three"]);
    server.stop();
}

#[test]
fn an_endpoint_that_takes_nothing_for_five_days_is_disabled() {
    let receiver = Receiver::open(|_, _| (500, String::new(), String::new()));
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let endpoint = path_of(&acme, &make(&ann.client, &acme, &receiver.url("/"), &["record.created"]));
    create_customer(&ann.client, &acme, "One");
    until_received(&receiver, 1);
    let failing = eventually("that it fails", || {
        Some(ann.client.get(&endpoint).expect(200)).filter(|one| one.json["failing_since"].is_string())
    });
    assert_eq!(failing.string("/status"), "enabled");
    installation.advance_clock(4 * DAY);
    let ann = ann.sign_in_again();
    until_received(&receiver, 2);
    assert_eq!(ann.client.get(&endpoint).expect(200).string("/status"), "enabled");
    installation.advance_clock(DAY);
    let ann = ann.sign_in_again();
    create_customer(&ann.client, &acme, "Two");
    let disabled = eventually("that it is disabled", || {
        Some(ann.client.get(&endpoint).expect(200)).filter(|one| one.json["status"] == "disabled")
    });
    assert_eq!(disabled.string("/disabled_reason"), "failing");
    server.stop();
}

#[test]
fn a_slow_endpoint_keeps_neither_others_of_its_tenant_nor_other_tenants() {
    let slow = Receiver::open(|_, _| {
        std::thread::sleep(Duration::from_secs(60));
        taken()
    });
    let quick = Receiver::open(|_, _| taken());
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    for number in 0..3 {
        make(&ann.client, &acme, &slow.url(&format!("/{number}")), &["record.created"]);
    }
    make(&ann.client, &acme, &quick.url("/acme"), &["record.created"]);
    make(&ben.client, &bolt, &quick.url("/bolt"), &["record.created"]);
    let begun = std::time::Instant::now();
    for number in 0..20 {
        create_customer(&ann.client, &acme, &format!("Customer {number}"));
    }
    create_customer(&ben.client, &bolt, "One");
    until_received(&quick, 21);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // At most four at a time of one endpoint.
    assert!(slow.received().len() <= 12, "{}", slow.received().len());
    server.kill();
}

#[test]
fn slow_endpoints_of_all_tenants_take_no_more_than_half_of_all_places() {
    let slow = Receiver::open(|_, _| {
        std::thread::sleep(Duration::from_secs(60));
        taken()
    });
    let installation = installation();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_JOBS_AT_ONCE", "4");
    let server = Server::spawn(&installation, command).unwrap();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (ben, bolt) = server.sign_up_with_tenant("ben", "bolt");
    let (cid, cube) = server.sign_up_with_tenant("cid", "cube");
    for (owner, tenant) in [(&ann, &acme), (&ben, &bolt)] {
        for number in 0..3 {
            let url = slow.url(&format!("/{}-{number}", tenant.slug));
            make(&owner.client, tenant, &url, &["record.created"]);
        }
        create_customer(&owner.client, tenant, "One");
    }
    until_received(&slow, 2);
    let begun = std::time::Instant::now();
    let job = cid.client.post(&cube.path("/jobs"), json!({ "kind": "tenantry.export" })).expect(202);
    let path = cube.path(&format!("/jobs/{}", job.string("/id")));
    eventually("the job of another", || {
        (cid.client.get(&path).expect(200).json["status"] == "succeeded").then_some(())
    });
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(slow.received().len(), 2, "half of four");
    server.kill();
}

#[test]
fn an_address_that_is_not_in_the_open_is_not_called_however_it_is_named() {
    let receiver = Receiver::open(|_, _| taken());
    let installation = installation();
    // Names of this machine may be spelled, and lead to where nothing may be sent.
    let settings = "outgoing_allow_http = true\noutgoing_allow_networks = [\"10.0.0.0/8\"]\n";
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let port = receiver.url("").rsplit(':').next().unwrap().to_owned();
    let url = format!("http://localhost:{port}/");
    let endpoint = path_of(&acme, &make(&ann.client, &acme, &url, &["record.created"]));
    ann.client.post(&format!("{endpoint}/test"), json!({})).expect(202);
    let tried = eventually("an attempt", || {
        deliveries(&ann.client, &endpoint).into_iter().find(|one| one["attempt_count"] == 1)
    });
    let whole =
        ann.client.get(&format!("{endpoint}/deliveries/{}", tried["id"].as_str().unwrap())).expect(200);
    let error = whole.string("/attempts/0/error");
    assert!(error.contains("no address in the open internet") && !error.contains("127."), "{error}");
    assert!(receiver.received().is_empty());
    server.stop();
}
