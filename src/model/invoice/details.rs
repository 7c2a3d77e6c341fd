//! Whom invoices are addressed to.

use crate::error::FieldError;
use crate::model::text::{is_invisible, shapes_neighbours};
use serde::{Deserialize, Serialize};

/// Longest name, in characters: as that of a tenant.
const LONGEST_NAME: usize = 200;
/// Longest line of an address, in characters.
const LONGEST_LINE: usize = 120;
/// Longest tax id, in characters.
const LONGEST_ID: usize = 60;
/// Most lines of an address.
const MOST_LINES: usize = 8;

/// Whom the invoices of a tenant are addressed to. Each text is one line of what is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingDetails {
    /// The name in the address; without it the tenant's own.
    pub name: Option<String>,
    /// The lines below it.
    pub address: Vec<String>,
    /// The customer's number at its tax office.
    pub tax_id: Option<String>,
}

impl BillingDetails {
    /// Reads what somebody gave. What is blank is not there.
    ///
    /// # Errors
    /// Every field at fault.
    pub fn parse(
        name: Option<&str>,
        address: &[String],
        tax_id: Option<&str>,
    ) -> Result<BillingDetails, Vec<FieldError>> {
        let mut faults = Vec::new();
        let mut line = |field: &str, text: &str, most: usize| {
            let text = text.trim();
            if text.chars().count() > most {
                let message = format!("must have at most {most} characters");
                faults.push(FieldError::new(field, "length", message));
            } else if text.chars().any(|c| is_invisible(c) && !shapes_neighbours(c)) {
                let message = "must not hold control or invisible characters";
                faults.push(FieldError::new(field, "format", message));
            }
            (!text.chars().all(|c| c.is_whitespace() || shapes_neighbours(c))).then(|| text.to_owned())
        };
        let name = name.and_then(|name| line("name", name, LONGEST_NAME));
        let address: Vec<String> =
            address.iter().filter_map(|text| line("address", text, LONGEST_LINE)).collect();
        let tax_id = tax_id.and_then(|id| line("tax_id", id, LONGEST_ID));
        if address.len() > MOST_LINES {
            let message = format!("must have at most {MOST_LINES} lines");
            faults.push(FieldError::new("address", "length", message));
        }
        if faults.is_empty() { Ok(BillingDetails { name, address, tax_id }) } else { Err(faults) }
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == BillingDetails::default()
    }

    /// The fields in which another one differs.
    pub fn changed(&self, other: &BillingDetails) -> Vec<&'static str> {
        let fields = [
            ("name", self.name != other.name),
            ("address", self.address != other.address),
            ("tax_id", self.tax_id != other.tax_id),
        ];
        fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn what_is_blank_is_not_there_and_the_rest_is_as_it_was_written() {
        let address = lines(&[" Hauptstraße 1", "", "10115 Berlin "]);
        let read = BillingDetails::parse(Some(" Acme GmbH "), &address, Some("  ")).unwrap();
        let expected = BillingDetails {
            name: Some("Acme GmbH".to_owned()),
            address: lines(&["Hauptstraße 1", "10115 Berlin"]),
            tax_id: None,
        };
        assert_eq!(read, expected);
        assert_eq!(read.changed(&BillingDetails::default()), ["name", "address"]);
        assert!(BillingDetails::parse(None, &lines(&["", " \u{200d}"]), None).unwrap().is_empty());
    }

    #[test]
    fn what_has_no_place_on_an_invoice_is_refused_by_its_field() {
        let faults = |name: &str, address: &[&str], id: &str| {
            let faults = BillingDetails::parse(Some(name), &lines(address), Some(id)).unwrap_err();
            faults.into_iter().map(|fault| (fault.field, fault.code)).collect::<Vec<_>>()
        };
        let fault = |field: &str, code: &'static str| (field.to_owned(), code.into());
        let long = "x".repeat(LONGEST_NAME + 1);
        assert_eq!(
            faults(&long, &["a\nb"], "1\u{202e}2"),
            [fault("name", "length"), fault("address", "format"), fault("tax_id", "format"),]
        );
        assert_eq!(
            faults("Acme", &["x"; MOST_LINES + 1], &"1".repeat(LONGEST_ID + 1)),
            [fault("tax_id", "length"), fault("address", "length"),]
        );
        assert!(BillingDetails::parse(Some(&long[1..]), &lines(&["x"; MOST_LINES]), None).is_ok());
    }
}
