//! Who may sign up.

use crate::catalog::CatalogTx;
use crate::error::{Error, Kind, Result};
use crate::model::Email;
use crate::tenancy::{App, SignUp};

/// What app.toml says of it.
#[derive(Clone)]
pub(super) struct Admission {
    mode: SignUp,
    domains: Vec<String>,
}

impl Admission {
    pub(super) fn of(app: &App) -> Admission {
        Admission { mode: app.sign_up, domains: app.sign_up_domains.clone() }
    }

    /// 403 where nobody may, whatever the address.
    pub(super) fn refuse_closed(&self) -> Result<()> {
        match self.mode {
            SignUp::Closed => Err(refused("Signing up is closed here. Ask the operator for an account.")),
            SignUp::Open | SignUp::Invited | SignUp::Domains => Ok(()),
        }
    }

    /// 403 `sign_up_closed` for who may not. Whoever was invited may, unless signing up is closed.
    pub(super) fn admit(&self, tx: &CatalogTx<'_>, email: &Email) -> Result<()> {
        self.refuse_closed()?;
        let has_domain = self.domains.iter().any(|domain| domain == email.domain());
        match self.mode {
            SignUp::Open | SignUp::Closed => Ok(()),
            SignUp::Domains if has_domain => Ok(()),
            SignUp::Invited | SignUp::Domains if tx.is_invited(email)? => Ok(()),
            SignUp::Invited => {
                Err(refused("Signing up needs an invitation. Ask a member of your tenant for one."))
            }
            SignUp::Domains => Err(refused(
                "Signing up needs an address of one of the domains that are let in, or an invitation.",
            )),
        }
    }
}

fn refused(why: &'static str) -> Error {
    Error::new(Kind::Forbidden, "sign_up_closed", why)
}
