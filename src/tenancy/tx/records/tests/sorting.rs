//! What has to be sorted does not have to fit into memory.

use super::*;

const ROWS: usize = 40;
const MEBIBYTES: usize = 4;

/// Records of some megabytes each, which are kept out of memory as they are written.
fn notes() -> App {
    let app = App::sql(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, rank INT, body BLOB);
         CREATE VIEW shown AS SELECT rank, body FROM notes;",
    );
    for rank in 0..ROWS {
        let sql = format!(
            "INSERT INTO notes (rank, body) VALUES ({}, randomblob({}))",
            rank * 37 % ROWS,
            MEBIBYTES << 20
        );
        app.runtime.block_on(app.write(move |tx| Ok(tx.execute(&sql, &[])?))).unwrap();
    }
    app
}

/// The most memory that this process has taken since it was asked to forget, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

#[test]
fn long_records_are_sorted_in_little_memory() {
    let app = notes();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    // Keys, whole rows, and keys that are long themselves.
    for (table, order) in [("notes", "-rank"), ("shown", "rank"), ("notes", "body")] {
        let page = app.page(table, &[("order", order), ("limit", "500")]).unwrap();
        let first = page["items"][0]["rank"].as_u64();
        match order {
            "rank" => assert_eq!(first, Some(0), "{table}"),
            "-rank" => assert_eq!(first, Some(39), "{table}"),
            _ => assert!(first.is_some()),
        }
        let grown = (peak() - before) >> 20;
        assert!(grown < ROWS * MEBIBYTES / 2, "{grown} MiB for {table} by {order}");
    }
}
