//! Whether an index holds what is listed in the order that is asked for, so that nothing has to be sorted.
//!
//! SQLite decides that when it reads. This tells beforehand and is never wrong where it says never; elsewhere a list that
//! is not sorted after all costs a look-up for each of its records.

use super::filter::{Filter, Use};
use super::order::Order;
use crate::model::table::{Table, TableKind};

/// Whether SQLite sorts what it finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sorting {
    /// It reads in order.
    Never,
    /// It can read in order, and may find that it is quicker to find by a filter and to sort.
    Perhaps,
    /// Nothing holds that order.
    Always,
}

/// Whether SQLite sorts this list.
pub(super) fn sorting(table: &Table, order: &Order, filter: &Filter) -> Sorting {
    match (table.kind, order.terms.as_slice()) {
        (TableKind::Table, _) => {}
        // FTS5 knows one order, whatever is asked of its columns.
        (TableKind::Search, [only]) if only.column.is_none_or(|index| table.columns[index].is_rowid) => {
            return Sorting::Never;
        }
        (TableKind::Search | TableKind::View, _) => return Sorting::Always,
    }
    let list = List::new(table, filter);
    let (serving, others): (Vec<Path<'_>>, Vec<Path<'_>>) =
        list.paths().into_iter().partition(|path| list.serves(path, order));
    // A filter on what the path leaves aside may be worth more to SQLite than the order.
    let is_best = |path: &Path<'_>| {
        let entered = list.entered(path);
        let asked = list.asked.iter().map(|(column, _)| column);
        (path.is_table || asked.into_iter().all(|column| entered.contains(column)))
            && others
                .iter()
                .all(|other| list.could_enter(other).iter().all(|column| entered.contains(column)))
    };
    let mut paths = serving.iter().chain(&others);
    if serving.is_empty() {
        Sorting::Always
    } else if serving.iter().any(is_best) && !paths.any(|path| list.may_be_read_in_parts(path)) {
        Sorting::Never
    } else {
        Sorting::Perhaps
    }
}

/// An index, or the table itself.
struct Path<'t> {
    steps: Vec<Step<'t>>,
    /// Whether these are all that it holds the rows in order of, and it holds all rows.
    is_whole: bool,
    is_table: bool,
}

#[derive(Clone, Copy)]
struct Step<'t> {
    /// `None` is the rowid, under whatever name.
    column: Option<usize>,
    descending: bool,
    collation: &'t str,
}

const ROWID: Step<'_> = Step { column: None, descending: false, collation: "BINARY" };

/// A table and what the filters ask of its columns.
struct List<'t> {
    table: &'t Table,
    asked: Vec<(Option<usize>, Use)>,
}

impl<'t> List<'t> {
    fn new(table: &'t Table, filter: &Filter) -> List<'t> {
        let mut list = List { table, asked: Vec::new() };
        filter.each_use(table, &mut |column, how| {
            let column = list.place(Some(column));
            list.asked.push((column, how));
        });
        list
    }

    fn place(&self, column: Option<usize>) -> Option<usize> {
        column.filter(|index| !self.table.columns[*index].is_rowid)
    }

    fn paths(&self) -> Vec<Path<'t>> {
        let table = self.table;
        // A rowid that cannot be named is there all the same.
        let is_unnamed = ["rowid", "_rowid_", "oid"].iter().all(|name| table.column_in_sql(name).is_some());
        let mut paths: Vec<Path<'t>> = Vec::with_capacity(table.indexes.len() + 1);
        let has_rowid = table.rowid.is_some() || table.columns.iter().any(|column| column.is_rowid);
        if has_rowid {
            paths.push(Path { steps: vec![ROWID], is_whole: true, is_table: true });
        }
        for index in &table.indexes {
            let steps =
                index.columns.iter().zip(&index.collations).map(|((column, descending), collation)| Step {
                    column: self.place(Some(*column)),
                    descending: *descending,
                    collation,
                });
            let mut steps: Vec<Step<'t>> = steps.collect();
            let starts_as_key =
                index.columns.iter().map(|(column, _)| column).take(table.key.len()).eq(&table.key);
            // Every index ends in the rowid where there is one.
            if has_rowid && index.is_whole {
                steps.push(ROWID);
            }
            paths.push(Path {
                steps,
                is_whole: index.is_whole,
                is_table: !has_rowid && !is_unnamed && starts_as_key,
            });
        }
        paths
    }

    /// Whether the rows come in this order on that path, forwards or backwards.
    fn serves(&self, path: &Path<'_>, order: &Order) -> bool {
        let mut steps = path.steps.iter().peekable();
        let mut walks_back = None;
        for term in &order.terms {
            let column = self.place(term.column);
            if self.pins(column, &term.collation) {
                continue;
            }
            while steps
                .next_if(|step| step.column != column && self.pins(step.column, step.collation))
                .is_some()
            {}
            let step = steps
                .next()
                .filter(|step| step.column == column && step.collation.eq_ignore_ascii_case(&term.collation));
            let Some(step) = step.filter(|_| path.is_whole) else { return false };
            // NULLs are put elsewhere by reading an index twice, which goes with its first column that no filter enters.
            let is_entered = || self.uses(column).any(|how| how != Use::Reads);
            if term.moves_nulls() && (walks_back.is_some() || is_entered()) {
                return false;
            }
            let back = step.descending != term.descending;
            if *walks_back.get_or_insert(back) != back {
                return false;
            }
            if column.is_none() {
                break;
            }
        }
        path.is_whole
    }

    /// The columns of the filters with which SQLite can enter that path.
    fn entered(&self, path: &Path<'_>) -> Vec<Option<usize>> {
        let mut found = Vec::new();
        for step in &path.steps {
            if !self.is_own(step.column, step.collation)
                || !self.uses(step.column).any(|how| how != Use::Reads)
            {
                break;
            }
            found.push(step.column);
            if !self.pins(step.column, step.collation) {
                break;
            }
        }
        found
    }

    /// The same with whatever SQLite may find there: a test for NULL heeds no collation.
    fn could_enter(&self, path: &Path<'_>) -> Vec<Option<usize>> {
        let is_entered = |step: &&Step<'_>| self.uses(step.column).any(|how| how != Use::Reads);
        path.steps.iter().take_while(is_entered).map(|step| step.column).collect()
    }

    /// Whether SQLite may read several parts of it, each in order and all of them in none.
    fn may_be_read_in_parts(&self, path: &Path<'_>) -> bool {
        let is_entered = |step: &&Step<'_>| self.uses(step.column).any(|how| how != Use::Reads);
        let mut entered = path.steps.iter().take_while(is_entered);
        entered.any(|step| self.uses(step.column).any(|how| how == Use::Parts))
    }

    /// Whether one value only of this column is asked for, as far as that collation can tell.
    fn pins(&self, column: Option<usize>, collation: &str) -> bool {
        self.is_own(column, collation) && self.uses(column).any(|how| how == Use::Pins)
    }

    fn uses(&self, column: Option<usize>) -> impl Iterator<Item = Use> {
        self.asked.iter().filter(move |(asked, _)| *asked == column).map(|(_, how)| *how)
    }

    /// Whether the column itself compares so, and therefore the filters do.
    fn is_own(&self, column: Option<usize>, collation: &str) -> bool {
        let own = column.and_then(|index| self.table.columns[index].collation.as_deref()).unwrap_or("BINARY");
        own.eq_ignore_ascii_case(collation)
    }
}
