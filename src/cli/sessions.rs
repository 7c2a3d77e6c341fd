//! `tenantry sessions ..`.

use super::arguments::SessionsCommand;
use super::{Common, Failure, admin};
use crate::service::admin::Command;
use std::process::ExitCode;

pub(super) fn run(common: &Common, command: SessionsCommand) -> Result<ExitCode, Failure> {
    let config = admin::quiet(common)?;
    let SessionsCommand::End { email, .. } = command;
    let answer = admin::execute(&config, Command::SessionsEnd { email })?;
    admin::print(common, &answer, |answer| {
        format!("{} sessions were ended; the next request of each is refused.", answer["sessions_ended"])
    });
    Ok(ExitCode::SUCCESS)
}
