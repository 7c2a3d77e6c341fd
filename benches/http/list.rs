//! The operator's list of a fleet: searched, and sorted by what tenants did lately.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::connection::{Connection, call};
use crate::report::{Goal, Report, percentile};
use crate::tenantry::{EMAIL, Session, command};

/// What is asked.
const QUERIES: [&str; 4] =
    ["order=-p95_ms", "q=fleet-12&order=-p95_ms", "q=99&order=-requests", "order=name"];
/// How often each.
const TIMES: usize = 100;
/// Figures are summed up once a minute.
const PATIENCE: Duration = Duration::from_secs(75);

/// Measures lists of the fleet that this server has, of which tenants were touched.
///
/// # Errors
/// The server refuses.
pub async fn run(directory: &Path, address: SocketAddr, tenants: usize, report: &mut Report) -> Result<()> {
    let added = command(&["operator", "add", EMAIL], directory).stdin(Stdio::null()).output()?;
    if !added.status.success() {
        return Err(format!("operator add: {}", String::from_utf8_lossy(&added.stderr)).into());
    }
    let token = Session::sign_in(address).await?.token;
    let headers = format!("Authorization: Bearer {token}\r\n");
    let begun = Instant::now();
    let first = "/api/v1/operator/tenants?order=-requests&limit=1";
    loop {
        let list = call(address, ("GET", first), &headers, &Value::Null, 200).await?;
        if list["items"][0]["requests"].as_i64().is_some_and(|requests| requests > 0) {
            break;
        }
        if begun.elapsed() > PATIENCE {
            return Err("no figures of tenants after a minute".into());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let mut connection = Connection::open(address).await?;
    for query in QUERIES {
        let request = format!(
            "GET /api/v1/operator/tenants?{query}&limit=50 HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n"
        );
        let mut waits = Vec::new();
        for _ in 0..TIMES {
            let begun = Instant::now();
            let answer = connection.exchange(request.as_bytes()).await?;
            waits.push(begun.elapsed().as_secs_f64() * 1e3);
            let list: Value = serde_json::from_slice(answer.body)?;
            if answer.status != 200 || list["items"].as_array().is_none_or(Vec::is_empty) {
                report.wrong(format!("GET /operator/tenants?{query}: {list}"));
                break;
            }
        }
        waits.sort_unstable_by(f64::total_cmp);
        report.figure_with_note(
            format!("operator's list of {tenants}, {query}: p99"),
            Ok(percentile(&waits, 99)),
            " ms",
            Goal::Below(50.0),
            &format!("median {:.1} ms", percentile(&waits, 50)),
        );
    }
    Ok(())
}
