//! One page of a list: how many, from where, and the cursor of the next.

use crate::error::{Error, Result};
use crate::http::query;
use crate::service::Installation;

/// What a request says about the page it wants.
pub(super) struct Paging<'i> {
    installation: &'i Installation,
    /// The list, and whose: a cursor of another is refused.
    context: String,
    limit: usize,
    cursor: Option<String>,
}

impl<'i> Paging<'i> {
    /// Reads `limit` and `cursor`.
    pub(super) fn of(
        installation: &'i Installation,
        pairs: &[(String, String)],
        context: impl Into<String>,
    ) -> Result<Paging<'i>> {
        let context = context.into();
        let limit = query::limit(pairs)? as usize;
        let cursor = query::once(pairs, "cursor")?
            .map(|cursor| installation.open_cursor(&context, cursor))
            .transpose()?;
        Ok(Paging { installation, context, limit, cursor })
    }

    /// The same with a smaller page, where each item costs more.
    pub(super) fn at_most(self, most: usize) -> Paging<'i> {
        Paging { limit: self.limit.min(most), ..self }
    }

    /// Where the page before ended, as `read` understands it; nothing for the first page.
    pub(super) fn after<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>> {
        self.cursor.as_deref().map(|position| read(position).ok_or_else(Error::bad_cursor)).transpose()
    }

    /// How many to fetch: one more than are shown says whether there is a next page.
    pub(super) fn fetch(&self) -> u32 {
        u32::try_from(self.limit + 1).unwrap_or(u32::MAX)
    }

    /// The cursor of a page that begins after a position.
    pub(super) fn seal(&self, position: &str) -> String {
        self.installation.seal_cursor(&self.context, position)
    }

    /// Cuts what was fetched to the page. With the cursor of the next one, if there is one, which begins after the
    /// `position` of the last item.
    pub(super) fn cut<T>(&self, items: &mut Vec<T>, position: impl FnOnce(&T) -> String) -> Option<String> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| more)?;
        Some(self.seal(&position(last)))
    }
}
