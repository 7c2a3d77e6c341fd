//! Cursors of our own lists: a position that only we can have made, bound to the list that it is for.

use super::Installation;
use crate::error::{Error, Result};
use crate::model::mac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

impl Installation {
    /// A cursor for `position` in the list named `context`.
    pub fn seal_cursor(&self, context: &str, position: &str) -> String {
        let mut bytes =
            mac::mark(&self.keys.cursors, &[context.as_bytes(), &[0], position.as_bytes()]).to_vec();
        bytes.extend_from_slice(position.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a cursor.
    ///
    /// # Errors
    /// 400 `bad_cursor` for one of another list or not of ours.
    pub fn open_cursor(&self, context: &str, cursor: &str) -> Result<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Error::bad_cursor())?;
        let (given, position) = bytes.split_at_checked(mac::LENGTH).ok_or_else(Error::bad_cursor)?;
        let right = mac::is_mark(&self.keys.cursors, &[context.as_bytes(), &[0], position], given);
        let position = std::str::from_utf8(position).ok().filter(|_| right);
        position.map(str::to_owned).ok_or_else(Error::bad_cursor)
    }
}
