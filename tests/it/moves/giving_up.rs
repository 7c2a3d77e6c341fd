//! Moves that are given up: the tenant is where it was, with all that was written, and nothing is left at the other place.

use serde_json::{Value, json};

use super::{add, file_on, installation, names, places, ran, upload};
use crate::audited_routes::AUDITED_WITH_VOLUMES;
use crate::harness::{Call, Installation, eventually, paths_with};

const PATH: &str = "/api/v1/operator/tenants/acme/move";

/// How many files and directories of the tenant, or of what is copied of it, are on the volume.
fn count_on_fast(installation: &Installation, id: &str) -> usize {
    paths_with(&installation.beside("fast"), id).len()
}

#[test]
fn a_move_that_is_given_up_at_any_moment_before_it_is_decided_leaves_everything_as_it_was() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    ann.client.delete(PATH).expect(403);
    operator.client.delete("/api/v1/operator/tenants/nobody/move").expect(404);
    operator.client.delete(PATH).expect_code(404, "never_moved");
    upload(&ann.client, &acme, "a.txt", "kept");
    let mut written = Vec::new();
    for moment in ["move_copying", "move_copied", "move_alone", "move_fenced"] {
        add(&ann.client, &acme, &format!("{moment} before"));
        let held = installation.hold(moment, &acme.id);
        operator.client.post(PATH, json!({ "to": "fast" })).expect(202);
        held.reached();
        assert!(count_on_fast(&installation, &acme.id) > 0, "{moment}");
        let told = operator.client.delete(PATH).expect(202).json;
        assert_eq!((&told["status"], &told["ended_at"]), (&json!("giving_up"), &Value::Null), "{told}");
        assert!(told["given_up_by"].as_str().unwrap().starts_with("operator:"), "{told}");
        // Done again it is the same, and until it is over there is no other one.
        assert_eq!(operator.client.delete(PATH).expect(202).json["given_up_at"], told["given_up_at"]);
        operator.client.post(PATH, json!({ "to": "fast" })).expect_code(409, "move_open");
        // Where its writes wait already they go on, and are not lost.
        let writing = {
            let (client, acme) = (ann.client.clone(), acme.clone());
            std::thread::spawn(move || add(&client, &acme, &format!("{moment} during")))
        };
        held.release();
        writing.join().unwrap();
        let over = eventually("the end of it", || {
            let told = operator.client.get(PATH).expect(200).json;
            (told["status"] == "given_up").then_some(told)
        });
        assert!(over["ended_at"].is_string() && over["error"].is_null(), "{moment}: {over}");
        assert_eq!(operator.client.delete(PATH).expect(202).json["given_up_at"], told["given_up_at"]);
        assert_eq!(count_on_fast(&installation, &acme.id), 0, "{moment}");
        assert_eq!(places(&installation, &acme.id), ["data"]);
        written.extend([format!("{moment} before"), format!("{moment} during")]);
        written.sort();
        assert_eq!(names(&ann.client, &acme), written, "{moment}");
        assert_eq!(ann.client.get(&acme.path("/files/a.txt")).expect(200).text(), "kept");
    }
    let log = ann.client.get(&acme.path("/audit?limit=500")).expect(200).text();
    assert_eq!(log.matches(AUDITED_WITH_VOLUMES[1].1).count(), 4, "{log}");
    assert!(!installation.log().contains("broke off"), "giving up is no fault");
    // Another one comes through, and is past giving up then.
    operator.client.post(PATH, json!({ "to": "fast" })).expect(202);
    let done = eventually("the end of the move", || {
        let told = operator.client.get(PATH).expect(200).json;
        (told["status"] == "done").then_some(told)
    });
    assert_eq!((&done["given_up_at"], &done["given_up_by"]), (&Value::Null, &Value::Null), "{done}");
    operator.client.delete(PATH).expect_code(409, "move_decided");
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    for (status, code) in [("moved", "move_decided"), ("failed", "move_over")] {
        catalog.execute("UPDATE tenant_moves SET status = ?1", [status]).unwrap();
        operator.client.delete(PATH).expect_code(409, code);
    }
    assert_eq!(names(&ann.client, &acme), written);
    server.stop();
}

#[test]
fn the_command_line_gives_a_move_up_and_whoever_waits_for_it_hears_of_that() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for wrong in [&["tenant", "move", "acme"][..], &["tenant", "move", "acme", "--to", "fast", "--give-up"]] {
        installation.run(wrong).expect_code(2);
    }
    let none = installation.run(&["tenant", "move", "acme", "--give-up"]).expect_code(1);
    assert!(none.stderr.contains("never moved"), "{}", none.stderr);
    let held = installation.hold("move_copied", &acme.id);
    let moving = installation.run_beside(&["tenant", "move", "acme", "--to", "fast"]);
    held.reached();
    let giving_up = installation.run_beside(&["tenant", "move", "acme", "--give-up"]);
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    eventually("that it is given up", || {
        let sql = "SELECT given_up_by FROM tenant_moves";
        catalog.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).unwrap()
    });
    held.release();
    let given_up = giving_up.join().unwrap().expect_code(0);
    assert!(
        given_up.stdout.contains("acme stays on data") && given_up.stdout.contains("is removed"),
        "{given_up:?}"
    );
    assert!(moving.join().unwrap().expect_code(1).stderr.contains("given up"));
    let again = ran(&installation, &["tenant", "move", "acme", "--give-up"], 0);
    assert_eq!(
        (&again["status"], &again["given_up_by"]),
        (&json!("given_up"), &json!("operator:console")),
        "{again}"
    );
    assert_eq!(count_on_fast(&installation, &acme.id), 0);
    add(&ann.client, &acme, "later");
    ran(&installation, &["tenant", "move", "acme", "--to", "fast"], 0);
    assert_eq!(names(&ann.client, &acme), ["later"]);
    server.stop();
}

/// What is found after a start.
#[track_caller]
fn assert_is_where_it_was(installation: &Installation, id: &str, after: &str) {
    let listed = ran(installation, &["tenant", "list"], 0);
    assert_eq!(listed["items"][0]["volume"], "data", "{after}");
    assert_eq!((places(installation, id), count_on_fast(installation, id)), (vec!["data"], 0), "{after}");
    let file = rusqlite::Connection::open(file_on(&installation.data(), id)).unwrap();
    let name: String = file.query_row("SELECT name FROM customers", [], |row| row.get(0)).unwrap();
    assert_eq!(name, "kept", "{after}");
}

fn status(installation: &Installation) -> String {
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog.query_row("SELECT status FROM tenant_moves", [], |row| row.get(0)).unwrap()
}

#[test]
fn giving_up_that_is_cut_off_by_a_kill_is_ended_by_the_next_start() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    add(&ann.client, &acme, "kept");
    server.stop();
    // Before anything of the copy is removed, and when it is removed, and that is not noted.
    for moment in ["move_copying", "move_undone"] {
        let server = installation.serve();
        let operator = operator.sign_in_again_at(&server).client;
        let copying = installation.hold("move_copying", &acme.id);
        let undone = installation.hold("move_undone", &acme.id);
        operator.post(PATH, json!({ "to": "fast" })).expect(202);
        copying.reached();
        operator.send(&Call::delete(PATH)).expect(202);
        if moment == "move_undone" {
            copying.release();
            undone.reached();
            server.kill();
        } else {
            server.kill();
            copying.release();
        }
        undone.release();
        assert_eq!(status(&installation), "giving_up", "{moment}");
        assert_is_where_it_was(&installation, &acme.id, moment);
        assert_eq!(status(&installation), "given_up", "{moment}");
    }
}

#[test]
fn giving_up_that_is_ended_at_every_step_leaves_the_tenant_where_it_was() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    add(&ann.client, &acme, "kept");
    server.stop();
    let mut given_up = 0;
    for step in 1.. {
        assert!(step < 40, "it never came through");
        let mut server = installation.serve();
        let held = installation.hold_and_end_at("move_copied", &acme.id, step);
        let moving = installation.run_beside(&["tenant", "move", "acme", "--to", "fast"]);
        held.reached();
        // Steps are counted from here on.
        let giving_up = installation.run_beside(&["tenant", "move", "acme", "--give-up"]);
        eventually("that it is given up, or the end", || {
            (status(&installation) != "copying" || server.has_ended()).then_some(())
        });
        held.release();
        let is_through = giving_up.join().unwrap().code == Some(0);
        moving.join().unwrap();
        // Where steps are left it would end at one of those that come with stopping.
        server.kill();
        assert_is_where_it_was(&installation, &acme.id, &format!("after step {step}"));
        let status = status(&installation);
        assert!(status == "given_up" || (status == "failed" && !is_through), "after step {step}: {status}");
        if is_through {
            break;
        }
        given_up += usize::from(status == "given_up");
    }
    assert!(given_up >= 2, "of those that were ended so many were given up: {given_up}");
}
