//! The document of all routes of an installation, made from the table that the router is made from.

use super::resources;
use super::shared::{OPENAPI, answer, body, components, page_of, problems, reference};
use super::summaries::{SUMMARIES, Summary};
use crate::http::routes::{Access, RouteInfo};
use serde_json::{Map, Value, json};

/// The OpenAPI document of these routes.
pub(in crate::http) fn installation_document(routes: &[RouteInfo]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let path = route.path.replace("{*", "{");
        let item =
            paths.entry(path.clone()).or_insert_with(|| json!({ "parameters": path_parameters(&path) }));
        item[route.method.to_ascii_lowercase()] = operation(route, &path);
    }
    json!({
        "openapi": OPENAPI,
        "info": {
            "title": "Tenantry",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every route of this installation. What a tenant's own tables look like says \
                            /api/v1/tenants/{tenant}/openapi.json. What is below /api/v1/tenants/{tenant} also answers \
                            below /api/v1 with the header X-Tenant-Id, except for that document.",
        },
        "paths": paths,
        "components": components(resources::schemas()),
    })
}

/// The parameters between the braces of a path.
fn path_parameters(path: &str) -> Vec<Value> {
    let name = |segment: &str| Some(segment.strip_prefix('{')?.strip_suffix('}')?.to_owned());
    let parameter = |name: String| {
        let about = match name.as_str() {
            "tenant" | "selector" => "Slug or id of the tenant.",
            "id" => {
                "The key of the record: parts of a composite key are percent-encoded and joined with commas."
            }
            "path" => "The name of the file; it may hold slashes.",
            _ => "Its id or name.",
        };
        json!({
            "name": name, "in": "path", "required": true, "description": about,
            "schema": { "type": "string", "minLength": 1 },
        })
    };
    path.split('/').filter_map(name).map(parameter).collect()
}

fn operation(route: &RouteInfo, path: &str) -> Value {
    let below = path.strip_prefix("/api/v1").unwrap_or(path);
    let summary = SUMMARIES.iter().find(|one| one.method == route.method && one.path == below);
    let id = summary.map_or_else(|| id_of(route.method, below), |summary| summary.id.to_owned());
    let mut operation = json!({
        "operationId": id,
        "summary": summary.map_or("", |summary| summary.text),
        "tags": [tag(below)],
        "parameters": parameters(route, below),
        "security": if route.access == Access::Public { json!([]) } else { json!([{ "bearer": [] }]) },
        "responses": responses(route, below, summary),
    });
    match route.access {
        Access::Tenant(Some(permission), _) => operation["x-permission"] = permission.name().into(),
        Access::Operator => operation["x-permission"] = "operator".into(),
        Access::Tenant(None, _) | Access::Public | Access::SignedIn => {}
    }
    if route.fresh {
        operation["x-step-up"] = true.into();
    }
    match summary.map_or("-", |summary| summary.takes) {
        "-" => {}
        media if media.contains('/') => {
            operation["requestBody"] = json!({ "required": true, "content": { media: {} } });
        }
        schema => {
            let needed = schema.trim_end_matches('?');
            operation["requestBody"] = body(reference("schemas", needed));
            operation["requestBody"]["required"] = (needed == schema).into();
        }
    }
    operation
}

/// A name for a route of which nothing else is said: no two routes have the same method and path.
fn id_of(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_ascii_lowercase(), |id, word| format!("{id}_{word}"))
}

fn tag(path: &str) -> String {
    let rest = path.strip_prefix("/tenants/{tenant}/").unwrap_or(path.trim_start_matches('/'));
    let first = rest.split('/').next().unwrap_or_default();
    if path == "/openapi.json" { "openapi".to_owned() } else { first.trim_end_matches(".json").to_owned() }
}

fn parameters(route: &RouteInfo, path: &str) -> Vec<Value> {
    let mut all = query_parameters(route);
    // Signing in and out leaves nothing that a second time would double, nor does reading; an erasure answers the receipt
    // of the first.
    let is_read = path.ends_with("/sql") || path == "/operator/query";
    let is_repeatable = !path.starts_with("/auth/") && !is_read && !path.ends_with("/erase");
    if route.method == "POST" && route.access != Access::Public && is_repeatable {
        all.push(reference("parameters", "IdempotencyKey"));
    }
    all
}

fn query_parameters(route: &RouteInfo) -> Vec<Value> {
    let parameter = |name: &&str| match *name {
        "limit" => super::query::limit(),
        "cursor" => super::query::cursor(),
        "cookies" => json!({
            "name": name, "in": "query", "description": "1 sets the tokens as cookies instead of answering them.",
            "schema": { "enum": ["0", "1"] },
        }),
        "from" | "to" => json!({
            "name": name, "in": "query", "schema": { "type": "string", "format": "date-time" },
        }),
        _ => json!({ "name": name, "in": "query", "schema": { "type": "string" } }),
    };
    route.query.iter().map(parameter).collect()
}

fn responses(route: &RouteInfo, path: &str, summary: Option<&Summary>) -> Map<String, Value> {
    let mut statuses = vec![400, 429, 503, 504];
    if route.access != Access::Public {
        statuses.push(401);
    }
    if matches!(route.access, Access::Tenant(..) | Access::Operator) {
        statuses.push(403);
    }
    if path.contains('{') {
        statuses.push(404);
    }
    if route.method != "GET" {
        statuses.extend([409, 413, 415, 422]);
    }
    let mut responses = problems(&statuses);
    let Some(summary) = summary else {
        responses.insert("2XX".to_owned(), json!({ "description": "Done." }));
        return responses;
    };
    let good = match summary.gives {
        "-" => json!({ "description": "Done." }),
        media if media.contains('/') => json!({ "description": "The content.", "content": { media: {} } }),
        list if list.starts_with('[') => {
            answer("One page.", page_of(reference("schemas", list.trim_matches(['[', ']']))))
        }
        schema => answer("Done.", reference("schemas", schema)),
    };
    responses.insert(summary.status.to_string(), good);
    if summary.id == "signUp" {
        let about =
            "Where mail is set up: a letter was sent to the address, whether it has an account or not.";
        responses.insert("202".to_owned(), answer(about, reference("schemas", "VerificationSent")));
    }
    responses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_beside_the_routes_is_about_a_route() {
        let routes = crate::http::routes();
        for summary in SUMMARIES {
            let path = format!("/api/v1{}", summary.path);
            let is_declared = routes
                .iter()
                .any(|route| route.method == summary.method && route.path.replace("{*", "{") == path);
            assert!(is_declared, "{} {path} is no route", summary.method);
        }
    }

    #[test]
    fn a_route_of_which_nothing_is_said_is_in_the_document() {
        let route = RouteInfo {
            method: "GET",
            path: "/api/v1/new/{thing}".to_owned(),
            access: Access::SignedIn,
            fresh: false,
            query: &["limit"],
        };
        let document = installation_document(&[route]);
        let operation = &document["paths"]["/api/v1/new/{thing}"]["get"];
        assert_eq!(operation["operationId"], "get_new_thing");
        assert_eq!(operation["parameters"][0]["name"], "limit");
        assert!(operation["responses"]["2XX"].is_object() && operation["responses"]["404"].is_object());
    }
}
