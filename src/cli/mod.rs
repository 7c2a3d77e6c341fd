//! The command line: one file per command.

mod admin;
mod arguments;
mod backup;
mod billing;
mod config;
mod control;
mod demo;
mod doctor;
mod healthcheck;
mod keys;
mod mail;
mod migrate;
mod new;
mod openapi;
mod output;
mod plan;
mod query;
mod restore;
mod serve;
mod sessions;
mod top;
mod usage;
mod verify;
mod verify_files;

use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use arguments::{
    Arguments, Command, Common, ConfigCommand, Listening, OperatorCommand, PlanCommand, TenantCommand,
    UsageCommand, VerifyCommand,
};
use clap::Parser as _;
use std::process::ExitCode;
use std::sync::Arc;

/// What went wrong, for standard error.
pub(crate) enum Failure {
    /// Exit code 1.
    Failed(String),
    /// Exit code 2.
    WrongUse(String),
    /// A new account needs a password.
    PasswordNeeded,
}

impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Failure {
        if error.code() == "password_needed" {
            return Failure::PasswordNeeded;
        }
        Failure::Failed(output::explain(&error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Failed(error.to_string())
    }
}

/// Reads the arguments and does what they say.
pub fn run() -> ExitCode {
    // Whatever we make is for our eyes only, also in a directory that was there before.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    crate::db::bound_malloc_arenas();
    let arguments = Arguments::parse();
    match dispatch(arguments) {
        Ok(code) => code,
        Err(Failure::Failed(why)) => {
            eprintln!("tenantry: {why}");
            ExitCode::from(1)
        }
        Err(Failure::WrongUse(why)) => {
            eprintln!("tenantry: {why}");
            ExitCode::from(2)
        }
        Err(Failure::PasswordNeeded) => {
            eprintln!("tenantry: a new account needs a password; use --password-stdin");
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<ExitCode, Failure> {
    let common = arguments.common;
    match arguments.command {
        Command::Serve(listening) => serve::run(&common, &listening),
        Command::Demo(listening) => demo::run(&common, &listening),
        Command::New { dir } => new::run(&common, &dir),
        Command::Operator(OperatorCommand::Add { email, name, password_stdin }) => {
            admin::operator_add(&common, email, name, password_stdin)
        }
        Command::Tenant(command) => admin::tenant(&common, command),
        Command::Verify(VerifyCommand::Audit { file, tenant, tenant_id, checkpoints, key }) => {
            verify::audit(&common, verify::AuditIn { file, tenant, tenant_id, checkpoints, key })
        }
        Command::Verify(VerifyCommand::Billing { tenant, export, key }) => match export {
            Some(export) => billing::verify_export(&common, &export, key),
            None => billing::verify(&common, tenant),
        },
        Command::Verify(VerifyCommand::Backup { tenant, sample }) => backup::verify(&common, tenant, sample),
        Command::Verify(VerifyCommand::Export { file, key }) => verify::export(&common, &file, key),
        Command::Verify(VerifyCommand::Receipt { file, key, html }) => {
            verify::receipt(&common, &file, key, html.as_deref())
        }
        Command::Plan(PlanCommand::ClosePeriod { tenant, at, is_final }) => {
            plan::close_period(&common, tenant, at, is_final)
        }
        Command::Plan(PlanCommand::DeclareLost { tenant, yes }) => plan::declare_lost(&common, tenant, yes),
        Command::Plan(PlanCommand::Apply { file, yes, dry_run }) => plan::apply(&common, &file, yes, dry_run),
        Command::Usage(UsageCommand::Rebuild { tenant }) => usage::rebuild(&common, tenant),
        Command::Verify(VerifyCommand::Usage { tenant }) => usage::verify(&common, tenant),
        Command::Mail(command) => mail::run(&common, &command),
        Command::Migrate(command) => migrate::run(&common, command),
        Command::Restore(arguments) => restore::run(&common, arguments),
        Command::Backup(command) => backup::run(&common, command),
        Command::Keys(command) => keys::run(&common, &command),
        Command::Sessions(command) => sessions::run(&common, command),
        Command::Config(ConfigCommand::Check) => config::check(&common),
        Command::Config(ConfigCommand::Show { sample }) => config::show(&common, sample),
        Command::Healthcheck(listening) => healthcheck::run(&common, &listening),
        Command::Openapi { typescript, out } => openapi::run(&common, typescript, out),
        Command::Doctor => doctor::run(&common),
        Command::Query(arguments) => query::run(&common, arguments),
        Command::Top { once, every, tenants } => top::run(&common, once, every, tenants),
        Command::SqlWorker => Ok(crate::tenancy::run_worker()),
        Command::Version => {
            println!("tenantry {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The clock of this run.
fn clock() -> SharedClock {
    #[cfg(debug_assertions)]
    if let Some(step) = crate::config::variable("TENANTRY_TEST_FAULT").and_then(|step| step.parse().ok()) {
        crate::fault::end_at(step);
    }
    #[cfg(debug_assertions)]
    if let Some(directory) = crate::config::variable("TENANTRY_TEST_HOLD") {
        crate::fault::hold_in(directory.into());
    }
    #[cfg(debug_assertions)]
    if let Some(file) = crate::config::variable("TENANTRY_TEST_CLOCK") {
        return Arc::new(crate::clock::FileClock(file.into()));
    }
    Arc::new(SystemClock)
}

/// Starts the log, then runs what is asynchronous.
fn block_on<T>(config: &Config, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    crate::telemetry::start(config).map_err(Failure::WrongUse)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .thread_keep_alive(std::time::Duration::from_secs(2))
        .build()?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    result
}
