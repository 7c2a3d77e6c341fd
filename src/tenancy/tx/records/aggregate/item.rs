//! What stands between the commas of `select=`.

use super::super::names::column;
use super::wrong_select;
use crate::error::Result;
use crate::model::column::ColumnType;
use crate::model::table::Table;

const FUNCTIONS: [&str; 5] = ["count", "sum", "avg", "min", "max"];
const LONGEST_NAME: usize = 64;

/// A column that is grouped by, or a figure.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) function: Option<&'static str>,
    pub(super) column: Option<usize>,
}

impl Item {
    /// `status`, `count()`, `sum(amount_cents)` or `total:sum(amount_cents)`; the whole name of a column is that column.
    ///
    /// # Errors
    /// 400 `bad_select` or `unknown_column`.
    pub(super) fn parse(table: &Table, piece: &str) -> Result<Item> {
        let of_column = |index: usize| Item {
            name: table.columns[index].name.clone(),
            function: None,
            column: Some(index),
        };
        if let Some(index) = table.column(piece) {
            return Ok(of_column(index));
        }
        let call = |text: &str| {
            let (function, rest) = text.split_once('(')?;
            let function = FUNCTIONS.into_iter().find(|known| *known == function)?;
            Some((function, rest.strip_suffix(')')?.to_owned()))
        };
        let (alias, (function, inside)) = match (call(piece), piece.split_once(':')) {
            (Some(call), _) => (None, call),
            (None, Some((alias, rest))) if !piece.starts_with('"') => {
                let call =
                    call(rest).ok_or_else(|| wrong_select("after a name and a colon comes a figure"))?;
                (Some(alias), call)
            }
            (None, _) if piece.contains('(') && !piece.starts_with('"') => {
                return Err(wrong_select(
                    "the figures are count(), count(x), sum(x), avg(x), min(x) and max(x)",
                ));
            }
            (None, _) => return column(table, piece).map(of_column),
        };
        let index = match inside.as_str() {
            "" if function == "count" => None,
            "" => return Err(wrong_select(&format!("{function}() takes a column"))),
            name => Some(column(table, name)?),
        };
        if let Some(own) = index.map(|index| &table.columns[index]) {
            let is_unfit = match function {
                "count" => false,
                "sum" | "avg" => matches!(
                    own.kind,
                    ColumnType::Json | ColumnType::Blob | ColumnType::Text | ColumnType::Datetime
                ),
                _ => matches!(own.kind, ColumnType::Json | ColumnType::Blob),
            };
            if is_unfit {
                let kind = own.declared.to_ascii_uppercase();
                return Err(wrong_select(&format!(
                    "{function} does not go with {}, which is {kind}",
                    own.name
                )));
            }
        }
        let name = match (alias, index) {
            (Some(alias), _) => {
                let is_name = alias.len() <= LONGEST_NAME
                    && alias.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && alias.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                is_name.then(|| alias.to_owned()).ok_or_else(|| {
                    wrong_select("a name of your own is made of at most 64 letters, digits and underscores")
                })?
            }
            (None, Some(index)) => format!("{function}_{}", table.columns[index].name),
            (None, None) => function.to_owned(),
        };
        Ok(Item { name, function: Some(function), column: index })
    }

    /// What its values look like in JSON.
    pub(super) fn kind(&self, table: &Table) -> ColumnType {
        let own = self.column.map_or(ColumnType::Any, |index| table.columns[index].kind);
        match self.function {
            None | Some("min" | "max") => own,
            Some("avg") => ColumnType::Real,
            Some("sum") if own == ColumnType::Real => ColumnType::Real,
            Some(_) => ColumnType::Any,
        }
    }
}
