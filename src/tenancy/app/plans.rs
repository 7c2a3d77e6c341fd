//! `[plans.*]` and `default_plan` of app.toml.

use super::AppError;
use crate::catalog::DEFAULT_PLAN;
use crate::model::plan::{KnownMeters, PlansFile, object, read_plans};

/// Reads the plans. `default_plan` has to be among them, if there are any.
pub(super) fn read(
    file: &str,
    plans: toml::Table,
    default_plan: Option<&str>,
    meters: &KnownMeters,
) -> Result<PlansFile, AppError> {
    let mut faults = Vec::new();
    let plans = read_plans(object(plans), meters, &mut faults);
    if !faults.is_empty() {
        return Err(AppError::of_fields(file, faults));
    }
    match default_plan {
        Some(key) if !plans.is_empty() && key != DEFAULT_PLAN && !plans.contains_key(key) => {
            let known: Vec<&str> = plans.keys().map(String::as_str).collect();
            let reason = format!("there is no [plans.{key}]; the plans are {}", known.join(", "));
            Err(AppError(format!("{file}: default_plan: {reason}")))
        }
        _ => Ok(plans),
    }
}

#[cfg(test)]
mod tests {
    use crate::tenancy::App;

    fn app(text: &str) -> Result<App, String> {
        App::assemble("shop/app.toml", text, Vec::new(), None, None).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_wrong_with_plans_is_said_with_its_place() {
        let fault = |text: &str| app(text).expect_err("should be refused");
        assert_eq!(
            fault("[plans.pro]\ntitle = \"Pro\"\nseats = 0\n[plans.pro.limits]\ntokens = { hard = 5 }"),
            "shop/app.toml: plans.pro.seats: must be a whole number from 1 to 1000000\n\
             shop/app.toml: plans.pro.limits.tokens: there is no such meter; declared in app.toml or built in are \
             api.requests, jobs.run, seats, storage.bytes"
        );
        assert_eq!(
            fault("default_plan = \"gold\"\n[plans.pro]\ntitle = \"Pro\""),
            "shop/app.toml: default_plan: there is no [plans.gold]; the plans are pro"
        );
    }

    /// An app.toml is a file with plans too: what it may say has to be known there.
    #[test]
    fn a_file_with_plans_may_be_any_app() {
        let told = app("no_such_key = 1").unwrap_err();
        let known = told.split_once("expected one of ").unwrap().1.lines().next().unwrap();
        let known: Vec<&str> = known.split(", ").map(|name| name.trim_matches('`')).collect();
        let of_apps: Vec<&str> = known.into_iter().filter(|name| *name != "plans").collect();
        assert_eq!(of_apps, crate::model::plan::OF_APPS);
    }

    #[test]
    fn plans_may_name_the_meters_of_the_app_and_those_that_are_built_in() {
        let text = "default_plan = \"pro\"\n[meters.tokens]\nscale = 2\n[meters.peak]\naggregation = \"max\"\n\
                    [plans.pro]\ntitle = \"Pro\"\n[plans.pro.limits]\ntokens = { hard = \"0.25\" }\n\
                    peak = { soft = 5 }\n\"storage.bytes\" = { hard = 5 }";
        assert_eq!(app(text).unwrap().plans.len(), 1);
        assert!(app(&text.replace("peak = { soft", "peak = { hard")).is_err());
        // Plans may all be the operator's, who published them.
        assert!(app("default_plan = \"gold\"").is_ok());
    }
}
