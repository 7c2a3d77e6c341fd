//! Rows that belong to who made them.

use serde_json::json;

use super::house;
use crate::harness::run_cases;

#[test]
fn members_write_their_own_rows_and_managers_all() {
    let house = house();
    let (mia, max) = (&house.mia.id, &house.max.id);
    run_cases(
        &house.mia.client,
        &[
            house.get("mia", "jobs", 200).has(mia).has(max),
            house.patch("mia", "jobs/mias", json!({"title": "new"}), 200).has("new"),
            house.patch("mia", "jobs/mias", json!({"created_by": mia}), 200),
            house.patch("mia", "jobs/mias", json!({"created_by": max}), 422).has("not_you"),
            house.patch("mia", "jobs/maxs", json!({"title": "taken"}), 403).has("not_your_record"),
            house.patch("mia", "jobs/maxs", json!({"created_by": mia}), 403).has("not_your_record"),
            house.patch("mia", "jobs/maxs", json!({}), 403).has("not_your_record"),
            house.delete("mia", "jobs/maxs", 403).has("not_your_record"),
            house.delete("mia", "jobs/nobodys", 404),
            house.post("mia", "jobs", json!({"title": "a", "created_by": mia}), 201).has(mia),
            house.post("mia", "jobs", json!({"title": "b", "created_by": max}), 422).has("not_you"),
            house
                .post("mia", "jobs", json!([{"title": "c"}, {"title": "d", "created_by": max}]), 422)
                .has("[1].created_by"),
            house.post("mia", "jobs", json!([{"title": "e"}, {"title": "f"}]), 201).has(mia).lacks(max),
            // Declared ON CONFLICT REPLACE, it would take another's row away.
            house.post("mia", "notes", json!({"id": "maxs", "body": "taken"}), 409),
            house.delete("mia", "notes/maxs", 403).has("not_your_record"),
            house.delete("mia", "jobs/mias", 204),
        ],
    );
    run_cases(
        &house.viewer.client,
        &[house.patch("viewer", "notes/maxs", json!({"body": "taken"}), 403).has("not_your_record")],
    );
    run_cases(
        &house.people.client,
        &[house.patch("people", "jobs/maxs", json!({"title": "taken"}), 403).has("not_your_record")],
    );
    run_cases(
        &house.max.client,
        &[
            house.get("max", "jobs/maxs", 200).has("\"title\":\"maxs\""),
            house.get("max", "jobs?title=in.(c,d,b)", 200).lacks("title"),
            house.get("max", "notes/maxs", 200).has("\"body\":\"maxs\""),
        ],
    );
    for (name, person) in [("admin", &house.admin), ("owner", &house.owner)] {
        run_cases(
            &person.client,
            &[
                house.patch(name, "jobs/maxs", json!({"title": name}), 200).has(max),
                house.patch(name, "jobs/maxs", json!({"created_by": mia}), 200).has(mia),
                house.patch(name, "jobs/maxs", json!({"created_by": max}), 200).has(max),
                house
                    .post(name, "jobs", json!({"title": format!("by {name}"), "created_by": mia}), 201)
                    .has(mia),
                house.post(name, "jobs", json!({"title": format!("own of {name}")}), 201).has(&person.id),
            ],
        );
    }
    run_cases(&house.admin.client, &[house.delete("admin", "jobs/maxs", 204)]);
    house.server.stop();
}
