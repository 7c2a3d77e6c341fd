//! `[tables.*]` of app.toml: which role may read and write which table, and what is said of columns.

use super::AppError;
use crate::model::column::Column;
use crate::model::meter::Meters;
use crate::model::restriction::Restriction;
use crate::model::table::Schema;
use crate::policy::{Roles, TableLines, TableRights};
use std::collections::{BTreeMap, BTreeSet};

/// One table as it stands in app.toml.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TableToml {
    owner: Option<String>,
    hidden: Vec<String>,
    read_only: Vec<String>,
    meter: Option<String>,
    roles: BTreeMap<String, LineToml>,
}

/// What one role may do with it, as far as that differs from the role's permissions.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LineToml {
    read: Option<bool>,
    write: Option<bool>,
}

/// What the app says of columns of its tables.
#[derive(Clone, Debug, Default)]
pub struct TableRules {
    /// The app.toml, for errors.
    file: String,
    restrictions: BTreeMap<String, Restriction>,
    /// The meters that created records count for, by table.
    meters: BTreeMap<String, String>,
}

/// The meter that each created record of a table counts one for.
fn billable(meters: &Meters, name: &str) -> Result<String, String> {
    match meters.get(name) {
        Some(meter) if meter.is_built_in => Err(format!("{name} is counted by Tenantry itself")),
        Some(meter) if !meter.aggregation.adds_up() => Err(format!(
            "{name} takes the {} of its events; a record counts one, which only sum and count add up",
            meter.aggregation.name()
        )),
        Some(_) => Ok(name.to_owned()),
        None => {
            let names: Vec<&str> = meters.iter().map(|meter| meter.name.as_str()).collect();
            Err(format!("there is no meter {name:?}; the meters are {}", names.join(", ")))
        }
    }
}

impl TableRules {
    /// Reads the sections: what is said of columns, and of roles. Whether the tables and columns exist is asked of a
    /// schema, see [`TableRules::restrict`].
    pub(super) fn read(
        file: &str,
        sections: BTreeMap<String, TableToml>,
        roles: &Roles,
        meters: &Meters,
    ) -> Result<(TableRules, TableLines), AppError> {
        let mut rules = TableRules { file: file.to_owned(), ..TableRules::default() };
        let mut lines = TableLines::default();
        for (table, section) in sections {
            let place =
                |rest: &str, reason: &str| AppError(format!("{file}: tables.{table}.{rest}: {reason}"));
            if let Some(meter) = &section.meter {
                rules
                    .meters
                    .insert(table.clone(), billable(meters, meter).map_err(|why| place("meter", &why))?);
            }
            for (role, line) in section.roles {
                if !roles.is_known(&role) {
                    let names = roles.names().collect::<Vec<_>>().join(", ");
                    let reason = format!("there is no such role; the roles are {names}");
                    return Err(place(&format!("roles.{role}"), &reason));
                }
                let permissions = roles.permissions(&role);
                let rights = line.rights(TableRights::of(permissions)).ok_or_else(|| {
                    place(&format!("roles.{role}"), "whoever writes a table has to read it: set read = true")
                })?;
                lines.add(&table, &role, permissions, rights);
            }
            let (owner, hidden, read_only) = (section.owner, section.hidden, section.read_only);
            rules.restrictions.insert(table, Restriction { owner, hidden, read_only });
        }
        Ok((rules, lines))
    }

    /// Whether nothing is said of any table.
    pub fn is_empty(&self) -> bool {
        self.restrictions.is_empty()
    }

    /// The meter that each created record of a table counts one for.
    pub(in crate::tenancy) fn meter(&self, table: &str) -> Option<&str> {
        self.meters.get(table).map(String::as_str)
    }

    /// Enters into a schema what is said of columns.
    ///
    /// # Errors
    /// The first table or column that does not exist or does not fit, with its place in app.toml.
    pub(in crate::tenancy) fn restrict(&self, schema: &mut Schema) -> Result<(), AppError> {
        let restrictions = self.restrictions.iter().map(|(name, restriction)| (name.as_str(), restriction));
        schema.restrict(restrictions).map_err(|reason| AppError(format!("{}: {reason}", self.file)))
    }

    /// The same for a schema of before `newest`: what is said of tables and columns that came later is left out. What the
    /// schema has and `newest` has not, as after a renaming, might be what is hidden now: clients know nothing of it. Where an
    /// owner is asked for that is not there, nobody owns a row, so nobody writes one.
    ///
    /// # Errors
    /// As [`TableRules::restrict`].
    pub(in crate::tenancy) fn restrict_older(
        &self,
        schema: &mut Schema,
        newest: &Schema,
    ) -> Result<(), AppError> {
        let (mut withheld, mut fitting, mut unowned) = (BTreeSet::new(), Vec::new(), Vec::new());
        for table in schema.tables() {
            let name = table.name.clone();
            let Some(now) = newest.table(&name) else {
                withheld.insert(name);
                continue;
            };
            let is_known = |column: &Column| now.columns.iter().any(|known| known.name == column.name);
            let unknown = table.columns.iter().filter(|column| !is_known(column));
            let mut restriction = self.restrictions.get(&name).cloned().unwrap_or_default();
            let has = |column: &String| table.columns.iter().any(|own| own.name == *column);
            restriction.hidden.retain(has);
            restriction.read_only.retain(has);
            restriction.hidden.extend(unknown.map(|column| column.name.clone()));
            let is_hidden = |column: &Column| restriction.hidden.contains(&column.name);
            let key_shows = table.key.iter().all(|index| !is_hidden(&table.columns[*index]));
            if !key_shows || table.columns.iter().all(is_hidden) {
                withheld.insert(name);
                continue;
            }
            if restriction.owner.take_if(|owner| !has(owner)).is_some() {
                unowned.push(name.clone());
            }
            fitting.push((name, restriction));
        }
        schema.withhold(withheld);
        fitting.retain(|(name, _)| schema.table(name).is_some());
        let restrictions = fitting.iter().map(|(name, restriction)| (name.as_str(), restriction));
        schema.restrict(restrictions).map_err(|reason| AppError(format!("{}: {reason}", self.file)))?;
        unowned.iter().for_each(|name| schema.let_only_read(name));
        Ok(())
    }
}

impl LineToml {
    /// What is left out stays as the permissions have it, but who may not read does not write. `None` for a line that
    /// gives the one without the other.
    fn rights(&self, base: TableRights) -> Option<TableRights> {
        let read = self.read.unwrap_or(base.read);
        let write = self.write.unwrap_or(base.write && read);
        (read || !write).then_some(TableRights { read, write })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Migration;
    use crate::policy::{ADMIN, MEMBER, Permission, VIEWER};
    use crate::tenancy::App;

    const SQL: &str = "
        CREATE TABLE jobs (id TEXT PRIMARY KEY, title TEXT NOT NULL, cents INTEGER, created_by TEXT,
          twice INTEGER AS (2 * cents)) STRICT;
        CREATE TABLE rows (a INTEGER, b TEXT);
        CREATE VIEW titles AS SELECT title, created_by FROM jobs;";

    fn app(text: &str) -> Result<App, String> {
        let migrations =
            vec![Migration { version: 1, name: "0001_jobs.sql".to_owned(), sql: SQL.to_owned() }];
        App::assemble("shop/app.toml", text, migrations, None, None).map_err(|error| error.to_string())
    }

    /// What is wrong with an app.toml, as the start says it.
    #[track_caller]
    fn fault(text: &str) -> String {
        match app(text) {
            Err(fault) => fault,
            Ok(app) => app.check_migrations().unwrap_err().detail().to_owned(),
        }
    }

    #[test]
    fn what_does_not_fit_is_told_with_file_and_place() {
        for (text, parts) in [
            ("[tables.jobs]\nhiden = ['title']", ["line 2", "hiden"]),
            ("[tables.jobs]\nhidden = 'title'", ["line 2", "sequence"]),
            ("[tables.jobs]\nmeter = 1", ["line 2", "string"]),
            ("[tables.jobs]\nmeter = ' '", ["tables.jobs.meter", "there is no meter"]),
            ("[tables.jobs.roles.member]\nreed = true", ["line 2", "reed"]),
            ("[tables.jobs.roles.member]\nread = 1", ["line 2", "boolean"]),
            (
                "[tables.jobs.roles.clerk]\nread = true",
                ["tables.jobs.roles.clerk", "admin, member, owner, viewer"],
            ),
            (
                "[tables.jobs.roles.member]\nread = false\nwrite = true",
                ["tables.jobs.roles.member", "read = true"],
            ),
            (
                "[roles.idle]\npermissions = []\n[tables.jobs.roles.idle]\nwrite = true",
                ["tables.jobs.roles.idle", "read = true"],
            ),
            ("[tables.Jobs]", ["tables.Jobs", "no table"]),
            ("[tables._tenant]", ["tables._tenant", "no table"]),
            ("[tables.jobs]\nhidden = ['Title']", ["tables.jobs.hidden", "\"Title\""]),
            ("[tables.jobs]\nhidden = ['id']", ["tables.jobs.hidden", "part of the key"]),
            ("[tables.rows]\nhidden = ['rowid']", ["tables.rows.hidden", "part of the key"]),
            (
                "[tables.titles]\nhidden = ['title', 'created_by']",
                ["tables.titles.hidden", "no column is left"],
            ),
            ("[tables.jobs]\nread_only = ['no']", ["tables.jobs.read_only", "\"no\""]),
            ("[tables.jobs]\nowner = 'made_by'", ["tables.jobs.owner", "\"made_by\""]),
            ("[tables.jobs]\nowner = 'cents'", ["tables.jobs.owner", "TEXT"]),
            ("[tables.jobs]\nowner = 'twice'", ["tables.jobs.owner", "TEXT"]),
            ("[tables.titles]\nowner = 'created_by'", ["tables.titles.owner", "no table"]),
        ] {
            let fault = fault(text);
            for part in ["shop/app.toml"].iter().chain(&parts) {
                assert!(fault.contains(part), "{text}: no {part:?} in {fault}");
            }
        }
        let whole = "[meters.'pages.rendered']\n[tables.jobs]\nowner = 'created_by'\nhidden = ['cents', 'created_by']\nread_only = ['title']
            meter = 'pages.rendered'\n[tables.jobs.roles.viewer]\nwrite = true\n[tables.titles]\nhidden = ['title']";
        assert_eq!(app(whole).unwrap().check_migrations().unwrap(), 1);
    }

    #[test]
    fn a_line_overrides_both_ways_for_its_table_only() {
        let app = app("[roles.idle]\npermissions = []
            [tables.jobs.roles.viewer]\nwrite = true
            [tables.jobs.roles.member]\nread = false
            [tables.rows.roles.member]\nwrite = false
            [tables.rows.roles.idle]\nread = true")
        .unwrap();
        let rights = |table: &str, role: &str| {
            let TableRights { read, write } =
                app.roles.lines().rights(table, (Some(role), app.roles.permissions(role)));
            (read, write)
        };
        assert_eq!((rights("jobs", VIEWER), rights("rows", VIEWER)), ((true, true), (true, false)));
        assert_eq!((rights("jobs", MEMBER), rights("rows", MEMBER)), ((false, false), (true, false)));
        assert_eq!((rights("jobs", ADMIN), rights("titles", MEMBER)), ((true, true), (true, true)));
        assert_eq!((rights("rows", "idle"), rights("jobs", "idle")), ((true, false), (false, false)));
        assert_eq!(rights("jobs", "gone"), (false, false));
        let enter = |role: &str, permission| app.roles.lines().may_enter(Some(role), permission);
        assert!(enter(VIEWER, Permission::RecordsWrite) && enter("idle", Permission::RecordsRead));
        assert!(!enter("idle", Permission::RecordsWrite) && !enter(MEMBER, Permission::RecordsWrite));
        assert!(!enter(VIEWER, Permission::MembersManage));
    }
}
