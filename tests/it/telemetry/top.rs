//! `tenantry top` over the control socket.

use serde_json::Value;

use crate::harness::Installation;

#[test]
fn top_tells_what_tenants_do_and_that_no_server_runs() {
    let installation = Installation::new();
    let ran = installation.run(&["top", "--once"]).expect_code(1);
    assert!(ran.stderr.contains("no server runs"), "{}", ran.stderr);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    for _ in 0..3 {
        ann.client.get(&acme.path("/records/customers")).expect(200);
    }
    let told: Value =
        serde_json::from_str(&installation.run(&["top", "--json"]).expect_code(0).stdout).unwrap();
    assert_eq!(
        (&told["tenants"][0]["tenant"]["slug"], &told["tenants"][0]["requests"]),
        (&"acme".into(), &3.into())
    );
    // Where there is no terminal it is told once.
    let words = installation.run(&["top"]).expect_code(0).stdout;
    assert!(words.contains("acme") && words.contains("REQ/S") && !words.contains('\u{1b}'), "{words}");
    server.stop();
}
