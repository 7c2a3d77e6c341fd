//! Credit: what documents that came to less than nothing leave to later ones.
//!
//! One rule: credit belongs to the documents of the biller that left it. Ours are paid here; those that Stripe sends have
//! their credit in the customer's balance there, which Stripe takes by itself. Where the other biller sends the next
//! document, the credit is carried onto that one, once, as a line of its own:
//!
//! - from ours to Stripe's, the line goes to Stripe with the usage, so that the money is there;
//! - from Stripe's to ours, the line is on our invoice, and it is remembered that the balance at Stripe still has the same
//!   money. Should Stripe bill the tenant again, a line of the opposite takes it back there, once.
//!
//! An invoice that is declared void gives back what it took. What our invoice had from Stripe's is ours from then on.

use super::Invoice;

/// What a tenant has to its credit in one currency, in minor units. No part of it is less than nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    /// What documents of ours left.
    pub ours: i64,
    /// What documents that Stripe sends left.
    pub at_stripe: i64,
    /// What was carried from Stripe's to ours, while the balance at Stripe still has it.
    pub given_here: i64,
}

/// What of it the next document of a biller begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreditTerms {
    /// What earlier documents of the same biller left; of Stripe what is in the balance there.
    pub available: i64,
    /// What documents of the other biller left.
    pub carried: i64,
    /// What Stripe's balance has though it was given here.
    pub taken_back: i64,
}

impl Credit {
    /// What the next document begins with; `by_stripe` where Stripe sends it.
    pub const fn terms(&self, by_stripe: bool) -> CreditTerms {
        if by_stripe {
            CreditTerms {
                available: self.at_stripe + self.given_here,
                carried: self.ours,
                taken_back: self.given_here,
            }
        } else {
            CreditTerms { available: self.ours, carried: self.at_stripe, taken_back: 0 }
        }
    }

    /// What there is once a document was drawn up on those terms.
    #[must_use]
    pub fn after(&self, invoice: &Invoice, by_stripe: bool) -> Credit {
        let basis = &invoice.basis;
        let left = invoice.credit_left() - invoice.credit_taken();
        if by_stripe {
            Credit {
                ours: self.ours - basis.carried,
                at_stripe: self.at_stripe + basis.taken_back + left,
                given_here: self.given_here - basis.taken_back,
            }
        } else {
            Credit {
                ours: self.ours + left,
                at_stripe: self.at_stripe - basis.carried,
                given_here: self.given_here + basis.carried,
            }
        }
    }

    /// What there is once a document was declared void.
    #[must_use]
    pub fn without(&self, invoice: &Invoice, by_stripe: bool) -> Credit {
        let (basis, taken) = (&invoice.basis, invoice.credit_taken());
        if by_stripe {
            Credit {
                ours: self.ours + basis.carried,
                at_stripe: self.at_stripe + taken - basis.taken_back,
                given_here: self.given_here + basis.taken_back,
            }
        } else {
            Credit { ours: self.ours + taken + basis.carried, ..*self }
        }
    }
}
