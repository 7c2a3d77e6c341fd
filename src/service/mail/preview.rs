//! Letters with made-up data, to look at.

use super::templates::{Templates, letters};
use crate::error::{Error, Kind, Result};
use crate::model::letter::Content;
use std::path::Path;

/// A letter as it would be mailed.
pub struct Preview {
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

/// The letters that there are, with the variables of each.
pub fn list() -> Vec<(String, Vec<String>)> {
    letters()
}

/// A letter with made-up data, written with the templates of the app in `directory`. Blocks.
///
/// # Errors
/// A template that cannot be used; 404 for a letter that there is not.
pub fn preview(directory: Option<&Path>, product: &str, name: &str, url: &str) -> Result<Preview> {
    let templates = Templates::load(directory, product)?;
    let named = letters().into_iter().zip(Content::samples()).find(|((letter, _), _)| letter == name);
    let (_, content) = named.ok_or_else(|| {
        let detail = format!("There is no letter {name}. `tenantry mail list` shows which there are.");
        Error::new(Kind::NotFound, "unknown_letter", detail)
    })?;
    let rendered = templates.render(&content, url)?;
    Ok(Preview { subject: rendered.subject, text: rendered.text, html: rendered.html })
}
