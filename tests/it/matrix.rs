//! Every route of a tenant, asked for by everybody who could, in every way of naming the tenant.

use serde_json::{Value, json};

use tenantry::policy::Permission;

use crate::harness::{Call, Client, Installation, Person, Server, Tenant};

/// A route below a tenant, with a request that changes nothing: the body is refused by those who are let through, the
/// id is unknown.
struct Route {
    method: &'static str,
    path: &'static str,
    body: Option<Value>,
    permission: &'static str,
    /// What somebody with the permission gets for that request.
    permitted: &'static [u16],
    /// Whether a suspended tenant refuses it.
    is_write: bool,
}

const UNKNOWN: &str = "018f4d3c-7c1a-7000-8000-000000000000";
/// Without the tenant in the path this is another document, of no tenant.
const BY_PATH_ONLY: &str = "/openapi.json";
const REFUSED_BODY: &[u16] = &[400, 422];

fn read(path: &'static str, permission: &'static str) -> Route {
    Route { method: "GET", path, body: None, permission, permitted: &[200], is_write: false }
}

fn read_unknown(path: &'static str, permission: &'static str) -> Route {
    Route { permitted: &[404], ..read(path, permission) }
}

fn write(method: &'static str, path: &'static str, permission: &'static str) -> Route {
    let body = Some(json!({"no_such_field": 1}));
    Route { method, path, body, permission, permitted: REFUSED_BODY, is_write: true }
}

fn delete_unknown(path: &'static str, permission: &'static str) -> Route {
    Route { method: "DELETE", body: None, permitted: &[404], ..write("DELETE", path, permission) }
}

const WEBHOOKS: &str = "webhooks:manage";

fn post_unknown(path: &'static str) -> Route {
    Route { body: None, permitted: &[404], ..write("POST", path, WEBHOOKS) }
}

/// All of them. A route that is missing here is one that no stranger has tried.
fn routes() -> Vec<Route> {
    vec![
        read("", "members:read"),
        write("PATCH", "", "settings:manage"),
        read("/members", "members:read"),
        write("PATCH", "/members/UNKNOWN", "members:manage"),
        delete_unknown("/members/UNKNOWN", "members:manage"),
        write("POST", "/ownership-transfer", "ownership:transfer"),
        read("/invitations", "members:manage"),
        write("POST", "/invitations", "members:manage"),
        delete_unknown("/invitations/UNKNOWN", "members:manage"),
        read("/roles", "members:read"),
        write("POST", "/roles", "roles:manage"),
        read("/roles/viewer", "members:read"),
        write("PATCH", "/roles/viewer", "roles:manage"),
        Route { permitted: &[409], ..delete_unknown("/roles/viewer", "roles:manage") },
        write("POST", "/service-identities", "members:manage"),
        read("/api-keys", "keys:manage"),
        write("POST", "/api-keys", "keys:manage"),
        delete_unknown("/api-keys/UNKNOWN", "keys:manage"),
        read("/audit", "audit:read"),
        write("POST", "/close", "tenant:close"),
        // Of a tenant that is not closing.
        Route { body: None, permitted: &[409], is_write: false, ..write("POST", "/reopen", "tenant:close") },
        read("/exports", "tenant:export"),
        Route {
            body: None,
            // One at a time: while it is made, another is refused.
            permitted: &[202, 409],
            is_write: false,
            ..write("POST", "/exports", "tenant:export")
        },
        read_unknown("/exports/UNKNOWN", "tenant:export"),
        read_unknown("/exports/UNKNOWN/download", "tenant:export"),
        read("/tables", "records:read"),
        read(BY_PATH_ONLY, "records:read"),
        read("/records/customers", "records:read"),
        read("/records/customers/known", "records:read"),
        read("/records/customers/known/history", "records:read"),
        read("/changes", "records:read"),
        write("POST", "/records/customers", "records:write"),
        write("PUT", "/records/customers/known", "records:write"),
        write("PATCH", "/records/customers/known", "records:write"),
        delete_unknown("/records/customers/UNKNOWN", "records:write"),
        Route { is_write: false, ..write("POST", "/sql", "records:sql") },
        read("/files", "files:read"),
        read_unknown("/files/UNKNOWN", "files:read"),
        // The name is refused.
        write("PUT", "/files/a%5Cb", "files:write"),
        delete_unknown("/files/UNKNOWN", "files:write"),
        write("POST", "/batch", "records:write"),
        read("/subscription", "billing:read"),
        read("/invoices", "billing:read"),
        read_unknown("/invoices/UNKNOWN", "billing:read"),
        write("PUT", "/subscription", "billing:manage"),
        delete_unknown("/subscription/scheduled-change", "billing:manage"),
        read("/billing/details", "billing:read"),
        write("PUT", "/billing/details", "billing:manage"),
        write("POST", "/billing/checkout", "billing:manage"),
        // Without Stripe.
        Route { body: None, permitted: &[409], ..write("POST", "/billing/portal", "billing:manage") },
        write("POST", "/usage-events", "usage:write"),
        read("/usage-events", "usage:read"),
        read_unknown("/usage-events/UNKNOWN", "usage:read"),
        Route { body: None, permitted: &[404], ..write("POST", "/usage-events/UNKNOWN/void", "usage:write") },
        read("/usage", "usage:read"),
        read("/meters", "usage:read"),
        read("/limits", "limits:read"),
        write("PATCH", "/limits", "billing:manage"),
        read("/jobs", "jobs:read"),
        read_unknown("/jobs/UNKNOWN", "jobs:read"),
        write("POST", "/jobs", "jobs:write"),
        read("/schedules", "jobs:read"),
        read_unknown("/schedules/UNKNOWN", "jobs:read"),
        write("POST", "/schedules", "jobs:write"),
        write("PATCH", "/schedules/UNKNOWN", "jobs:write"),
        delete_unknown("/schedules/UNKNOWN", "jobs:write"),
        Route { body: None, permitted: &[404], ..write("POST", "/jobs/UNKNOWN/cancel", "jobs:write") },
        Route { body: None, permitted: &[404], ..write("POST", "/jobs/UNKNOWN/retry", "jobs:write") },
        read("/webhook-endpoints", WEBHOOKS),
        write("POST", "/webhook-endpoints", WEBHOOKS),
        read_unknown("/webhook-endpoints/UNKNOWN", WEBHOOKS),
        Route { permitted: &[400, 404, 422], ..write("PATCH", "/webhook-endpoints/UNKNOWN", WEBHOOKS) },
        delete_unknown("/webhook-endpoints/UNKNOWN", WEBHOOKS),
        post_unknown("/webhook-endpoints/UNKNOWN/rotate-secret"),
        post_unknown("/webhook-endpoints/UNKNOWN/test"),
        read_unknown("/webhook-endpoints/UNKNOWN/deliveries", WEBHOOKS),
        read_unknown("/webhook-endpoints/UNKNOWN/deliveries/UNKNOWN", WEBHOOKS),
        post_unknown("/webhook-endpoints/UNKNOWN/deliveries/UNKNOWN/replay"),
    ]
}

/// Roles from the weakest on, each with what it has beyond the one before (API "Permissions").
const ROLES: &[(&str, &[&str])] = &[
    ("viewer", &["records:read", "files:read", "members:read", "usage:read", "limits:read", "jobs:read"]),
    ("member", &["records:write", "files:write", "usage:write", "jobs:write"]),
    (
        "admin",
        &[
            "records:sql",
            "members:manage",
            "roles:manage",
            "keys:manage",
            "webhooks:manage",
            "audit:read",
            "settings:manage",
            "billing:read",
            "tenant:export",
        ],
    ),
    ("owner", &["billing:manage", "tenant:close", "ownership:transfer"]),
];

/// All that a key can have.
const FOR_KEYS: &[&str] = &[
    "records:read",
    "files:read",
    "members:read",
    "records:write",
    "files:write",
    "records:sql",
    "audit:read",
    "settings:manage",
    "billing:read",
    "tenant:export",
    "billing:manage",
    "usage:read",
    "usage:write",
    "limits:read",
    "jobs:read",
    "jobs:write",
    "webhooks:manage",
];

/// What a service with the role of a viewer lets its key do here.
const OF_SERVICE: &[&str] = &["records:read", "jobs:read"];

fn role_has(role: &str, permission: &str) -> bool {
    let rank = ROLES.iter().position(|(name, _)| *name == role).unwrap();
    ROLES[..=rank].iter().any(|(_, permissions)| permissions.contains(&permission))
}

/// Who asks, and as what.
enum Actor {
    Nobody,
    /// Signed in, and not a member here: whatever else they are elsewhere.
    Outsider(&'static str),
    Member(&'static str),
    OwnerOfSuspended,
    /// A key of the owner, with these permissions.
    Key(&'static str, &'static [&'static str]),
    /// A key of a member who was removed.
    KeyOfRemoved,
}

impl Actor {
    fn name(&self) -> &'static str {
        match self {
            Actor::Nobody => "nobody",
            Actor::Outsider(name) | Actor::Member(name) | Actor::Key(name, _) => name,
            Actor::KeyOfRemoved => "key of a removed member",
            Actor::OwnerOfSuspended => "owner of the suspended",
        }
    }

    /// What is wrong with an answer, if anything is.
    fn judge(&self, route: &Route, status: u16, body: &Value) -> Option<String> {
        let expect =
            |statuses: &[u16]| (!statuses.contains(&status)).then(|| format!("{status}, not {statuses:?}"));
        match self {
            Actor::Nobody | Actor::KeyOfRemoved => expect(&[401]),
            Actor::Key(_, held) if !held.contains(&route.permission) => expect(&[403]).or_else(|| {
                let is_told = body["permission"] == route.permission || body["code"] == "api_key_not_allowed";
                (!is_told).then(|| format!("not for {}", route.permission))
            }),
            Actor::Outsider(_) => expect(&[404]),
            Actor::OwnerOfSuspended if route.is_write => expect(&[409])
                .or_else(|| (body["code"] != "tenant_suspended").then(|| "not tenant_suspended".to_owned())),
            Actor::Member(role) if !role_has(role, route.permission) => expect(&[403]).or_else(|| {
                (body["permission"] != route.permission).then(|| format!("not for {}", route.permission))
            }),
            Actor::OwnerOfSuspended | Actor::Member(_) | Actor::Key(..) => expect(route.permitted),
        }
    }
}

struct Town {
    server: Server,
    acme: Tenant,
    other: Tenant,
    suspended: Tenant,
    actors: Vec<(Actor, Client)>,
}

const PLANTED: &str = "Planted Customer 4711";

fn town() -> Town {
    let server = Installation::new().serve();
    let (owner, acme) = server.sign_up_with_tenant("olga", "acme");
    let (other_owner, other) = server.sign_up_with_tenant("otto", "other");
    let suspended = owner.create_tenant("paused");
    let join = |name: &str, role: &str| server.join(&owner, &acme, name, role);
    let (admin, member, viewer, removed) =
        (join("adam", "admin"), join("mia", "member"), join("vera", "viewer"), join("rene", "admin"));
    let stranger = server.sign_up("stan");
    for tenant in [&acme, &other, &suspended] {
        let person = if tenant.slug == "other" { &other_owner } else { &owner };
        let body = json!({"id": "known", "name": PLANTED});
        person.client.post(&tenant.path("/records/customers"), body).expect(201);
    }
    let key_of = |person: &Person, tenant: &Tenant, permissions: &[&str]| {
        let made = person
            .client
            .post(&tenant.path("/api-keys"), json!({"name": "Import", "permissions": permissions}));
        server.nobody().bearer(&made.expect(201).string("/key"))
    };
    let service = json!({"name": "Sync", "role": "viewer"});
    let service = owner.client.post(&acme.path("/service-identities"), service).expect(201);
    let key =
        json!({"name": "Nightly", "permissions": OF_SERVICE, "identity_id": service.string("/identity_id")});
    let key = owner.client.post(&acme.path("/api-keys"), key).expect(201).string("/key");
    let keys = vec![
        (Actor::Key("key of a service", OF_SERVICE), server.nobody().bearer(&key)),
        (Actor::Key("key without the permission", &["usage:write"]), key_of(&owner, &acme, &["usage:write"])),
        (Actor::Key("key with all it can have", FOR_KEYS), key_of(&owner, &acme, FOR_KEYS)),
        (Actor::Outsider("key of another tenant"), key_of(&other_owner, &other, FOR_KEYS)),
        (Actor::KeyOfRemoved, key_of(&removed, &acme, &["records:read", "files:read"])),
        (Actor::Outsider("operator"), server.add_operator().client),
    ];
    owner.client.delete(&removed.membership(&acme)).expect(204);
    server.installation().run(&["tenant", "suspend", &suspended.slug]).expect_code(0);
    let mut actors = vec![
        (Actor::Nobody, server.nobody()),
        (Actor::Outsider("stranger"), stranger.client),
        (Actor::Outsider("owner of another tenant"), other_owner.client),
        (Actor::Outsider("removed member"), removed.client),
        (Actor::Member("viewer"), viewer.client),
        (Actor::Member("member"), member.client),
        (Actor::Member("admin"), admin.client),
        (Actor::OwnerOfSuspended, owner.client.clone()),
        (Actor::Member("owner"), owner.client),
    ];
    actors.extend(keys);
    Town { server, acme, other, suspended, actors }
}

/// How the tenant is named: path, header, and the ways that must not work.
fn spellings(route: &Route, tenant: &Tenant, other: &Tenant) -> Vec<(&'static str, Call)> {
    let rest = route.path.replace("UNKNOWN", UNKNOWN);
    let call = |path: String| {
        let call = Call::new(route.method, path);
        route.body.as_ref().map_or(call.clone(), |body| call.json(body))
    };
    let by_path = call(tenant.path(&rest));
    let by_id = call(format!("/api/v1/tenants/{}{rest}", tenant.id));
    let mut all = vec![
        ("path", by_path.clone()),
        ("id in the path", by_id),
        ("path and the same header", by_path.clone().header("x-tenant-id", &tenant.slug)),
        ("disagreeing: theirs in the path", by_path.clone().header("x-tenant-id", &other.slug)),
        ("disagreeing: theirs in the header", call(other.path(&rest)).header("x-tenant-id", &tenant.slug)),
    ];
    if !rest.is_empty() && rest != BY_PATH_ONLY {
        let below = call(format!("/api/v1{rest}"));
        let by_header = below.clone().header("x-tenant-id", &tenant.slug);
        all.push(("id in the header", below.header("x-tenant-id", &tenant.id)));
        all.push(("header twice", by_header.clone().header("x-tenant-id", &other.slug)));
        all.push(("same header twice", by_header.clone().header("x-tenant-id", &tenant.slug)));
        all.push(("header", by_header));
    }
    all
}

#[test]
fn every_route_is_open_to_those_who_may_and_shut_to_all_others_however_the_tenant_is_named() {
    let town = town();
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for (actor, client) in &town.actors {
        let tenant = if matches!(actor, Actor::OwnerOfSuspended) { &town.suspended } else { &town.acme };
        for route in routes() {
            for (spelling, call) in spellings(&route, tenant, &town.other) {
                asked += 1;
                let answer = client.send(&call);
                let is_ambiguous = spelling.contains("disagreeing") || spelling.contains("twice");
                let verdict = match actor {
                    Actor::Nobody | Actor::KeyOfRemoved if is_ambiguous => {
                        (![400, 401].contains(&answer.status)).then(|| answer.status.to_string())
                    }
                    _ if is_ambiguous => (answer.code() != "tenant_ambiguous" || answer.status != 400)
                        .then(|| format!("{} {}", answer.status, answer.code())),
                    _ => actor.judge(&route, answer.status, &answer.json),
                };
                let is_let_in = matches!(actor, Actor::Member(_) | Actor::OwnerOfSuspended | Actor::Key(..))
                    && !is_ambiguous;
                let text = answer.text();
                let leaked =
                    [PLANTED, "Tenant acme", &town.acme.id].into_iter().find(|word| text.contains(*word));
                let leaked = leaked.filter(|_| !is_let_in).map(|word| format!("tells {word:?}"));
                if let Some(what) = verdict.or(leaked) {
                    wrong.push(format!(
                        "{} {} {} by {spelling}: {what}",
                        actor.name(),
                        route.method,
                        route.path
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    town.server.stop();
}

#[test]
fn a_stranger_cannot_tell_a_tenant_from_none() {
    let server = Installation::new().serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    let stranger = server.sign_up("stan");
    let none = Tenant { id: UNKNOWN.to_owned(), slug: "nowhere".to_owned() };
    for route in routes() {
        let ask = |tenant: &Tenant, (name, call): (&'static str, Call)| {
            let mut answer = stranger.client.send(&call);
            let fields = answer.json.as_object_mut().unwrap();
            fields.remove("request_id");
            let body = answer.json.to_string().replace(&tenant.slug, "SLUG").replace(&tenant.id, "ID");
            (name, answer.status, body)
        };
        // The first two and the last: by slug, by id, by header.
        let answers = |tenant: &Tenant| -> Vec<_> {
            let spellings = spellings(&route, tenant, tenant).into_iter();
            let plain =
                spellings.filter(|(name, _)| !name.contains("disagreeing") && !name.contains("twice"));
            plain.map(|spelling| ask(tenant, spelling)).collect()
        };
        assert_eq!(answers(&acme), answers(&none), "{} {}", route.method, route.path);
    }
    server.stop();
}

/// Whether a path is one that a template with parameters in braces stands for.
fn is_of(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(part, segment)| part.starts_with('{') || part == segment)
}

#[test]
fn no_route_of_a_tenant_is_missing_from_this_matrix_nor_declared_with_another_permission() {
    let mut wrong = Vec::new();
    let mut ours = routes();
    for declared in tenantry::http::routes() {
        let Some(path) = declared.path.strip_prefix("/api/v1/tenants/{tenant}") else { continue };
        let name = format!("{} {path} {:?}", declared.method, declared.access);
        let Some(at) =
            ours.iter().position(|route| route.method == declared.method && is_of(path, route.path))
        else {
            wrong.push(format!("{name} is not in the matrix"));
            continue;
        };
        let route = ours.swap_remove(at);
        // Everyone may leave, so the route itself asks for nothing; the service asks for the rest.
        let may_leave = route.method == "DELETE" && path.starts_with("/members/");
        let permission = (!may_leave).then(|| Permission::parse(route.permission).unwrap());
        if !format!("{:?}", declared.access).starts_with(&format!("Tenant({permission:?},")) {
            wrong.push(format!("{name} is {permission:?} in the matrix"));
        }
    }
    wrong.extend(ours.iter().map(|route| format!("{} {} is not served", route.method, route.path)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_other_route_is_shut_to_nobody_and_those_of_the_operator_to_owners() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (mut for_signed_in, mut for_operators) = (0, 0);
    for route in tenantry::http::routes() {
        let path = route.path.replace("{selector}", &acme.slug);
        let path = path.split('/').map(|part| if part.starts_with('{') { UNKNOWN } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let call = match route.method {
            "GET" | "DELETE" => Call::new(route.method, path),
            _ => Call::new(route.method, path).json(&json!({"confirm": acme.slug, "reason": "x"})),
        };
        match format!("{:?}", route.access).as_str() {
            "SignedIn" => {
                server.nobody().send(&call).expect(401);
                for_signed_in += 1;
            }
            "Operator" => {
                server.nobody().send(&call).expect(401);
                ann.client.send(&call).expect_code(403, "operator_only");
                for_operators += 1;
            }
            _ => {}
        }
    }
    assert!(for_signed_in > 5 && for_operators > 5, "{for_signed_in}, {for_operators}");
    assert_eq!(ann.client.get(&acme.path("")).expect(200).string("/status"), "active");
    server.stop();
}
