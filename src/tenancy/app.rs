//! The app: what a developer brings. `app.toml`, `migrations/`, `seed.sql`, `mail/` (read by `service::mail`), `public/`.

mod jobs;
mod plans;
mod tables;

pub use jobs::{JobKind, JobKinds};
pub use tables::TableRules;

use crate::db::{Migration, Track};
use crate::error::FieldError;
use crate::model::Email;
use crate::model::meter::{Meter, MeterToml, Meters};
use crate::model::plan::{KnownMeters, PlansFile};
use crate::model::table::Schema;
use crate::model::text::{KEY_RULE, is_key};
use crate::policy::{Permission, PermissionSet, Roles};
use jobs::JobToml;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tables::TableToml;

/// Who may sign up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignUp {
    /// Anyone.
    #[default]
    Open,
    /// Who was invited.
    Invited,
    /// Who has an address in one of the app's domains, or was invited.
    Domains,
    /// Nobody.
    Closed,
}

/// The app that tenants run.
#[derive(Clone, Debug)]
pub struct App {
    /// Its name.
    pub name: String,
    /// The roles: the four and its own.
    pub roles: Roles,
    /// What is said of single tables.
    pub tables: TableRules,
    /// Who may sign up.
    pub sign_up: SignUp,
    /// The domains whose people may, where those are named.
    pub sign_up_domains: Vec<String>,
    /// Whether nobody reaches a tenant or an operator's route without a second factor.
    pub second_factor_required: bool,
    /// The plan of new tenants, where it says one.
    pub default_plan: Option<String>,
    /// Its plans, by key: those that are published at the first start.
    pub plans: PlansFile,
    /// The meters: its own and those that are built in.
    pub meters: Meters,
    /// The kinds of jobs that there are, and who does them.
    pub jobs: JobKinds,
    /// Where all this stands, for messages.
    pub file: String,
    /// The product's own front end, if any.
    pub public: Option<PathBuf>,
    /// Its migrations.
    pub(super) track: Track,
    /// Rows that a new tenant starts with: file name and statements.
    pub(super) seed: Option<(String, String)>,
}

/// An app directory that cannot be used, with the place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AppError(String);

/// The shape of app.toml. Sections whose capability is not built yet are taken as they are.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AppToml {
    name: Option<String>,
    public_signup: SignUp,
    signup_domains: Vec<String>,
    require_second_factor: bool,
    default_plan: Option<String>,
    roles: BTreeMap<String, RoleToml>,
    meters: BTreeMap<String, MeterToml>,
    plans: toml::Table,
    jobs: BTreeMap<String, JobToml>,
    tables: BTreeMap<String, TableToml>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleToml {
    permissions: Vec<String>,
}

impl AppError {
    /// Every field at fault, a line for each.
    fn of_fields(file: &str, faults: Vec<FieldError>) -> AppError {
        let lines = faults.iter().map(|fault| format!("{file}: {}: {}", fault.field, fault.message));
        AppError(lines.collect::<Vec<_>>().join("\n"))
    }
}

impl App {
    /// The app in `directory`, or the built-in starter app.
    ///
    /// # Errors
    /// Says which file is wrong and how.
    pub fn load(directory: Option<&Path>) -> Result<App, AppError> {
        match directory {
            Some(directory) => App::read(directory),
            None => App::starter(),
        }
    }

    /// Runs all migrations and the seed on a file in memory's stead, and says how many there are. Blocks.
    ///
    /// # Errors
    /// The first that does not work, with file and line.
    pub fn check_migrations(&self) -> crate::error::Result<usize> {
        super::provision::try_out(self)?;
        Ok(self.track.migrations.len())
    }

    /// The tables that all migrations make, with what app.toml says of their columns. Blocks.
    ///
    /// # Errors
    /// As [`App::check_migrations`].
    pub fn read_schema(&self) -> crate::error::Result<Schema> {
        super::provision::schema_of(self)
    }

    /// The meter that each created record of a table counts one for.
    pub(super) fn meter_of(&self, table: &str) -> Option<Arc<Meter>> {
        self.meters.get(self.tables.meter(table)?).map(Arc::clone)
    }

    fn starter() -> Result<App, AppError> {
        let migrations = vec![Migration {
            version: 1,
            name: "starter/0001_starter.sql".to_owned(),
            sql: include_str!("../../migrations/starter/0001_starter.sql").to_owned(),
        }];
        App::assemble("app.toml", include_str!("../../migrations/starter/app.toml"), migrations, None, None)
    }

    fn read(directory: &Path) -> Result<App, AppError> {
        if !directory.is_dir() {
            return Err(AppError(format!(
                "{}: there is no such directory; `tenantry new DIR` makes one to start from",
                directory.display()
            )));
        }
        let text = read_optional(&directory.join("app.toml"))?.unwrap_or_default();
        let migrations = read_migrations(&directory.join("migrations"))?;
        let seed = read_optional(&directory.join("seed.sql"))?.map(|sql| ("seed.sql".to_owned(), sql));
        let public = Some(directory.join("public")).filter(|public| public.is_dir());
        App::assemble(&directory.join("app.toml").display().to_string(), &text, migrations, seed, public)
    }

    fn assemble(
        file: &str,
        text: &str,
        migrations: Vec<Migration>,
        seed: Option<(String, String)>,
        public: Option<PathBuf>,
    ) -> Result<App, AppError> {
        let settings: AppToml = toml::from_str(text).map_err(|error| AppError(format!("{file}: {error}")))?;
        let mut roles = Roles::default();
        for (name, role) in &settings.roles {
            let permissions: PermissionSet = role
                .permissions
                .iter()
                .map(|name| {
                    Permission::parse(name)
                        .ok_or_else(|| AppError(format!("{file}: roles: there is no permission {name:?}")))
                })
                .collect::<Result<_, _>>()?;
            if !is_key(name) {
                return Err(AppError(format!("{file}: roles.{name}: the name {KEY_RULE}")));
            }
            if !roles.define(name, permissions) {
                return Err(AppError(format!(
                    "{file}: roles.{name}: this role exists already and cannot be changed"
                )));
            }
        }
        let meters = Meters::read(settings.meters).map_err(|faults| AppError::of_fields(file, faults))?;
        let known = KnownMeters::of(&meters);
        let plans = plans::read(file, settings.plans, settings.default_plan.as_deref(), &known)?;
        let (tables, lines) = TableRules::read(file, settings.tables, &roles, &meters)?;
        Ok(App {
            default_plan: settings.default_plan,
            plans,
            meters,
            jobs: JobKinds::read(file, settings.jobs)?,
            file: file.to_owned(),
            name: settings.name.unwrap_or_else(|| "Tenantry".to_owned()),
            tables,
            roles: roles.with_lines(lines),
            sign_up: settings.public_signup,
            sign_up_domains: read_domains(file, settings.public_signup, &settings.signup_domains)?,
            second_factor_required: settings.require_second_factor,
            public,
            track: Track { name: "app", migrations },
            seed,
        })
    }
}

/// The domains of `signup_domains`, in lower case. They are there exactly where they count.
fn read_domains(file: &str, mode: SignUp, domains: &[String]) -> Result<Vec<String>, AppError> {
    match (mode, domains.is_empty()) {
        (SignUp::Domains, true) => Err(AppError(format!(
            "{file}: public_signup = \"domains\" needs signup_domains = [\"example.com\"]"
        ))),
        (SignUp::Domains, false) => domains
            .iter()
            .map(|domain| {
                Email::parse(&format!("anyone@{domain}")).map(|email| email.domain().to_owned()).map_err(
                    |_| {
                        AppError(format!(
                            "{file}: signup_domains: {domain:?} is no domain; write it like \"example.com\""
                        ))
                    },
                )
            })
            .collect(),
        (_, true) => Ok(Vec::new()),
        (_, false) => {
            Err(AppError(format!("{file}: signup_domains has no effect without public_signup = \"domains\"")))
        }
    }
}

/// `0001_name.sql`, `0002_..` without gaps; `.postgres.sql` is for the other engine.
fn read_migrations(directory: &Path) -> Result<Vec<Migration>, AppError> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let fault = |path: &Path, why: &dyn std::fmt::Display| AppError(format!("{}: {why}", path.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| fault(directory, &error))? {
        let path = entry.map_err(|error| fault(directory, &error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let is_sql = path.extension().is_some_and(|extension| extension == "sql");
        if is_sql && !name.ends_with(".postgres.sql") && !name.starts_with('.') {
            files.push((name, path));
        }
    }
    files.sort();
    let mut migrations: Vec<Migration> = Vec::with_capacity(files.len());
    for (name, path) in files {
        let next = u32::try_from(migrations.len()).unwrap_or(u32::MAX).saturating_add(1);
        let version = name.split('_').next().and_then(|digits| digits.parse::<u32>().ok());
        if version != Some(next) {
            return Err(fault(
                &path,
                &format!(
                    "expected a migration named {next:04}_<what it does>.sql here; numbers have no gaps"
                ),
            ));
        }
        let sql = std::fs::read_to_string(&path).map_err(|error| fault(&path, &error))?;
        migrations.push(Migration { version: next, name, sql });
    }
    Ok(migrations)
}

fn read_optional(path: &Path) -> Result<Option<String>, AppError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AppError(format!("{}: {error}", path.display()))),
    }
}
