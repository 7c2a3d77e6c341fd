//! Cursors of our own lists: a position that only we can have made, bound to the list that it is for.

use super::Installation;
use crate::error::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of the signature that a cursor carries.
const MAC: usize = 16;

impl Installation {
    /// A cursor for `position` in the list named `context`.
    pub fn seal_cursor(&self, context: &str, position: &str) -> String {
        let mut bytes = self.cursor_mac(context, position.as_bytes()).to_vec();
        bytes.extend_from_slice(position.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a cursor.
    ///
    /// # Errors
    /// 400 `bad_cursor` for one of another list or not of ours.
    pub fn open_cursor(&self, context: &str, cursor: &str) -> Result<String> {
        use subtle::ConstantTimeEq as _;
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Error::bad_cursor())?;
        let (mac, position) = bytes.split_at_checked(MAC).ok_or_else(Error::bad_cursor)?;
        let right: bool = self.cursor_mac(context, position).ct_eq(mac).into();
        let position = std::str::from_utf8(position).ok().filter(|_| right);
        position.map(str::to_owned).ok_or_else(Error::bad_cursor)
    }

    fn cursor_mac(&self, context: &str, position: &[u8]) -> [u8; MAC] {
        let mut short = [0; MAC];
        // HMAC takes keys of any length.
        if let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(&self.keys.cursors) {
            hmac.update(context.as_bytes());
            hmac.update(&[0]);
            hmac.update(position);
            short.iter_mut().zip(hmac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        }
        short
    }
}
