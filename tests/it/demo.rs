//! The first thing that anybody tries.

use serde_json::json;

use crate::harness::{Installation, Server};

#[test]
fn the_demo_says_where_it_is_and_all_of_its_logins_work() {
    let installation = Installation::new();
    let command = installation.command(&["demo", "--listen", "127.0.0.1:0", "--json"]);
    let server = Server::spawn(&installation, command).unwrap();
    let logins = server.first_line()["logins"].as_array().unwrap().clone();
    assert!(logins.len() >= 2, "{logins:?}");
    assert!(logins.iter().any(|login| login["operator"] == true), "{logins:?}");
    for login in &logins {
        let body = json!({"email": login["email"], "password": login["password"]});
        let token = server.nobody().post("/api/v1/auth/sign-in", body).expect(200).string("/access_token");
        let client = server.nobody().bearer(&token);
        let me = client.get("/api/v1/me").expect(200);
        assert_eq!(me.json["operator"], login["operator"], "{login}");
        let memberships = me.json["memberships"].as_array().unwrap();
        for tenant in login["tenants"].as_array().unwrap() {
            let is_member = memberships
                .iter()
                .any(|one| one["tenant"]["slug"] == tenant["slug"] && one["role"] == tenant["role"]);
            assert!(is_member, "{tenant} is not in {}", me.text());
            client
                .get(&format!("/api/v1/tenants/{}/records/customers", tenant["slug"].as_str().unwrap()))
                .expect(200);
        }
    }
    server.stop();
}
