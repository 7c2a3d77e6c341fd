//! The operator's list of tenants: searched, and sorted by what they did lately.

use crate::harness::{Client, Installation, MINUTE, Person, eventually};

fn slugs(operator: &Person, query: &str) -> Vec<String> {
    let answer = operator.client.get(&format!("/api/v1/operator/tenants?{query}")).expect(200);
    let items = answer.json["items"].as_array().unwrap();
    items.iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_fleet_is_sorted_by_live_figures_page_by_page_and_searched() {
    let server = Installation::new().serve();
    let operator = server.add_operator();
    let mut people = Vec::new();
    for (slug, requests) in [("acme", 3), ("bolt", 9), ("core", 0), ("dune", 6)] {
        let (person, tenant) = server.sign_up_with_tenant(&format!("of-{slug}"), slug);
        for _ in 0..requests {
            person.client.get(&tenant.path("/records/customers")).expect(200);
        }
        people.push(person);
    }
    server.installation().advance_clock(MINUTE);
    eventually("the figures", || {
        let first = operator.client.get("/api/v1/operator/tenants?order=-requests&limit=1").expect(200);
        (first.json["items"][0]["requests"] == 9).then_some(())
    });
    assert_eq!(slugs(&operator, "order=-requests"), ["bolt", "dune", "acme", "core"]);
    assert_eq!(slugs(&operator, "order=requests"), ["core", "acme", "dune", "bolt"]);
    assert_eq!(slugs(&operator, "order=-slug"), ["dune", "core", "bolt", "acme"]);
    assert_eq!(slugs(&operator, ""), ["acme", "bolt", "core", "dune"]);
    assert_eq!(slugs(&operator, "order=p95_ms").last().map(String::as_str), Some("core"));
    assert_eq!(slugs(&operator, "q=O&order=slug"), ["bolt", "core"]);
    assert_eq!(slugs(&operator, "q=tenant%20dune"), ["dune"]);
    assert!(slugs(&operator, "q=%25").is_empty());
    assert_eq!(slugs(&operator, "plan=default&status=active&limit=1"), ["acme"]);
    assert!(slugs(&operator, "plan=other").is_empty());
    // Page by page it is one list, whatever happens meanwhile.
    let page =
        |query: &str| operator.client.get(&format!("/api/v1/operator/tenants?{query}")).expect(200).json;
    let first = page("order=-requests&limit=2");
    let cursor = first["next_cursor"].as_str().unwrap();
    server.installation().advance_clock(MINUTE);
    let second = page(&format!("order=-requests&limit=2&cursor={cursor}"));
    assert_eq!(second["items"][0]["slug"], "acme");
    assert_eq!(
        (&second["items"][1]["slug"], &second["next_cursor"]),
        (&"core".into(), &serde_json::Value::Null)
    );
    assert_eq!(second["items"][0]["as_of"], first["items"][0]["as_of"]);
    // A cursor is for its list alone.
    let other = format!("/api/v1/operator/tenants?order=requests&limit=2&cursor={cursor}");
    operator.client.get(&other).expect_code(400, "bad_cursor");
    operator.client.get("/api/v1/operator/tenants?order=settings").expect_code(400, "bad_order");
    people[0].client.get("/api/v1/operator/tenants").expect(403);
    server.stop();
}

#[test]
fn a_list_that_is_not_by_what_tenants_did_is_read_on_after_a_restart_and_whichever_way_round() {
    let mut server = Installation::new().serve();
    let mut operator = server.add_operator();
    let slugs = ["acme", "bolt", "core", "dune"];
    for slug in slugs {
        server.sign_up_with_tenant(&format!("of-{slug}"), slug);
    }
    let page = |client: &Client, order: &str, cursor: &str| {
        client.get(&format!("/api/v1/operator/tenants?{order}limit=1{cursor}"))
    };
    eventually("the first figures", || {
        let first = page(&operator.client, "", "").expect(200);
        (!first.json["items"][0]["as_of"].as_str()?.starts_with("1970")).then_some(())
    });
    let mut reversed = slugs;
    reversed.reverse();
    let lists = [
        ("", slugs),
        ("order=-created_at&", reversed),
        ("order=slug&", slugs),
        ("plan=default&status=active&order=-id&", reversed),
    ];
    let mut cursors = [const { String::new() }; 4];
    for place in 0..slugs.len() {
        for (number, (order, expected)) in lists.iter().enumerate() {
            let answer = page(&operator.client, order, &cursors[number]).expect(200);
            assert_eq!(answer.json["items"][0]["slug"], expected[place], "{order}");
            let next = answer.json["next_cursor"].as_str().map(|next| format!("&cursor={next}"));
            assert_eq!(next.is_some(), place + 1 < slugs.len(), "{order}");
            cursors[number] = next.unwrap_or_default();
        }
        if place == 0 {
            let by_requests = page(&operator.client, "order=-requests&", "").expect(200);
            server.installation().advance_clock(MINUTE);
            server = server.restart();
            operator = operator.sign_in_again_at(&server);
            // What it was sorted by is gone.
            let cursor = format!("&cursor={}", by_requests.string("/next_cursor"));
            page(&operator.client, "order=-requests&", &cursor).expect_code(410, "list_expired");
        }
    }
    server.stop();
}
