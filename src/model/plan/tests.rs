use super::*;
use crate::error::FieldError;

const EXAMPLE: &str = include_str!("../../../tests/apps/plans/app.toml");

fn meters() -> KnownMeters {
    let facts = |scale, takes_hard_limit| MeterFacts { scale, takes_hard_limit };
    KnownMeters::These(BTreeMap::from([
        ("ai_tokens".to_owned(), facts(0, true)),
        ("gigabytes".to_owned(), facts(3, true)),
        ("peak".to_owned(), facts(0, false)),
        ("pages.rendered".to_owned(), facts(0, true)),
        ("api.requests".to_owned(), facts(0, true)),
        ("storage.bytes".to_owned(), facts(0, true)),
    ]))
}

fn read(toml: &str) -> Result<Plan, Vec<FieldError>> {
    Plan::read(object(toml::from_str(toml).unwrap()), "plans.pro", &meters())
}

/// The fields at fault, each with its code.
#[track_caller]
fn faults(toml: &str) -> Vec<(String, String)> {
    let faults = read(toml).expect_err("should be refused");
    faults.into_iter().map(|fault| (fault.field.replace("plans.pro.", ""), fault.code.into_owned())).collect()
}

#[track_caller]
fn assert_fault(toml: &str, field: &str, code: &str) {
    assert_eq!(faults(&format!("title = \"Pro\"\n{toml}")), [(field.to_owned(), code.to_owned())], "{toml}");
}

#[test]
fn the_plans_of_an_app_are_read_and_written_the_same() {
    let plans = read_plans_file("app.toml", EXAMPLE, &meters()).unwrap();
    assert_eq!(plans.keys().collect::<Vec<_>>(), ["free", "pro"]);
    let pro = &plans["pro"];
    assert_eq!((pro.fee, pro.seats, pro.trial_days), (4_900, Some(20), 14));
    assert_eq!(pro.rate.concurrency, Some(64));
    assert_eq!(pro.features["sql_console"], Feature::Flag(true));
    for plan in plans.values() {
        let again = Plan::published(&plan.canonical()).unwrap();
        assert_eq!(again, *plan);
        assert_eq!(again.digest(), plan.digest());
    }
    // More than fits with nine digits after the point, of a meter that keeps none.
    let terabytes =
        read("title = \"Pro\"\n[limits]\n\"storage.bytes\" = { hard = \"5000000000000\" }").unwrap();
    assert_eq!(Plan::published(&terabytes.canonical()).unwrap(), terabytes);
    let json = serde_json::json!({ "plans": { "pro": pro.document() } }).to_string();
    assert_eq!(read_plans_file("plans.json", &json, &meters()).unwrap()["pro"], *pro);
}

#[test]
fn two_spellings_of_one_plan_have_one_digest() {
    let one = read(
        "title = \"Pro\"\nfee_cents = \"04900\"\ncurrency = \"USD\"\n[limits]\nai_tokens = { hard = 7, window = \"none\" }",
    );
    let other = read(
        "fee_cents = 4900\ntitle = \"Pro\"\noffered = true\n[limits]\nai_tokens = { hard = \"7.0\" }\n[rate]",
    );
    assert_eq!(one.unwrap().digest(), other.unwrap().digest());
    let cheaper = read("title = \"Pro\"\nfee_cents = 4899").unwrap();
    assert_ne!(cheaper.digest(), read("title = \"Pro\"\nfee_cents = 4900").unwrap().digest());
}

#[test]
fn every_field_at_fault_is_named_with_its_place() {
    let found = faults(
        "currency = \"usd\"\ninterval = \"week\"\nfee_cents = \"49.50\"\nseats = 0\ntrial_days = 800\ncolour = \"red\"\n\
         [rate]\nburst = \"many\"\nspeed = 1\n[jobs]\nweight = 0\n[features]\nX = true\nlist = []\nratio = 0.5",
    );
    let codes: Vec<String> = found.iter().map(|(field, code)| format!("{field} {code}")).collect();
    for expected in [
        "title required",
        "currency unknown",
        "interval unknown",
        "fee_cents amount",
        "seats range",
        "trial_days range",
        "colour unknown_field",
        "rate.burst range",
        "rate.speed unknown_field",
        "jobs.weight range",
        "features.X name",
        "features.list type",
        "features.ratio type",
    ] {
        assert!(codes.iter().any(|one| one == expected), "no {expected} in {codes:#?}");
    }
    assert_eq!(codes.len(), 13, "{codes:#?}");
}

#[test]
fn prices_that_cannot_be_rated_are_refused() {
    for (price, field, code) in [
        ("meter = \"tokens\"\nmodel = \"flat\"\namount_cents = 1", "prices[0].meter", "unknown_meter"),
        ("model = \"flat\"\namount_cents = 1", "prices[0].meter", "required"),
        ("meter = \"ai_tokens\"", "prices[0].model", "required"),
        ("meter = \"ai_tokens\"\nmodel = \"free\"\nunit_cents = 1", "prices[0].model", "unknown"),
        ("meter = \"ai_tokens\"\nmodel = \"flat\"", "prices[0].amount_cents", "required"),
        (
            "meter = \"ai_tokens\"\nmodel = \"flat\"\namount_cents = 1\nunit_cents = 2",
            "prices[0].unit_cents",
            "unknown_field",
        ),
        ("meter = \"ai_tokens\"\nmodel = \"per_unit\"\nunit_cents = 0.002", "prices[0].unit_cents", "type"),
        (
            "meter = \"ai_tokens\"\nmodel = \"per_unit\"\nunit_cents = \"0.0000001\"",
            "prices[0].unit_cents",
            "amount",
        ),
        ("meter = \"ai_tokens\"\nmodel = \"per_unit\"\nunit_cents = -1", "prices[0].unit_cents", "type"),
        (
            "meter = \"ai_tokens\"\nmodel = \"per_unit\"\nunit_cents = 1\nincluded = \"1.5\"",
            "prices[0].included",
            "quantity",
        ),
        (
            "meter = \"ai_tokens\"\nmodel = \"per_unit\"\nunit_cents = 1\nminimum_cents = \"0.5\"",
            "prices[0].minimum_cents",
            "amount",
        ),
        (
            "meter = \"gigabytes\"\nmodel = \"per_unit\"\nunit_cents = 1\nincluded = \"1.0005\"",
            "prices[0].included",
            "quantity",
        ),
        (
            "meter = \"ai_tokens\"\nmodel = \"package\"\npackage_cents = 5",
            "prices[0].package_size",
            "required",
        ),
        (
            "meter = \"ai_tokens\"\nmodel = \"package\"\npackage_cents = 5\npackage_size = 0",
            "prices[0].package_size",
            "required",
        ),
        ("meter = \"ai_tokens\"\nmodel = \"volume\"", "prices[0].tiers", "required"),
        ("meter = \"ai_tokens\"\nmodel = \"volume\"\ntiers = []", "prices[0].tiers", "required"),
        ("meter = \"ai_tokens\"\nmodel = \"volume\"\ntiers = 5", "prices[0].tiers", "type"),
        (
            "meter = \"ai_tokens\"\nmodel = \"volume\"\ntiers = [{}]",
            "prices[0].tiers[0].unit_cents",
            "required",
        ),
        (
            "meter = \"ai_tokens\"\nmodel = \"graduated\"\ntiers = [{ up_to = 5, unit_cents = 1 }]",
            "prices[0].tiers[0].up_to",
            "last_tier",
        ),
        (
            "meter = \"ai_tokens\"\nmodel = \"graduated\"\ntiers = [{ unit_cents = 1 }, { unit_cents = 2 }]",
            "prices[0].tiers[0].up_to",
            "required",
        ),
        (
            "meter = \"ai_tokens\"\nmodel = \"graduated\"\n\
             tiers = [{ up_to = 5, unit_cents = 1 }, { up_to = 5, unit_cents = 1 }, { unit_cents = 2 }]",
            "prices[0].tiers[1].up_to",
            "order",
        ),
    ] {
        assert_fault(&format!("[[prices]]\n{price}"), field, code);
    }
    let twice = "[[prices]]\nmeter = \"ai_tokens\"\nmodel = \"flat\"\namount_cents = 1\n";
    assert_fault(&twice.repeat(2), "prices[1].meter", "duplicate");
}

#[test]
fn limits_that_cannot_be_held_are_refused() {
    for (limit, field, code) in [
        ("tokens = { hard = 5 }", "limits.tokens", "unknown_meter"),
        ("ai_tokens = 5", "limits.ai_tokens", "type"),
        ("ai_tokens = { window = \"day\" }", "limits.ai_tokens.hard", "required"),
        ("ai_tokens = { soft = 6, hard = 5 }", "limits.ai_tokens.soft", "order"),
        ("ai_tokens = { hard = 5, window = \"week\" }", "limits.ai_tokens.window", "unknown"),
        ("ai_tokens = { hard = 5, per = \"day\" }", "limits.ai_tokens.per", "unknown_field"),
        ("ai_tokens = { hard = \"0.5\" }", "limits.ai_tokens.hard", "quantity"),
        ("peak = { hard = 5 }", "limits.peak.hard", "not_summed"),
    ] {
        assert_fault(&format!("[limits]\n{limit}"), field, code);
    }
    assert!(read("title = \"Pro\"\n[limits]\npeak = { soft = 5 }").is_ok());
}

#[test]
fn a_file_that_holds_no_plans_is_refused_with_the_place() {
    let refused = |text: &str| read_plans_file("p.toml", text, &meters()).unwrap_err();
    assert!(refused("[plans.pro]\ntitle = ").detail().starts_with("p.toml: TOML parse error at line 2"));
    assert!(refused("{\"plans\": }").detail().contains("line 1 column 11"));
    assert!(refused("name = \"Shop\"").detail().contains("no plans"));
    assert!(refused("plans = 5").detail().contains("[plans.<key>]"));
    let fields =
        |text: &str| refused(text).fields().iter().map(|fault| fault.field.clone()).collect::<Vec<_>>();
    assert_eq!(fields("[plan.pro]\ntitle = \"Pro\""), ["plan"]);
    assert_eq!(fields("[plans.\"P!\"]\ntitle = \"Pro\"\n[plans.a]"), ["plans.P!", "plans.a.title"]);
    assert_eq!(refused(&"x".repeat(document::LONGEST_FILE + 1)).code(), "plans_malformed");
}

#[test]
fn what_differs_is_told_field_by_field() {
    let before = read_plans_file("app.toml", EXAMPLE, &meters()).unwrap().remove("pro").unwrap();
    let text = EXAMPLE
        .replace("\"4900\"", "\"5900\"")
        .replace("\"0.001\"", "\"0.0012\"")
        .replace("seats = 20\n", "");
    let after = read_plans_file("app.toml", &text, &meters()).unwrap().remove("pro").unwrap();
    let told: Vec<String> = difference(Some(&before), &after)
        .into_iter()
        .map(|change| format!("{}: {} -> {}", change.field, change.from, change.to))
        .collect();
    assert_eq!(
        told,
        [
            "fee_cents: \"4900\" -> \"5900\"",
            "prices.ai_tokens.tiers[1].unit_cents: \"0.001\" -> \"0.0012\"",
            "seats: 20 -> null",
        ]
    );
    assert!(difference(Some(&before), &before).is_empty());
    let new = difference(None, &Plan::free("Free"));
    assert!(
        new.iter().all(|change| change.from.is_null()) && new.iter().any(|change| change.field == "title")
    );
}
