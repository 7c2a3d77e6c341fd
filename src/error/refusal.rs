//! Refusals that several places make in the same words.

use super::{Error, Kind};

impl Error {
    /// 400: the client broke off.
    pub fn body_incomplete() -> Error {
        Error::malformed("body_incomplete", "The body ended before it was complete.")
    }

    /// 400 for a cursor that we did not make, or made for another list.
    pub fn bad_cursor() -> Error {
        Error::malformed(
            "bad_cursor",
            "This cursor does not belong to this list; filters and order stay the same from page to page. Begin again \
             without it.",
        )
    }

    /// 400 for a `limit` that is none.
    pub fn bad_limit() -> Error {
        Error::malformed("bad_limit", "limit must be a whole number from 1 to 500.")
    }

    /// 400 for a query parameter that stands twice. `name` is one that we know.
    pub fn repeated_parameter(name: &str) -> Error {
        Error::malformed("repeated_parameter", format!("The query parameter {name} may stand once."))
    }

    /// 405 for a write to what is made of other tables: `name` is a view or a search index.
    pub fn read_only_table(name: &str) -> Error {
        let detail = format!("{name} is read only: it is made of other tables. Write to those.");
        Error::new(Kind::NotAllowed, "read_only_table", detail)
    }
}
