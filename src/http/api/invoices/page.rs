//! An invoice as a page that prints well: without scripts, with our own style sheet and nothing from elsewhere.

use crate::clock::Timestamp;
use crate::http::markup::escaped;
use crate::model::invoice::{Invoice, InvoiceLine, InvoiceStatus, LineKind};
use crate::service::{CreditNote, StoredInvoice};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use std::fmt::Write as _;

/// Nothing but our own style sheet.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn page(stored: &StoredInvoice, notes: &[CreditNote]) -> Response {
    let mut response = html(stored, notes).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The day of a moment in the time zone of the invoice.
fn day(invoice: &Invoice, moment: Timestamp) -> String {
    invoice.day(moment).unwrap_or_else(|| moment.to_string())
}

fn html(stored: &StoredInvoice, notes: &[CreditNote]) -> String {
    let invoice = &stored.invoice;
    let number = invoice.number.as_deref().unwrap_or("draft");
    let mut out = String::with_capacity(8 << 10);
    let title = match stored.status {
        InvoiceStatus::Draft => "Invoice (draft)".to_owned(),
        _ => format!("Invoice {number}"),
    };
    // Writing into a text does not fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}, {name}</title>\n\
         <link rel=\"stylesheet\" href=\"/assets/paper.css\">\n<link rel=\"stylesheet\" href=\"/assets/invoice.css\">\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n\
         <p class=\"status {status}\">{status}</p>\n</header>\n",
        title = escaped(&title),
        name = escaped(&invoice.tenant.name),
        status = stored.status.name(),
    );
    head(&mut out, stored);
    lines(&mut out, invoice, &escaped(&title));
    sums(&mut out, stored);
    for note in notes {
        let _ = writeln!(
            out,
            "<p class=\"note\">Credit note {}, {}: {} &ndash; {}</p>",
            escaped(&note.number),
            day(invoice, note.issued_at),
            escaped(&invoice.write(note.amount)),
            escaped(&note.reason)
        );
    }
    proof(&mut out, stored);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn head(out: &mut String, stored: &StoredInvoice) {
    let invoice = &stored.invoice;
    out.push_str("<div class=\"parties\">\n");
    if !invoice.issuer.is_empty() {
        party(out, "From", invoice.issuer.lines());
    }
    let (tenant, billing) = (&invoice.tenant, invoice.tenant.billing.clone().unwrap_or_default());
    let name = billing.name.as_deref().unwrap_or(&tenant.name);
    let tax_id = billing.tax_id.as_ref().map(|id| format!("Tax ID: {id}"));
    let address = billing.address.iter().chain(tax_id.as_ref()).map(String::as_str);
    party(out, "To", std::iter::once(name).chain(address));
    out.push_str("<dl>\n");
    let period = format!("{} to {}", day(invoice, invoice.period.from), day(invoice, invoice.period.last()));
    let mut facts = vec![("Service period", period)];
    if name != tenant.name {
        facts.insert(0, ("Account", tenant.name.clone()));
    }
    if let Some(at) = invoice.issued_at {
        facts.insert(0, ("Issued", day(invoice, at)));
    }
    if let Some(at) = invoice.due_at.filter(|_| stored.due() > 0) {
        facts.push(("Due", day(invoice, at)));
    }
    for (name, at) in [("Paid", stored.paid_at), ("Void since", stored.voided_at)] {
        if let Some(at) = at {
            facts.push((name, day(invoice, at)));
        }
    }
    for (name, value) in facts {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", with_dates(&value));
    }
    out.push_str("</dl>\n</div>\n");
}

/// Who sends it, and who is to pay it: the name stands out.
fn party<'t>(out: &mut String, title: &str, lines: impl Iterator<Item = &'t str>) {
    let mut lines = lines.map(escaped);
    let name = lines.next().unwrap_or_default();
    let _ = write!(out, "<section><h2>{title}</h2><p><strong>{name}</strong>");
    for line in lines {
        let _ = write!(out, "<br>{line}");
    }
    out.push_str("</p></section>\n");
}

/// The same with dates that are not broken at the end of a line.
fn with_dates(text: &str) -> String {
    let is_date = |word: &str| {
        word.len() == 10
            && word.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    };
    let words = text.split(' ').map(|word| match word.split_at_checked(10) {
        Some((date, rest)) if is_date(date) => format!("<time>{date}</time>{}", escaped(rest)),
        _ => escaped(word),
    });
    words.collect::<Vec<String>>().join(" ")
}

/// The table of lines. Its head is repeated on each page that is printed, with which invoice it is.
fn lines(out: &mut String, invoice: &Invoice, title: &str) {
    let _ = write!(
        out,
        "<table>\n<thead><tr class=\"running\"><td colspan=\"4\">{title}</td></tr>\n\
         <tr><th scope=\"col\">What</th><th scope=\"col\" class=\"n\">Quantity</th>\
         <th scope=\"col\" class=\"n\">Unit price</th><th scope=\"col\" class=\"n\">Amount</th></tr></thead>\n<tbody>\n",
    );
    for line in invoice.lines.iter().filter(|line| line.kind != LineKind::Tax) {
        let _ = writeln!(
            out,
            "<tr><td>{}{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            with_dates(&line.description),
            events(line),
            escaped(&line.quantity),
            line.unit.as_deref().map(|unit| escaped(&invoice.write_price(unit))).unwrap_or_default(),
            escaped(&invoice.write(line.amount))
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

/// Which events the line rests on.
fn events(line: &InvoiceLine) -> String {
    match (line.events, line.seq_from, line.seq_to) {
        (Some(events), Some(from), Some(to)) => format!("<small>{events} events, no. {from} to {to}</small>"),
        _ => String::new(),
    }
}

fn sums(out: &mut String, stored: &StoredInvoice) {
    let invoice = &stored.invoice;
    let mut rows = vec![("Net".to_owned(), invoice.subtotal, "")];
    if let Some(line) = invoice.lines.iter().find(|line| line.kind == LineKind::Tax) {
        rows.push((line.description.clone(), invoice.tax, ""));
    }
    rows.push(("Total".to_owned(), invoice.total, "total"));
    if stored.credited > 0 {
        rows.push(("Credit notes".to_owned(), -stored.credited, ""));
    }
    if stored.status != InvoiceStatus::Draft {
        rows.push(("To be paid".to_owned(), stored.due(), "due"));
    }
    out.push_str("<table class=\"sums\">\n<tbody>\n");
    for (name, amount, class) in rows {
        let _ = writeln!(
            out,
            "<tr class=\"{class}\"><th scope=\"row\">{}</th><td class=\"n\">{}</td></tr>",
            escaped(&name),
            escaped(&invoice.write(amount))
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

/// How to check it.
fn proof(out: &mut String, stored: &StoredInvoice) {
    let _ = writeln!(
        out,
        "<footer><p>Every line can be recomputed from the usage events in the export of this tenant: <code>tenantry \
         verify billing --export FILE</code>. SHA-256 of this invoice:</p><p><code>{}</code></p></footer>",
        escaped(&stored.digest)
    );
}

#[cfg(test)]
mod tests {
    use super::with_dates;

    #[test]
    fn a_date_is_not_broken_and_what_stands_behind_it_becomes_no_markup() {
        assert_eq!(
            with_dates("Pro <1>: 2026-05-01 to 2026-05-31, 2026-05-1 é026-05-01 2026-05-01<b>"),
            "Pro &lt;1&gt;: <time>2026-05-01</time> to <time>2026-05-31</time>, 2026-05-1 é026-05-01 \
             <time>2026-05-01</time>&lt;b&gt;"
        );
    }
}
