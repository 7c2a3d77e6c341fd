//! What is in an export that is to become a tenant here, as it is shown before anything is made of it.

use serde::{Deserialize, Serialize};

/// All of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportPreview {
    /// Where it comes from; the file says so, and nobody vouches for it.
    pub source: ImportSource,
    /// How its tables are to those of the app here.
    pub schema: SchemaMatch,
    /// The tables that come over, or would.
    pub tables: Vec<ImportedTable>,
    /// The people who were members there, the first thousand of them.
    pub members: Vec<ImportedMember>,
    /// How many there were.
    pub members_total: u64,
    /// Uploads.
    pub uploads: ImportedUploads,
    /// What does not come over, and why.
    pub left_out: Vec<LeftOut>,
    /// What stands against it, in words with what to do; it can be applied where there is nothing.
    pub problems: Vec<String>,
    /// Whether it can be applied.
    pub can_be_applied: bool,
}

/// Where an export comes from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportSource {
    /// Id of the installation.
    pub installation: String,
    /// Version of the program.
    pub version: String,
    /// Id of the tenant there.
    pub tenant_id: String,
    /// Its slug there.
    pub slug: String,
    /// Its name there.
    pub name: String,
    /// When it was exported.
    pub exported_at: String,
}

/// How the tables of an export are to those of the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaMatch {
    /// They are the same.
    Same,
    /// They are those of an earlier version of the app: the migrations since then are run.
    Older,
    /// They are others: what both have comes over.
    #[default]
    Different,
}

/// A table of the app.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportedTable {
    /// Its name.
    pub name: String,
    /// Rows that come over.
    pub rows: u64,
    /// Columns of the export that there are none for here.
    pub unknown_columns: Vec<String>,
    /// Columns that the export has not, and that get their defaults.
    pub missing_columns: Vec<String>,
}

/// Somebody who was a member.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportedMember {
    /// The address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The role.
    pub role: String,
    /// Whether that is the one who will own the tenant.
    pub you: bool,
    /// Whether there is an account of this address here; told to operators alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<bool>,
}

/// Uploads of an export.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ImportedUploads {
    /// How many.
    pub count: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Something that does not come over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

impl LeftOut {
    /// What, and why.
    pub fn new(what: impl Into<String>, reason: impl Into<String>) -> LeftOut {
        LeftOut { what: what.into(), reason: reason.into() }
    }
}
