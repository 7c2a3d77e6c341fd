//! Backups of a fleet of which little was written, one tenant restored among all, and a large tenant under writes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::Result;
use crate::connection::call;
use crate::fleet::provision;
use crate::options::Options;
use crate::process::make_directory;
use crate::report::{Goal, Report, median, megabytes, percentile};
use crate::steady::Steady;
use crate::tenantry::{Session, command, serve, tenant_file};

/// Connections that write to the large tenant.
const WRITERS: usize = 8;
/// From one create of each to its next.
const PACE: Duration = Duration::from_millis(20);
/// How long writes are measured before the backup.
const BEFORE: Duration = Duration::from_secs(5);
/// Bytes of one note of the large tenant.
const NOTE: i64 = 50_000;

/// Measures rounds of backups and restores.
///
/// # Errors
/// A command fails or a server does not start.
pub async fn run(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let tenants = options.tenants;
    let directory = make_directory(parent, "backups")?;
    let (mut process, address) = serve(&directory)?;
    process.ready(address, "/readyz").await?;
    Session::sign_up(address, None).await?;
    process.stop().await?;
    provision(tenants, &directory, None)?;
    let (mut process, address) = serve(&directory)?;
    process.ready(address, "/readyz").await?;

    let (full, seconds) = told(&directory, &["backup", "run"])?;
    expect(&full, "stored", tenants, report);
    report.figure(format!("first round of backups of {tenants} tenants"), Ok(seconds), " s", Goal::None);
    let mut session = Session::sign_in(address).await?;
    let written = (tenants / 100).max(1);
    let mut rounds = Vec::new();
    for round in 0..options.rounds {
        session.refresh().await?;
        for index in 0..written {
            create(address, &session.token, &slug(index * 100 + round)).await?;
        }
        let (run, seconds) = told(&directory, &["backup", "run"])?;
        expect(&run, "stored", written, report);
        rounds.push(seconds);
    }
    let what = format!("round of backups, {written} of {tenants} tenants written");
    report.figure(what, Ok(median(&rounds)), " s", Goal::Below(5.0));
    let (_, seconds) = told(&directory, &["backup", "run"])?;
    report.figure("round of backups, nothing written", Ok(seconds), " s", Goal::None);

    let mut restores = Vec::new();
    for round in 0..options.rounds {
        session.refresh().await?;
        // Something is lost, and kept as a backup of its own before.
        let slug = slug(round);
        create(address, &session.token, &slug).await?;
        restores.push(restore(&directory, address, &session.token, &slug, report).await?);
    }
    report.figure_with_note(
        format!("restore of one tenant among {tenants}, copy time included"),
        Ok(median(&restores)),
        " s",
        Goal::Below(1.0),
        "from the start of the command to its end",
    );
    process.stop().await
}

fn slug(index: usize) -> String {
    format!("fleet-{}", index + 1)
}

/// Carries a command out beside the server: what it told, and the seconds from start to end of the process.
fn told(directory: &Path, arguments: &[&str]) -> Result<(Value, f64)> {
    let begun = Instant::now();
    let output = command(arguments, directory).arg("--json").output()?;
    let seconds = begun.elapsed().as_secs_f64();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        return Err(format!("{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok((serde_json::from_slice(&output.stdout)?, seconds))
}

fn expect(run: &Value, name: &str, count: usize, report: &mut Report) {
    if run[name] != json!(count) || run["failed"] != json!(0) {
        report.wrong(format!("a round of backups in which {name} should be {count}: {run}"));
    }
}

fn headers(token: &str, slug: &str) -> String {
    format!("Authorization: Bearer {token}\r\nX-Tenant-Id: {slug}\r\n")
}

async fn create(address: SocketAddr, token: &str, slug: &str) -> Result<()> {
    let customer = json!({"name": "Customer"});
    call(address, ("POST", "/api/v1/records/customers"), &headers(token, slug), &customer, 201).await?;
    Ok(())
}

async fn count(address: SocketAddr, token: &str, slug: &str) -> Result<usize> {
    let list = "/api/v1/records/customers?limit=50";
    let list = call(address, ("GET", list), &headers(token, slug), &Value::Null, 200).await?;
    list["items"].as_array().map(Vec::len).ok_or_else(|| "a list without items".into())
}

/// Restores the newest backup of a tenant in place.
async fn restore(
    directory: &Path,
    address: SocketAddr,
    token: &str,
    slug: &str,
    report: &mut Report,
) -> Result<f64> {
    let (list, _) = told(directory, &["backup", "list", "--tenant", slug])?;
    let backup = list["items"][0]["id"].as_str().ok_or_else(|| format!("no backup of {slug}: {list}"))?;
    let before = count(address, token, slug).await?;
    let (_, seconds) = told(directory, &["restore", "--tenant", slug, "--backup", backup])?;
    let after = count(address, token, slug).await?;
    if after + 1 != before {
        report.wrong(format!("{slug} had {before} customers and after its restore {after}"));
    }
    Ok(seconds)
}

/// Measures the backup of one large tenant that is written meanwhile.
///
/// # Errors
/// A command fails or a server does not start.
pub async fn run_large(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let directory = make_directory(parent, "large")?;
    let (mut process, address) = serve(&directory)?;
    process.ready(address, "/readyz").await?;
    let (_, answer) = Session::sign_up(address, Some("large")).await?;
    process.stop().await?;
    let id = answer["tenant"]["id"].as_str().ok_or("a sign-up without tenant.id")?;
    let file = tenant_file(&directory.join("data"), id)?;
    fill(&file, options.megabytes)?;
    let bytes = std::fs::metadata(&file)?.len();

    let (mut process, address) = serve(&directory)?;
    process.ready(address, "/readyz").await?;
    let token = Session::sign_in(address).await?.token;
    let tenants = vec!["large".to_owned(); WRITERS];
    let load = Steady { address, token, tenants, pace: PACE, creates: 1 };
    load.go_for(Duration::from_secs(1), report).await?;
    let before = load.go_for(BEFORE, report).await?;
    let going = load.begin();
    let of = directory.clone();
    let backup = move || told(&of, &["backup", "run", "--tenant", "large"]);
    let (run, seconds) = tokio::task::spawn_blocking(backup).await??;
    let during = going.end(report)?;
    expect(&run, "stored", 1, report);
    process.stop().await?;
    report.figure_with_note(
        "longest wait of a write while a large tenant is backed up",
        Ok(percentile(&during.creates, 100)),
        " ms",
        Goal::AtMost(100.0),
        &format!("before {}; meanwhile {}", before.of_creates(), during.of_creates()),
    );
    report.figure("p99 of them", Ok(percentile(&during.creates, 99)), " ms", Goal::None);
    let what =
        format!("backup of {:.0} MB, {WRITERS} connections each a create every {PACE:?}", megabytes(bytes));
    report.figure(what, Ok(seconds), " s", Goal::None);
    Ok(())
}

/// Writes notes straight into a file that nobody serves, until there are so many megabytes of them. Their text is a number's
/// digits in no order: it can be compressed as far as half.
fn fill(file: &Path, megabytes: usize) -> Result<()> {
    let mut connection = Connection::open(file)?;
    connection.execute_batch("PRAGMA synchronous = OFF")?;
    let transaction = connection.transaction()?;
    let insert = "INSERT INTO notes (id, title, body) VALUES ('note-' || ?1, 'Note', hex(randomblob(?2)))";
    for note in 0..i64::try_from(megabytes)? * 1_000_000 / NOTE {
        transaction.execute(insert, (note, NOTE / 2))?;
    }
    transaction.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    drop(connection);
    std::fs::File::open(file)?.sync_all()?;
    Ok(())
}
