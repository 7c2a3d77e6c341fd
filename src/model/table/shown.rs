//! A table as `GET /tables` shows it.

use super::Table;
use crate::model::column::{Column, ColumnType};
use crate::policy::TableRights;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A table as `GET /tables` shows it.
#[derive(Clone, Copy)]
pub struct TableOut<'t> {
    pub(super) table: &'t Table,
    pub(super) rights: TableRights,
    pub(super) may_read: &'t dyn Fn(&str) -> bool,
}

impl Serialize for TableOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self.table;
        let key: Vec<&str> = table.key.iter().map(|index| table.columns[*index].name.as_str()).collect();
        let columns = table.visible.iter().map(|index| table.columns[*index].out(self.may_read));
        let columns: Vec<ColumnOut<'_>> = columns.collect();
        let may_write = self.rights.write && table.is_writable();
        let rights = [("read", self.rights.read), ("write", may_write)];
        let permissions: Vec<&str> = rights.iter().filter_map(|(name, has)| has.then_some(*name)).collect();
        let mut out = serializer.serialize_struct("Table", 5)?;
        out.serialize_field("name", &table.name)?;
        out.serialize_field("kind", &table.kind)?;
        out.serialize_field("key", &key)?;
        out.serialize_field("columns", &columns)?;
        out.serialize_field("permissions", &permissions)?;
        out.end()
    }
}

/// A column as `GET /tables` shows it.
#[expect(clippy::struct_excessive_bools, reason = "the interface names each of them")]
#[derive(Clone, Debug, serde::Serialize)]
pub struct ColumnOut<'t> {
    name: &'t str,
    #[serde(rename = "type")]
    kind: ColumnType,
    declared: &'t str,
    required: bool,
    has_default: bool,
    generated: bool,
    read_only: bool,
    references: Option<ReferenceOut<'t>>,
}

#[derive(Clone, Debug, serde::Serialize)]
struct ReferenceOut<'t> {
    table: &'t str,
    column: &'t str,
}

impl Column {
    fn out(&self, may_read: &dyn Fn(&str) -> bool) -> ColumnOut<'_> {
        let references = self.references.as_ref().filter(|(table, _)| may_read(table));
        ColumnOut {
            name: &self.name,
            kind: self.kind,
            declared: &self.declared,
            required: self.required,
            has_default: self.default.is_some(),
            generated: self.generated,
            read_only: self.read_only || self.generated,
            references: references.map(|(table, column)| ReferenceOut { table, column }),
        }
    }
}
