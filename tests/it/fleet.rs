//! Migrations of all tenants: with calm, whatever is wrong with one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use serde_json::{Value, json};

use crate::audited_routes::AUDITED_WITH_A_FLEET;
use crate::harness::{Client, DAY, Installation, Person, Server, eventually};

const FIRST: (&str, &str) =
    ("0001_first.sql", "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;");
const UNIQUE: (&str, &str) =
    ("0002_unique.sql", "CREATE UNIQUE INDEX customers_name_once ON customers (name);");
const CITY: (&str, &str) =
    ("0002_city.sql", "ALTER TABLE customers ADD COLUMN city TEXT NOT NULL DEFAULT 'Paris';");

/// Tenants `t-1`, `t-2`, ... of one owner, under a running server that leaves migrations to runs.
pub struct Fleet {
    pub installation: Arc<Installation>,
    pub ann: Person,
}

impl Fleet {
    fn of(count: usize) -> (Fleet, Server) {
        Fleet::with(FIRST, "", count)
    }

    pub fn with(migration: (&str, &str), app: &str, count: usize) -> (Fleet, Server) {
        let installation = Installation::with_migrations(&[migration]);
        std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), app).unwrap();
        std::fs::create_dir_all(installation.data()).unwrap();
        std::fs::write(installation.data().join("tenantry.toml"), "migrations = \"manual\"\n").unwrap();
        let server = installation.serve();
        let ann = server.sign_up("ann");
        let count = count.to_string();
        let arguments = ["tenant", "create", "t", "--owner", "ann@example.com", "--count", &count];
        installation.run(&arguments).expect_code(0);
        (Fleet { installation, ann }, server)
    }

    /// The same tenants under a server whose app has one more migration.
    pub fn deploy(&self, server: Server, migration: (&str, &str)) -> Server {
        server.stop();
        std::fs::write(self.installation.migrations().join(migration.0), migration.1).unwrap();
        self.installation.serve()
    }

    pub fn client(&self, server: &Server) -> Client {
        server.nobody().bearer(&self.ann.access_token)
    }

    pub fn migrate(&self, arguments: &[&str], code: i32) -> Value {
        let arguments = [&["migrate"][..], arguments, &["--json"]].concat();
        let ran = self.installation.run(&arguments).expect_code(code);
        serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// Where the app is, for commands that open the directory themselves.
    pub fn app(&self) -> &'static str {
        self.installation.migrations().parent().unwrap().display().to_string().leak()
    }

    /// The same where no server runs.
    pub fn offline(&self, arguments: &[&str]) -> std::process::Command {
        let arguments = [&["migrate"][..], arguments, &["--json"]].concat();
        self.installation.with_app(self.installation.command(&arguments))
    }

    pub fn migrate_offline(&self, arguments: &[&str]) -> Value {
        let output = self.offline(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn file(&self, client: &Client, slug: &str) -> rusqlite::Connection {
        let id = client.get(&format!("/api/v1/tenants/{slug}")).expect(200).string("/id");
        rusqlite::Connection::open(self.installation.tenant_file(&id)).unwrap()
    }
}

fn customers(slug: &str) -> String {
    format!("/api/v1/tenants/{slug}/records/customers")
}

fn add_twice(client: &Client, slug: &str) {
    for _ in 0..2 {
        client.post(&customers(slug), json!({"name": "twice"})).expect(201);
    }
}

#[test]
fn one_tenant_that_fails_is_not_served_and_all_others_are_migrated() {
    let (fleet, server) = Fleet::of(300);
    add_twice(&fleet.client(&server), "t-7");
    let server = fleet.deploy(server, UNIQUE);
    let client = fleet.client(&server);
    // Until a run comes to it, a file is served as it is.
    client.post(&customers("t-8"), json!({"name": "before"})).expect(201);
    assert_eq!(client.get(&customers("t-7")).expect(200).json["items"].as_array().unwrap().len(), 2);
    let plan = fleet.migrate(&["plan", "--rehearse", "300"], 1);
    assert_eq!((&plan["pending"], &plan["current"], &plan["tenants"]), (&json!(300), &json!(0), &json!(300)));
    assert_eq!(plan["migrations"], json!(["0002_unique.sql"]));
    let rehearsed = plan["rehearsed"].as_array().unwrap();
    let bad: Vec<&Value> = rehearsed.iter().filter(|one| !one["error"].is_null()).collect();
    assert_eq!((rehearsed.len(), bad.len()), (300, 1), "{bad:?}");
    assert_eq!(bad[0]["slug"], "t-7");
    // Not so many of any size, of which the one may be one.
    let canaries = ["--canary-tenant", "t-1", "--canary-tenant", "t-8", "--canary-tenant", "t-300"];
    let run = fleet.migrate(&[&["run", "--yes"], &canaries[..]].concat(), 1);
    let counts = ["status", "migrated", "failed", "canaries"].map(|name| run[name].clone());
    assert_eq!(counts, [json!("done"), json!(299), json!(1), json!(3)], "{run}");
    client.get(&customers("t-7")).expect_code(503, "tenant_unavailable");
    client.post(&customers("t-7"), json!({"name": "x"})).expect_code(503, "tenant_unavailable");
    client.post(&customers("t-8"), json!({"name": "before"})).expect(409);
    client.post(&customers("t-300"), json!({"name": "after"})).expect(201);
    let status = fleet.migrate(&["status"], 0);
    assert_eq!(
        (&status["current"], &status["pending"], &status["failed"]),
        (&json!(299), &json!(0), &json!(1))
    );
    assert_eq!(status["drift"], json!([]));
    assert_eq!(status["failures"][0]["slug"], "t-7");
    let error = status["failures"][0]["error"].as_str().unwrap();
    assert!(error.contains("0002_unique.sql") && error.contains("UNIQUE"), "{error}");
    // Nobody tries it again unasked, also not a server that starts.
    let server = server.restart();
    let client = fleet.client(&server);
    client.get(&customers("t-7")).expect_code(503, "tenant_unavailable");
    assert_eq!(fleet.migrate(&["run", "--yes"], 0)["nothing_to_do"], true);
    fleet.file(&client, "t-7").execute("DELETE FROM customers WHERE rowid = 1", []).unwrap();
    let run = fleet.migrate(&["run", "--yes", "--retry"], 0);
    assert_eq!((&run["migrated"], &run["failed"]), (&json!(1), &json!(0)), "{run}");
    assert_eq!(client.get(&customers("t-7")).expect(200).json["items"].as_array().unwrap().len(), 1);
    // What was copied before is kept for a week.
    let id = client.get("/api/v1/tenants/t-7").expect(200).string("/id");
    let snapshots = fleet.installation.tenant_directory(&id).join("snapshots");
    let names: Vec<_> = std::fs::read_dir(&snapshots).unwrap().flatten().map(|entry| entry.path()).collect();
    // From before the first try and before the last one.
    assert_eq!(names.len(), 2, "{names:?}");
    for name in &names {
        let copy = rusqlite::Connection::open(name).unwrap();
        let version = "SELECT max(version) FROM _migrations WHERE track = 'app'";
        assert_eq!(copy.query_row(version, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }
    server.stop();
    fleet.installation.advance_clock(8 * DAY);
    let server = fleet.installation.serve();
    eventually("the end of a snapshot", || (!snapshots.exists()).then_some(()));
    server.stop();
}

#[test]
fn a_run_halts_at_its_rate_of_errors_and_waits_for_an_operator() {
    let (fleet, server) = Fleet::of(30);
    let client = fleet.client(&server);
    for number in 1..=30 {
        add_twice(&client, &format!("t-{number}"));
    }
    let server = fleet.deploy(server, UNIQUE);
    let operator = server.add_operator().client;
    let run = fleet.migrate(&["run", "--yes", "--parallel", "1", "--halt-at-errors", "5%"], 1);
    assert_eq!((&run["status"], &run["failed"], &run["migrated"]), (&json!("halted"), &json!(2), &json!(0)));
    assert!(run["reason"].as_str().unwrap().contains("2 of 2 tenants failed"), "{run}");
    let path = "/api/v1/operator/migrations";
    operator.post(path, json!({})).expect_code(409, "migration_open");
    operator.post(path, json!({"parallel": 65, "halt_at_errors": "x", "much": 1})).expect(422);
    let one = format!("{path}/{}", run["id"].as_str().unwrap());
    assert_eq!(operator.get(&one).expect(200).json["halt_at_errors"], "5%");
    operator.post(&format!("{one}/resume"), json!({})).expect(202);
    let halted = eventually("the second halt", || {
        let run = operator.get(&one).expect(200).json;
        (run["status"] == "halted").then_some(run)
    });
    assert_eq!(halted["failed"], 4, "{halted}");
    let cancelled = operator.post(&format!("{one}/cancel"), json!({})).expect(200).json;
    assert_eq!(cancelled["status"], "cancelled");
    operator.post(&format!("{one}/resume"), json!({})).expect_code(409, "migration_over");
    // All others are served as they were.
    let page = operator.get(&format!("{path}/tenants?limit=3")).expect(200).json;
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    let next = format!("{path}/tenants?limit=3&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(operator.get(&next).expect(200).json["items"].as_array().unwrap().len(), 1);
    let client = fleet.client(&server);
    let served = (1..=30).filter(|number| client.get(&customers(&format!("t-{number}"))).status == 200);
    assert_eq!(served.count(), 26);
    // A canary that fails halts it at once.
    let begun = operator.post(path, json!({"canary": 1, "halt_at_errors": "100%"})).expect(202).json;
    let second = format!("{path}/{}", begun["id"].as_str().unwrap());
    let halted = eventually("the halt at a canary", || {
        let run = operator.get(&second).expect(200).json;
        (run["status"] == "halted").then_some(run)
    });
    assert_eq!((&halted["stage"], &halted["failed"]), (&json!("canary"), &json!(1)), "{halted}");
    let runs = operator.get(path).expect(200).json;
    assert_eq!((&runs["items"][0]["id"], &runs["items"][1]["id"]), (&begun["id"], &run["id"]));
    let log = operator.get("/api/v1/operator/audit").expect(200).text();
    for (_, action) in AUDITED_WITH_A_FLEET {
        assert!(log.contains(action), "no {action} in {log}");
    }
    server.stop();
}

#[test]
fn a_run_that_was_cut_off_goes_on_and_migrates_each_tenant_once() {
    let (fleet, server) = Fleet::of(120);
    let mark = ("0002_mark.sql", "CREATE TABLE marks (at TEXT) STRICT; INSERT INTO marks VALUES ('once');");
    let mut server = fleet.deploy(server, mark);
    let operator = server.add_operator();
    let begun = operator.client.post("/api/v1/operator/migrations", json!({"parallel": 2})).expect(202).json;
    let path = format!("/api/v1/operator/migrations/{}", begun["id"].as_str().unwrap());
    for least in [5, 40] {
        let client = server.nobody().bearer(&operator.access_token);
        eventually("some that are migrated", || {
            (client.get(&path).expect(200).json["migrated"].as_i64() >= Some(least)).then_some(())
        });
        server.kill();
        server = fleet.installation.serve();
    }
    let client = server.nobody().bearer(&operator.access_token);
    let done = eventually("the end of the run", || {
        let run = client.get(&path).expect(200).json;
        (run["status"] == "done").then_some(run)
    });
    assert_eq!((&done["migrated"], &done["failed"]), (&json!(120), &json!(0)), "{done}");
    server.stop();
    for directory in fleet.installation.tenant_directories() {
        let file = rusqlite::Connection::open(directory.join("data.db")).unwrap();
        let count = |sql: &str| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT count(*) FROM marks"), 1);
        assert_eq!(count("SELECT count(*) FROM _migrations WHERE track = 'app'"), 2);
    }
}

#[test]
fn every_tenant_is_served_while_the_fleet_is_migrated() {
    let (fleet, server) = Fleet::of(30);
    let slow = "ALTER TABLE customers ADD COLUMN city TEXT NOT NULL DEFAULT 'Paris';
        CREATE TABLE filler (i INTEGER) STRICT;
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO filler SELECT i FROM n;";
    let server = fleet.deploy(server, ("0002_slow.sql", slow));
    let over = AtomicBool::new(false);
    let served = std::thread::scope(|scope| {
        let serving: Vec<_> = (1..=4)
            .map(|worker| {
                let (client, over) = (fleet.client(&server), &over);
                scope.spawn(move || {
                    let mut served = 0;
                    while !over.load(SeqCst) {
                        for number in (worker..=30).step_by(4) {
                            let path = customers(&format!("t-{number}"));
                            client.post(&path, json!({"name": "during"})).expect(201);
                            client.get(&path).expect(200);
                            served += 2;
                        }
                    }
                    served
                })
            })
            .collect();
        let run = fleet.migrate(&["run", "--yes"], 0);
        over.store(true, SeqCst);
        assert_eq!((&run["migrated"], &run["failed"]), (&json!(30), &json!(0)), "{run}");
        serving.into_iter().map(|worker| worker.join().unwrap()).sum::<usize>()
    });
    assert!(served >= 60, "{served}");
    let client = fleet.client(&server);
    for number in 1..=30 {
        let created = client.post(&customers(&format!("t-{number}")), json!({"name": "x", "city": "Rome"}));
        assert_eq!(created.expect(201).json["city"], "Rome");
    }
    server.stop();
}

#[test]
fn tenants_on_their_way_out_newer_files_and_foreign_tables_are_told_apart() {
    let (fleet, server) = Fleet::of(6);
    let client = fleet.client(&server);
    let erased = client.get("/api/v1/tenants/t-3").expect(200).string("/id");
    fleet.file(&client, "t-4").execute("INSERT INTO _migrations VALUES ('app', 2, 'x', 'x', 0)", []).unwrap();
    fleet.file(&client, "t-5").execute("CREATE TABLE stray (id TEXT)", []).unwrap();
    for arguments in [
        &["tenant", "suspend", "t-1"][..],
        &["tenant", "close", "t-2"],
        &["tenant", "erase", "t-3", "--confirm", "t-3", "--now"],
    ] {
        fleet.installation.run(arguments).expect_code(0);
    }
    let server = fleet.deploy(server, CITY);
    server.stop();
    // Without a server it is the same.
    let command = fleet.installation.command(&["migrate", "run", "--yes", "--json"]);
    let output = fleet.installation.with_app(command).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&run["migrated"], &run["failed"]), (&json!(4), &json!(1)), "{run}");
    assert!(!fleet.installation.tenant_directory(&erased).exists(), "an erased tenant came back");
    let server = fleet.installation.serve();
    let status = fleet.migrate(&["status", "--look"], 0);
    let slugs = |list: &Value| -> Vec<String> {
        let items = list.as_array().unwrap().iter();
        items.map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (slugs(&status["failures"]), slugs(&status["drift"])),
        (vec!["t-4".into()], vec!["t-5".into()])
    );
    assert!(status["failures"][0]["error"].as_str().unwrap().contains("edited"), "{status}");
    let client = fleet.client(&server);
    client.get(&customers("t-4")).expect_code(503, "tenant_unavailable");
    client.get(&customers("t-1")).expect(200);
    client.get(&customers("t-2")).expect(200);
    server.stop();
}

#[test]
fn a_file_behind_the_app_is_served_without_what_the_app_does_not_know() {
    let (fleet, server) = Fleet::of(1);
    let hide = |column: &str| {
        let settings = format!("[tables.customers]\nhidden = [\"{column}\"]\n");
        std::fs::write(fleet.installation.migrations().parent().unwrap().join("app.toml"), settings).unwrap();
    };
    fleet.client(&server).post(&customers("t-1"), json!({"name": "x"})).expect(201);
    hide("secret");
    let sql = "ALTER TABLE customers ADD COLUMN secret TEXT NOT NULL DEFAULT 'hush';";
    let server = fleet.deploy(server, ("0002_secret.sql", sql));
    fleet.client(&server).get(&customers("t-1")).expect(200);
    fleet.migrate(&["run", "--yes"], 0);
    assert!(!fleet.client(&server).get(&customers("t-1")).expect(200).text().contains("hush"));
    hide("discreet");
    let sql = "ALTER TABLE customers RENAME COLUMN secret TO discreet; ALTER TABLE customers RENAME COLUMN name TO title;";
    let server = fleet.deploy(server, ("0003_discreet.sql", sql));
    let client = fleet.client(&server);
    // Of what the app does not know by that name nothing shows, and nothing can be asked.
    let list = client.get(&customers("t-1")).expect(200);
    let keys: Vec<&String> = list.json["items"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id"], "{}", list.text());
    for (query, code) in [
        ("secret=eq.hush", "unknown_parameter"),
        ("discreet=eq.hush", "unknown_parameter"),
        ("name=eq.x", "unknown_parameter"),
        ("order=secret", "unknown_column"),
        ("fields=secret", "unknown_column"),
    ] {
        client.get(&format!("{}?{query}", customers("t-1"))).expect_code(400, code);
    }
    let tables = client.get("/api/v1/tenants/t-1/tables").expect(200).text();
    assert!(!tables.contains("secret") && !tables.contains("discreet"), "{tables}");
    fleet.migrate(&["run", "--yes"], 0);
    let list = fleet.client(&server).get(&customers("t-1")).expect(200);
    assert!(list.text().contains("\"x\"") && !list.text().contains("hush"), "{}", list.text());
    hide("hush");
    let sql = "ALTER TABLE customers RENAME COLUMN discreet TO hush; ALTER TABLE customers RENAME TO clients;
        CREATE TABLE customers (id TEXT PRIMARY KEY, hush TEXT) STRICT;";
    let server = fleet.deploy(server, ("0004_clients.sql", sql));
    let list = fleet.client(&server).get(&customers("t-1")).expect(200);
    assert!(list.text().contains("\"id\"") && !list.text().contains("hush"), "{}", list.text());
    server.stop();
}
