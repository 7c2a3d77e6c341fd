//! The receipt of an erasure as a page to be printed and filed: whole in itself, without scripts, nothing from elsewhere.

use super::markup::escaped;
use crate::error::{Error, Result};
use crate::model::hex::hex;
use crate::model::receipt::{Receipt, Statement};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

const STYLE: &str = concat!(include_str!("../../assets/paper.css"), include_str!("../../assets/receipt.css"));

/// Whether `Accept` asks for HTML first.
pub(super) fn is_asked_for(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.trim_start().to_ascii_lowercase().starts_with("text/html")
}

/// The page as an answer.
///
/// # Errors
/// The receipt is not what was signed.
pub(super) fn page(receipt: &Receipt) -> Result<Response> {
    let mut response = html(receipt).map_err(Error::internal)?.into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let policy = format!("{}; frame-ancestors 'none'", policy());
    let policy = HeaderValue::try_from(policy).map_err(Error::internal)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// Nothing but the style that is in it.
fn policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

/// The page as it can be kept as a file.
///
/// # Errors
/// A sentence that says why the receipt is not to be trusted.
pub fn html(receipt: &Receipt) -> Result<String, String> {
    let statement = receipt.verify(None)?;
    let mut out = String::with_capacity(32 << 10);
    // Writing into a text does not fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Receipt of erasure {}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>Receipt of erasure</h1>\n",
        escaped(&policy()),
        escaped(&statement.tenant_id),
    );
    out.push_str(
        "<p class=\"lead\">This installation states that it erased the tenant named below: what was removed, how that was made \
         sure of, what is kept and why. The statement is signed.</p>\n</header>\n",
    );
    facts(&mut out, &statement);
    removed(&mut out, &statement);
    kept(&mut out, &statement);
    signature(&mut out, receipt);
    out.push_str("</main>\n</body>\n</html>\n");
    Ok(out)
}

fn facts(out: &mut String, statement: &Statement) {
    out.push_str("<dl>\n");
    fact(out, "Tenant", &code(&statement.tenant_id));
    fact(out, "Installation", &code(&statement.installation));
    if let Some(at) = &statement.closed_at {
        fact(out, "Closed", &moment(at));
    }
    fact(out, "Erased", &moment(&statement.erased_at));
    if let Some(at) = &statement.amended_at {
        fact(out, "Issued anew", &moment(at));
    }
    if let Some(before) = &statement.amends {
        fact(out, "In the place of", &format!("the statement with the SHA-256 {}", code(before)));
    }
    let (number, hash) = &statement.audit_head;
    fact(out, "Last audit entry", &format!("no. {number}, {}", code(hash)));
    out.push_str("</dl>\n");
}

fn fact(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "<dt>{name}</dt><dd>{value}</dd>");
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

/// `2026-11-29T09:20:00.123Z` as `2026-11-29 09:20:00 UTC`; anything else as it is.
fn moment(text: &str) -> String {
    let told = match (text.get(..10), text.get(10..11), text.get(11..19), text.ends_with('Z')) {
        (Some(day), Some("T"), Some(time), true) => format!("{day} {time} UTC"),
        _ => text.to_owned(),
    };
    format!("<time>{}</time>", escaped(&told))
}

fn removed(out: &mut String, statement: &Statement) {
    out.push_str(
        "<h2>Removed</h2>\n<table>\n<thead><tr><th scope=\"col\">Store</th><th scope=\"col\" class=\"n\">Removed</th>\
         <th scope=\"col\">How it was made sure</th></tr></thead>\n<tbody>\n",
    );
    for store in &statement.removed {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td>{}</td></tr>",
            escaped(&store.store),
            store.removed,
            escaped(&store.verified)
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

fn kept(out: &mut String, statement: &Statement) {
    out.push_str(
        "<h2>Kept</h2>\n<table>\n<thead><tr><th scope=\"col\">Store</th><th scope=\"col\">Why</th>\
         <th scope=\"col\">Until</th></tr></thead>\n<tbody>\n",
    );
    for store in &statement.kept {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            escaped(&store.store),
            escaped(&store.reason),
            store.until.as_deref().map_or_else(|| "&ndash;".to_owned(), moment)
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

fn signature(out: &mut String, receipt: &Receipt) {
    let id: String = hex(&Sha256::digest(receipt.public_key.as_bytes())).chars().take(16).collect();
    out.push_str("<section class=\"proof\">\n<h2>Signature</h2>\n<dl>\n");
    fact(out, "Method", "Ed25519 over the bytes of the signed text below");
    fact(out, "Key id", &code(&id));
    fact(out, "Public key", &code(&receipt.public_key));
    fact(out, "Signature", &code(&receipt.signature));
    out.push_str("</dl>\n");
    out.push_str(
        "<p>To check it, nothing but the receipt as JSON and this program are needed: <code>tenantry verify receipt receipt.json \
         --key receipts.pub</code>. Compare the public key with the one that the operator published: anyone can sign with a key \
         of their own. The key id is the beginning of the SHA-256 of the public key in hex.</p>\n</section>\n",
    );
    let _ = write!(
        out,
        "<section class=\"signed\">\n<h2>Signed text</h2>\n<p class=\"text\">{}</p>\n</section>\n",
        escaped(&receipt.statement)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::receipt::{StoreErased, StoreKept};
    use ed25519_dalek::SigningKey;

    const HOSTILE: &str = "</style><script>alert(1)</script><img src=x onerror=\"a\">'&";

    fn statement() -> Statement {
        Statement {
            format: HOSTILE.to_owned(),
            installation: HOSTILE.to_owned(),
            tenant_id: HOSTILE.to_owned(),
            closed_at: Some(HOSTILE.to_owned()),
            erased_at: "2026-11-29T09:20:00.123Z".to_owned(),
            removed: vec![StoreErased {
                store: HOSTILE.to_owned(),
                removed: 7,
                verified: HOSTILE.to_owned(),
            }],
            kept: vec![StoreKept {
                store: HOSTILE.to_owned(),
                reason: HOSTILE.to_owned(),
                until: Some(HOSTILE.to_owned()),
            }],
            audit_head: (3, HOSTILE.to_owned()),
            amended_at: Some(HOSTILE.to_owned()),
            amends: Some(HOSTILE.to_owned()),
        }
    }

    #[test]
    fn nothing_in_a_receipt_becomes_markup_and_all_of_it_is_there() {
        let receipt = Receipt::sign(&statement(), &SigningKey::from_bytes(&[7; 32])).unwrap();
        let page = html(&receipt).unwrap();
        for markup in ["<script", "<img", "</style><", "\"a\""] {
            assert!(!page.contains(markup), "{markup}");
        }
        for told in ["2026-11-29 09:20:00 UTC", &receipt.public_key, &receipt.signature, "Issued anew"] {
            assert!(page.contains(told), "{told}");
        }
        assert!(page.contains(&escaped(&receipt.statement)), "the signed text is whole");
        assert!(!STYLE.contains("</") && !STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    #[test]
    fn what_was_changed_is_no_page() {
        let receipt = Receipt::sign(&statement(), &SigningKey::from_bytes(&[7; 32])).unwrap();
        let changed = Receipt { statement: receipt.statement.replace(":7", ":8"), ..receipt };
        assert!(html(&changed).is_err());
    }
}
