//! Many statements at once, and statements on a file that is closed under them.

use std::time::{Duration, Instant};

use serde_json::json;

use super::audit::workers;
use super::{Bench, ask};
use crate::harness::eventually;

const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[test]
fn one_tenant_runs_few_statements_at_once_and_others_are_not_kept_waiting() {
    let bench = Bench::new();
    let (otto, other) = bench.server.sign_up_with_tenant("otto", "other");
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..6).map(|_| scope.spawn(|| bench.sql(ENDLESS))).collect();
        eventually("two statements that run", || (workers(&bench) == 2).then_some(()));
        let begun = Instant::now();
        ask(&otto.client, &other, "SELECT 1", json!([])).expect(200);
        bench.ann.client.get(&bench.acme.path("/records/tickets")).expect(200);
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        let answers: Vec<_> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
        let with = |code: &str| answers.iter().filter(|answer| answer.code() == code).count();
        assert_eq!((with("deadline_passed"), with("too_many_statements")), (2, 4));
    });
    bench.server.stop();
}

#[test]
fn erasing_a_tenant_ends_its_statements() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let begun = Instant::now();
            (bench.sql(ENDLESS), begun.elapsed())
        });
        eventually("the statement", || (workers(&bench) == 1).then_some(()));
        let erase = ["tenant", "erase", "acme", "--confirm", "acme", "--now"];
        bench.server.installation().run(&erase).expect_code(0);
        // It is killed before the files go; the system may take a moment to bury it.
        eventually("its end", || (workers(&bench) == 0).then_some(()));
        let (answer, took) = asked.join().unwrap();
        // Its entry cannot be written any more once the tenant is being erased.
        answer.expect(404);
        assert!(took < Duration::from_secs(5), "{took:?}");
    });
    bench.sql("SELECT 1").expect(404);
    let chains = bench.server.installation().run(&["verify", "audit", "--json"]).expect_code(0).stdout;
    assert!(chains.contains("installation") && !chains.contains(&bench.acme.id), "{chains}");
    bench.server.stop();
}

#[test]
fn a_server_that_stops_ends_its_statements_in_order() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        let (client, acme) = (bench.ann.client.clone(), bench.acme.clone());
        let call = crate::harness::Call::post(acme.path("/sql"), json!({"sql": ENDLESS}));
        let asked = scope.spawn(move || client.try_send(&call).map(|answer| answer.status));
        eventually("the statement", || (workers(&bench) == 1).then_some(()));
        bench.server.stop();
        // Whether it was answered depends on what came first.
        let _ = asked.join().unwrap();
    });
}

#[test]
fn a_tenant_that_is_suspended_can_be_asked() {
    let bench = Bench::new();
    bench.server.installation().run(&["tenant", "suspend", "acme"]).expect_code(0);
    assert_eq!(bench.rows("SELECT 1"), json!([[1]]));
    bench.server.stop();
}
