//! Which tables a role reads and writes.

use serde_json::json;

use super::{House, house};
use crate::harness::{Call, Case, Installation, Person, run_cases};

/// Names of the tables that somebody is shown, with what may be done with each.
fn tables(house: &House, person: &Person) -> Vec<String> {
    let answer = person.client.get(&house.acme.path("/tables")).expect(200);
    let items = answer.json["items"].as_array().unwrap();
    let shown = items.iter().map(|table| {
        let permissions = table["permissions"].as_array().unwrap().iter();
        let permissions: Vec<&str> = permissions.map(|one| one.as_str().unwrap()).collect();
        format!("{} {}", table["name"].as_str().unwrap(), permissions.join("+"))
    });
    shown.collect()
}

#[test]
fn everyone_is_shown_the_tables_of_their_role() {
    let house = house();
    let all = |jobs: &str, notes: &str, rates: &str, salaries: Option<&str>| {
        let clients = if jobs == "read" { "read" } else { "read+write" };
        let mut expected = vec![
            format!("clients {clients}"),
            "job_list read".to_owned(),
            format!("jobs {jobs}"),
            format!("notes {notes}"),
            format!("rates {rates}"),
        ];
        expected.extend(salaries.map(|rights| format!("salaries {rights}")));
        expected
    };
    let both = "read+write";
    assert_eq!(tables(&house, &house.owner), all(both, both, "read", Some(both)));
    assert_eq!(tables(&house, &house.admin), all(both, both, both, Some(both)));
    assert_eq!(tables(&house, &house.mia), all(both, both, "read", None));
    assert_eq!(tables(&house, &house.viewer), all("read", both, "read", None));
    assert_eq!(tables(&house, &house.bookkeeper), ["clients read", "salaries read+write"]);
    let of_people =
        ["clients read", "job_list read", "jobs read+write", "notes read", "rates read", "salaries read"];
    assert_eq!(tables(&house, &house.people), of_people);
    let hidden = ["account_code", "margin", "sponsor_code"];
    for person in [&house.owner, &house.mia, &house.viewer, &house.bookkeeper] {
        let text = person.client.get(&house.acme.path("/tables")).expect(200).text();
        assert!(hidden.iter().all(|name| !text.contains(name)), "{text}");
    }
    // A reference to what is withheld is not shown either.
    let text = house.mia.client.get(&house.acme.path("/tables")).expect(200).text();
    assert!(text.contains("paid_from") && !text.contains("salaries"), "{text}");
    // The permissions of a membership are the role's, whatever single tables add.
    let me = house.bookkeeper.client.get("/api/v1/me").expect(200);
    assert_eq!(me.json["memberships"][0]["permissions"], json!(["members:read"]), "{}", me.text());
    house.server.stop();
}

#[test]
fn a_withheld_table_is_like_one_that_does_not_exist() {
    let house = house();
    for (name, person) in [("member", &house.mia), ("viewer", &house.viewer)] {
        for rest in ["salaries", "salaries/s1", "salaries?person=x", "salaries/s1?fields=cents"] {
            let missing = rest.replace("salaries", "nowhere");
            let answer = person.client.get(&house.path(rest)).expect_code(404, "unknown_table");
            let like = person.client.get(&house.path(&missing)).expect_code(404, "unknown_table");
            assert_eq!(answer.json["detail"], like.json["detail"]);
        }
        let body = json!({"person": "x", "cents": 1});
        run_cases(
            &person.client,
            &[
                house.post(name, "salaries", body.clone(), 404).has("unknown_table").lacks("salaries table"),
                house.patch(name, "salaries/s1", body, 404).has("unknown_table"),
                house.delete(name, "salaries/s1", 404).has("unknown_table"),
            ],
        );
    }
    // What is withheld is not told by the errors of other tables.
    run_cases(
        &house.mia.client,
        &[
            house.delete("member", "clients/c2", 409).has("foreign_key").lacks("salaries").lacks("Planted"),
            house
                .post("member", "jobs", json!({"title": "x", "paid_from": "nobody"}), 409)
                .has("paid_from")
                .lacks("salaries"),
        ],
    );
    run_cases(
        &house.owner.client,
        &[
            house.delete("owner", "clients/c2", 409).has("records of salaries refer to it by client_id"),
            house.post("owner", "jobs", json!({"title": "x", "paid_from": "nobody"}), 409).has("salaries"),
        ],
    );
    run_cases(
        &house.bookkeeper.client,
        &[
            house.get("bookkeeper", "salaries", 200).has("Planted Person"),
            house.post("bookkeeper", "salaries", json!({"person": "New", "cents": 1}), 201),
            house.patch("bookkeeper", "salaries/s1", json!({"cents": 2}), 200),
            house.get("bookkeeper", "clients", 200).has("Client One"),
            house
                .post("bookkeeper", "clients", json!({"name": "x"}), 403)
                .has("clients")
                .has("records:write"),
            house.get("bookkeeper", "jobs", 404).has("unknown_table"),
            house.post("bookkeeper", "jobs", json!({"title": "x"}), 404).has("unknown_table"),
            house.delete("bookkeeper", "notes/mias", 404).has("unknown_table"),
        ],
    );
    house.server.stop();
}

#[test]
fn writing_is_given_and_withheld_table_by_table() {
    let house = house();
    run_cases(
        &house.viewer.client,
        &[
            house.post("viewer", "notes", json!({"body": "mine"}), 201).has(&house.viewer.id),
            house
                .post("viewer", "jobs", json!({"title": "x"}), 403)
                .has("\"permission\":\"records:write\"")
                .has("jobs"),
            house.patch("viewer", "jobs/mias", json!({"title": "x"}), 403).has("records:write").has("jobs"),
            house.delete("viewer", "jobs/mias", 403).has("records:write"),
            house.post("viewer", "nowhere", json!({}), 404).has("unknown_table"),
            house.get("viewer", "jobs", 200).has("mias"),
        ],
    );
    for (name, person) in [("member", &house.mia), ("owner", &house.owner)] {
        run_cases(
            &person.client,
            &[
                house.get(name, "rates", 200).has("19"),
                house.post(name, "rates", json!({"percent": 1}), 403).has("records:write").has("rates"),
                house.patch(name, "rates/1", json!({"percent": 1}), 403).has("rates"),
                house.delete(name, "rates/1", 403).has("rates"),
                house.post(name, "job_list", json!({"title": "x"}), 405).has("read_only_table"),
            ],
        );
    }
    run_cases(&house.admin.client, &[house.patch("admin", "rates/1", json!({"percent": 8}), 200)]);
    house.server.stop();
}

#[test]
fn a_batch_writes_to_no_table_that_is_withheld() {
    let house = house();
    let batch = |table: &str, status: u16| {
        let note = json!({"op": "create", "table": "notes", "record": {"body": "left behind"}});
        let other =
            json!({"op": "create", "table": table, "record": {"person": "x", "cents": 1, "percent": 1}});
        let body = json!({"operations": [note, other]});
        Case::new(format!("batch {table}"), Call::post(house.acme.path("/batch"), body), status)
    };
    let unknown = "{\"field\":\"operations[1].table\",\"code\":\"unknown_table\",\"message\":\"is not among those that GET /tables lists\"}";
    for person in [&house.mia, &house.viewer] {
        run_cases(&person.client, &[batch("salaries", 422).has(unknown), batch("nowhere", 422).has(unknown)]);
    }
    run_cases(
        &house.mia.client,
        &[
            batch("rates", 403).has("records:write").has("operations[1].table"),
            house.get("member", "notes", 200).lacks("left behind"),
        ],
    );
    run_cases(
        &house.viewer.client,
        &[batch("jobs", 403).has("records:write"), house.get("viewer", "notes", 200).lacks("left behind")],
    );
    house.server.stop();
}

#[test]
fn an_app_toml_that_names_what_is_not_there_stops_the_start_with_its_place_and_touches_no_tenant() {
    let sql = "CREATE TABLE jobs (id TEXT PRIMARY KEY, title TEXT NOT NULL) STRICT;";
    let installation = Installation::with_migrations(&[("0001_jobs.sql", sql)]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.stop();
    let before = std::fs::read(installation.tenant_file(&acme.id)).unwrap();
    let file = installation.migrations().with_file_name("app.toml");
    for (text, place) in [
        ("[tables.jobs]\nhiden = []\n", "line 2"),
        ("[tables.invoices]\n", "tables.invoices"),
        ("[tables.jobs]\nhidden = [\"note\"]\n", "tables.jobs.hidden"),
        ("[tables.jobs]\nowner = \"created_by\"\n", "tables.jobs.owner"),
        ("[tables.jobs.roles.clerk]\nread = true\n", "tables.jobs.roles.clerk"),
    ] {
        std::fs::write(&file, text).unwrap();
        let refused = installation.serve_refused().expect_code(1);
        for part in ["app.toml", place] {
            assert!(refused.stderr.contains(part), "{text}: no {part} in {}", refused.stderr);
        }
        let checked = installation.with_app(installation.command(&["config", "check"])).output().unwrap();
        assert_eq!(checked.status.code(), Some(1), "{text}");
        assert!(String::from_utf8_lossy(&checked.stderr).contains(place), "{text}");
    }
    assert_eq!(std::fs::read(installation.tenant_file(&acme.id)).unwrap(), before, "the tenant was touched");
    std::fs::write(&file, "[tables.jobs]\nread_only = [\"title\"]\n").unwrap();
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    client.get(&acme.path("/records/jobs")).expect(200);
    server.stop();
    // A file whose tables are no longer what the app's migrations make is not served without the rules.
    let database = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    database.execute_batch("ALTER TABLE jobs RENAME COLUMN title TO heading;").unwrap();
    drop(database);
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    client.get(&acme.path("/records/jobs")).expect_code(503, "tenant_unavailable");
    server.stop();
}
