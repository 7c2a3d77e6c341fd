//! Lists of files, and what they come to.

use serde_json::Value;

use super::{expect_contents, get, put};
use crate::harness::{Installation, Tenant};

fn paths(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_list_is_in_order_by_prefix_and_in_pages() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    for name in ["b/2", "a", "b/1", "B", "b0", "b/%C3%BC", "b/100%25", "b/z/1"] {
        put(&ann.client, &acme, name, name);
    }
    put(&bob.client, &bolt, "b/of-bolt", "x");
    let list = |query: &str| ann.client.get(&acme.path(&format!("/files{query}"))).expect(200).json;
    let all = ["B", "a", "b/1", "b/100%", "b/2", "b/z/1", "b/ü", "b0"];
    assert_eq!(paths(&list("")), all);
    assert_eq!(paths(&list("?prefix=b/")), ["b/1", "b/100%", "b/2", "b/z/1", "b/ü"]);
    assert_eq!(paths(&list("?prefix=b/1")), ["b/1", "b/100%"]);
    assert_eq!(paths(&list("?prefix=b/100%25")), ["b/100%"]);
    assert_eq!(paths(&list("?prefix=nothing")), Vec::<String>::new());
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("?prefix=b&limit=2{cursor}"));
        seen.extend(paths(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, all[2..]);
    // A cursor is of its own list.
    for other in [format!("?prefix=a&limit=2{cursor}"), format!("?limit=2{cursor}")] {
        ann.client.get(&acme.path(&format!("/files{other}"))).expect_code(400, "bad_cursor");
    }
    bob.client.get(&bolt.path(&format!("/files?prefix=b{cursor}"))).expect_code(400, "bad_cursor");
    ann.client.get(&acme.path("/files?delimiter=/")).expect_refused_by_name("delimiter");
    let item = &list("?prefix=a")["items"][0];
    assert_eq!(
        (item["size"].as_u64(), item["content_type"].as_str()),
        (Some(1), Some("text/plain; charset=utf-8"))
    );
    assert_eq!(item["created_by"], format!("identity:{}", ann.id));
    assert!(item["id"].is_null(), "what it is called on the disk is nobody's business: {item}");
    server.stop();
}

/// How many files, and how many bytes, by the row that counts and by adding up.
fn totals(installation: &Installation, tenant: &Tenant) -> [(i64, i64); 2] {
    let database = rusqlite::Connection::open(installation.tenant_file(&tenant.id)).unwrap();
    ["SELECT files, bytes FROM _files_total", "SELECT count(*), coalesce(sum(size), 0) FROM _files"]
        .map(|sql| database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap())
}

#[test]
fn what_is_removed_or_replaced_is_gone_from_the_list_the_sum_and_the_disk() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann.client, &acme, "a", "12345").expect(201);
    put(&ann.client, &acme, "b", "123").expect(201);
    put(&ann.client, &acme, "a", "1").expect(200);
    expect_contents(&installation, &acme, 2);
    ann.client.delete(&acme.path("/files/b")).expect(204);
    ann.client.delete(&acme.path("/files/b")).expect(404);
    get(&ann.client, &acme, "b").expect(404);
    expect_contents(&installation, &acme, 1);
    let server = server.restart();
    server.stop();
    assert_eq!(totals(&installation, &acme), [(1, 1), (1, 1)]);
}

#[test]
fn the_tables_of_files_are_no_tables_of_records() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann.client, &acme, "a", "x");
    for table in ["_files", "_files_total", "_FILES"] {
        ann.client.get(&acme.path(&format!("/records/{table}"))).expect(404);
        ann.client.delete(&acme.path(&format!("/records/{table}/a"))).expect(404);
    }
    assert!(!ann.client.get(&acme.path("/tables")).expect(200).text().contains("_files"));
    server.stop();
}
