//! Statements that would run, grow or answer without end.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Bench;

/// The deadline is 5 s, then the process is killed after another; the rest is what a busy machine takes.
const LONGEST: Duration = Duration::from_secs(15);

const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";

#[test]
fn what_takes_too_long_is_ended() {
    let bench = Bench::with_tickets();
    for (name, sql) in [
        ("no end", format!("{ENDLESS} SELECT count(*) FROM n")),
        ("no row", format!("{ENDLESS} SELECT i FROM n WHERE i < 0")),
        (
            "a product of tables",
            format!(
                "WITH m (i) AS (VALUES (1){}) SELECT count(*) FROM m a, m b, m c, m d, m e, m f, m g WHERE a.i + b.i + c.i + d.i + e.i + f.i + g.i = 0",
                ", (1)".repeat(60)
            ),
        ),
        // One opcode each, in which SQLite looks at no clock.
        ("trim", "SELECT length(trim(a || 'x', b)) FROM (SELECT replace(hex(zeroblob(180000)), '0', 'a') AS a, replace(hex(zeroblob(16000)), '0', 'b') || 'a' AS b)".to_owned()),
        ("unhex", "SELECT length(unhex(a, b)) FROM (SELECT replace(hex(zeroblob(90000)), '0', '-') AS a, replace(hex(zeroblob(90000)), '0', '+') || '-' AS b)".to_owned()),
    ] {
        let begun = Instant::now();
        let answer = bench.sql(&sql);
        assert_eq!((answer.status, answer.code()), (504, "deadline_passed"), "{name}: {}", answer.text());
        assert!(begun.elapsed() < LONGEST, "{name}: {:?}", begun.elapsed());
    }
    assert_eq!(bench.rows("SELECT 1"), json!([[1]]));
    bench.server.stop();
}

#[test]
fn what_is_slow_within_one_step_ends_in_time_however_it_ends() {
    let bench = Bench::with_tickets();
    let ticket = json!({"id": 900, "project_key": "AB", "title": "words", "body": "a ".repeat(190_000)});
    bench.insert("tickets", ticket);
    let many = (0..800).map(|_| "a").collect::<Vec<_>>().join(" OR ");
    let made = "FROM (SELECT replace(hex(zeroblob(190000)), '0', 'a') AS a, replace(hex(zeroblob(95000)), '0', 'a') || 'b' AS b)";
    let keys = |from: u32| {
        format!(
            "(WITH RECURSIVE n (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n LIMIT 28000) SELECT json_group_object(i, 1) FROM n)"
        )
    };
    let statements = [
        ("instr", format!("SELECT instr(a, b) {made}")),
        ("replace", format!("SELECT length(replace(a, b, 'c')) {made}")),
        ("replaces", format!("SELECT {} {made}", vec!["length(replace(a, b, 'c'))"; 200].join(", "))),
        ("like", format!("SELECT a LIKE '%' || substr(a, 1, 900) || 'b%' {made}")),
        ("likes", format!("SELECT a LIKE '%a%a%a%a%a%a%a%a%' || substr(a, 1, 900) || '_b%' {made}")),
        ("glob", format!("SELECT a GLOB '*' || substr(a, 1, 900) || 'b*' {made}")),
        ("json_patch", format!("SELECT length(json_patch({}, {}))", keys(100_000), keys(500_000))),
        (
            "snippet",
            "SELECT snippet(tickets_search, 1, '<', '>', '', 64) FROM tickets_search('a')".to_owned(),
        ),
        (
            "snippets",
            format!("SELECT snippet(tickets_search, 1, '<', '>', '', 64) FROM tickets_search('{many}')"),
        ),
        ("bm25", format!("SELECT bm25(tickets_search) FROM tickets_search('{many}')")),
        (
            "highlight",
            "SELECT length(highlight(tickets_search, 1, '<', '>')) FROM tickets_search('a')".to_owned(),
        ),
        (
            "json_tree",
            "SELECT count(fullkey) FROM json_tree(printf('%.*c', 900, '[') || printf('%.*c', 900, ']'))"
                .to_owned(),
        ),
    ];
    let try_all = |part: &[(&str, String)]| {
        for (name, sql) in part {
            let begun = Instant::now();
            let answer = bench.sql(sql);
            let took = begun.elapsed();
            println!("{name}: {} {} in {took:?}", answer.status, answer.code());
            assert!([200, 400, 504].contains(&answer.status), "{name}: {}", answer.text());
            assert!(took < LONGEST, "{name}: {took:?}");
        }
    };
    let (one, other) = statements.split_at(statements.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| try_all(one));
        scope.spawn(|| try_all(other));
    });
    bench.server.stop();
}

#[test]
fn what_grows_is_refused() {
    let bench = Bench::new();
    for sql in [
        "SELECT randomblob(1000000000)",
        "SELECT zeroblob(1000000000)",
        "SELECT hex(zeroblob(1000000000))",
        "SELECT printf('%1000000000d', 1)",
        "SELECT format('%.*c', 1000000000, 'x')",
        "SELECT printf('%*s', 1000000000, 'x')",
        "SELECT replace(hex(zeroblob(100000)), '0', hex(zeroblob(1000)))",
        "SELECT length(hex(zeroblob(190000)) || hex(zeroblob(190000)))",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT group_concat(hex(zeroblob(1000))) FROM n",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT json_group_array(i) FROM n",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT json_group_object(i, i) FROM n",
        "WITH RECURSIVE n (i) AS (SELECT 'aa' UNION ALL SELECT i || i FROM n) SELECT i FROM n",
        "SELECT 'a' LIKE printf('%2000d', 1)",
    ] {
        let answer = bench.sql(sql);
        assert_eq!((answer.status, answer.code()), (400, "sql_error"), "{sql}: {}", answer.text());
    }
    for (what, sql) in [
        ("Expression tree is too large", format!("SELECT {}1", "1+".repeat(2_000))),
        ("Recursion limit", format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000))),
        ("too many terms in compound SELECT", format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(100))),
        ("too many columns", format!("SELECT 1{}", ",1".repeat(10_000))),
        ("too many arguments", format!("SELECT coalesce(1{})", ",1".repeat(200))),
        ("100000 bytes", format!("SELECT '{}'", "x".repeat(100_001))),
        ("variable number must be between", "SELECT ?100000".to_owned()),
        (
            "at most 64 tables",
            format!(
                "SELECT 1 FROM tickets t0{}",
                (1..70).map(|n| format!(", tickets t{n}")).collect::<Vec<_>>().concat()
            ),
        ),
    ] {
        let answer = bench.sql(&sql);
        assert_eq!((answer.status, answer.code()), (400, "sql_error"), "{what}: {}", answer.text());
        assert!(answer.text().contains(what), "{what}: {}", answer.text());
    }
    bench.server.stop();
}

#[test]
fn what_needs_much_memory_is_ended_and_the_server_keeps_its_own() {
    let bench = Bench::new();
    let before = resident_kib(&bench);
    let columns = |each: &str| vec![each; 1_000].join(", ");
    for sql in [
        // Kept for sorting, for telling duplicates, in a queue, in the registers of a single row.
        format!("{ENDLESS} SELECT i, randomblob(100000) AS b FROM n ORDER BY b"),
        format!("{ENDLESS} SELECT DISTINCT randomblob(100000) FROM n WHERE i < 0 OR i % 1000000000 < 999999999 LIMIT -1 OFFSET 100000000"),
        "WITH RECURSIVE n (b) AS (SELECT zeroblob(390000) UNION ALL SELECT zeroblob(390000) FROM n, (VALUES (1), (2))) SELECT count(*) FROM n".to_owned(),
        format!("SELECT {} FROM (SELECT randomblob(180000) AS b)", columns("hex(b)")),
    ] {
        let answer = bench.sql(&sql);
        let is_ended = (answer.code() == "sql_error" && answer.text().contains("memory")) || answer.status == 504;
        assert!(is_ended, "{} {}: {}", &sql[..80], answer.status, answer.text());
    }
    let grown = resident_kib(&bench).saturating_sub(before);
    assert!(grown < 64 << 10, "the server grew by {grown} KiB");
    bench.server.stop();
}

/// What the server holds in memory.
fn resident_kib(bench: &Bench) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bench.server.process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
