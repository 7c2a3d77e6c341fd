//! The second factor: set up, asked for, used up, lost, removed, and asked for by a tenant.

use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::harness::{Answer, Call, Client, Installation, MINUTE, Person, SECOND, Server};

/// An authenticator app with the server's clock.
pub struct App {
    totp: Totp,
    pub recovery_codes: Vec<String>,
}

impl App {
    /// Sets up a second factor for the person.
    pub fn enroll(server: &Server, client: &Client) -> App {
        let answer = client.send(&Call::new("POST", "/api/v1/auth/totp/enroll")).expect(200);
        let secret = Secret::try_from_base32(answer.string("/secret")).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        assert!(answer.string("/otpauth_uri").starts_with("otpauth://totp/"), "{}", answer.text());
        let mut app = App { totp, recovery_codes: Vec::new() };
        let answer =
            client.post("/api/v1/auth/totp/confirm", json!({"code": app.code(server, 0)})).expect(200);
        app.recovery_codes = answer.json["recovery_codes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|code| code.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(app.recovery_codes.len(), 10);
        app
    }

    /// The code of a step before or after the current one.
    pub fn code(&self, server: &Server, steps: i64) -> String {
        let offset: i64 =
            std::fs::read_to_string(server.installation().beside("clock")).unwrap().trim().parse().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seconds = i64::try_from(now.as_secs()).unwrap() + offset / SECOND + 30 * steps;
        self.totp.generate(u64::try_from(seconds).unwrap()).to_string()
    }
}

#[track_caller]
fn first_step(server: &Server, person: &Person) -> String {
    let body = json!({"email": person.email, "password": person.password});
    let answer = server.nobody().post("/api/v1/auth/sign-in", body).expect(200);
    assert_eq!(answer.json["mfa_required"], true, "{}", answer.text());
    assert!(answer.json.get("access_token").is_none(), "{}", answer.text());
    answer.string("/mfa_token")
}

fn second_step(server: &Server, token: &str, code: &str) -> Answer {
    server.nobody().post("/api/v1/auth/mfa", json!({"mfa_token": token, "code": code}))
}

/// The same session, a while later.
fn later(server: &Server, person: &Person, ms: i64) -> Client {
    server.installation().advance_clock(ms);
    let body = json!({"refresh_token": person.refresh_token});
    let answer = server.nobody().post("/api/v1/auth/refresh", body).expect(200);
    server.nobody().bearer(&answer.string("/access_token"))
}

#[test]
fn a_sign_in_with_a_second_factor_takes_two_steps_and_no_code_counts_twice() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let app = App::enroll(&server, &ann.client);
    let token = first_step(&server, &ann);
    // The code that was confirmed is used up, and so is every older one.
    second_step(&server, &token, &app.code(&server, 0)).expect_code(401, "second_factor_failed");
    second_step(&server, &token, &app.code(&server, -1)).expect_code(401, "second_factor_failed");
    server.installation().advance_clock(30 * SECOND);
    let code = app.code(&server, 0);
    let answer = second_step(&server, &token, &code).expect(200);
    server.nobody().bearer(&answer.string("/access_token")).get("/api/v1/me").expect(200);
    second_step(&server, &token, &code).expect(401);
    second_step(&server, &first_step(&server, &ann), &code).expect(401);
    server.installation().run(&["verify", "audit"]).expect_code(0);
    server.stop();
}

#[test]
fn of_twenty_who_send_one_code_at_once_one_gets_in() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let app = App::enroll(&server, &ann.client);
    let token = first_step(&server, &ann);
    server.installation().advance_clock(2 * MINUTE);
    let code = app.code(&server, 0);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = || second_step(&server, &token, &code).status;
        let all: Vec<_> = (0..15).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    server.stop();
}

#[test]
fn a_clock_may_be_one_step_off_and_not_two() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let app = App::enroll(&server, &ann.client);
    server.installation().advance_clock(10 * MINUTE);
    let token = first_step(&server, &ann);
    // Ours moves on while this runs, so the far sides are three steps off.
    for steps in [-3, 3] {
        second_step(&server, &token, &app.code(&server, steps)).expect(401);
    }
    second_step(&server, &token, &app.code(&server, 1)).expect(200);
    server.stop();
}

#[test]
fn the_token_between_the_steps_is_good_for_nothing_else_and_not_for_long() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    let app = App::enroll(&server, &ann.client);
    installation.advance_clock(MINUTE);
    let token = first_step(&server, &ann);
    server.nobody().bearer(&token).get("/api/v1/me").expect(401);
    server.nobody().post("/api/v1/auth/refresh", json!({"refresh_token": token})).expect(401);
    for wrong in [ann.access_token.as_str(), bob.refresh_token.as_str(), "", "tnm_", &token[..40]] {
        second_step(&server, wrong, &app.code(&server, 0)).expect_code(401, "mfa_token_invalid");
    }
    let changed = format!("{}{}", &token[..30], token[30..].replacen(|c: char| c.is_ascii_digit(), "x", 1));
    if changed != token {
        second_step(&server, &changed, &app.code(&server, 0)).expect_code(401, "mfa_token_invalid");
    }
    installation.advance_clock(5 * MINUTE);
    second_step(&server, &token, &app.code(&server, 0)).expect_code(401, "mfa_token_invalid");
    server.stop();
}

#[test]
fn wrong_codes_cost_longer_and_longer_waits_and_a_recovery_code_gets_the_owner_in() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let app = App::enroll(&server, &ann.client);
    installation.advance_clock(MINUTE);
    let token = first_step(&server, &ann);
    for _ in 0..5 {
        second_step(&server, &token, &app.code(&server, 90)).expect_code(401, "second_factor_failed");
    }
    second_step(&server, &token, &app.code(&server, 0)).expect_code(429, "too_many_codes");
    // Also after a restart: the count is not in memory.
    let server = server.restart();
    second_step(&server, &token, &app.code(&server, 0)).expect_code(429, "too_many_codes");
    let code = app.recovery_codes[3].to_uppercase();
    second_step(&server, &token, &code).expect(200);
    second_step(&server, &first_step(&server, &ann), &code).expect(401);
    second_step(&server, &first_step(&server, &ann), &app.code(&server, 0)).expect(200);
    server.stop();
}

#[test]
fn recovery_codes_are_replaced_as_a_whole() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let app = App::enroll(&server, &ann.client);
    let renew = |code: &str| ann.client.post("/api/v1/auth/totp/recovery-codes", json!({"code": code}));
    renew("000 000").expect_one_of(&[403]);
    let answer = renew(&app.recovery_codes[0]).expect(200);
    let token = first_step(&server, &ann);
    second_step(&server, &token, &app.recovery_codes[1]).expect(401);
    second_step(&server, &token, &answer.string("/recovery_codes/0")).expect(200);
    server.stop();
}

#[test]
fn a_second_factor_is_set_up_once_and_removed_with_a_code_of_it() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let remove =
        |code: &str| ann.client.send(&Call::delete("/api/v1/auth/totp").json(&json!({"code": code})));
    remove("123456").expect_code(409, "no_second_factor");
    let has_one = || ann.client.get("/api/v1/me").expect(200).json["second_factor"].clone();
    assert_eq!(has_one(), false);
    ann.client
        .post("/api/v1/auth/totp/confirm", json!({"code": "123456"}))
        .expect_code(409, "no_second_factor");
    let enroll = || ann.client.send(&Call::new("POST", "/api/v1/auth/totp/enroll"));
    // Until it is confirmed it asks nothing of anyone, and may be begun anew.
    let first = enroll().expect(200).string("/secret");
    assert_ne!(enroll().expect(200).string("/secret"), first);
    ann.sign_in_again();
    let app = App::enroll(&server, &ann.client);
    enroll().expect_code(409, "second_factor_exists");
    assert_eq!(has_one(), true);
    remove("000000").expect_code(403, "code_wrong");
    server.installation().advance_clock(30 * SECOND);
    remove(&app.code(&server, 0)).expect(204);
    ann.sign_in_again();
    server.stop();
}

#[test]
fn whoever_has_a_second_factor_steps_up_with_it_and_not_with_the_password() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let app = App::enroll(&server, &ann.client);
    let client = later(&server, &ann, 11 * MINUTE);
    let close = || client.post(&acme.path("/close"), json!({"confirm": "acme"}));
    let step_up = |body: Value| client.post("/api/v1/auth/step-up", body);
    step_up(json!({"password": ann.password})).expect_code(403, "code_required");
    step_up(json!({"code": "000000"})).expect_code(403, "code_wrong");
    step_up(json!({"code": app.code(&server, 0), "password": ann.password})).expect(422);
    close().expect_code(403, "step_up_required");
    step_up(json!({"code": app.code(&server, 0)})).expect(204);
    close().expect(202);
    server.stop();
}

#[test]
fn a_session_alone_does_not_set_up_a_second_factor() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let client = later(&server, &ann, 11 * MINUTE);
    client.send(&Call::new("POST", "/api/v1/auth/totp/enroll")).expect_code(403, "step_up_required");
    server.stop();
}

#[test]
fn a_tenant_can_ask_a_second_factor_of_its_members_and_of_nobody_elsewhere() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "admin");
    let other = bob.create_tenant("other");
    let require =
        |client: &Client, flag: bool| client.patch(&acme.path(""), json!({"second_factor_required": flag}));
    require(&ann.client, true).expect_code(403, "second_factor_required");
    App::enroll(&server, &ann.client);
    assert_eq!(require(&ann.client, true).expect(200).json["second_factor_required"], true);
    for path in ["", "/members", "/records/customers"] {
        bob.client.get(&acme.path(path)).expect_code(403, "second_factor_required");
        ann.client.get(&acme.path(path)).expect(200);
    }
    require(&bob.client, false).expect_code(403, "second_factor_required");
    bob.client.get(&other.path("")).expect(200);
    bob.client.get("/api/v1/me").expect(200);
    // A stranger learns nothing.
    server.sign_up("stan").client.get(&acme.path("")).expect(404);
    App::enroll(&server, &bob.client);
    bob.client.get(&acme.path("")).expect(200);
    server.stop();
}

#[test]
fn the_second_step_sets_cookies_where_it_is_asked_to() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let app = App::enroll(&server, &ann.client);
    let body = json!({"mfa_token": first_step(&server, &ann), "code": app.recovery_codes[0]});
    let call = Call::post("/api/v1/auth/mfa?cookies=1", body);
    server.nobody().send(&call.clone().header("sec-fetch-site", "cross-site")).expect_code(403, "cross_site");
    let answer = server.nobody().send(&call.header("sec-fetch-site", "same-origin")).expect(200);
    assert!(answer.headers.get_all("set-cookie").iter().count() >= 2);
    assert!(answer.json.get("access_token").is_none(), "{}", answer.text());
    server.stop();
}

#[test]
fn a_second_factor_stays_while_the_password_is_one_that_needs_it() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let app = App::enroll(&server, &ann.client);
    let installation = server.installation().clone();
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog.execute("UPDATE identities SET password_short = 1", []).unwrap();
    drop(catalog);
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    let remove = |code: &str| client.send(&Call::delete("/api/v1/auth/totp").json(&json!({"code": code})));
    remove(&app.recovery_codes[0]).expect_code(409, "password_too_short");
    // It was not used up.
    second_step(&server, &first_step(&server, &ann), &app.recovery_codes[0]).expect(200);
    server.stop();
}

#[test]
fn the_token_between_the_steps_dies_with_the_password_and_with_the_account() {
    let server = Installation::new().serve();
    let (ann, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    let (of_ann, of_bob) = (App::enroll(&server, &ann.client), App::enroll(&server, &bob.client));
    let (ann_token, bob_token) = (first_step(&server, &ann), first_step(&server, &bob));
    let installation = server.installation().clone();
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let change = |what: &str, email: &str| {
        catalog.execute(&format!("UPDATE identities SET {what} WHERE email = ?1"), [email]).unwrap()
    };
    assert_eq!(change("password_hash = password_hash || 'x'", &ann.email), 1);
    assert_eq!(change("status = 'disabled'", &bob.email), 1);
    drop(catalog);
    let server = installation.serve();
    second_step(&server, &ann_token, &of_ann.recovery_codes[0]).expect_code(401, "mfa_token_invalid");
    second_step(&server, &bob_token, &of_bob.recovery_codes[0]).expect_code(401, "mfa_token_invalid");
    // Nor does a session of a disabled account refresh.
    let refresh = |person: &Person| {
        server.nobody().post("/api/v1/auth/refresh", json!({"refresh_token": person.refresh_token}))
    };
    refresh(&bob).expect_code(401, "session_over");
    refresh(&ann).expect(200);
    server.stop();
}

#[test]
fn an_app_can_ask_a_second_factor_of_everybody() {
    let installation =
        Installation::with_migrations(&[("0001_notes.sql", "CREATE TABLE notes (id TEXT PRIMARY KEY);")]);
    let app = installation.migrations().parent().unwrap().join("app.toml");
    std::fs::write(app, "require_second_factor = true\n").unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let list = |client: &Client| client.get("/api/v1/operator/tenants");
    let end = |client: &Client| client.post("/api/v1/operator/sessions/end", json!({"email": ann.email}));
    for path in ["", "/members", "/records/notes"] {
        ann.client.get(&acme.path(path)).expect_code(403, "second_factor_required");
    }
    list(&operator.client).expect_code(403, "second_factor_required");
    end(&operator.client).expect_code(403, "second_factor_required");
    // Who is neither a member nor an operator learns no more than ever.
    let stan = server.sign_up("stan").client;
    stan.get(&acme.path("")).expect(404);
    list(&stan).expect_code(403, "operator_only");
    App::enroll(&server, &ann.client);
    App::enroll(&server, &operator.client);
    ann.client.get(&acme.path("/records/notes")).expect(200);
    list(&operator.client).expect(200);
    end(&operator.client).expect(200);
    server.stop();
}

#[test]
fn recovery_codes_have_120_bits_and_are_in_no_file() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    let codes: std::collections::BTreeSet<String> = [&ann, &bob]
        .iter()
        .flat_map(|person| App::enroll(&server, &person.client).recovery_codes)
        .map(|code| code.replace('-', ""))
        .collect();
    assert_eq!(codes.len(), 20, "no two are alike");
    let is_base32 = |code: &String| code.chars().all(|c| c.is_ascii_lowercase() || ('2'..='7').contains(&c));
    // Five bits each.
    assert!(codes.iter().all(|code| code.len() == 24 && is_base32(code)), "{codes:?}");
    server.stop();
    let files = std::fs::read_dir(installation.data()).unwrap().flatten();
    for file in files.filter(|file| file.path().is_file()) {
        let text =
            String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).to_lowercase().replace('-', "");
        assert!(!codes.iter().any(|code| text.contains(code.as_str())), "{}", file.path().display());
    }
}
