//! Lists that join, count, search and sum, through the real binary.

use serde_json::{Value, json};

use crate::harness::Installation;

#[test]
fn tickets_are_searched_expanded_counted_and_summed() {
    let server = Installation::with_app_of_tests("tickets").serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let path = |rest: &str| acme.path(&format!("/records/{rest}"));
    let create = |table: &str, body: Value| ann.client.post(&path(table), body).expect(201).json;
    create(
        "people",
        json!([{"id": "p1", "handle": "ada"}, {"id": "p2", "handle": "bob", "manager_id": "p1"}]),
    );
    create("projects", json!([{"key": "AA", "name": "First"}, {"key": "BB", "name": "Second"}]));
    let ticket = |project: &str, title: &str, points: f64| json!({"project_key": project, "title": title, "assignee_id": "p2", "Story Points": points});
    create(
        "tickets",
        json!([
            ticket("AA", "Printer on fire", 1.5),
            ticket("AA", "Printer out of paper", 2.0),
            ticket("BB", "Coffee", 4.0)
        ]),
    );
    create("comments", json!([{"ticket_id": 1, "body": "water?"}, {"ticket_id": 1, "body": "no!"}]));
    let get = |rest: &str| ann.client.get(&path(rest)).expect(200).json;
    let ids = |json: &Value| {
        json["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
    };

    let found = get("tickets?q=printer+fi&count=exact");
    assert_eq!((ids(&found), &found["total"]), (vec![json!(1)], &json!(1)));
    assert_eq!(ids(&get("tickets?q=print&order=-id&fields=id")), [2, 1]);
    assert_eq!(ids(&get("tickets?q=%22%28*%3A+AND&fields=id")), [] as [i64; 0]);
    assert_eq!(ids(&get("tickets?or=(title.like.*paper,and(id.eq.3,project_key.eq.BB))&order=id")), [2, 3]);

    let one = ann.client.get(&path("tickets/1?expand=assignee_id.manager_id,comments&fields=id")).expect(200);
    assert_eq!(one.json["expand"]["assignee_id"]["expand"]["manager_id"]["handle"], "ada");
    assert_eq!(one.json["expand"]["comments"].as_array().unwrap().len(), 2);
    assert!(one.header("etag").is_none(), "what it was expanded by may change without it");
    let page = get("tickets?expand=comments,project_key&count=exact&limit=2&order=id");
    assert_eq!((&page["total"], &page["items"][1]["expand"]["comments"]), (&json!(3), &json!([])));
    assert_eq!(page["items"][1]["expand"]["project_key"]["name"], "First");

    let sums = get(
        "tickets?select=project_key,count(),points:sum(%22Story+Points%22)&group=project_key&order=-points",
    );
    assert_eq!(
        sums,
        json!({"items": [{"project_key": "BB", "count": 1, "points": 4.0}, {"project_key": "AA", "count": 2, "points": 3.5}],
            "next_cursor": null})
    );
    for (rest, code) in [
        ("tickets?expand=nowhere", "unknown_expand"),
        ("tickets/1?expand=nowhere", "unknown_expand"),
        ("people?expand=tickets", "ambiguous_expand"),
        ("people?q=ada", "no_search"),
        ("tickets?q=", "bad_search"),
        ("tickets?count=all", "bad_count"),
        ("tickets?select=sum(title)", "bad_select"),
        ("tickets?or=(id.eq.1", "bad_filter"),
    ] {
        ann.client.get(&path(rest)).expect_code(400, code);
    }
    server.stop();
}
