//! One column of a table, and what its declared type means to the API.

/// What values of a column look like in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Real,
    /// Numbers, whole or not (NUMERIC, DECIMAL).
    Number,
    /// Text.
    Text,
    /// Bytes, as base64.
    Blob,
    /// `true` or `false`, stored as 1 or 0.
    Boolean,
    /// Any JSON, stored as text.
    Json,
    /// A date or time as it is stored: text, or a number.
    Datetime,
    /// Text or number.
    Any,
}

impl ColumnType {
    /// What a declared type means. SQLite derives only an affinity from it (datatype3, section 3.1), so booleans,
    /// JSON and dates are told by name. A name that is not known (UUID) says nothing about values.
    pub fn of(declared: &str, strict: bool) -> ColumnType {
        let upper = declared.trim().to_ascii_uppercase();
        let base = upper.split('(').next().unwrap_or_default().trim();
        match base {
            "" => return ColumnType::Any,
            "ANY" if strict => return ColumnType::Any,
            "BOOLEAN" | "BOOL" => return ColumnType::Boolean,
            "JSON" | "JSONB" => return ColumnType::Json,
            _ => {}
        }
        let has = |parts: &[&str]| parts.iter().any(|part| upper.contains(part));
        if has(&["INT"]) {
            ColumnType::Integer
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            ColumnType::Text
        } else if has(&["BLOB"]) {
            ColumnType::Blob
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            ColumnType::Real
        } else if base.starts_with("DATE") || base.starts_with("TIME") {
            ColumnType::Datetime
        } else if has(&["NUM", "DEC", "MONEY"]) {
            ColumnType::Number
        } else {
            ColumnType::Any
        }
    }
}

/// How a key that is not given is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoId {
    /// A UUIDv7 in its text form.
    Text,
    /// The sixteen bytes of a UUIDv7.
    Blob,
}

/// What a generated column is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computed {
    /// The expression.
    pub expression: String,
    /// The columns that it mentions.
    pub columns: Vec<usize>,
}

/// One column.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that SQLite tells apart")]
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name as the migration wrote it.
    pub name: String,
    /// Its declared type as the migration wrote it.
    pub declared: String,
    /// What that means to the API.
    pub kind: ColumnType,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// Whether a new record must give it.
    pub required: bool,
    /// The default's SQL text, unless it is NULL.
    pub default: Option<String>,
    /// Whether SQLite computes it.
    pub generated: bool,
    /// How SQLite computes it, as far as the CREATE statement could be read.
    pub computed: Option<Computed>,
    /// Whether a client may not write it although SQLite would take it.
    pub read_only: bool,
    /// Whether a client may not know of it.
    pub hidden: bool,
    /// Whether this is the rowid itself: made up by SQLite where not given, and an integer in any table.
    pub is_rowid: bool,
    /// How it is made up where not given.
    pub auto_id: Option<AutoId>,
    /// Table and column that it refers to.
    pub references: Option<(String, String)>,
    /// Its collation, unless it is the default.
    pub collation: Option<String>,
    /// Its name as SQL, made once.
    pub quoted: String,
    /// `"name":` in JSON, made once.
    pub json_name: Vec<u8>,
}

impl Column {
    /// A column that may be written and has nothing special.
    pub fn new(name: &str, declared: &str, strict: bool) -> Column {
        let mut json_name = serde_json::Value::from(name).to_string().into_bytes();
        json_name.push(b':');
        Column {
            name: name.to_owned(),
            declared: declared.to_owned(),
            kind: ColumnType::of(declared, strict),
            not_null: false,
            required: false,
            default: None,
            generated: false,
            computed: None,
            read_only: false,
            hidden: false,
            is_rowid: false,
            auto_id: None,
            references: None,
            collation: None,
            quoted: super::table::quote(name),
            json_name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_are_told_by_name_and_affinity() {
        for (declared, kind) in [
            ("INTEGER", ColumnType::Integer),
            ("unsigned big int", ColumnType::Integer),
            ("VARCHAR(40)", ColumnType::Text),
            ("BLOB(16)", ColumnType::Blob),
            ("DOUBLE PRECISION", ColumnType::Real),
            ("DECIMAL(10, 2)", ColumnType::Number),
            ("boolean", ColumnType::Boolean),
            ("JSON", ColumnType::Json),
            ("DATETIME", ColumnType::Datetime),
            ("UUID", ColumnType::Any),
            ("", ColumnType::Any),
        ] {
            assert_eq!(ColumnType::of(declared, false), kind, "{declared}");
        }
    }
}
