//! What is wrong with the installation, for operators.

use crate::http::doctor::examine;
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::service::Installation;
use crate::service::doctor::Diagnosis;
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default().add(Access::Operator, Verb::Get, "/operator/doctor", NONE, diagnose)
}

async fn diagnose(
    State(installation): State<Arc<Installation>>,
    _: SignedInOperator,
) -> Answer<Json<Diagnosis>> {
    Ok(Json(examine(&installation).await?))
}
