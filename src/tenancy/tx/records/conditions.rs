//! Which records are meant: filters on columns, and `or=(a.eq.1,and(b.gt.2,c.is.null))` over several of them.

use super::filter::{Filter, Test};
use super::names::unquote;
use super::query::{filtered_column, shown, unknown_column, wrong_parameter};
use crate::error::{Error, Result};
use crate::model::table::Table;

/// Filters with a pattern: each reads the whole of every value.
const MOST_PATTERNS: usize = 10;
/// Tests of columns in one query.
const MOST_FILTERS: usize = 100;
/// Groups within one another.
const DEEPEST: usize = 5;

/// The conditions of a query, as its parameters come.
#[derive(Default)]
pub(super) struct Conditions(Vec<Filter>);

impl Conditions {
    /// Takes a parameter that is no other one: a filter on a column, `or` or `and`.
    ///
    /// # Errors
    /// 400 `unknown_parameter`, `unknown_column`, `bad_filter` or `bad_value`.
    pub(super) fn take(&mut self, table: &Table, name: &str, value: &str) -> Result<()> {
        match name {
            "or" => self.0.push(Filter::Any(Group::parse(table, value, "or")?)),
            "and" => self.0.extend(Group::parse(table, value, "and")?),
            _ => {
                let index = filtered_column(table, name)?;
                self.0.push(Filter::Column(index, Test::parse(&table.columns[index], value)?));
            }
        }
        Ok(())
    }

    /// All of them, and the columns of which they let one value only through.
    ///
    /// # Errors
    /// 400 `bad_filter` if there are too many.
    pub(super) fn finish(self) -> Result<(Filter, Vec<usize>)> {
        let fixed = self.0.iter().filter_map(Filter::fixed_column).collect();
        let filter = Filter::All(self.0);
        match filter.count() {
            (tests, _) if tests > MOST_FILTERS => {
                Err(wrong_parameter("bad_filter", "a list takes at most 100 filters"))
            }
            (_, patterns) if patterns > MOST_PATTERNS => {
                Err(wrong_parameter("bad_filter", "a list takes at most 10 patterns"))
            }
            _ => Ok((filter, fixed)),
        }
    }
}

/// What is still to be read of one `or=` or `and=`.
struct Group<'q> {
    table: &'q Table,
    name: &'static str,
    rest: &'q str,
    tests: usize,
}

impl<'q> Group<'q> {
    fn parse(table: &'q Table, text: &'q str, name: &'static str) -> Result<Vec<Filter>> {
        let mut group = Group { table, name, rest: text, tests: 0 };
        let parts = group.parts(1)?;
        if group.rest.is_empty() { Ok(parts) } else { Err(group.wrong("nothing follows the last bracket")) }
    }

    /// `(..,..)`
    fn parts(&mut self, depth: usize) -> Result<Vec<Filter>> {
        if depth > DEEPEST {
            return Err(self.wrong("groups stand at most 5 deep in one another"));
        }
        let mut parts = Vec::new();
        if !self.skip("(") {
            return Err(self.wrong("a group is written (a.eq.1,b.is.null)"));
        }
        loop {
            parts.push(self.part(depth)?);
            if self.skip(")") {
                return Ok(parts);
            }
            if !self.skip(",") {
                return Err(
                    self.wrong("after a condition comes a comma or a bracket; quote a value that holds one")
                );
            }
        }
    }

    /// `or(..)`, `and(..)` or `column.operator.value`
    fn part(&mut self, depth: usize) -> Result<Filter> {
        for (name, join) in [("or", Filter::Any as fn(_) -> _), ("and", Filter::All)] {
            if let Some(after) = self.rest.strip_prefix(name).filter(|after| after.starts_with('(')) {
                self.rest = after;
                return self.parts(depth + 1).map(join);
            }
        }
        self.tests += 1;
        if self.tests > MOST_FILTERS {
            return Err(wrong_parameter("bad_filter", "a list takes at most 100 filters"));
        }
        let name = self.column_name()?;
        let index = self.table.column(&name).ok_or_else(|| unknown_column(self.table, &name))?;
        let column = &self.table.columns[index];
        let form = "a condition is written column.operator.value";
        let (operator, after) = self.rest.split_once('.').ok_or_else(|| self.wrong(form))?;
        let value =
            Self::value(operator, after).ok_or_else(|| self.wrong("a quote or bracket is not closed"))?;
        let test = Test::of(column, operator, &value.0)?;
        let test = test.ok_or_else(|| self.wrong("there is no such operator"))?;
        self.rest = value.1;
        Ok(Filter::Column(index, test))
    }

    /// The name, which is quoted where it holds what the group itself uses, and the dot behind it.
    fn column_name(&mut self) -> Result<String> {
        let found = unquote(self.rest).or_else(|| {
            let end = self.rest.find(['.', ',', '(', ')', '"'])?;
            Some((self.rest.get(..end)?.to_owned(), self.rest.get(end..)?))
        });
        match found.and_then(|(name, after)| Some((name, after.strip_prefix('.')?))) {
            Some((name, after)) => {
                self.rest = after;
                Ok(name)
            }
            None => Err(self.wrong("a condition is written column.operator.value")),
        }
    }

    /// The value and what follows it.
    fn value(operator: &str, text: &'q str) -> Option<(String, &'q str)> {
        if text.starts_with('"') {
            return unquote(text);
        }
        let end = match operator {
            "in" | "not_in" => list_end(text)?,
            _ => text.find([',', ')'])?,
        };
        Some((text.get(..end)?.to_owned(), text.get(end..)?))
    }

    fn skip(&mut self, text: &str) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn wrong(&self, reason: &str) -> Error {
        let place = if self.rest.is_empty() { "its end" } else { &format!("`{}`", shown(self.rest)) };
        wrong_parameter("bad_filter", &format!("{} cannot be read at {place}: {reason}", self.name))
    }
}

/// Where `(a,b,"c,d")` ends at the beginning of a text, which may go on.
fn list_end(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped, mut is_start) = (false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if at == 0 => is_start = true,
            _ if at == 0 => return None,
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if quoted => quoted = false,
            '"' if is_start => quoted = true,
            ')' if !quoted => return Some(at + 1),
            _ => {}
        }
        if at > 0 {
            is_start = c == ',' && !quoted;
        }
    }
    None
}
