//! Every act over the API leaves an entry in an audit log, or is named here with the reason.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::export::export;
use crate::harness::{Answer, Call, Client, Installation, Tenant, links_to, token_mailed_to};
use crate::second_factor::App;

/// Routes whose acts the test below does, and what the log calls them.
const AUDITED: &[(&str, &str)] = &[
    ("POST /auth/sign-up", "identity.signed_up"),
    ("POST /auth/sign-in", "session.begun"),
    ("POST /auth/mfa", "session.begun"),
    ("POST /auth/step-up", "session.stepped_up"),
    ("POST /auth/totp/confirm", "second_factor.enrolled"),
    ("POST /auth/totp/recovery-codes", "second_factor.recovery_codes_renewed"),
    ("DELETE /auth/totp", "second_factor.removed"),
    ("POST /auth/sign-out", "session.ended"),
    ("POST /auth/sign-out-everywhere", "session.all_ended"),
    ("DELETE /auth/sessions/{session}", "session.ended"),
    ("POST /auth/password/change", "password.changed"),
    ("POST /auth/password/forgot", "password.reset_requested"),
    ("POST /auth/password/reset", "password.reset"),
    ("POST /auth/email/verify", "email.verified"),
    ("POST /auth/email/resend", "email.verification_requested"),
    ("POST /auth/email/change", "email.change_requested"),
    ("DELETE /me", "identity.deleted"),
    ("PATCH /me", "identity.renamed"),
    ("POST /tenants", "tenant.created"),
    ("PATCH /tenants/{tenant}", "tenant.changed"),
    ("POST /tenants/{tenant}/close", "tenant.closed"),
    ("POST /tenants/{tenant}/reopen", "tenant.reopened"),
    ("PATCH /tenants/{tenant}/members/{identity}", "member.role_changed"),
    ("DELETE /tenants/{tenant}/members/{identity}", "member.removed"),
    ("POST /tenants/{tenant}/ownership-transfer", "ownership.transferred"),
    ("POST /tenants/{tenant}/invitations", "invitation.sent"),
    ("DELETE /tenants/{tenant}/invitations/{invitation}", "invitation.revoked"),
    ("POST /tenants/{tenant}/roles", "role.created"),
    ("PATCH /tenants/{tenant}/roles/{role}", "role.changed"),
    ("DELETE /tenants/{tenant}/roles/{role}", "role.deleted"),
    ("POST /tenants/{tenant}/service-identities", "service_identity.created"),
    ("POST /tenants/{tenant}/api-keys", "api_key.created"),
    ("DELETE /tenants/{tenant}/api-keys/{key}", "api_key.revoked"),
    ("POST /invitations/accept", "member.joined"),
    ("POST /tenants/{tenant}/exports", "export.requested"),
    ("POST /tenants/{tenant}/sql", "records.sql"),
    ("POST /setup", "operator.added"),
    ("POST /operator/tenants/{selector}/suspend", "tenant.suspended"),
    ("POST /operator/tenants/{selector}/resume", "tenant.resumed"),
    ("POST /operator/tenants/{selector}/close", "tenant.closed"),
    ("POST /operator/tenants/{selector}/erase", "tenant.erased"),
    ("POST /operator/query", "operator.query"),
    ("POST /operator/sessions/end", "session.everybody_ended"),
    ("PUT /operator/plans/{key}", "plan.published"),
    ("PUT /operator/tenants/{selector}/subscription", "subscription.changed"),
    ("PUT /operator/tenants/{selector}/tax-rate", "billing.tax_changed"),
    ("PUT /operator/tenants/{selector}/billing/details", "billing.details_changed"),
    ("POST /operator/periods/close", "periods.closed"),
    ("POST /operator/invoices/{invoice}/mark-paid", "invoice.paid"),
    ("POST /operator/invoices/{invoice}/void", "invoice.voided"),
    ("POST /operator/invoices/{invoice}/mark-uncollectible", "invoice.given_up"),
    ("POST /operator/invoices/{invoice}/credit-notes", "invoice.credited"),
    ("PUT /tenants/{tenant}/subscription", "subscription.change_scheduled"),
    ("DELETE /tenants/{tenant}/subscription/scheduled-change", "subscription.change_cancelled"),
    ("PUT /tenants/{tenant}/billing/details", "billing.details_changed"),
    ("PATCH /tenants/{tenant}/limits", "spend_cap.changed"),
    ("POST /tenants/{tenant}/schedules", "schedule.created"),
    ("PATCH /tenants/{tenant}/schedules/{schedule}", "schedule.changed"),
    ("DELETE /tenants/{tenant}/schedules/{schedule}", "schedule.deleted"),
    ("POST /operator/tenants/{selector}/jobs/release", "jobs.released"),
    ("POST /tenants/{tenant}/webhook-endpoints", "webhook_endpoint.created"),
    ("PATCH /tenants/{tenant}/webhook-endpoints/{endpoint}", "webhook_endpoint.changed"),
    ("DELETE /tenants/{tenant}/webhook-endpoints/{endpoint}", "webhook_endpoint.deleted"),
    ("POST /tenants/{tenant}/webhook-endpoints/{endpoint}/rotate-secret", "webhook_endpoint.secret_rotated"),
];

/// Routes whose acts need a Stripe: that they are in the log is tried beside it, in `stripe`.
pub const AUDITED_WITH_STRIPE: &[(&str, &str)] = &[
    ("POST /tenants/{tenant}/billing/checkout", "billing.checkout_begun"),
    ("POST /tenants/{tenant}/billing/portal", "billing.portal_opened"),
    ("POST /operator/stripe-events/{event}/replay", "stripe_event.replayed"),
    ("POST /operator/stripe-drift/repair", "stripe_drift.repaired"),
    ("POST /operator/stripe-statements/{invoice}/retry", "stripe_statement.retried"),
];

/// Routes whose acts need a meter: that they are in the log is tried in `usage`.
pub const AUDITED_WITH_METERS: &[(&str, &str)] =
    &[("POST /operator/tenants/{selector}/usage-events/{seq}/void", "usage.event_voided")];
/// Routes whose acts need tenants that are behind: tried in `fleet`.
pub const AUDITED_WITH_A_FLEET: &[(&str, &str)] = &[
    ("POST /operator/migrations", "migration.started"),
    ("POST /operator/migrations/{run}/cancel", "migration.cancelled"),
    ("POST /operator/migrations/{run}/resume", "migration.resumed"),
];

/// Routes whose acts are in the tenant's log: tried in `rollback`.
pub const AUDITED_WITH_A_ROLLBACK: &[(&str, &str)] =
    &[("POST /operator/migrations/rollback", "migration.rolled_back")];
/// Routes whose acts need backups: tried in `backups`.
pub const AUDITED_WITH_BACKUPS: &[(&str, &str)] = &[
    ("POST /operator/backups", "backup.started"),
    ("POST /operator/tenants/{selector}/restore", "tenant.restored"),
];

/// Routes whose acts need volumes: tried in `moves`.
pub const AUDITED_WITH_VOLUMES: &[(&str, &str)] = &[
    ("POST /operator/tenants/{selector}/move", "tenant.move_begun"),
    ("DELETE /operator/tenants/{selector}/move", "tenant.move_given_up"),
];

/// Routes that make and keep clones: tried in `clones`.
pub const AUDITED_OF_CLONES: &[(&str, &str)] = &[
    ("POST /operator/tenants/{selector}/clone", "tenant.cloned"),
    ("PATCH /operator/tenants/{selector}/clone", "tenant.expiry_set"),
];

/// Routes whose acts need the file of an export: tried in `imports`.
pub const AUDITED_WITH_AN_EXPORT: &[(&str, &str)] = &[
    ("POST /imports", "import.requested"),
    ("POST /imports/{import}/apply", "import.applied"),
    ("DELETE /imports/{import}", "import.deleted"),
];

/// Routes whose acts need somebody who receives: tried in `webhooks`.
pub const AUDITED_WITH_A_RECEIVER: &[(&str, &str)] = &[
    ("POST /tenants/{tenant}/webhook-endpoints/{endpoint}/test", "webhook_endpoint.tested"),
    (
        "POST /tenants/{tenant}/webhook-endpoints/{endpoint}/deliveries/{delivery}/replay",
        "webhook_endpoint.replayed",
    ),
];

const IN_THE_FEED: &str = "records are in the feed of changes, with who changed them";

const IN_THE_EVENTS: &str =
    "events are kept for good, in a chain of their own, and taken back only by others";

const IN_THE_JOBS: &str =
    "jobs are work of the product, and say themselves who enqueued them and what became of them";

/// Routes that change something and leave no entry.
const NOT_AUDITED: &[(&str, &str)] = &[
    ("POST /auth/refresh", "a session goes on; only the reuse of a token is told"),
    ("POST /auth/totp/enroll", "nothing counts before the first code"),
    ("POST /tenants/{tenant}/records/{table}", IN_THE_FEED),
    ("PUT /tenants/{tenant}/records/{table}/{id}", IN_THE_FEED),
    ("PATCH /tenants/{tenant}/records/{table}/{id}", IN_THE_FEED),
    ("DELETE /tenants/{tenant}/records/{table}/{id}", IN_THE_FEED),
    ("POST /tenants/{tenant}/batch", IN_THE_FEED),
    ("PUT /tenants/{tenant}/files/{*path}", "files are data, as records are"),
    ("DELETE /tenants/{tenant}/files/{*path}", "files are data, as records are"),
    ("POST /tenants/{tenant}/usage-events", IN_THE_EVENTS),
    ("POST /tenants/{tenant}/usage-events/{seq}/void", IN_THE_EVENTS),
    ("POST /tenants/{tenant}/jobs", IN_THE_JOBS),
    ("POST /tenants/{tenant}/jobs/{job}/cancel", IN_THE_JOBS),
    ("POST /tenants/{tenant}/jobs/{job}/retry", IN_THE_JOBS),
    ("POST /jobs/{job}/complete", IN_THE_JOBS),
];

#[test]
fn every_route_that_changes_something_is_audited_or_named_with_the_reason() {
    let elsewhere = AUDITED_WITH_STRIPE.iter().chain(AUDITED_WITH_METERS).chain(AUDITED_WITH_A_FLEET);
    let elsewhere = elsewhere.chain(AUDITED_WITH_A_RECEIVER).chain(AUDITED_WITH_A_ROLLBACK);
    let elsewhere = elsewhere.chain(AUDITED_WITH_BACKUPS).chain(AUDITED_WITH_AN_EXPORT);
    let elsewhere = elsewhere.chain(AUDITED_WITH_VOLUMES).chain(AUDITED_OF_CLONES);
    let ours = AUDITED.iter().chain(elsewhere).chain(NOT_AUDITED);
    let ours: Vec<&str> = ours.map(|(route, _)| *route).collect();
    let served: BTreeSet<String> = tenantry::http::routes()
        .iter()
        .filter(|route| route.method != "GET")
        .map(|route| format!("{} {}", route.method, route.path.trim_start_matches("/api/v1")))
        .collect();
    let missing: Vec<&String> = served.iter().filter(|route| !ours.contains(&route.as_str())).collect();
    assert!(missing.is_empty(), "say what becomes of these in the audit log: {missing:#?}");
    let gone: Vec<&&str> = ours.iter().filter(|route| !served.contains(**route)).collect();
    assert!(gone.is_empty(), "these are not served: {gone:#?}");
    assert_eq!(ours.iter().collect::<BTreeSet<_>>().len(), ours.len(), "one is named twice");
}

/// The actions of a log, each with the number of its entries.
fn actions(log: &Value) -> Vec<String> {
    let items = log["items"].as_array().unwrap();
    items.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn send(call: Call, client: &Client) -> Answer {
    client.send(&call).expect_one_of(&[200, 201, 202, 204])
}

fn post(path: String) -> Call {
    Call::new("POST", path)
}

/// Endpoints that nothing is sent to.
fn act_on_webhooks(ann: &Client, acme: &Tenant) {
    let new = json!({"url": "https://hooks.example.com/", "events": ["tenant.closing"]});
    let made = ann.post(&acme.path("/webhook-endpoints"), new).expect(201);
    let path = acme.path(&format!("/webhook-endpoints/{}", made.string("/id")));
    send(Call::patch(path.clone(), json!({"description": "Ours"})), ann);
    send(post(format!("{path}/rotate-secret")), ann);
    send(Call::delete(path), ann);
}

/// Plans, subscriptions, the spend cap, invoices.
fn act_on_money(operator: &Client, ann: &Client, acme: &Tenant) {
    let team = json!({"document": {"title": "Team"}, "expected_version": 0});
    send(Call::put("/api/v1/operator/plans/team", team), operator);
    send(Call::put("/api/v1/operator/tenants/acme/subscription", json!({"plan": "team"})), operator);
    let later = json!({"plan": "default", "when": "period_end"});
    send(Call::put(acme.path("/subscription"), later), ann);
    send(Call::delete(acme.path("/subscription/scheduled-change")), ann);
    send(Call::patch(acme.path("/limits"), json!({"spend_cap_cents": 5_000})), ann);
    send(Call::put(acme.path("/billing/details"), json!({"name": "Acme GmbH"})), ann);
    let rate = json!({"tax": {"name": "VAT", "percent": 19}});
    send(Call::put("/api/v1/operator/tenants/acme/tax-rate", rate), operator);
    let path = "/api/v1/operator/tenants/acme/billing/details";
    send(Call::put(path, json!({"name": "Acme AG"})), operator);
    // So dear that each moment of it is an invoice.
    let dear = json!({"document": {"title": "Team", "fee_cents": "1000000000000"}, "expected_version": 1});
    send(Call::put("/api/v1/operator/plans/team", dear), operator);
    for plan in ["team", "default", "team", "default"] {
        send(Call::put("/api/v1/operator/tenants/acme/subscription", json!({"plan": plan})), operator);
    }
    let closing = json!({"tenant": "acme", "final": true});
    let closed = operator.post("/api/v1/operator/periods/close", closing).expect(200);
    let invoices: Vec<String> = closed.json["invoices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    let on = |index: usize, act: &str| format!("/api/v1/operator/invoices/{}/{act}", invoices[index]);
    send(post(on(0, "mark-uncollectible")), operator);
    let note = json!({"amount_cents": 1, "reason": "A test"});
    send(Call::post(on(0, "credit-notes"), note), operator);
    send(post(on(0, "mark-paid")), operator);
    send(post(on(1, "void")), operator);
}

#[test]
fn each_of_these_acts_is_in_a_log() {
    let installation = Installation::new();
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let bob = server.join(&ann, &acme, "bob", "viewer");
    let cid = server.join(&ann, &acme, "cid", "viewer");
    send(Call::patch("/api/v1/me", json!({"name": "Ann B"})), &ann.client);
    send(Call::patch(acme.path(""), json!({"name": "Another"})), &ann.client);
    send(Call::patch(bob.membership(&acme), json!({"role": "admin"})), &ann.client);
    send(Call::delete(cid.membership(&acme)), &ann.client);
    let invited = json!({"email": "dan@example.com", "role": "viewer"});
    let invited = ann.client.post(&acme.path("/invitations"), invited).expect(201);
    send(Call::delete(acme.path(&format!("/invitations/{}", invited.string("/id")))), &ann.client);
    let clerk = json!({"name": "clerk", "permissions": ["records:read"]});
    send(post(acme.path("/roles")).json(&clerk), &ann.client);
    send(Call::patch(acme.path("/roles/clerk"), json!({"permissions": []})), &ann.client);
    send(Call::delete(acme.path("/roles/clerk")), &ann.client);
    let service = json!({"name": "Sync", "role": "member"});
    send(post(acme.path("/service-identities")).json(&service), &ann.client);
    let key = json!({"name": "Import", "permissions": ["records:read"]});
    let key = ann.client.post(&acme.path("/api-keys"), key).expect(201);
    send(Call::delete(acme.path(&format!("/api-keys/{}", key.string("/id")))), &ann.client);
    act_on_webhooks(&ann.client, &acme);
    send(Call::post(acme.path("/sql"), json!({"sql": "SELECT 1"})), &ann.client);
    let nightly = json!({"kind": "tenantry.export", "cron": "@daily"});
    let nightly = ann.client.post(&acme.path("/schedules"), nightly).expect(201);
    let nightly = acme.path(&format!("/schedules/{}", nightly.string("/id")));
    send(Call::patch(nightly.clone(), json!({"paused": true})), &ann.client);
    send(Call::delete(nightly), &ann.client);
    crate::schedules::hold_jobs(&installation, &acme);
    send(post("/api/v1/operator/tenants/acme/jobs/release".to_owned()), &operator.client);
    export(&ann.client, &acme);
    act_on_money(&operator.client, &ann.client, &acme);
    send(Call::post("/api/v1/operator/query", json!({"sql": "SELECT 1", "all": true})), &operator.client);
    for act in ["suspend", "resume", "close"] {
        send(post(format!("/api/v1/operator/tenants/acme/{act}")), &operator.client);
    }
    send(post(acme.path("/reopen")), &ann.client);
    ann.client.post(&acme.path("/ownership-transfer"), json!({"to": bob.id})).expect_one_of(&[200, 204]);
    let log = bob.client.get(&acme.path("/audit?limit=500")).expect(200);
    let mut found = actions(&log.json);
    send(Call::post(acme.path("/close"), json!({"confirm": "acme"})), &bob.client);
    send(Call::post("/api/v1/operator/tenants/acme/erase", json!({"confirm": "acme"})), &operator.client);
    let other = cid.sign_in_again();
    let sessions = cid.client.get("/api/v1/auth/sessions").expect(200);
    let id = sessions.json["items"].as_array().unwrap().iter().find(|session| session["current"] == false);
    let id = id.unwrap()["id"].as_str().unwrap().to_owned();
    send(Call::delete(format!("/api/v1/auth/sessions/{id}")), &cid.client);
    other.client.get("/api/v1/me").expect(401);
    let app = App::enroll(&server, &cid.client);
    let code = |at: usize| json!({"code": app.recovery_codes[at]});
    send(Call::post("/api/v1/auth/step-up", code(0)), &cid.client);
    let renewed = cid.client.post("/api/v1/auth/totp/recovery-codes", code(1)).expect(200);
    let removal = json!({"code": renewed.string("/recovery_codes/0")});
    cid.client.post("/api/v1/auth/step-up", json!({"code": "000000"})).expect(403);
    send(Call::delete("/api/v1/auth/totp").json(&removal), &cid.client);
    send(post("/api/v1/auth/sign-out".to_owned()), &cid.client);
    send(post("/api/v1/auth/sign-out-everywhere".to_owned()), &bob.client);
    let dan = server.sign_up("dan");
    let (old, new) = (dan.password.as_str(), "quartz lanterns hum at nine");
    let change = json!({"current_password": old, "new_password": new});
    send(Call::post("/api/v1/auth/password/change", change), &dan.client);
    let before = links_to(&installation, &dan.email).len();
    send(Call::post("/api/v1/auth/password/forgot", json!({"email": dan.email})), &dan.client.nobody());
    let token = token_mailed_to(&installation, &dan.email, before + 1);
    let reset = json!({"token": token, "new_password": old});
    send(Call::post("/api/v1/auth/password/reset", reset), &dan.client.nobody());
    let dan = dan.sign_in_again();
    let before = links_to(&installation, "daniel@example.com").len();
    let change = json!({"new_email": "daniel@example.com", "password": old});
    send(Call::post("/api/v1/auth/email/change", change), &dan.client);
    let token = token_mailed_to(&installation, "daniel@example.com", before + 1);
    send(Call::post("/api/v1/auth/email/verify", json!({"token": token})), &dan.client.nobody());
    let eva = server.sign_up("eva");
    send(post("/api/v1/auth/email/resend".to_owned()), &eva.client);
    let token = token_mailed_to(&installation, &eva.email, 1);
    send(Call::post("/api/v1/auth/email/verify", json!({"token": token})), &eva.client);
    send(Call::delete("/api/v1/me").json(&json!({"password": old})), &dan.client);
    send(Call::post("/api/v1/operator/sessions/end", json!({"everybody": true})), &operator.client);
    let operator = operator.sign_in_again();
    let log = operator.client.get("/api/v1/operator/audit?limit=500").expect(200);
    found.extend(actions(&log.json));
    for more in ["second_factor.failed", "second_factor.recovery_code_used"] {
        assert!(found.iter().any(|one| one == more), "no {more} among {found:?}");
    }
    // Both by signing out and from another session.
    assert!(found.iter().filter(|action| *action == "session.ended").count() >= 2, "{found:?}");
    let missing: Vec<_> =
        AUDITED.iter().filter(|(_, action)| !found.iter().any(|one| one == action)).collect();
    assert!(missing.is_empty(), "no entry for {missing:#?} among {found:?}");
    server.stop();
}
