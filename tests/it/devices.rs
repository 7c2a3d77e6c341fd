//! A browser that signed in before is not locked out by those who guess.

use std::sync::Arc;

use serde_json::json;

use crate::harness::{Answer, Call, DAY, Installation, MINUTE, Person, SECOND, Server};

/// A server behind a proxy on this machine, so that tests come from many addresses.
fn serve() -> (Arc<Installation>, Server) {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), "trusted_proxies = [\"127.0.0.1\"]\n").unwrap();
    let server = installation.serve();
    (installation, server)
}

/// A sign-in of a browser at `address`, with its cookies.
fn sign_in(server: &Server, email: &str, password: &str, address: &str, cookie: Option<&str>) -> Answer {
    let body = json!({"email": email, "password": password});
    let call = Call::post("/api/v1/auth/sign-in?cookies=1", body)
        .header("sec-fetch-site", "same-origin")
        .header("x-forwarded-for", address);
    let call = cookie.into_iter().fold(call, |call, cookie| call.header("cookie", cookie));
    server.nobody().send(&call)
}

fn fail(server: &Server, email: &str, address: &str, cookie: Option<&str>) -> u16 {
    sign_in(server, email, "not the password at all", address, cookie).status
}

/// The cookie by which the browser is known, as it sends it.
#[track_caller]
fn device_of(answer: &Answer) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let device = cookies.filter(|cookie| cookie.contains("tenantry_device=")).collect::<Vec<_>>();
    assert_eq!(device.len(), 1, "{answer:?}");
    let lower = device[0].to_lowercase();
    for part in ["httponly", "samesite=strict", "secure", "path=/api/v1/auth;", "max-age=31536000"] {
        assert!(lower.contains(part), "no {part}: {lower}");
    }
    device[0].split(';').next().unwrap().to_owned()
}

/// Ann's browser, known.
fn known_browser(server: &Server, ann: &Person) -> String {
    device_of(&sign_in(server, &ann.email, &ann.password, "198.51.100.7", None).expect(200))
}

#[test]
fn who_fails_from_everywhere_locks_no_browser_out_that_signed_in_before() {
    let (installation, server) = serve();
    let ann = server.sign_up("ann");
    let device = known_browser(&server, &ann);
    // From many addresses, and from ann's own network until nobody gets a try there.
    for number in 0..40 {
        fail(&server, &ann.email, &format!("203.0.113.{number}"), None);
    }
    for number in 0..25 {
        fail(&server, &format!("u{}@example.com", number % 15), "198.51.100.7", None);
    }
    for _ in 0..8 {
        fail(&server, &ann.email, "198.51.100.7", None);
    }
    assert_eq!(fail(&server, &ann.email, "198.51.100.7", None), 429);
    sign_in(&server, &ann.email, &ann.password, "198.51.100.7", None).expect(429);
    let answer = sign_in(&server, &ann.email, &ann.password, "198.51.100.7", Some(&device)).expect(200);
    // The other way round as well: her success ends nobody else's wait.
    sign_in(&server, &ann.email, &ann.password, "198.51.100.7", None).expect(429);
    assert_ne!(device_of(&answer), device, "each sign-in gives another");
    sign_in(&server, &ann.email, &ann.password, "192.0.2.99", None).expect(200);
    installation.advance_clock(SECOND);
    server.stop();
}

#[test]
fn per_account_and_per_address_there_are_limits_and_the_browser_has_its_own() {
    let (installation, server) = serve();
    let ann = server.sign_up("ann");
    let device = known_browser(&server, &ann);
    // Of one account five tries, from one address.
    let tries: Vec<u16> = (0..6).map(|_| fail(&server, &ann.email, "203.0.113.1", None)).collect();
    assert_eq!(tries, [401, 401, 401, 401, 401, 429]);
    // Of one address twenty, for all accounts; an IPv6 network of a household is one.
    for network in ["203.0.113.2".to_owned(), "2001:db8:1:2::".to_owned()] {
        let tries: Vec<u16> = (0..25)
            .map(|number| {
                let address =
                    if network.ends_with("::") { format!("{network}{number:x}") } else { network.clone() };
                fail(&server, &format!("u{number}@example.com"), &address, None)
            })
            .collect();
        assert_eq!((tries[19], tries[24]), (401, 429), "{network}: {tries:?}");
    }
    // Whoever has the cookie has five tries, and then waits as everybody does; ann elsewhere does not.
    let tries: Vec<u16> = (0..6).map(|_| fail(&server, &ann.email, "203.0.113.3", Some(&device))).collect();
    assert_eq!(tries, [401, 401, 401, 401, 401, 429]);
    sign_in(&server, &ann.email, &ann.password, "203.0.113.4", Some(&device)).expect(429);
    sign_in(&server, &ann.email, &ann.password, "203.0.113.5", None).expect(200);
    installation.advance_clock(16 * MINUTE);
    sign_in(&server, &ann.email, &ann.password, "203.0.113.4", Some(&device)).expect(200);
    server.stop();
}

#[test]
fn a_cookie_of_another_account_or_of_nobody_or_an_old_one_counts_for_nothing() {
    let (installation, server) = serve();
    let (ann, eve) = (server.sign_up("ann"), server.sign_up("eve"));
    let eves = known_browser(&server, &eve);
    let anns = known_browser(&server, &ann);
    let (name, value) = anns.split_once('=').unwrap();
    let mut altered: Vec<char> = value.chars().collect();
    altered[3] = if altered[3] == 'A' { 'B' } else { 'A' };
    let altered = format!("{name}={}", altered.into_iter().collect::<String>());
    let long = format!("{name}={}", "A".repeat(5_000));
    let forged = [eves, altered, format!("{name}="), format!("{name}=AAAA"), format!("{name}=%%%"), long];
    for _ in 0..6 {
        fail(&server, &ann.email, "203.0.113.1", None);
    }
    for cookie in &forged {
        sign_in(&server, &ann.email, &ann.password, "203.0.113.1", Some(cookie)).expect(429);
    }
    sign_in(&server, &ann.email, &ann.password, "203.0.113.1", Some(&anns)).expect(200);
    installation.advance_clock(366 * DAY);
    for _ in 0..6 {
        fail(&server, &ann.email, "203.0.113.1", None);
    }
    sign_in(&server, &ann.email, &ann.password, "203.0.113.1", Some(&anns)).expect(429);
    server.stop();
}

#[test]
fn guessing_at_the_sign_in_keeps_nobody_from_proving_a_password_who_is_signed_in() {
    let (_, server) = serve();
    let ann = server.sign_up("ann");
    for _ in 0..8 {
        fail(&server, &ann.email, "127.0.0.1", None);
    }
    ann.client.post("/api/v1/auth/step-up", json!({"password": ann.password})).expect(204);
    server.stop();
}
