//! One statement of an operator over many tenants: how long it takes, and whether its usual budget ends it.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Value, json};

use crate::Result;
use crate::connection::call;
use crate::report::{Goal, Report};
use crate::tenantry::Session;

const SQL: &str = "SELECT count(*) FROM customers";
/// Tenants that a query asks where nothing is said, and the seconds that it has.
const USUAL: (usize, f64) = (1_000, 20.0);

/// Asks all tenants of the fleet that this server has, of which as many answer as its usual budget allows. Whoever signs in is
/// an operator.
///
/// # Errors
/// The server refuses.
pub async fn run(address: SocketAddr, tenants: usize, report: &mut Report) -> Result<()> {
    let token = Session::sign_in(address).await?.token;
    let headers = format!("Authorization: Bearer {token}\r\n");
    let body = json!({ "sql": SQL, "all": true });
    let begun = Instant::now();
    let answer = call(address, ("POST", "/api/v1/operator/query"), &headers, &body, 200).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let (most, usual_seconds) = USUAL;
    let asked = tenants.min(most);
    let rows = answer["rows"].as_array().map_or(0, Vec::len);
    if rows != asked {
        report.wrong(format!("{rows} of {asked} tenants answered a query: {}", told(&answer)));
    }
    report.figure_with_note(
        format!("one count(*) over {asked} tenants"),
        Ok(seconds),
        " s",
        Goal::AtMost(usual_seconds),
        &format!("{rows} rows; usual budget: {most} tenants, {usual_seconds} s; {}", told(&answer)),
    );
    Ok(())
}

/// Whether it was cut, by what, and how many were not asked or did not answer.
fn told(answer: &Value) -> String {
    let count = |name: &str| answer["tenants"][name].as_u64().unwrap_or_default();
    let [selected, answered, failed, skipped] = ["selected", "answered", "failed", "skipped"].map(count);
    format!(
        "truncated {}, ended by {}, {selected} selected, {answered} answered, {failed} failed, {skipped} not asked",
        answer["truncated"], answer["ended_by"]
    )
}
