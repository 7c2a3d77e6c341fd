//! When files are migrated that nobody runs a migration for.

use super::text::FromText;

/// When tenants' files get the app's new migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Migrations {
    /// Each file as it is opened; while a run is open, by the run.
    OnOpen,
    /// By a run alone: until then files are served as they are.
    Manual,
}

impl FromText for Migrations {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "on_open" => Ok(Migrations::OnOpen),
            "manual" => Ok(Migrations::Manual),
            _ => Err("must be on_open or manual".to_owned()),
        }
    }
}
