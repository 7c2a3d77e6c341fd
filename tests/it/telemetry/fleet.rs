//! The operator's list of tenants: searched, and sorted by what they did lately.

use crate::harness::{Installation, MINUTE, Person, eventually};

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
