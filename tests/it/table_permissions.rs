//! What `[tables.*]` of app.toml gives and withholds: who asks for what, and what must not come back.

use serde_json::{Value, json};

use crate::export::{entries, export};
use crate::harness::{Call, Case, Installation, Person, Server, Tenant, run_cases};

/// A tenant of the app `agency` with one person of each role and records of theirs.
struct House {
    server: Server,
    acme: Tenant,
    owner: Person,
    admin: Person,
    mia: Person,
    max: Person,
    viewer: Person,
    bookkeeper: Person,
    people: Person,
}

fn house() -> House {
    let server = Installation::with_app_of_tests("agency").serve();
    let (owner, acme) = server.sign_up_with_tenant("olga", "acme");
    let join = |name: &str, role: &str| server.join(&owner, &acme, name, role);
    let (admin, mia, max) = (join("adam", "admin"), join("mia", "member"), join("max", "member"));
    let (viewer, bookkeeper, people) =
        (join("vera", "viewer"), join("bob", "bookkeeper"), join("pia", "people"));
    let house = House { acme, owner, admin, mia, max, viewer, bookkeeper, people, server };
    house.create(&house.owner, "clients", json!({"id": "c1", "name": "Client One"}));
    house.create(&house.owner, "clients", json!({"id": "c2", "name": "Client Two"}));
    let salary = json!({"id": "s1", "person": "Planted Person", "cents": 4711, "client_id": "c2"});
    house.create(&house.owner, "salaries", salary);
    for (person, id) in [(&house.owner, "olgas"), (&house.mia, "mias"), (&house.max, "maxs")] {
        house.create(person, "jobs", json!({"id": id, "title": id, "client_id": "c1"}));
        house.create(person, "notes", json!({"id": id, "body": id}));
    }
    house
}

impl House {
    fn path(&self, rest: &str) -> String {
        self.acme.path(&format!("/records/{rest}"))
    }

    #[track_caller]
    fn create(&self, person: &Person, table: &str, body: Value) -> Value {
        person.client.post(&self.path(table), body).expect(201).json
    }

    fn get(&self, name: &str, rest: &str, status: u16) -> Case {
        Case::new(format!("{name}: GET {rest}"), Call::get(self.path(rest)), status)
    }

    fn post(&self, name: &str, table: &str, body: Value, status: u16) -> Case {
        Case::new(format!("{name}: POST {table} {body}"), Call::post(self.path(table), body), status)
    }

    fn patch(&self, name: &str, rest: &str, body: Value, status: u16) -> Case {
        Case::new(format!("{name}: PATCH {rest} {body}"), Call::patch(self.path(rest), body), status)
    }

    fn delete(&self, name: &str, rest: &str, status: u16) -> Case {
        Case::new(format!("{name}: DELETE {rest}"), Call::delete(self.path(rest)), status)
    }
}

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
