//! What has to be sorted does not have to fit into memory.

use super::*;

const ROWS: usize = 60;
const MEBIBYTES: usize = 4;

/// Records of some megabytes each, which are kept out of memory as they are written.
fn notes() -> App {
    let app = App::sql(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, rank INT, body BLOB);
         CREATE VIEW shown AS SELECT rank, body FROM notes;
         CREATE TABLE keyed (name TEXT PRIMARY KEY, rank INT, body BLOB) WITHOUT ROWID;",
    );
    for rank in 0..ROWS {
        let sql = format!(
            "INSERT INTO notes (rank, body) VALUES ({}, randomblob({}))",
            rank * 37 % ROWS,
            MEBIBYTES << 20
        );
        app.runtime.block_on(app.database.write("test", move |tx| Ok(tx.execute(&sql, &[])?))).unwrap();
    }
    app
}

/// The most memory that this process has taken since it was asked to forget, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

fn ranks(app: &App, table: &str, order: &str) -> Vec<u64> {
    let mut ranks = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut params = vec![("order", order), ("limit", "500")];
        params.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = app.page(table, &params).unwrap();
        ranks.extend(page["items"].as_array().unwrap().iter().map(|item| item["rank"].as_u64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) if ranks.len() < 4 => cursor = Some(next.to_owned()),
            _ => return ranks,
        }
    }
}

#[test]
fn long_records_are_sorted_in_little_memory() {
    let app = notes();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    for (table, order) in [("notes", "rank"), ("notes", "-rank"), ("shown", "rank"), ("notes", "body")] {
        let start = std::time::Instant::now();
        let ranks = ranks(&app, table, order);
        eprintln!("{table} {order}: {:?} +{} MiB", start.elapsed(), (peak() - before) >> 20);
        match order {
            "rank" => assert_eq!(ranks[..3], [0, 1, 2]),
            "-rank" => assert_eq!(ranks[..3], [59, 58, 57]),
            _ => {}
        }
    }
    let grown = peak() - before;
    assert!(grown < ROWS * MEBIBYTES << 19, "{} MiB", grown >> 20);
}
