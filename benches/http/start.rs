//! How fast a server starts that has very many tenants in its catalog, and what it weighs then.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::Value;
use tenantry::clock::Timestamp;
use tenantry::id::TenantId;

use crate::Result;
use crate::connection::call;
use crate::options::Options;
use crate::process::make_directory;
use crate::report::{Goal, Report, median, megabytes};
use crate::tenantry::{Session, serve};

/// When background work of a start has had its time.
const SETTLED: Duration = Duration::from_secs(5);

/// Rows of one tenant, as those of the tenant `model`: `?1` the new id, `?2` its number.
const ROWS: [&str; 5] = [
    "INSERT INTO tenants (id, slug, name, status, plan, plan_version, timezone, settings, engine, epoch, created_at)
     SELECT ?1, 'tenant-' || ?2, 'Tenant ' || ?2, status, plan, plan_version, timezone, settings, engine, epoch, created_at
     FROM tenants WHERE slug = 'model'",
    "INSERT INTO tenant_slugs (slug, tenant_id, since) SELECT 'tenant-' || ?2, ?1, created_at FROM tenants WHERE id = ?1",
    "INSERT INTO memberships (tenant_id, identity_id, role, status, created_at)
     SELECT ?1, m.identity_id, m.role, m.status, m.created_at FROM memberships m JOIN tenants t ON t.id = m.tenant_id
     WHERE t.slug = 'model' AND ?2 > 0",
    "INSERT INTO tenant_versions (tenant_id, state, system, app, fingerprint, changed_at)
     SELECT ?1, v.state, v.system, v.app, v.fingerprint, v.changed_at FROM tenant_versions v
     JOIN tenants t ON t.id = v.tenant_id WHERE t.slug = 'model' AND ?2 > 0",
    "INSERT INTO tenant_backups (tenant_id, writes) SELECT id, 1 FROM tenants WHERE id = ?1 AND ?2 > 0",
];

/// Measures starts.
///
/// # Errors
/// A command fails or a server does not start.
pub async fn run(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let directory = make_directory(parent, "start")?;
    let (mut process, address) = serve(&directory)?;
    process.ready(address, "/readyz").await?;
    Session::sign_up(address, Some("model")).await?;
    process.stop().await?;
    let tenants = options.catalog;
    fill(&directory.join("data/catalog.db"), tenants)?;
    let bytes = std::fs::metadata(directory.join("data/catalog.db"))?.len();
    report.note(format!(
        "Start: {tenants} tenants as rows of a catalog of {:.0} MB, written by SQL: one of them has a file.",
        megabytes(bytes)
    ));
    // The first start begins the subscriptions that rows written by SQL lack.
    let (mut process, address) = serve(&directory)?;
    process.ready(address, "/readyz").await?;
    process.stop().await?;
    let (mut starts, mut resident, mut settled) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (mut process, address) = serve(&directory)?;
        starts.push(process.ready(address, "/readyz").await?.as_secs_f64() * 1e3);
        resident.push(megabytes(process.resident()?));
        tokio::time::sleep(SETTLED).await;
        let token = Session::sign_in(address).await?.token;
        let headers = format!("Authorization: Bearer {token}\r\nX-Tenant-Id: model\r\n");
        call(address, ("GET", "/api/v1/records/customers"), &headers, &Value::Null, 200).await?;
        settled.push(megabytes(process.resident()?));
        process.stop().await?;
    }
    report.figure(
        format!("serve ready with {tenants} tenants in the catalog"),
        Ok(median(&starts)),
        " ms",
        Goal::Below(300.0),
    );
    report.figure("resident then", Ok(median(&resident)), " MB", Goal::Below(100.0));
    let what = format!("resident {SETTLED:?} later, somebody signed in");
    report.figure(what, Ok(median(&settled)), " MB", Goal::Below(100.0));
    Ok(())
}

/// Writes tenants straight into the catalog, as rows of one that was made by the server.
fn fill(catalog: &Path, tenants: usize) -> Result<()> {
    let mut connection = Connection::open(catalog)?;
    let transaction = connection.transaction()?;
    {
        let mut rows =
            ROWS.iter().map(|sql| transaction.prepare(sql)).collect::<rusqlite::Result<Vec<_>>>()?;
        let created: i64 = transaction.query_row("SELECT created_at FROM tenants", [], |row| row.get(0))?;
        for number in 1..i64::try_from(tenants)? {
            let id = TenantId::new(Timestamp(created)).to_string();
            for row in &mut rows {
                if row.execute(params![id, number])? != 1 {
                    return Err(format!("tenant {number} has not its rows").into());
                }
            }
        }
    }
    transaction.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}
