//! Letters: which there are, what stands in each, and to whom they go.

use crate::id::IdentityId;
use serde::{Deserialize, Serialize};

/// A letter and what its templates may show. The name of the variant is the name of the templates
/// (`mail/password_reset.txt`), those of the fields are their variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "letter", rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "the fields are the variables of templates; `tenantry mail list` tells what each is"
)]
pub enum Content {
    // Accounts: these carry secrets and are written at once.
    VerifyEmail {
        link: String,
    },
    EmailChangeAsked {
        new_email: String,
    },
    EmailChangeConfirm {
        link: String,
    },
    EmailChangeTaken {},
    EmailChanged {
        new_email: String,
    },
    PasswordReset {
        link: String,
    },
    PasswordChanged {},
    SignUpConfirm {
        link: String,
    },
    SignUpKnown {},
    SignUpRefused {},
    AccountDeleted {},
    NewSignIn {
        at: String,
        address: String,
        device: String,
    },
    SecondFactorEnabled {
        at: String,
    },
    SecondFactorDisabled {
        at: String,
    },
    // Tenants and their members.
    Invitation {
        tenant: String,
        role: String,
        link: String,
    },
    RoleChanged {
        tenant: String,
        from: String,
        to: String,
    },
    MemberRemoved {
        tenant: String,
    },
    OwnershipTransferred {
        tenant: String,
        from: String,
        to: String,
    },
    ApiKeyMade {
        tenant: String,
        key_name: String,
        made_by: String,
        at: String,
    },
    UsageNotice {
        tenant: String,
        slug: String,
        what: String,
        used: String,
        allowed: String,
        percent: i64,
        over: String,
    },
    WebhookDisabled {
        tenant: String,
        address: String,
        reason: String,
    },
    ExportReady {
        tenant: String,
        until: String,
    },
    TenantClosing {
        tenant: String,
        erase_on: String,
    },
    TenantErased {
        slug: String,
        erased_on: String,
    },
    // Money.
    InvoiceFinal {
        tenant: String,
        number: String,
        total: String,
        due_on: String,
    },
    InvoicePaid {
        tenant: String,
        number: String,
        total: String,
    },
    PaymentFailed {
        tenant: String,
        number: String,
        total: String,
    },
    PaymentActionRequired {
        tenant: String,
        number: String,
        total: String,
    },
    TrialEnds {
        tenant: String,
        plan: String,
        ends_on: String,
    },
    SubscriptionCancelled {
        tenant: String,
        plan: String,
    },
}

impl Content {
    /// One of each, with data that were made up.
    pub fn samples() -> Vec<Content> {
        let text = str::to_owned;
        let link = |path: &str| format!("https://app.example.com/console/{path}#token=a-sample-and-no-token");
        let tenant = || "Acme Analytics".to_owned();
        let (number, total) = (|| "INV-000042".to_owned(), || "249.00 EUR".to_owned());
        let at = || "2026-03-14 09:26 UTC".to_owned();
        vec![
            Content::VerifyEmail { link: link("verify") },
            Content::EmailChangeAsked { new_email: text("robin@example.org") },
            Content::EmailChangeConfirm { link: link("verify") },
            Content::EmailChangeTaken {},
            Content::EmailChanged { new_email: text("robin@example.org") },
            Content::PasswordReset { link: link("reset") },
            Content::PasswordChanged {},
            Content::SignUpConfirm { link: link("verify") },
            Content::SignUpKnown {},
            Content::SignUpRefused {},
            Content::AccountDeleted {},
            Content::NewSignIn { at: at(), address: text("203.0.113.7"), device: text("Firefox on Linux") },
            Content::SecondFactorEnabled { at: at() },
            Content::SecondFactorDisabled { at: at() },
            Content::Invitation { tenant: tenant(), role: text("member"), link: link("accept") },
            Content::RoleChanged { tenant: tenant(), from: text("member"), to: text("admin") },
            Content::MemberRemoved { tenant: tenant() },
            Content::OwnershipTransferred { tenant: tenant(), from: text("Robin"), to: text("Kim") },
            Content::ApiKeyMade {
                tenant: tenant(),
                key_name: text("import"),
                made_by: text("Robin"),
                at: at(),
            },
            Content::UsageNotice {
                tenant: tenant(),
                slug: text("acme"),
                what: text("api.requests"),
                used: text("80000"),
                allowed: text("100000"),
                percent: 80,
                over: text(" in this month"),
            },
            Content::WebhookDisabled {
                tenant: tenant(),
                address: text("https://hooks.example.org/in"),
                reason: text("it has answered nothing but errors for five days"),
            },
            Content::ExportReady { tenant: tenant(), until: at() },
            Content::TenantClosing { tenant: tenant(), erase_on: text("2026-04-13") },
            Content::TenantErased { slug: text("acme"), erased_on: text("2026-04-13") },
            Content::InvoiceFinal {
                tenant: tenant(),
                number: number(),
                total: total(),
                due_on: text("2026-04-15"),
            },
            Content::InvoicePaid { tenant: tenant(), number: number(), total: total() },
            Content::PaymentFailed { tenant: tenant(), number: number(), total: total() },
            Content::PaymentActionRequired { tenant: tenant(), number: number(), total: total() },
            Content::TrialEnds { tenant: tenant(), plan: text("team"), ends_on: text("2026-03-17") },
            Content::SubscriptionCancelled { tenant: tenant(), plan: text("team") },
        ]
    }
}

/// To whom a letter goes. Who that is by then is looked up when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// Owners, and who manages the billing.
    Money,
    /// Owners, and who sees what is billed.
    Billing,
    /// Owners.
    Owners,
    /// One person.
    Identity(IdentityId),
    /// An address.
    Address(String),
}

impl Recipient {
    /// As it is stored.
    pub fn to_text(&self) -> String {
        match self {
            Recipient::Money => "money".to_owned(),
            Recipient::Billing => "billing".to_owned(),
            Recipient::Owners => "owners".to_owned(),
            Recipient::Identity(id) => id.to_string(),
            Recipient::Address(address) => address.clone(),
        }
    }

    /// What was stored.
    pub fn parse(text: &str) -> Recipient {
        match text {
            "money" => Recipient::Money,
            "billing" => Recipient::Billing,
            "owners" => Recipient::Owners,
            _ => IdentityId::parse(text)
                .map_or_else(|| Recipient::Address(text.to_owned()), Recipient::Identity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn letters_and_recipients_are_read_as_they_are_stored() {
        for content in Content::samples() {
            let text = serde_json::to_string(&content).unwrap();
            assert_eq!(serde_json::from_str::<Content>(&text).unwrap(), content);
        }
        let id = IdentityId::new(Timestamp(1));
        let address = Recipient::Address("ann@example.com".to_owned());
        for recipient in
            [Recipient::Money, Recipient::Billing, Recipient::Owners, Recipient::Identity(id), address]
        {
            assert_eq!(Recipient::parse(&recipient.to_text()), recipient);
        }
    }
}
