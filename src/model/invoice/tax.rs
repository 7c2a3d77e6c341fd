//! The one tax rate of a tenant.

use crate::error::FieldError;
use crate::model::plan::Decimal;
use serde::{Deserialize, Serialize};

/// Longest name and id, in characters.
const LONGEST: usize = 60;

/// What tax is levied on the invoices of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// What it is called: VAT, Sales tax.
    pub name: String,
    /// How much, with at most four digits after the point.
    pub percent: String,
    /// The tax number of the tenant, or what else names the rate.
    pub id: Option<String>,
}

impl TaxRate {
    /// Reads what somebody gave; `prefix` stands before the names of fields at fault.
    ///
    /// # Errors
    /// Every field at fault.
    pub fn parse(
        name: &str,
        percent: &str,
        id: Option<&str>,
        prefix: &str,
    ) -> Result<TaxRate, Vec<FieldError>> {
        let mut faults = Vec::new();
        let is_text = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control)
        };
        if !is_text(name) {
            faults.push(FieldError::new(format!("{prefix}name"), "length", "must have 1 to 60 characters"));
        }
        if id.is_some_and(|id| !is_text(id)) {
            faults.push(FieldError::new(format!("{prefix}id"), "length", "must have 1 to 60 characters"));
        }
        let hundred = Decimal::parse("100", 0);
        let parsed = Decimal::parse(percent, 4).filter(|percent| Some(*percent) <= hundred);
        match parsed {
            Some(percent) if faults.is_empty() => {
                let id = id.map(|id| id.trim().to_owned());
                Ok(TaxRate { name: name.trim().to_owned(), percent: percent.to_string(), id })
            }
            Some(_) => Err(faults),
            None => {
                let message = "must be a number from 0 to 100 with at most four digits after the point";
                faults.push(FieldError::new(format!("{prefix}percent"), "range", message));
                Err(faults)
            }
        }
    }

    /// How much, as a number.
    pub fn percentage(&self) -> Option<Decimal> {
        Decimal::parse(&self.percent, 9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_it_is_written() {
        let rate = TaxRate::parse(" VAT ", "19.00", Some("DE123456789"), "tax.").unwrap();
        assert_eq!((rate.name.as_str(), rate.percent.as_str()), ("VAT", "19"));
        let faults = |name, percent, id| {
            let faults = TaxRate::parse(name, percent, id, "tax.").unwrap_err();
            faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        assert_eq!(faults("", "19", None), ["tax.name"]);
        assert_eq!(faults("a\nb", "100.0001", Some("")), ["tax.name", "tax.id", "tax.percent"]);
        for percent in ["-1", "101", "0.00001", "x", ""] {
            assert_eq!(faults("VAT", percent, None), ["tax.percent"], "{percent}");
        }
        assert!(TaxRate::parse("VAT", "100", None, "").is_ok());
    }
}
