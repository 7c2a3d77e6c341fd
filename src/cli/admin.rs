//! `tenantry operator ..` and `tenantry tenant ..`: through the server if one runs, else on the directory itself.

use super::{Common, Failure, TenantCommand, block_on, clock, control, output};
use crate::config::{Config, Partial};
use crate::service::Installation;
use crate::service::admin::Command;
use serde_json::Value;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// Carries a command out and returns its answer.
pub(super) fn execute(config: &Config, command: Command) -> Result<Value, Failure> {
    block_on(config, async {
        let progress = |text: String| eprintln!("{text}");
        if let Some(answer) = control::send(&config.data, &command, &progress).await? {
            return Ok(answer);
        }
        let installation = Installation::open(config.clone(), clock()).await?;
        let answer = control::carry_out(&installation, command, &progress).await;
        installation.close().await;
        Ok(answer?)
    })
}

/// Settings of a command that is not a server: its log is for warnings.
pub(super) fn quiet(common: &Common) -> Result<Config, Failure> {
    quiet_with(common, Partial::default())
}

/// The same with other settings, as flags would give them.
pub(super) fn quiet_with(common: &Common, flags: Partial) -> Result<Config, Failure> {
    let mut config = common.load_with(flags)?;
    if config.sources.get("log") == Some(&crate::config::Source::Default) {
        "warn".clone_into(&mut config.log);
    }
    Ok(config)
}

pub(super) fn operator_add(
    common: &Common,
    email: String,
    name: String,
    password_stdin: bool,
) -> Result<ExitCode, Failure> {
    let config = quiet(common)?;
    let command = |password| Command::OperatorAdd { email: email.clone(), name: name.clone(), password };
    let answer = if password_stdin {
        let mut password = String::new();
        std::io::stdin().take(4_096).read_to_string(&mut password)?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        execute(&config, command(Some(password)))?
    } else {
        match crate::config::variable("TENANTRY_PASSWORD") {
            Some(password) => execute(&config, command(Some(password)))?,
            // Who has an account needs no password here; who has none is asked for one.
            None => match execute(&config, command(None)) {
                Err(Failure::PasswordNeeded) => execute(&config, command(Some(ask_password(&email)?)))?,
                other => other?,
            },
        }
    };
    print(common, &answer, |answer| format!("{} is an operator now.", text(answer, "email")));
    Ok(ExitCode::SUCCESS)
}

/// Asks twice, without showing what is typed.
fn ask_password(email: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::WrongUse(
            "there is no terminal to ask for a password; use --password-stdin".to_owned(),
        ));
    }
    let first = ask_hidden(&format!("Password for {email} (15 characters or more): "))?;
    if ask_hidden("Again: ")? == first {
        Ok(first)
    } else {
        Err(Failure::WrongUse("the two passwords differ".to_owned()))
    }
}

fn ask_hidden(prompt: &str) -> Result<String, Failure> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    eprint!("{prompt}");
    std::io::stderr().flush()?;
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).map_err(std::io::Error::from)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(std::io::Error::from)?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before).map_err(std::io::Error::from)?;
    eprintln!();
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

pub(super) fn tenant(common: &Common, command: TenantCommand) -> Result<ExitCode, Failure> {
    let config = quiet(common)?;
    let status = |answer: &Value| format!("{} is {}.", text(answer, "slug"), text(answer, "status"));
    match command {
        TenantCommand::Create { slug, owner, name, count } => {
            let count = count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
            let answer = execute(&config, Command::TenantCreate { slug, name, owner, count })?;
            print(common, &answer, |answer| match answer.get("tenant") {
                Some(tenant) => {
                    format!("{} is ready, with the id {}.", text(tenant, "slug"), text(tenant, "id"))
                }
                None => format!("{} tenants are ready.", answer["created"]),
            });
        }
        TenantCommand::List { status } => {
            let answer = execute(&config, Command::TenantList { status })?;
            print(common, &answer, list);
        }
        TenantCommand::Suspend { slug } => {
            print(common, &execute(&config, Command::TenantSuspend { slug })?, status);
        }
        TenantCommand::Resume { slug } => {
            print(common, &execute(&config, Command::TenantResume { slug })?, status);
        }
        TenantCommand::Close { slug, stripe_customer } => {
            print(common, &execute(&config, Command::TenantClose { slug, stripe_customer })?, closing);
        }
        TenantCommand::Erase { slug, confirm, now, stripe_customer } => {
            let answer = execute(&config, Command::TenantErase { slug, confirm, now, stripe_customer })?;
            erased(common, &answer);
        }
        TenantCommand::Move { slug, to: Some(to), .. } => {
            print(common, &execute(&config, Command::TenantMove { slug, to })?, moved);
        }
        TenantCommand::Move { slug, to: None, .. } => {
            print(common, &execute(&config, Command::TenantMoveGiveUp { slug })?, given_up);
        }
        TenantCommand::Clone { slug, clone, owner, name, expires } => {
            let command = Command::TenantClone { slug, clone, name, owner, expires_in: expires.0 };
            print(common, &execute(&config, command)?, |answer| kept(&answer["tenant"]));
        }
        TenantCommand::Keep { slug, expires } => {
            let command = Command::TenantKeep { slug, expires_in: expires.map(|span| span.0) };
            print(common, &execute(&config, command)?, kept);
        }
        TenantCommand::Import { file, owner, name, slug, preview, invite_members } => {
            // The server may have another working directory.
            let file = std::path::absolute(file)?;
            let command = Command::TenantImport { file, owner, name, slug, preview, invite_members };
            let answer = execute(&config, command)?;
            print(common, &answer, imported);
            if preview && answer["preview"]["can_be_applied"] != true {
                return Ok(ExitCode::FAILURE);
            }
        }
        TenantCommand::Export { slug, output } => {
            let answer = execute(&config, Command::TenantExport { slug })?;
            exported(common, &answer, output.as_deref())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(answer: &Value) -> String {
    let rows: Vec<Vec<String>> = answer["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            ["slug", "name", "status", "plan", "created_at", "id"].map(|name| text(item, name)).to_vec()
        })
        .collect();
    if rows.is_empty() {
        return "There are no tenants. `tenantry tenant create SLUG --owner EMAIL` makes one.".to_owned();
    }
    output::table(&["SLUG", "NAME", "STATUS", "PLAN", "CREATED", "ID"], &rows).trim_end().to_owned()
}

/// What became of an import, or what would.
fn imported(answer: &Value) -> String {
    let preview = &answer["preview"];
    let mut lines = vec![match answer.get("tenant") {
        Some(tenant) => format!("{} is ready, with the id {}.", text(tenant, "slug"), text(tenant, "id")),
        None => {
            let source = &preview["source"];
            format!(
                "{} ({}), exported at {} from the installation {}. Its tables are {}.",
                text(source, "name"),
                text(source, "slug"),
                text(source, "exported_at"),
                text(source, "installation"),
                match preview["schema"].as_str() {
                    Some("same") => "those of the app here",
                    Some("older") => "those of an earlier version of the app: it is migrated",
                    _ => "others than the app's: what both have comes over",
                }
            )
        }
    }];
    let each = |name: &str| preview[name].as_array().into_iter().flatten();
    lines.extend(each("tables").map(|table| format!("  {}: {} rows", text(table, "name"), table["rows"])));
    lines.push(format!("  uploads: {} ({} bytes)", preview["uploads"]["count"], preview["uploads"]["bytes"]));
    lines.extend(
        each("left_out")
            .map(|left| format!("Not with it: {}: {}.", text(left, "what"), text(left, "reason"))),
    );
    lines.extend(each("problems").filter_map(Value::as_str).map(|problem| format!("In the way: {problem}")));
    lines.join("\n")
}

fn moved(answer: &Value) -> String {
    let left = match answer["error"].as_str() {
        Some(error) => format!(" But {error}: it is tried again."),
        None => String::new(),
    };
    format!(
        "{} is on {} now: {} files, {} bytes, compared. Its writes waited {} ms.{left}",
        text(answer, "slug"),
        text(answer, "to"),
        answer["files"],
        answer["bytes"],
        answer["fenced_ms"]
    )
}

fn given_up(answer: &Value) -> String {
    let copies = if answer["ended_at"].is_null() {
        "What was copied could not be removed yet; the server tries again every minute, and its log says why."
    } else {
        "What was copied is removed."
    };
    format!(
        "{} stays on {}: its move to {} is given up. {copies}",
        text(answer, "slug"),
        text(answer, "from"),
        text(answer, "to")
    )
}

fn kept(answer: &Value) -> String {
    match answer["expires_at"].as_str() {
        Some(at) => format!("{} is ready and expires at {at}.", text(answer, "slug")),
        None => format!("{} is kept.", text(answer, "slug")),
    }
}

fn closing(answer: &Value) -> String {
    format!(
        "{} is closing: read-only and exportable until {}, then erased. An owner can reopen it until then.",
        text(answer, "slug"),
        text(answer, "erase_after")
    )
}

/// With --json the receipt alone, so that it can be kept as a file.
fn erased(common: &Common, answer: &Value) {
    match answer.get("receipt") {
        Some(receipt) if common.json => println!("{receipt}"),
        Some(receipt) => println!("Erased. The receipt, to be kept:\n{receipt}"),
        None => print(common, answer.get("tenant").unwrap_or(answer), closing),
    }
}

fn exported(common: &Common, answer: &Value, output: Option<&Path>) -> Result<(), Failure> {
    let mut path = text(answer, "path");
    if let Some(output) = output {
        std::fs::copy(&path, output)?;
        path = output.display().to_string();
    }
    print(common, answer, |answer| format!("{path} ({} bytes)", answer["export"]["size_bytes"]));
    Ok(())
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// JSON where it was asked for, words elsewhere.
pub(super) fn print(common: &Common, answer: &Value, words: impl Fn(&Value) -> String) {
    if common.json { println!("{answer}") } else { println!("{}", words(answer)) }
}
