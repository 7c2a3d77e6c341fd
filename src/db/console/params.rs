//! Parameters of a statement, by place or by name.

use super::ConsoleError;
use crate::db::Value;
use rusqlite::Statement;

/// What stands for the parameters of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum ConsoleParams {
    /// For `?1`, `?2`, .. in their order.
    Positional(Vec<Value>),
    /// For `:name`, `@name` and `$name`, without the sign.
    Named(Vec<(String, Value)>),
}

impl ConsoleParams {
    pub(super) fn bind(
        &self,
        statement: &mut Statement<'_>,
        explain: impl Fn(rusqlite::Error) -> ConsoleError,
    ) -> Result<(), ConsoleError> {
        let wanted = statement.parameter_count();
        match self {
            ConsoleParams::Positional(values) => {
                if values.len() != wanted {
                    let (given, them) = (values.len(), if wanted == 1 { "" } else { "s" });
                    return fault(format!(
                        "The statement takes {wanted} parameter{them}, {given} were given."
                    ));
                }
                for (index, value) in values.iter().enumerate() {
                    statement.raw_bind_parameter(index + 1, value).map_err(&explain)?;
                }
            }
            ConsoleParams::Named(values) => {
                let names = names(statement, wanted)?;
                let unknown = values.iter().find(|(name, _)| !names.iter().any(|wanted| wanted == name));
                if let Some((unknown, _)) = unknown {
                    return fault(format!("The statement has no parameter {unknown}."));
                }
                for (index, name) in names.iter().enumerate() {
                    let Some((_, value)) = values.iter().find(|(given, _)| given == name) else {
                        return fault(format!(
                            "The statement takes {wanted} parameters; {name} is not given."
                        ));
                    };
                    statement.raw_bind_parameter(index + 1, value).map_err(&explain)?;
                }
            }
        }
        Ok(())
    }
}

/// The names of all parameters, without their signs.
fn names(statement: &Statement<'_>, count: usize) -> Result<Vec<String>, ConsoleError> {
    let name = |index| {
        let name = statement.parameter_name(index).filter(|name| !name.starts_with('?'));
        name.map(|name| name.chars().skip(1).collect())
    };
    let names: Option<Vec<String>> = (1..=count).map(name).collect();
    let nameless = "The statement has parameters without a name: give `params` as an array.";
    names.ok_or_else(|| ConsoleError::Params(nameless.to_owned()))
}

fn fault(message: String) -> Result<(), ConsoleError> {
    Err(ConsoleError::Params(message))
}
