//! `tenantry new DIR`.

use super::{Common, Failure};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

const FILES: [(&str, &str); 3] = [
    (
        "app.toml",
        "name = \"My app\"\n\n# Beside owner, admin, member and viewer:\n# [roles.bookkeeper]\n# permissions = [\"records:read\", \
         \"records:write\", \"billing:read\"]\n\n# What differs for single tables (see the README):\n# [tables.notes]\n# \
         owner = \"created_by\"\n# [tables.notes.roles.viewer]\n# write = true\n",
    ),
    ("migrations/0001_starter.sql", include_str!("../../migrations/starter/0001_starter.sql")),
    (
        "seed.sql",
        "-- Rows that every new tenant starts with.\nINSERT INTO notes (id, title, body) VALUES ('welcome', 'Welcome', \
         'This note stands in seed.sql.');\n",
    ),
];

pub(super) fn run(common: &Common, directory: &Path) -> Result<ExitCode, Failure> {
    let occupied = std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || directory.is_file() {
        return Err(Failure::Failed(format!(
            "{} is not empty; choose another directory",
            directory.display()
        )));
    }
    for (name, text) in FILES {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
    }
    let shown = directory.display().to_string();
    if common.json {
        println!("{}", json!({ "app": shown }));
    } else {
        println!(
            "{shown} is an app now.\n\n  {shown}/migrations/  the tables of your product; add 0002_<what it does>.sql for the \
             next change\n  {shown}/seed.sql      rows of a new tenant\n  {shown}/app.toml      its name and roles\n  \
             {shown}/public/       make it, and your own front end is served at /\n\nNext: tenantry serve --app {shown}"
        );
    }
    Ok(ExitCode::SUCCESS)
}
