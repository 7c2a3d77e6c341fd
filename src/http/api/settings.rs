//! How the installation is set up, for operators. Only to be read: flags, the environment and the settings file rule.

use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::Installation;
use axum::extract::State;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default().add(Access::Operator, Verb::Get, "/operator/settings", NONE, list)
}

async fn list(State(installation): State<Arc<Installation>>, _: SignedInOperator) -> Answer {
    Ok(super::list(&installation.config().describe(), None))
}
