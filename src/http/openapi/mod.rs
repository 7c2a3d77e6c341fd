//! Documents about the API, for programs: OpenAPI 3.1 of a tenant's tables and of all routes, and TypeScript.

mod backups;
mod files;
mod headers;
mod installation;
mod invoices;
mod jobs;
pub(super) mod kept;
mod mailbox;
mod members;
mod migrations;
mod names;
mod places;
mod plans;
mod query;
mod records;
mod resources;
mod schemas;
mod shared;
mod stripe;
mod subject;
mod summaries;
mod telemetry;
mod tenant;
mod typescript;
mod usage;
mod values;
mod webhooks;

pub(super) use installation::installation_document;
pub use subject::Audience;
pub use typescript::typescript;

use serde_json::{Map, Value, json};

/// The OpenAPI document of the tables that an audience may read. Its paths begin at `server`, the URL of a tenant; a
/// `{tenant}` in there is for the reader to fill in.
pub fn tables_document(title: &str, server: &str, audience: &Audience<'_>) -> Value {
    let mut document = head(title, server);
    document.extend(tables_part(audience));
    Value::Object(document)
}

/// What is said of one tenant: the part of the document that comes first.
pub(in crate::http) fn head(title: &str, server: &str) -> Map<String, Value> {
    let mut server = json!({ "url": server });
    if server["url"].as_str().is_some_and(|url| url.contains("{tenant}")) {
        server["variables"] =
            json!({ "tenant": { "default": "acme", "description": "Slug or id of the tenant." } });
    }
    Map::from_iter([
        ("openapi".to_owned(), shared::OPENAPI.into()),
        (
            "info".to_owned(),
            json!({
                "title": title,
                "version": env!("CARGO_PKG_VERSION"),
                "description": format!("Records, files and changes of one tenant, as far as you may use them.\n\n{}", query::FILTERS),
            }),
        ),
        ("servers".to_owned(), json!([server])),
    ])
}

/// The rest of it, which is the same for all tenants of one schema and those who may do the same there.
pub(in crate::http) fn tables_part(audience: &Audience<'_>) -> Map<String, Value> {
    let mut paths: Map<String, Value> =
        tenant::paths(audience).into_iter().chain(files::paths(audience)).collect();
    let mut all = tenant::schemas(audience);
    all.insert("StoredFile".to_owned(), files::schema());
    for subject in &audience.tables {
        paths.extend(records::of_table(audience, subject));
        all.extend(schemas::of_table(subject));
    }
    let names = audience.tables.iter().map(|subject| subject.table.name.as_str());
    let mut tags: Vec<Value> = Vec::new();
    for name in names.chain(["(all tables)", "(files)"]) {
        if tags.iter().all(|tag| tag["name"] != name) {
            tags.push(json!({ "name": name }));
        }
    }
    Map::from_iter([
        ("security".to_owned(), json!([{ "bearer": [] }])),
        ("tags".to_owned(), tags.into()),
        ("paths".to_owned(), paths.into()),
        ("components".to_owned(), shared::components(all)),
    ])
}
