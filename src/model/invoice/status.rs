//! How an invoice stands, and what its lines stand for.

use serde::{Deserialize, Serialize};

/// How an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvoiceStatus {
    /// It is drawn up and has no number yet.
    Draft,
    /// It is issued and never changes any more.
    Final,
    /// It is paid.
    Paid,
    /// It was issued by mistake: nothing is owed.
    Void,
    /// It is owed, and nobody expects it to be paid.
    Uncollectible,
}

impl InvoiceStatus {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            InvoiceStatus::Draft => "draft",
            InvoiceStatus::Final => "final",
            InvoiceStatus::Paid => "paid",
            InvoiceStatus::Void => "void",
            InvoiceStatus::Uncollectible => "uncollectible",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<InvoiceStatus> {
        use InvoiceStatus as S;
        [S::Draft, S::Final, S::Paid, S::Void, S::Uncollectible]
            .into_iter()
            .find(|status| status.name() == name)
    }

    /// Whether it may become that. What was given up may be paid after all.
    pub const fn may_become(self, next: InvoiceStatus) -> bool {
        use InvoiceStatus as S;
        matches!(
            (self, next),
            (S::Draft, S::Final)
                | (S::Final, S::Paid | S::Void | S::Uncollectible)
                | (S::Uncollectible, S::Paid | S::Void)
        )
    }
}

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineKind {
    /// What the plan costs before any usage.
    Fee,
    /// Usage of a meter, or a part of it.
    Usage,
    /// What usage that came late changes of an earlier invoice.
    Adjustment,
    /// Credit taken from earlier invoices (less than nothing), or left to later ones.
    Credit,
    /// The tax.
    Tax,
}

impl LineKind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            LineKind::Fee => "fee",
            LineKind::Usage => "usage",
            LineKind::Adjustment => "adjustment",
            LineKind::Credit => "credit",
            LineKind::Tax => "tax",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::InvoiceStatus as S;

    #[test]
    fn an_invoice_goes_one_way() {
        let all = [S::Draft, S::Final, S::Paid, S::Void, S::Uncollectible];
        let ways: Vec<_> = all
            .iter()
            .flat_map(|one| all.iter().filter(|next| one.may_become(**next)).map(move |next| (*one, *next)))
            .collect();
        assert_eq!(
            ways,
            [
                (S::Draft, S::Final),
                (S::Final, S::Paid),
                (S::Final, S::Void),
                (S::Final, S::Uncollectible),
                (S::Uncollectible, S::Paid),
                (S::Uncollectible, S::Void),
            ]
        );
        assert!(all.iter().all(|status| S::parse(status.name()) == Some(*status)));
    }
}
