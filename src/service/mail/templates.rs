//! What letters say: templates that are embedded from `assets/mail`, or those of the app's `mail/` in their place. Of each
//! letter there are `<name>.subject` and `<name>.txt`; the HTML follows from the text, unless the app has a `<name>.html`.

use super::page::{blocks_of, preheader_of};
use crate::error::{Error, Kind, Result};
use crate::model::letter::Content;
use crate::model::text::plain;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use rust_embed::RustEmbed;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(RustEmbed)]
#[folder = "assets/mail/"]
struct Embedded;

/// Variables of every template: the product's name, the public URL, and where its console is.
const COMMON: &[&str] = &["product", "url", "console"];
/// What templates in HTML have beside these: the subject, what mail programs show after it, and the text in blocks.
const OF_PAGES: &[&str] = &["subject", "preheader", "blocks"];
/// Names that the language itself gives.
const OF_LANGUAGE: &[&str] = &["loop", "super", "self", "range", "dict", "namespace"];
/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 160;
/// Longest value of a variable, in characters; tokens are shorter.
const LONGEST_VALUE: usize = 2_000;
/// Largest template of an app, in bytes.
const LARGEST: u64 = 256 << 10;

/// A letter as it is mailed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// All templates, tried out.
pub(in crate::service) struct Templates {
    environment: Environment<'static>,
    /// Where those of the app are, for messages.
    files: BTreeMap<String, String>,
    /// The variables of each letter.
    letters: BTreeMap<String, Vec<String>>,
    product: String,
}

impl Templates {
    /// Those of the app in `directory` and the embedded ones for the rest. Each is tried out with a sample. Blocks.
    ///
    /// # Errors
    /// A file in `mail/` that is no template of ours, that cannot be parsed, or that shows what there is not; with file
    /// and line.
    pub(in crate::service) fn load(directory: Option<&Path>, product: &str) -> Result<Templates> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut templates = Templates {
            environment,
            files: BTreeMap::new(),
            letters: letters().into_iter().collect(),
            product: plain(product, LONGEST_VALUE),
        };
        for name in Embedded::iter() {
            let file = Embedded::get(&name).ok_or_else(|| Error::internal("a template that is not there"))?;
            templates.add(&name, String::from_utf8(file.data.into_owned()).map_err(Error::internal)?)?;
        }
        if let Some(directory) = directory.map(|directory| directory.join("mail")) {
            templates.read_own(&directory)?;
        }
        templates.try_out()?;
        Ok(templates)
    }

    fn read_own(&mut self, directory: &Path) -> Result<()> {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(invalid(format!("{}: {error}", directory.display()))),
        };
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        paths.sort();
        let known: BTreeSet<String> = names();
        for path in paths {
            let shown = path.display().to_string();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            let unreadable = |error: std::io::Error| invalid(format!("{shown}: {error}"));
            if !known.contains(&name) {
                return Err(invalid(format!(
                    "{shown}: there is no such template; a letter has NAME.subject, NAME.txt and NAME.html, and NAME is \
                     one of layout, {}",
                    letter_names().join(", ")
                )));
            }
            if path.metadata().map_err(unreadable)?.len() > LARGEST {
                return Err(invalid(format!("{shown}: a template must have at most {LARGEST} bytes")));
            }
            let text = std::fs::read_to_string(&path).map_err(unreadable)?;
            self.files.insert(name.clone(), shown);
            self.add(&name, text)?;
        }
        Ok(())
    }

    fn add(&mut self, name: &str, text: String) -> Result<()> {
        self.environment
            .add_template_owned(name.to_owned(), text.clone())
            .map_err(|error| self.fault(&error, name))?;
        let template = self.environment.get_template(name).map_err(Error::internal)?;
        let known = self.variables_of(name);
        let is_known = |shown: &str| known.contains(shown) || OF_LANGUAGE.contains(&shown);
        let unknown = template.undeclared_variables(false).into_iter().filter(|shown| !is_known(shown)).min();
        let Some(unknown) = unknown else { return Ok(()) };
        let known: Vec<&str> = known.into_iter().collect();
        Err(invalid(format!(
            "{}:{}: there is no variable {unknown}; there are {}",
            self.place(name),
            line_of(&text, &unknown),
            known.join(", ")
        )))
    }

    /// Where a template is, for messages.
    fn place(&self, name: &str) -> String {
        self.files.get(name).cloned().unwrap_or_else(|| format!("assets/mail/{name}"))
    }

    /// What may stand in the template of that name.
    fn variables_of(&self, file: &str) -> BTreeSet<&str> {
        let (letter, ending) = file.rsplit_once('.').unwrap_or((file, ""));
        let of_letter = self.letters.get(letter).into_iter().flatten().map(String::as_str);
        let mut known: BTreeSet<&str> = of_letter.chain(COMMON.iter().copied()).collect();
        match ending {
            "html" => known.extend(OF_PAGES),
            _ if file == "layout.txt" => known.extend(["body"]),
            _ => {}
        }
        known
    }

    fn try_out(&self) -> Result<()> {
        Content::samples()
            .iter()
            .try_for_each(|content| self.render(content, "https://app.example.com").map(drop))
    }

    /// Writes a letter. Links lead to `url` alone.
    ///
    /// # Errors
    /// A template that fails although it was tried out.
    pub(super) fn render(&self, content: &Content, url: &str) -> Result<Rendered> {
        let (letter, mut values) = variables(content)?;
        values.extend([
            ("product".to_owned(), json!(self.product)),
            ("url".to_owned(), json!(url)),
            ("console".to_owned(), json!(format!("{url}/console"))),
        ]);
        let subject = self.fill(&format!("{letter}.subject"), &values)?;
        let subject = plain(subject.trim(), LONGEST_SUBJECT);
        let body = self.fill(&format!("{letter}.txt"), &values)?.replace("\r\n", "\n").trim().to_owned();
        let blocks = blocks_of(&body, url);
        values.insert("body".to_owned(), json!(body));
        let text = self.fill("layout.txt", &values)?;
        values.remove("body");
        values.extend([
            ("subject".to_owned(), json!(subject)),
            ("preheader".to_owned(), json!(preheader_of(&blocks))),
            ("blocks".to_owned(), json!(blocks)),
        ]);
        let own = format!("{letter}.html");
        let page = if self.files.contains_key(&own) { &own } else { "layout.html" };
        // A slash ends neither an attribute nor a text, and a link reads better with it.
        let html = self.fill(page, &values)?.replace("&#x2f;", "/");
        let end = |text: String| format!("{}\n", text.trim_end());
        Ok(Rendered { subject, text: end(text), html: end(html) })
    }

    fn fill(&self, name: &str, values: &Map<String, Value>) -> Result<String> {
        let template = self.environment.get_template(name).map_err(Error::internal)?;
        template.render(Serde(values)).map_err(|error| self.fault(&error, name))
    }

    /// What is wrong with a template, with the place.
    fn fault(&self, error: &minijinja::Error, name: &str) -> Error {
        let name = error.name().unwrap_or(name);
        let place = self.place(name);
        let line = error.line().map_or_else(String::new, |line| format!(":{line}"));
        let why = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        invalid(format!("{place}{line}: {why}"))
    }
}

fn invalid(detail: String) -> Error {
    Error::new(Kind::Malformed, "app_invalid", detail)
}

/// The name of a letter and its variables, of which none can end a line, a header or an attribute.
fn variables(content: &Content) -> Result<(String, Map<String, Value>)> {
    let Value::Object(mut values) = serde_json::to_value(content)? else {
        return Err(Error::internal("a letter that is no object"));
    };
    let Some(Value::String(letter)) = values.remove("letter") else {
        return Err(Error::internal("a letter without a name"));
    };
    for value in values.values_mut() {
        if let Value::String(text) = value {
            *text = plain(text, LONGEST_VALUE);
        }
    }
    Ok((letter, values))
}

/// Letters and the names of their variables.
pub(in crate::service) fn letters() -> Vec<(String, Vec<String>)> {
    let samples = Content::samples();
    let told = samples.iter().filter_map(|content| variables(content).ok());
    told.map(|(letter, values)| (letter, values.keys().cloned().collect())).collect()
}

fn letter_names() -> Vec<String> {
    letters().into_iter().map(|(letter, _)| letter).collect()
}

/// All files that there may be.
fn names() -> BTreeSet<String> {
    let of_letters = letter_names().into_iter();
    let all = of_letters.flat_map(|name| ["subject", "txt", "html"].map(|ending| format!("{name}.{ending}")));
    all.chain(["layout.txt", "layout.html"].map(str::to_owned)).collect()
}

/// The first line in which a variable stands inside braces.
fn line_of(text: &str, variable: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let stands_in = |line: &str| {
        let inside = line.split_once('{').map_or("", |(_, rest)| rest);
        inside.split(|c| !is_word(c)).any(|word| word == variable)
    };
    text.lines().position(stands_in).map_or(1, |line| line + 1)
}
