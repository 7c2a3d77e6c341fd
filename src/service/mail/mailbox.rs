//! The operator's mailbox: letters that no mail server takes. Without one all of them, with one those that were given up.

use super::spool::{KEPT, Spool, UNDELIVERED, sender_of, written_at};
use crate::catalog::By;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::service::Installation;
use mail_parser::{HeaderValue, Message, MessageParser};
use serde::Serialize;
use serde_json::json;

/// Longest name of a letter.
const LONGEST_NAME: usize = 128;

/// A letter, as a list shows it.
#[derive(Clone, Debug, Serialize)]
pub struct KeptLetter {
    /// Its name.
    pub id: String,
    /// `kept` where there is no mail server, `undelivered` where it did not take it.
    pub status: &'static str,
    /// The tenant that it is about.
    pub tenant_id: Option<TenantId>,
    /// The address that it is for.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// All of a letter.
#[derive(Clone, Debug, Serialize)]
pub struct OpenedLetter {
    #[serde(flatten)]
    letter: KeptLetter,
    headers: Vec<LetterHeader>,
    text: String,
    html: String,
}

#[derive(Clone, Debug, Serialize)]
struct LetterHeader {
    name: String,
    value: String,
}

impl OpenedLetter {
    /// As it is shown where HTML is. Whoever serves it keeps it from running anything.
    pub fn into_html(self) -> String {
        self.html
    }
}

/// Letters, newest first, older than `after`.
///
/// # Errors
/// The disk refuses.
pub async fn list_letters(
    installation: &Installation,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<KeptLetter>> {
    let spool = installation.mailer.spool.clone();
    crate::tenancy::blocking(move || {
        let page = spool.newest(&[KEPT, UNDELIVERED], after.as_deref(), limit as usize)?;
        // One that an erasure has just taken is left out.
        page.into_iter()
            .filter_map(|(name, status)| read(&spool, &name, status).transpose())
            .map(|read| Ok(kept(&read?)))
            .collect()
    })
    .await
}

/// One letter. It may hold what signs somebody in, so that opening it is audited.
///
/// # Errors
/// 404 where there is none of that name.
pub async fn open_letter(installation: &Installation, id: &str, by: By) -> Result<OpenedLetter> {
    // A name, and not a path: digits, letters and dashes.
    let is_name =
        id.len() <= LONGEST_NAME && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_name {
        return Err(Error::not_found());
    }
    let (spool, name) = (installation.mailer.spool.clone(), id.to_owned());
    let opened = crate::tenancy::blocking(move || {
        for status in [KEPT, UNDELIVERED] {
            if let Some(read) = read(&spool, &name, status)? {
                return Ok(opened(&read));
            }
        }
        Err(Error::not_found())
    })
    .await?;
    let target = format!("letter:{}", opened.letter.id);
    installation
        .catalog
        .write("open_letter", move |tx| tx.audit(&by, "letter.opened", &target, &json!({})))
        .await?;
    Ok(opened)
}

struct Read {
    name: String,
    status: &'static str,
    bytes: Vec<u8>,
}

fn read(spool: &Spool, name: &str, status: &'static str) -> Result<Option<Read>> {
    let bytes = spool.message(name, status)?;
    Ok(bytes.map(|bytes| Read { name: name.to_owned(), status, bytes }))
}

fn kept(read: &Read) -> KeptLetter {
    let message = MessageParser::default().parse_headers(&read.bytes);
    let message = message.as_ref();
    let to = message.and_then(Message::to).and_then(|to| to.first()).and_then(|to| to.address());
    KeptLetter {
        id: read.name.clone(),
        status: if read.status == KEPT { "kept" } else { "undelivered" },
        tenant_id: TenantId::parse(sender_of(&read.name)),
        to: to.unwrap_or_default().to_owned(),
        subject: message.and_then(Message::subject).unwrap_or_default().to_owned(),
        created_at: written_at(&read.name).unwrap_or(Timestamp(0)),
    }
}

fn opened(read: &Read) -> OpenedLetter {
    let letter = kept(read);
    let parser = MessageParser::default();
    let Some(message) = parser.parse(&read.bytes) else {
        return OpenedLetter { letter, headers: Vec::new(), text: String::new(), html: String::new() };
    };
    let raw = |name: &str| message.header_raw(name.to_owned()).unwrap_or_default().trim().to_owned();
    let headers = message.headers().iter().map(|header| {
        let name = header.name().to_owned();
        let value = match &header.value {
            HeaderValue::Text(text) => text.to_string(),
            _ => raw(&name).split_ascii_whitespace().collect::<Vec<_>>().join(" "),
        };
        LetterHeader { name, value }
    });
    OpenedLetter {
        headers: headers.collect(),
        text: message.body_text(0).unwrap_or_default().replace("\r\n", "\n"),
        html: message.body_html(0).unwrap_or_default().replace("\r\n", "\n"),
        letter,
    }
}
