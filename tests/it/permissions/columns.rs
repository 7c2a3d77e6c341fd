//! Columns that are hidden or read-only.

use serde_json::json;

use super::house;
use crate::export::{entries, export};
use crate::harness::run_cases;

#[test]
fn hidden_columns_are_unknown_to_everybody() {
    let house = house();
    for (name, person) in [("owner", &house.owner), ("member", &house.mia)] {
        let mut cases = vec![
            house.get(name, "jobs", 200).has("mias").lacks("margin").lacks("sponsor"),
            house.get(name, "jobs/mias", 200).has("created_by").lacks("margin"),
            house.get(name, "job_list", 200).has("mias").lacks("margin"),
            house.get(name, "clients/c1", 200).has("Client One").lacks("account_code"),
            house
                .post(name, "jobs", json!({"title": "x", "margin": 1, "sponsor_code": "x"}), 422)
                .has("unknown_field"),
            house.patch(name, "jobs/mias", json!({"margin": 1}), 422).has("unknown_field"),
        ];
        for query in [
            "margin=10",
            "col:margin=10",
            "margin=is.null",
            "order=margin",
            "order=-margin.nullslast",
            "fields=margin",
            "fields=id,margin_rate",
        ] {
            let rest = format!("jobs?{query}");
            let nowhere = house.get(name, &rest.replace("margin", "nowhere"), 400);
            cases.extend([house.get(name, &rest, 400), nowhere]);
        }
        cases.push(house.get(name, "jobs/mias?fields=margin", 400));
        // The rules on them are kept, and not told.
        cases.extend([
            house.post(name, "jobs", json!({"title": "mias"}), 409).has("\"title\"").lacks("margin"),
            house.post(name, "jobs", json!({"title": "z", "cents": 5}), 422).has("\"cents\"").lacks("margin"),
            house.post(name, "jobs", json!({"title": "z", "cents": 0}), 422).has("\"cents\"").lacks("margin"),
        ]);
        run_cases(&person.client, &cases);
    }
    house.server.stop();
}

#[test]
fn a_read_only_column_is_refused_in_bodies() {
    let house = house();
    run_cases(
        &house.owner.client,
        &[
            house
                .post("owner", "jobs", json!({"title": "x", "number": 1}), 422)
                .has("read_only")
                .has("number"),
            house.patch("owner", "jobs/olgas", json!({"number": 1}), 422).has("read_only"),
            house.post("owner", "notes", json!({"body": "x", "author": "me"}), 422).has("read_only"),
            house.get("owner", "jobs?number=7", 200).has("olgas"),
        ],
    );
    let tables = house.owner.client.get(&house.acme.path("/tables")).expect(200);
    let jobs = tables.json["items"].as_array().unwrap().iter().find(|table| table["name"] == "jobs").unwrap();
    let column = |name: &str| {
        jobs["columns"].as_array().unwrap().iter().find(|column| column["name"] == name).unwrap().clone()
    };
    assert_eq!(column("number")["read_only"], true);
    assert_eq!(column("created_by")["required"], false, "the server fills it in");
    house.server.stop();
}

#[test]
fn an_export_holds_what_is_hidden_too() {
    let house = house();
    let (_, download) = export(&house.owner.client, &house.acme);
    let entries = entries(&download.bytes);
    let jobs = String::from_utf8(entries["tables/jobs.ndjson"].clone()).unwrap();
    assert!(jobs.contains("\"margin\":10"), "{jobs}");
    let header = String::from_utf8(entries["tables/jobs.csv"].clone()).unwrap();
    assert!(header.lines().next().unwrap().contains("margin"), "{header}");
    house.server.stop();
}
