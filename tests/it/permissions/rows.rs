//! Rows that belong to who made them.

use serde_json::json;

use super::house;
use crate::harness::{Call, Case, run_cases};

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

#[test]
fn puts_and_batches_keep_to_ones_own_rows() {
    let house = house();
    let put = |rest: &str, body: serde_json::Value, status: u16| {
        Case::new(format!("PUT {rest} {body}"), Call::put(house.path(rest), body), status)
    };
    let batch = |operations: serde_json::Value, status: u16| {
        let body = json!({"operations": operations});
        Case::new(format!("batch {body}"), Call::post(house.acme.path("/batch"), body), status)
    };
    let (mia, max) = (&house.mia.id, &house.max.id);
    let create = json!({"op": "create", "table": "jobs", "record": {"title": "left behind"}});
    let on = |op: &str, id: &str| json!({"op": op, "table": "jobs", "id": id, "record": {"title": id}});
    run_cases(
        &house.mia.client,
        &[
            put("jobs/maxs", json!({"title": "taken"}), 403).has("not_your_record"),
            put("jobs/maxs", json!({"title": "taken", "created_by": mia}), 403).has("not_your_record"),
            put("jobs/mine", json!({"title": "mine", "created_by": max}), 422).has("not_you"),
            put("jobs/mine", json!({"title": "mine"}), 201).has(mia),
            put("jobs/mine", json!({"title": "still mine"}), 200).has(mia),
            batch(json!([create, on("update", "maxs")]), 403)
                .has("operations[1].record")
                .has("not_your_record"),
            batch(json!([create, on("upsert", "maxs")]), 403).has("not_your_record"),
            batch(json!([create, {"op": "delete", "table": "jobs", "id": "maxs"}]), 403)
                .has("operations[1].id")
                .has("not_your_record"),
            batch(
                json!([{"op": "create", "table": "jobs", "record": {"title": "x", "created_by": max}}]),
                422,
            )
            .has("operations[0].record.created_by")
            .has("not_you"),
            batch(json!([on("update", "mias"), on("upsert", "another")]), 200).has(mia).lacks(max),
            house.get("mia", "jobs?title=left%20behind", 200).lacks("left"),
            house.get("mia", "jobs/maxs", 200).has("\"title\":\"maxs\"").has(max),
        ],
    );
    run_cases(
        &house.admin.client,
        &[batch(json!([on("update", "maxs"), on("upsert", "mias")]), 200).has(max)],
    );
    house.server.stop();
}
