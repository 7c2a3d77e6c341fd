//! What a caller may not know of is not told by any query either.

use super::house;
use crate::harness::run_cases;

/// Each query, with what it gets for a column or table that does not exist; `margin` is hidden.
const OF_HIDDEN: [&str; 14] = [
    "or=(margin.eq.10,id.eq.x)",
    "or=(id.eq.x,and(margin.gt.1))",
    "and=(\"margin\".is.null)",
    "expand=margin",
    "expand=margin.client_id",
    "expand=client_id.margin",
    "expand=clients:margin",
    "select=count()&margin=10",
    "select=sum(margin)",
    "select=count(),low:min(margin)",
    "select=margin&group=margin",
    "select=count()&group=margin",
    "select=count()&order=margin",
    "count=exact&margin=10",
];

#[test]
fn hidden_columns_cannot_be_filtered_ordered_expanded_or_counted_by() {
    let house = house();
    for (name, person) in [("owner", &house.owner), ("member", &house.mia)] {
        for query in OF_HIDDEN {
            let rest = format!("jobs?{query}");
            let answer = person.client.get(&house.path(&rest)).expect(400);
            let like = person.client.get(&house.path(&rest.replace("margin", "nowhere"))).expect(400);
            let detail = |json: &serde_json::Value| json["detail"].as_str().unwrap().to_owned();
            assert_eq!(answer.json["code"], like.json["code"], "{name} {query}");
            assert_eq!(
                detail(&answer.json),
                detail(&like.json).replace("nowhere", "margin"),
                "{name} {query}"
            );
        }
        run_cases(
            &person.client,
            &[
                house.get(name, "jobs?expand=sponsor_code", 400).has("unknown_expand"),
                house.get(name, "clients?expand=jobs", 200).has("\"client_id\":\"c1\"").lacks("margin"),
                house.get(name, "clients?expand=jobs:sponsor_code", 400).has("unknown_expand"),
                house.get(name, "jobs?expand=client_id", 200).has("Client One").lacks("account_code"),
                house.get(name, "jobs/mias?expand=client_id.jobs", 200).has("Client One").lacks("margin"),
                house.get(name, "jobs?select=count(),sum(cents)&count=1", 400).has("unknown_parameter"),
                house.get(name, "jobs?q=x", 400).has("no_search"),
                house.get(name, "job_list?select=max(margin)", 400).has("unknown_column"),
            ],
        );
    }
    house.server.stop();
}

#[test]
fn a_withheld_table_is_not_reached_by_expanding() {
    let house = house();
    for (name, person) in [("member", &house.mia), ("viewer", &house.viewer)] {
        for rest in [
            "jobs?expand=paid_from",
            "jobs/mias?expand=paid_from",
            "clients?expand=salaries",
            "clients?expand=jobs.paid_from",
        ] {
            let refused = person.client.get(&house.path(rest)).expect_code(400, "unknown_expand");
            let missing = rest.replace("paid_from", "nowhere").replace("salaries", "nowhere");
            let like = person.client.get(&house.path(&missing)).expect_code(400, "unknown_expand");
            let asked = if rest.contains("salaries") { "salaries" } else { "paid_from" };
            let detail = like.json["detail"].as_str().unwrap().replace("nowhere", asked);
            assert_eq!(refused.json["detail"], detail.as_str(), "{name} {rest}");
        }
    }
    run_cases(
        &house.owner.client,
        &[house.get("owner", "clients?expand=salaries&id=c2", 200).has("Planted Person").has("4711")],
    );
    run_cases(
        &house.bookkeeper.client,
        &[
            house.get("bookkeeper", "clients?expand=salaries", 200).has("Planted Person"),
            house.get("bookkeeper", "clients?expand=jobs", 400).has("unknown_expand"),
            house.get("bookkeeper", "salaries?select=sum(cents)", 200).has("\"sum_cents\":4711"),
            house.get("bookkeeper", "jobs?select=count()", 404).has("unknown_table"),
        ],
    );
    house.server.stop();
}
