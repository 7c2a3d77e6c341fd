//! A fleet that is migrated under load, and once more while its server is killed on the way.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::Result;
use crate::fleet::provision;
use crate::options::Options;
use crate::process::make_directory;
use crate::report::{Goal, Report, percentile};
use crate::steady::Steady;
use crate::tenantry::{Session, command, serve_app, write_app};

/// Tenants under load meanwhile.
const BUSY: usize = 100;
/// From one request of a busy tenant to its next.
const PACE: Duration = Duration::from_millis(200);
/// Of the requests of busy tenants, one in so many is a create.
const CREATES: u64 = 5;
/// How long the load is measured before.
const BEFORE: Duration = Duration::from_secs(10);
/// How often the server is killed in the second migration.
const KILLS: usize = 5;
/// Until when each stage of that has to be over.
const PATIENCE: Duration = Duration::from_secs(120);

/// Rows that every tenant begins with.
const SEED: &str = "INSERT INTO customers (id, name, email)
  WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 50)
  SELECT 'seed-' || n, 'Customer ' || n, 'seed-' || n || '@example.com' FROM numbers;
";
/// A column, a backfill, an index.
const FIRST: &str = "ALTER TABLE customers ADD COLUMN domain TEXT NOT NULL DEFAULT '';
UPDATE customers SET domain = substr(email, instr(email, '@') + 1) WHERE email IS NOT NULL;
CREATE INDEX customers_by_domain ON customers (domain, id);
";
/// The same again, so that a backfill that was done twice shows.
const SECOND: &str = "ALTER TABLE customers ADD COLUMN visits INTEGER NOT NULL DEFAULT 0;
UPDATE customers SET visits = visits + 1;
CREATE INDEX customers_by_visits ON customers (visits, id);
";

/// Measures migrations.
///
/// # Errors
/// A command fails or a server does not start.
pub async fn run(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let tenants = options.tenants;
    let directory = make_directory(parent, "migrations")?;
    let app = write_app(&directory, "")?;
    std::fs::write(app.join("seed.sql"), SEED)?;
    std::fs::create_dir(directory.join("data"))?;
    // Else the busy ones would be migrated as they are opened.
    std::fs::write(directory.join("data/tenantry.toml"), "migrations = \"manual\"\n")?;
    let (mut process, address) = serve_app(&directory, Some(&app))?;
    process.ready(address, "/readyz").await?;
    Session::sign_up(address, None).await?;
    process.stop().await?;
    let seconds = provision(tenants, &directory, Some(&app))?;
    let bytes = std::fs::metadata(&files(&directory)?[0])?.len();
    report.note(format!(
        "Migrations: {tenants} tenants of {bytes} bytes with 50 customers each, made in {seconds:.1} s; {BUSY} of them under load, each \
         a request every {PACE:?}, one in {CREATES} a create."
    ));

    std::fs::write(app.join("migrations/0002_domain.sql"), FIRST)?;
    under_load(tenants, &directory, &app, report).await?;
    std::fs::write(app.join("migrations/0003_visits.sql"), SECOND)?;
    killed(tenants, &directory, &app, report).await?;
    check(tenants, &directory, report)
}

/// The command that migrates the fleet, through the server.
fn migrate(directory: &Path, app: &Path) -> std::process::Command {
    let mut command = command(&["migrate", "run", "--yes", "--json"], directory);
    command.arg("--app").arg(app).stdin(Stdio::null());
    command
}

async fn under_load(tenants: usize, directory: &Path, app: &Path, report: &mut Report) -> Result<()> {
    let (mut process, address) = serve_app(directory, Some(app))?;
    process.ready(address, "/readyz").await?;
    let token = Session::sign_in(address).await?.token;
    let busy = tenants.min(BUSY);
    let slugs = (0..busy).map(|index| format!("fleet-{}", index * tenants / busy + 1)).collect();
    let load = Steady { address, token, tenants: slugs, pace: PACE, creates: CREATES };
    // Files are open before anything counts.
    load.go_for(PACE * 10, report).await?;
    let before = load.go_for(BEFORE, report).await?;
    let going = load.begin();
    let mut run = migrate(directory, app);
    let begun = Instant::now();
    let output = tokio::task::spawn_blocking(move || run.output()).await??;
    let seconds = begun.elapsed().as_secs_f64();
    let during = going.end(report)?;
    process.stop().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        return Err(format!("migrate run: {said}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    report.figure(format!("{tenants} tenants migrated under load"), Ok(seconds), " s", Goal::Below(60.0));
    let p99 = |waits: &[f64]| percentile(waits, 99);
    report.figure_with_note(
        format!("{busy} tenants under load: p99 meanwhile, times before"),
        Ok(p99(&during.all) / p99(&before.all)),
        "",
        Goal::AtMost(2.0),
        "median / p99 / longest below",
    );
    report.figure_with_note("p99 before", Ok(p99(&before.all)), " ms", Goal::None, &before.of_all());
    report.figure_with_note("p99 meanwhile", Ok(p99(&during.all)), " ms", Goal::None, &during.of_all());
    report.figure_with_note(
        "creates, p99 meanwhile, times before",
        Ok(p99(&during.creates) / p99(&before.creates)),
        "",
        Goal::None,
        &format!("before {}; meanwhile {}", before.of_creates(), during.of_creates()),
    );
    Ok(())
}

/// Begins a run and kills the server again and again, as far apart as tenants allow; the last one finishes by itself.
async fn killed(tenants: usize, directory: &Path, app: &Path, report: &mut Report) -> Result<()> {
    let begun = Instant::now();
    let (mut process, address) = serve_app(directory, Some(app))?;
    process.ready(address, "/readyz").await?;
    let mut run = migrate(directory, app).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    for kill in 1..=KILLS {
        reach(directory, |status, migrated| {
            status == "running" && migrated >= count(kill * tenants / (KILLS + 1))
        })
        .await?;
        // SIGKILL.
        drop(process);
        if kill == 1 {
            run.wait()?;
        }
        let started;
        (process, started) = serve_app(directory, Some(app))?;
        process.ready(started, "/readyz").await?;
    }
    reach(directory, |status, _| status == "done").await?;
    let seconds = begun.elapsed().as_secs_f64();
    process.stop().await?;
    report.figure(
        format!("{tenants} tenants migrated, the server killed {KILLS} times"),
        Ok(seconds),
        " s",
        Goal::None,
    );
    Ok(())
}

/// Waits until the run in the catalog is so far: its status, and how many tenants were migrated.
async fn reach(directory: &Path, is_there: impl Fn(&str, i64) -> bool) -> Result<()> {
    let catalog = read(&directory.join("data/catalog.db"))?;
    let sql = "SELECT status, migrated FROM migration_runs WHERE app = 3";
    let begun = Instant::now();
    let mut seen = String::from("no run");
    while begun.elapsed() < PATIENCE {
        let run = catalog.query_row(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
        if let Ok((status, migrated)) = run {
            if is_there(&status, migrated) {
                return Ok(());
            }
            seen = format!("{status}, {migrated} migrated");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(format!("not there within {PATIENCE:?}: {seen}").into())
}

/// Looks into the catalog and every file: each tenant has both migrations, and each backfill once.
fn check(tenants: usize, directory: &Path, report: &mut Report) -> Result<()> {
    let catalog = read(&directory.join("data/catalog.db"))?;
    let ask = |sql: &str| catalog.query_row(sql, [], |row| row.get::<_, i64>(0));
    let migrated = ask("SELECT migrated FROM migration_runs WHERE app = 3")?;
    let known =
        ask("SELECT count(*) FROM tenant_versions WHERE state = 'known' AND app = 3 AND error IS NULL")?;
    let files = files(directory)?;
    let good = "SELECT (SELECT count(*) FROM _migrations WHERE track = 'app') = 3
        AND (SELECT count(*) FROM customers WHERE id LIKE 'seed-%' AND domain = 'example.com') = 50
        AND NOT EXISTS (SELECT 1 FROM customers WHERE visits <> 1)
        AND (SELECT count(*) FROM sqlite_schema WHERE name IN ('customers_by_domain', 'customers_by_visits')) = 2";
    let mut once = 0;
    for file in &files {
        if read(file)?.query_row(good, [], |row| row.get::<_, bool>(0))? {
            once += 1;
        }
    }
    if [migrated, known, count(files.len()), count(once)] != [count(tenants); 4] {
        report.wrong(format!(
            "of {tenants} tenants {migrated} were counted as migrated, {known} are known to be, and {once} of {} files were migrated once",
            files.len()
        ));
    }
    report.note(format!("{once} of {} files have each backfill exactly once after it.", files.len()));
    Ok(())
}

fn read(path: &Path) -> Result<Connection> {
    Ok(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?)
}

/// The files of all tenants.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for shard in std::fs::read_dir(directory.join("data/tenants"))? {
        for tenant in std::fs::read_dir(shard?.path())? {
            files.push(tenant?.path().join("data.db"));
        }
    }
    Ok(files)
}

fn count(tenants: usize) -> i64 {
    i64::try_from(tenants).unwrap_or(i64::MAX)
}
