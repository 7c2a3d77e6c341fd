//! Files of a tenant that is suspended, leaves, is exported or erased.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::{ByHand, contents, expect_contents, get, noise, put, sha256, upload};
use crate::erasure::erase;
use crate::export::{entries, export};
use crate::harness::{Installation, eventually};

#[test]
fn files_of_a_tenant_that_may_not_write_are_read_and_not_changed() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bolt = ann.create_tenant("bolt");
    for tenant in [&acme, &bolt] {
        put(&ann.client, tenant, "a", "x");
    }
    let mut begun = ByHand::begin(&server, &ann, &acme, "b", "Content-Length: 100000");
    begun.send(&noise(70_000, 1));
    eventually("a beginning", || (contents(&installation, &acme).len() == 2).then_some(()));
    installation.run(&["tenant", "suspend", "acme"]).expect_code(0);
    ann.client.post(&bolt.path("/close"), json!({"confirm": "bolt"})).expect(202);
    begun.send(&noise(30_000, 1));
    let answer = begun.answer();
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("tenant_suspended"), "{answer}");
    expect_contents(&installation, &acme, 1);
    for (tenant, code) in [(&acme, "tenant_suspended"), (&bolt, "tenant_closing")] {
        get(&ann.client, tenant, "a").expect(200);
        ann.client.get(&tenant.path("/files")).expect(200);
        ann.client.send(&upload(tenant, "b", "x")).expect_code(409, code);
        ann.client.delete(&tenant.path("/files/a")).expect_code(409, code);
    }
    server.stop();
}

#[test]
fn an_export_holds_every_file_with_its_digest_and_says_what_it_could_not_find() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let files = [
        ("a.txt", "a.txt", b"text".to_vec()),
        ("d/%C3%BC%20(1).bin", "d/ü (1).bin", noise(700_000, 1)),
        ("%2e%252e%2F%252e%252e%2Fx", ".%2e/%2e%2e/x", b"harmless".to_vec()),
        ("empty", "empty", Vec::new()),
    ];
    put(&ann.client, &acme, "lost", "lost");
    let lost = contents(&installation, &acme).remove(0);
    for (encoded, _, bytes) in &files {
        put(&ann.client, &acme, encoded, bytes.clone());
    }
    std::fs::remove_file(lost).unwrap();
    put(&bob.client, &bolt, "of-bolt", "x");
    let (_, download) = export(&ann.client, &acme);
    let entries = entries(&download.bytes);
    let manifest: Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    let listed = String::from_utf8(entries["files.ndjson"].clone()).unwrap();
    for (_, name, bytes) in &files {
        let entry = format!("files/{name}");
        assert!(entries.get(&entry) == Some(bytes), "no {entry} among {:?}", entries.keys());
        let digest = json!({"path": entry, "size_bytes": bytes.len(), "sha256": sha256(bytes)});
        assert!(manifest["files"].as_array().unwrap().contains(&digest), "{manifest}");
        assert!(listed.contains(&sha256(bytes)), "{listed}");
    }
    assert_eq!(listed.lines().count(), 5);
    assert!(listed.lines().all(|line| line.starts_with("{\"path\":")), "{listed}");
    let bytes: usize = files.iter().map(|(_, _, bytes)| bytes.len()).sum();
    let expected = json!({"count": 4, "bytes": bytes, "missing": ["lost"], "damaged": []});
    assert_eq!(manifest["uploads"], expected);
    assert!(entries.keys().all(|name| !name.contains("bolt")));
    server.stop();
}

#[test]
fn an_erasure_ends_uploads_and_downloads_counts_the_files_and_leaves_none() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann.client, &acme, "large", noise(80_000_000, 1));
    put(&ann.client, &acme, "small", "x");
    let directory = installation.tenant_directory(&acme.id);
    let mut up = ByHand::begin(&server, &ann, &acme, "a", "Content-Length: 4000000");
    up.send(&noise(1_000_000, 1));
    eventually("a beginning", || (contents(&installation, &acme).len() == 3).then_some(()));
    let down = ByHand::begin_download(&server, &ann, &acme, "large");
    let receipt = erase(&server, &acme);
    assert!(!directory.exists());
    up.send(&noise(3_000_000, 1));
    let answer = up.answer();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let received = down.rest();
    assert!(received < 70_000_000, "{received} bytes came after the erasure");
    sleep(Duration::from_millis(100));
    assert!(!directory.exists(), "an upload made it again");
    let statement: Value = serde_json::from_str(receipt["statement"].as_str().unwrap()).unwrap();
    let removed = statement["removed"].as_array().unwrap();
    let uploads = removed.iter().find(|store| store["store"] == "uploaded files").unwrap();
    assert_eq!(uploads["removed"], 3, "{uploads}");
    server.stop();
}
