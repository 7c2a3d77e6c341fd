//! `expand=customer_id.region_id,invoice_lines`: which related records are answered along with a record.

use super::names::unquote;
use super::query::{shown, wrong_parameter};
use super::readable::Readable;
use crate::error::{Error, Result};
use crate::model::table::{ForeignKey, Table};
use std::sync::Arc;

/// Relations in one query, over both levels.
const MOST_RELATIONS: usize = 10;
const DEEPEST: usize = 2;
/// Names that an answer itself needs in a record that is expanded.
const OWN_NAMES: [&str; 2] = ["expand", "expand_truncated"];

/// A relation, along a foreign key that the caller may know of on both sides.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// As it was asked for, without quotes.
    pub(super) name: String,
    pub(super) target: Arc<Table>,
    /// The columns of this table that are compared with `theirs`.
    pub(super) own: Vec<usize>,
    pub(super) theirs: Vec<usize>,
    /// The collation of the column referred to, where the other one has another.
    pub(super) collations: Vec<Option<String>>,
    /// Whether the other table refers to this one, so that there may be many.
    pub(super) is_list: bool,
    pub(super) inner: Vec<Expansion>,
}

impl Expansion {
    /// Reads the parameter; `shown_columns` are those of the record that are answered.
    ///
    /// # Errors
    /// 400 `unknown_expand`, the same for what does not exist and what the caller may not know of; `ambiguous_expand`
    /// where several keys lead there; `bad_expand` for what cannot be read or is too much.
    pub fn parse(
        table: &Table,
        text: &str,
        shown_columns: Option<&[usize]>,
        readable: &Readable,
    ) -> Result<Vec<Expansion>> {
        refuse_own_names(table, shown_columns.unwrap_or(&table.visible))?;
        let (mut all, mut count) = (Vec::new(), 0);
        for path in paths(text)? {
            enter(table, &path, readable, &mut all, &mut count)?;
        }
        Ok(all)
    }

    /// The columns by which these find their records.
    pub(super) fn links(expansions: &[Expansion]) -> impl Iterator<Item = usize> {
        expansions.iter().flat_map(|expansion| expansion.own.iter().copied())
    }

    fn find(table: &Table, segment: &Segment, readable: &Readable) -> Result<Expansion> {
        let name = match &segment.column {
            Some(column) => format!("{}:{column}", segment.name),
            None => segment.name.clone(),
        };
        let forward = || {
            let column = table.column(&segment.name).filter(|_| segment.column.is_none())?;
            // A key of one column says more about that column than its part in a longer one.
            let mut keys = known_keys(table).filter(|key| key.columns.contains(&column)).collect::<Vec<_>>();
            keys.sort_by_key(|key| key.columns.len() > 1);
            keys.into_iter().find_map(|key| {
                let target = readable.table(&key.parent)?;
                Some((target, key.columns.clone(), parent_columns(target, key)?))
            })
        };
        if let Some((target, own, theirs)) = forward() {
            let (target, inner) = (Arc::clone(target), Vec::new());
            let collations = Vec::new();
            return Ok(Expansion { name, target, own, theirs, collations, is_list: false, inner });
        }
        let unknown = || {
            Error::malformed(
                "unknown_expand",
                format!(
                    "{} cannot be expanded by {}: give a column of it that refers to another table, or a table \
                     that refers to it.",
                    table.name,
                    shown(&name)
                ),
            )
        };
        let child = readable.table(&segment.name).ok_or_else(unknown)?;
        let mut keys: Vec<&ForeignKey> = known_keys(child).filter(|key| key.parent == table.name).collect();
        match &segment.column {
            Some(column) => {
                let column = child.column(column).ok_or_else(unknown)?;
                keys.retain(|key| key.columns.contains(&column));
                keys.sort_by_key(|key| key.columns.len() > 1);
                keys.truncate(1);
            }
            None if keys.len() > 1 => return Err(ambiguous(table, child, &keys)),
            None => {}
        }
        let key = keys.first().ok_or_else(unknown)?;
        let own = parent_columns(table, key).ok_or_else(unknown)?;
        let (target, theirs, inner) = (Arc::clone(child), key.columns.clone(), Vec::new());
        let collation = |table: &Table, index: usize| {
            table.columns[index].collation.as_deref().unwrap_or("BINARY").to_ascii_uppercase()
        };
        let pairs =
            own.iter().zip(&theirs).map(|(own, theirs)| (collation(table, *own), collation(child, *theirs)));
        let collations = pairs.map(|(own, theirs)| (own != theirs).then_some(own)).collect();
        Ok(Expansion { name, target, own, theirs, collations, is_list: true, inner })
    }
}

fn known_keys(table: &Table) -> impl Iterator<Item = &ForeignKey> {
    table.foreign_keys.iter().filter(|key| !key.is_hidden)
}

fn parent_columns(parent: &Table, key: &ForeignKey) -> Option<Vec<usize>> {
    let column = |name: &String| parent.column_in_sql(name).filter(|index| !parent.columns[*index].hidden);
    key.parent_columns.iter().map(column).collect()
}

fn ambiguous(table: &Table, child: &Table, keys: &[&ForeignKey]) -> Error {
    let first = |key: &&ForeignKey| {
        let column = key.columns.first().map_or("", |index| &child.columns[*index].name);
        format!("{}:{column}", child.name)
    };
    let mut ways: Vec<String> = keys.iter().map(first).collect();
    ways.sort();
    let ways = ways.join(", ");
    Error::malformed(
        "ambiguous_expand",
        format!("{} refers to {} by several keys; say which: {ways}.", child.name, table.name),
    )
}

fn refuse_own_names(table: &Table, columns: &[usize]) -> Result<()> {
    let name = columns.iter().map(|index| table.columns[*index].name.as_str());
    match name.into_iter().find(|name| OWN_NAMES.contains(name)) {
        None => Ok(()),
        Some(name) => Err(wrong_parameter(
            "bad_expand",
            &format!(
                "{} has a column {name} of its own; leave it out with fields, or do not expand",
                table.name
            ),
        )),
    }
}

/// Enters what a path leads over into the tree.
fn enter(
    table: &Table,
    path: &[Segment],
    readable: &Readable,
    tree: &mut Vec<Expansion>,
    count: &mut usize,
) -> Result<()> {
    let Some((segment, rest)) = path.split_first() else { return Ok(()) };
    let found = Expansion::find(table, segment, readable)?;
    let at = match tree.iter().position(|known| known.name == found.name) {
        Some(at) => at,
        None => {
            *count += 1;
            if *count > MOST_RELATIONS {
                return Err(wrong_parameter("bad_expand", "at most 10 relations are expanded"));
            }
            tree.push(found);
            tree.len() - 1
        }
    };
    let Some(known) = tree.get_mut(at).filter(|_| !rest.is_empty()) else { return Ok(()) };
    let target = Arc::clone(&known.target);
    refuse_own_names(&target, &target.visible)?;
    enter(&target, rest, readable, &mut known.inner, count)
}

/// One step of a path: a column, a table, or `table:column`.
struct Segment {
    name: String,
    column: Option<String>,
}

/// The paths between the commas; names are quoted where they hold a comma, dot, colon or quote.
fn paths(text: &str) -> Result<Vec<Vec<Segment>>> {
    let wrong = |reason| wrong_parameter("bad_expand", reason);
    let (mut all, mut path, mut rest) = (Vec::new(), Vec::new(), text);
    loop {
        let name;
        (name, rest) = take_name(rest).ok_or_else(|| wrong("a name is missing, or a quote not closed"))?;
        let mut column = None;
        if let Some(after) = rest.strip_prefix(':') {
            let named = take_name(after).ok_or_else(|| wrong("after a colon comes the name of a column"))?;
            column = Some(named.0);
            rest = named.1;
        }
        path.push(Segment { name, column });
        if path.len() > DEEPEST {
            return Err(wrong("expand leads over at most two levels"));
        }
        let mut chars = rest.chars();
        match chars.next() {
            Some('.') => {}
            Some(',') => all.push(std::mem::take(&mut path)),
            None => {
                all.push(path);
                return Ok(all);
            }
            Some(_) => return Err(wrong("after a name comes a dot, a colon or a comma")),
        }
        rest = chars.as_str();
    }
}

fn take_name(text: &str) -> Option<(String, &str)> {
    if text.starts_with('"') {
        return unquote(text);
    }
    let (name, rest) = text.split_at(text.find(['.', ',', ':']).unwrap_or(text.len()));
    (!name.is_empty()).then(|| (name.to_owned(), rest))
}
