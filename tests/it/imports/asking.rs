//! Who may import what, and how often.

use serde_json::json;

use super::{bring, exported, import, worked_off, zip_of};
use crate::harness::{Call, HOUR, Installation, eventually};

#[test]
fn what_is_no_form_or_says_nonsense_is_refused_and_leaves_nothing() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let no_form = Call::new("POST", "/api/v1/imports").bytes("application/zip", "PK");
    ann.client.send(&no_form).expect_code(415, "multipart_expected");
    let cut =
        Call::new("POST", "/api/v1/imports").bytes("multipart/form-data; boundary=frame", "--frame\r\nx");
    ann.client.send(&cut).expect(400);
    // A head without an end is not kept until the memory ends.
    let mut endless = b"--frame\r\nX: ".to_vec();
    endless.resize(8 << 20, b'a');
    let endless = Call::new("POST", "/api/v1/imports").bytes("multipart/form-data; boundary=frame", endless);
    ann.client.send(&endless).expect_code(400, "bad_multipart");
    for (fields, field) in [
        (&[("slug", "UPPER CASE")][..], "slug"),
        (&[("name", "")][..], "file"),
        (&[("preview", "perhaps")][..], "preview"),
        (&[("role", "owner")][..], "role"),
        (&[("slug", "a-1"), ("slug", "a-2")][..], "slug"),
    ] {
        if field != "file" {
            ann.client.send(&bring(fields, b"PK")).expect_refused_by_name(field);
        }
    }
    server.nobody().send(&bring(&[], b"PK")).expect(401);
    assert_eq!(ann.client.get("/api/v1/imports").expect(200).json["items"], json!([]));
    eventually("no file is left", || {
        (std::fs::read_dir(installation.data().join("imports")).unwrap().count() == 0).then_some(())
    });
    server.stop();
}

#[test]
fn settings_bound_who_imports_how_much() {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    let settings = "import_max_bytes = 20000\ntenants_per_identity = 2\n";
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let zip = zip_of(&exported(&ann.client, &acme));
    let large = vec![b'x'; 200_000];
    ann.client.send(&bring(&[], &large)).expect_code(413, "import_too_large");
    assert!(zip.len() < 20_000, "{}", zip.len());
    assert_eq!(import(&ann.client, &[("slug", "second")], &zip)["status"], "ready");
    ann.client.send(&bring(&[("slug", "third")], &zip)).expect_code(409, "too_many_tenants");
    server.stop();
    std::fs::write(installation.data().join("tenantry.toml"), "import_max_bytes = 0\n").unwrap();
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    client.send(&bring(&[], &zip)).expect_code(403, "imports_by_operator");
    server.stop();
}

#[test]
fn of_two_imports_with_one_slug_one_becomes_a_tenant() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let zip = zip_of(&exported(&ann.client, &acme));
    let asked: Vec<_> =
        (0..2).map(|_| ann.client.send(&bring(&[("slug", "one")], &zip)).expect(202)).collect();
    let ended: Vec<_> = asked.iter().map(|asked| worked_off(&ann.client, asked)).collect();
    assert_eq!((&ended[0]["status"], &ended[1]["status"]), (&json!("ready"), &json!("failed")));
    assert!(ended[1]["error"].as_str().unwrap().contains("slug"), "{:#}", ended[1]);
    assert_eq!(ann.client.get("/api/v1/tenants").expect(200).json["items"].as_array().unwrap().len(), 2);
    server.stop();
}

#[test]
fn three_wait_for_a_decision_at_most_and_a_day_at_most() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let zip = zip_of(&exported(&ann.client, &acme));
    let look = || ann.client.send(&bring(&[("preview", "true")], &zip));
    let paths: Vec<String> = (0..3)
        .map(|_| {
            let asked = look().expect(202);
            assert_eq!(worked_off(&ann.client, &asked)["status"], "previewed");
            asked.header("location").unwrap().to_owned()
        })
        .collect();
    look().expect_code(409, "too_many_imports");
    ann.client.delete(&paths[0]).expect(204);
    ann.client.get(&paths[0]).expect(404);
    assert_eq!(std::fs::read_dir(installation.data().join("imports")).unwrap().count(), 2);
    installation.advance_clock(25 * HOUR);
    let server = server.restart();
    let body = json!({"refresh_token": ann.refresh_token});
    let token = server.nobody().post("/api/v1/auth/refresh", body).expect(200).string("/access_token");
    let client = server.nobody().bearer(&token);
    eventually("the end of what nobody decided about", || {
        (client.get(&paths[1]).expect(200).string("/status") == "expired").then_some(())
    });
    eventually("their files are gone", || {
        (std::fs::read_dir(installation.data().join("imports")).unwrap().count() == 0).then_some(())
    });
    server.stop();
}
