//! The browser's way to be signed in, and what other sites cannot do with it.

use serde_json::json;

use crate::harness::{Answer, Call, Installation, Person, Server};

/// Signs in as the UI does and returns the `Cookie` header that a browser would send to the API.
#[track_caller]
fn sign_in_by_cookie(server: &Server, person: &Person) -> (String, Answer) {
    let body = json!({"email": person.email, "password": person.password});
    let call = Call::post("/api/v1/auth/sign-in?cookies=1", body).header("sec-fetch-site", "same-origin");
    let answer = server.nobody().send(&call).expect(200);
    let cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let pairs = cookies.filter(|cookie| {
        cookie.to_lowercase().contains("path=/;") || cookie.to_lowercase().ends_with("path=/")
    });
    let header = pairs.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ");
    server.installation().plant_secret(&header);
    (header, answer)
}

#[test]
fn tokens_for_the_browser_are_in_cookies_that_no_script_reads_and_not_in_the_body() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let (_, answer) = sign_in_by_cookie(&server, &ann);
    assert!(!answer.text().contains("_token\":\""), "{}", answer.text());
    let cookies: Vec<&str> =
        answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(cookies.len() >= 2, "{cookies:?}");
    for cookie in &cookies {
        let cookie = cookie.to_lowercase();
        assert!(cookie.contains("httponly"), "{cookie}");
        assert!(cookie.contains("samesite=lax") || cookie.contains("samesite=strict"), "{cookie}");
        assert!(!cookie.contains("domain="), "{cookie}");
    }
    let limited = cookies.iter().any(|cookie| cookie.contains("Path=/api/v1/auth"));
    assert!(limited, "the refresh cookie goes to its own path only: {cookies:?}");
    server.stop();
}

#[test]
fn a_cookie_counts_as_signed_in_but_not_together_with_a_bearer_token() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let (cookie, _) = sign_in_by_cookie(&server, &ann);
    let call = Call::get("/api/v1/me").header("cookie", &cookie).header("sec-fetch-site", "same-origin");
    server.nobody().send(&call).expect(200);
    ann.client.send(&call).expect_code(400, "two_credentials");
    server.stop();
}

#[test]
fn another_site_cannot_act_with_the_cookie() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let (cookie, _) = sign_in_by_cookie(&server, &ann);
    let create = |slug: &str, headers: &[(&str, &str)]| {
        let call =
            Call::post("/api/v1/tenants", json!({"name": slug, "slug": slug})).header("cookie", &cookie);
        let call = headers.iter().fold(call, |call, (name, value)| call.header(name, *value));
        server.nobody().send(&call).status
    };
    let url = server.url();
    assert_eq!(create("cross", &[("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(create("sibling", &[("sec-fetch-site", "same-site")]), 403);
    assert_eq!(create("neither", &[]), 403);
    assert_eq!(create("evil", &[("origin", "https://evil.example")]), 403);
    assert_eq!(create("null", &[("origin", "null")]), 403);
    assert_eq!(create("prefix", &[("origin", &format!("{url}.evil.example"))]), 403);
    assert_eq!(create("fetch", &[("sec-fetch-site", "same-origin")]), 201);
    assert_eq!(create("origin", &[("origin", url)]), 201);
    server.stop();
}

#[test]
fn another_site_cannot_sign_its_visitor_in() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let body = json!({"email": ann.email, "password": ann.password});
    let call = Call::post("/api/v1/auth/sign-in?cookies=1", body).header("sec-fetch-site", "cross-site");
    let answer = server.nobody().send(&call).expect(403);
    assert!(answer.header("set-cookie").is_none());
    server.stop();
}

#[test]
fn a_refused_refresh_does_not_clear_the_cookies_of_another_tab() {
    let server = Installation::new().serve();
    let call = Call::new("POST", "/api/v1/auth/refresh?cookies=1").header("sec-fetch-site", "same-origin");
    let answer = server.nobody().send(&call).expect_one_of(&[400, 401]);
    assert!(answer.header("set-cookie").is_none(), "{answer:?}");
    server.stop();
}

#[test]
fn a_sign_in_ends_the_session_that_the_same_browser_had() {
    let server = Installation::new().serve();
    let (ann, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    let elsewhere = ann.sign_in_again();
    // All cookies, as a browser sends them below `/api/v1/auth`.
    let sign_in = |person: &Person, cookies: &str, site: &str| {
        let body = json!({"email": person.email, "password": person.password});
        let call = Call::post("/api/v1/auth/sign-in?cookies=1", body)
            .header("sec-fetch-site", site)
            .header("cookie", cookies);
        server.nobody().send(&call)
    };
    let cookies_of = |answer: &Answer| {
        let cookies = answer.headers.get_all("set-cookie").iter();
        let pairs = cookies.filter_map(|cookie| cookie.to_str().unwrap().split(';').next());
        pairs.collect::<Vec<_>>().join("; ")
    };
    let is_alive = |cookies: &str| {
        let call = Call::get("/api/v1/me").header("cookie", cookies).header("sec-fetch-site", "same-origin");
        server.nobody().send(&call).expect_one_of(&[200, 401]).status == 200
    };
    let first = cookies_of(&sign_in(&ann, "", "same-origin").expect(200));
    assert!(is_alive(&first));
    // Neither a failed sign-in nor another site ends anything.
    let wrong = Person { password: "not the password at all".to_owned(), ..ann.clone() };
    sign_in(&wrong, &first, "same-origin").expect(401);
    sign_in(&bob, &first, "cross-site").expect(403);
    sign_in(&bob, "__Secure-tenantry_refresh=tnr_rubbish", "same-origin").expect(200);
    assert!(is_alive(&first));
    let second = cookies_of(&sign_in(&ann, &first, "same-origin").expect(200));
    assert!(!is_alive(&first) && is_alive(&second));
    // Whoever signs in next.
    let third = cookies_of(&sign_in(&bob, &second, "same-origin").expect(200));
    assert!(!is_alive(&second) && is_alive(&third));
    elsewhere.client.get("/api/v1/me").expect(200);
    ann.client.get("/api/v1/me").expect(200);
    server.stop();
}

/// Another host below the same domain can have the browser send a second cookie of that name, with the session of
/// somebody else in it.
#[test]
fn a_cookie_that_comes_twice_is_not_chosen_from() {
    let server = Installation::new().serve();
    let (ann, eve) = (server.sign_up("ann"), server.sign_up("eve"));
    let refresh_of = |person: &Person| {
        let (access, answer) = sign_in_by_cookie(&server, person);
        let cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let refresh = cookies.filter(|cookie| cookie.contains("tenantry_refresh=")).collect::<Vec<_>>();
        (access, refresh[0].split(';').next().unwrap().to_owned())
    };
    let ((access, refresh), (planted_access, planted_refresh)) = (refresh_of(&ann), refresh_of(&eve));
    let send = |call: Call, cookies: &str| {
        server.nobody().send(&call.header("sec-fetch-site", "same-origin").header("cookie", cookies))
    };
    let refreshed = |cookies: &str| send(Call::new("POST", "/api/v1/auth/refresh?cookies=1"), cookies);
    let me = |cookies: &str| send(Call::get("/api/v1/me"), cookies);
    for (one, other) in [(&refresh, &planted_refresh), (&planted_refresh, &refresh)] {
        refreshed(&format!("{one}; {other}")).expect_code(400, "two_credentials");
    }
    me(&format!("{planted_access}; {access}")).expect_code(400, "two_credentials");
    // The same one twice says the same.
    assert_eq!(me(&format!("{access}; {access}")).expect(200).string("/email"), ann.email);
    refreshed(&refresh).expect(200);
    // Whoever signs in gets in all the same.
    let body = json!({"email": ann.email, "password": ann.password});
    send(Call::post("/api/v1/auth/sign-in?cookies=1", body), &format!("{planted_refresh}; {refresh}"))
        .expect(200);
    server.stop();
}
