//! Documents about the API: whether they hang together, say what is served, and tell nobody of what they may not read.

mod command;
mod installation;
mod readers;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;
use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What a reference leads to.
#[track_caller]
fn found<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
    let pointer = percent_decode_str(pointer).decode_utf8().unwrap();
    let next = document.pointer(&pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
    found(document, next)
}

/// All operations: method, path, what both have.
fn operations(document: &Value) -> Vec<(&'static str, &str, &Value, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, item): (&'static str, &Value)| item.get(path).is_some();
    paths
        .flat_map(|(path, item)| {
            let methods = METHODS.into_iter().filter(move |method| of_path((method, item)));
            methods.map(move |method| (method, path.as_str(), item, &item[method]))
        })
        .collect()
}

/// Follows every reference there is.
#[track_caller]
fn follow_all(document: &Value, value: &Value) {
    match value {
        Value::Object(map) => {
            if value["$ref"].is_string() {
                found(document, value);
            }
            map.values().for_each(|inner| follow_all(document, inner));
        }
        Value::Array(items) => items.iter().for_each(|inner| follow_all(document, inner)),
        _ => {}
    }
}

/// The names between braces.
fn braces(path: &str) -> BTreeSet<String> {
    path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect()
}

/// Holds for every document there is.
#[track_caller]
fn assert_sound(document: &Value) {
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    follow_all(document, document);
    let mut ids = BTreeSet::new();
    for (method, path, item, operation) in operations(document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{id}");
        assert!(ids.insert(id.to_ascii_lowercase()), "{id} is there twice");
        let own = operation["parameters"].as_array().into_iter().flatten();
        let all = item["parameters"].as_array().into_iter().flatten().chain(own);
        let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for parameter in all.map(|parameter| found(document, parameter)) {
            let (place, name) = (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap());
            assert!(parameter["schema"].is_object(), "{method} {path} {name}");
            let is_new = named.entry(place.to_owned()).or_default().insert(name.to_owned());
            assert!(is_new, "{method} {path} has {name} twice");
        }
        assert_eq!(named.remove("path").unwrap_or_default(), braces(path), "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        assert!(responses.contains_key("default"), "{method} {path}");
    }
    assert!(!ids.is_empty());
    for section in ["schemas", "responses", "parameters", "headers"] {
        let mut names = BTreeSet::new();
        for name in document["components"][section].as_object().unwrap().keys() {
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{section} {name}");
            assert!(names.insert(name.to_ascii_lowercase()), "{section} {name} is there twice");
        }
    }
}

/// Fails unless each operation is a route that is served.
#[track_caller]
fn assert_served(document: &Value, server: &str) {
    let routes = tenantry::http::routes();
    let is_of = |template: &str, path: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(part, segment)| part.starts_with('{') || part == segment)
    };
    for (method, path, _, operation) in operations(document) {
        let whole = format!("{server}{path}");
        let mut served = routes
            .iter()
            .filter(|route| route.method.eq_ignore_ascii_case(method) && is_of(&route.path, &whole))
            .map(|route| format!("{:?}", route.access));
        let access = served.next().unwrap_or_else(|| panic!("{method} {whole} is no route"));
        if let Some(name) = operation["x-permission"].as_str().filter(|name| name.contains(':')) {
            let permission = tenantry::policy::Permission::parse(name).unwrap();
            assert!(
                access.starts_with(&format!("Tenant(Some({permission:?}),")),
                "{method} {whole}: {name}, {access}"
            );
        }
    }
}

/// The schema of this name.
#[track_caller]
fn schema<'d>(document: &'d Value, name: &str) -> &'d Value {
    let schema = &document["components"]["schemas"][name];
    assert!(schema.is_object(), "no schema {name}");
    schema
}

/// The names of the properties of a schema.
#[track_caller]
fn properties(document: &Value, name: &str) -> Vec<String> {
    schema(document, name)["properties"].as_object().unwrap().keys().cloned().collect()
}

/// The methods of a path; none where the path is not there.
fn methods(document: &Value, path: &str) -> Vec<&'static str> {
    METHODS.into_iter().filter(|method| document["paths"][path][*method].is_object()).collect()
}
