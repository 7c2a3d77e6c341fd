//! The document of a tenant's tables, for schemas as developers bring them.

use serde_json::{Value, json};

use super::{assert_served, assert_sound, found, methods, properties, schema};
use crate::harness::{Call, Client, Installation, Server, Tenant};

const SERVER: &str = "/api/v1/tenants/{tenant}";

fn open(app: &str) -> (Server, Client, Tenant, Value) {
    let server = Installation::with_app_of_tests(app).serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let document = ann.client.get(&acme.path("/openapi.json")).expect(200).json;
    (server, ann.client, acme, document)
}

/// What is wrong with a value, as far as types, constants and what is required say.
fn fault(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = found(document, schema);
    if let Some(several) = schema["anyOf"].as_array() {
        let faults: Option<Vec<String>> = several.iter().map(|one| fault(document, one, value)).collect();
        return faults.map(|faults| faults.join(" and "));
    }
    let is_of = |kind: &str| match kind {
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => value.is_null(),
    };
    let fits = match &schema["type"] {
        Value::String(kind) => is_of(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind.as_str().unwrap())),
        _ => true,
    };
    if !fits {
        return Some(format!("{value} is no {}", schema["type"]));
    }
    let mut required = schema["required"].as_array().into_iter().flatten();
    if let Some(missing) = required.find(|name| value[name.as_str().unwrap()] == Value::Null)
        && value.get(missing.as_str().unwrap()).is_none()
    {
        return Some(format!("{missing} is missing"));
    }
    if let Some(items) = value.as_array() {
        return items.iter().find_map(|item| fault(document, &schema["items"], item));
    }
    let fields = value.as_object().into_iter().flatten();
    let declared = schema["properties"].as_object();
    fields.into_iter().find_map(|(name, inner)| match declared.map(|all| all.get(name)) {
        Some(Some(property)) => fault(document, property, inner).map(|fault| format!("{name}: {fault}")),
        Some(None) => Some(format!("{name} is not declared")),
        None => None,
    })
}

#[test]
fn every_document_is_sound_and_says_what_is_served() {
    for app in ["shop", "tickets", "meters"] {
        let (server, ann, acme, document) = open(app);
        assert_sound(&document);
        assert_served(&document, SERVER);
        assert_eq!(document["servers"][0]["url"], acme.path(""));
        let tables = ann.get(&acme.path("/tables")).expect(200).json;
        for table in tables["items"].as_array().unwrap() {
            // Every list can be asked for as it is written, and answers what its schema says.
            let tag = &table["name"];
            let (path, item) = document["paths"]
                .as_object()
                .unwrap()
                .iter()
                .find(|(_, item)| item["get"]["tags"][0] == *tag && item.get("parameters").is_none())
                .unwrap_or_else(|| panic!("{app} has no list of {tag}"));
            assert_eq!(
                item.get("post").is_some(),
                table["permissions"] == json!(["read", "write"]),
                "{path}"
            );
            let page = ann.get(&acme.path(&format!("{path}?limit=20"))).expect(200).json;
            let answer = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
            assert_eq!(fault(&document, answer, &page), None, "{app} {path}: {page}");
        }
        server.stop();
    }
}

#[test]
fn odd_names_and_keys_are_written_so_that_they_work() {
    let (server, ann, acme, document) = open("tickets");
    assert_eq!(methods(&document, "/records/order/{group},{select}"), ["get", "put", "patch", "delete"]);
    assert_eq!(methods(&document, "/records/%C3%9Cberstunden/{key1}"), ["get", "put", "patch", "delete"]);
    assert_eq!(methods(&document, "/records/open_tickets"), ["get"]);
    assert_eq!(methods(&document, "/records/tickets/{id}/history"), ["get"]);
    assert_eq!(methods(&document, "/records/tickets_search/{rowid}/history"), Vec::<&str>::new());
    assert!(properties(&document, "U00dcberstundenCreate").contains(&"größe".to_owned()));
    // Each parameter of the table whose columns are called like parameters is taken as it is written.
    let parameters = document["paths"]["/records/select"]["get"]["parameters"].as_array().unwrap();
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
    for name in ["limit", "col:limit", "col:order", "from", "default"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
            let values = &parameter["schema"]["items"]["enum"];
            if parameter["name"] != "order" && parameter["name"] != "fields" || path.contains('{') {
                continue;
            }
            let values: Vec<&str> =
                values.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
            let chosen = values.iter().take(8).copied().collect::<Vec<_>>().join(",");
            let query = percent_encoding::utf8_percent_encode(&chosen, percent_encoding::NON_ALPHANUMERIC);
            ann.get(&acme.path(&format!("{path}?{}={query}", parameter["name"].as_str().unwrap())))
                .expect(200);
        }
    }
    server.stop();
}

#[test]
fn the_parameters_of_a_list_are_those_that_it_takes() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let document = ann.client.get(&acme.path("/openapi.json")).expect(200).json;
    let parameters = document["paths"]["/records/customers"]["get"]["parameters"].as_array().unwrap();
    // `select` and `group` make another answer than a list: they are told in words.
    for name in ["order", "limit", "cursor", "count", "fields", "expand", "q", "or", "and", "sort"] {
        let answer = ann.client.get(&acme.path(&format!("/records/customers?{name}=0")));
        let is_taken = answer.status == 200 || answer.code() != "unknown_parameter";
        let is_told = parameters.iter().any(|parameter| parameter["name"] == name);
        assert_eq!(is_told, is_taken, "{name}: {}", answer.text());
    }
    server.stop();
}

#[test]
fn values_are_as_the_contract_says() {
    let sql = "CREATE TABLE things (id INTEGER PRIMARY KEY, big INTEGER NOT NULL, bytes BLOB, yes BOOLEAN NOT NULL \
               DEFAULT 1, any JSON, twice INTEGER AS (2 * big), name TEXT NOT NULL);";
    let server = Installation::with_migrations(&[("0001_things.sql", sql)]).serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let document = ann.client.get(&acme.path("/openapi.json")).expect(200).json;
    let thing = &schema(&document, "Thing")["properties"];
    assert_eq!(thing["big"]["type"], json!(["integer", "string"]));
    assert_eq!(thing["bytes"]["contentEncoding"], "base64");
    assert_eq!(thing["bytes"]["type"], json!(["string", "null"]));
    assert_eq!(thing["yes"]["type"], "boolean");
    assert!(thing["any"].get("type").is_none());
    assert_eq!(thing["twice"]["readOnly"], true);
    assert_eq!(schema(&document, "ThingCreate")["required"], json!(["big", "name"]));
    assert_eq!(properties(&document, "ThingCreate"), ["id", "big", "bytes", "yes", "any", "name"]);
    assert_eq!(properties(&document, "ThingPatch"), ["big", "bytes", "yes", "any", "name"]);
    server.stop();
}

#[test]
fn who_has_the_document_is_told_so() {
    let (server, ann, acme, _) = open("shop");
    let path = acme.path("/openapi.json");
    let etag = ann.get(&path).expect(200).header("etag").unwrap().to_owned();
    let same = ann.send(&Call::get(&path).header("if-none-match", &etag)).expect(304);
    assert_eq!(same.header("etag"), Some(etag.as_str()));
    ann.send(&Call::get(&path).header("if-none-match", "\"another\"")).expect(200);
    ann.get(&acme.path("/openapi.json?x=1")).expect_code(400, "unknown_parameter");
    // Without a tenant in the path it is the document of the installation, whatever the header says.
    let public = ann.by_header(&acme).get("/api/v1/openapi.json").expect(200).json;
    assert!(public["paths"]["/api/v1/auth/sign-in"].is_object());
    let server = server.restart();
    ann_after(&server, &path, &etag);
    server.stop();
}

#[track_caller]
fn ann_after(server: &Server, path: &str, etag: &str) {
    let body = json!({"email": "ann@example.com", "password": "ann-otter-juggles-nine-lanterns"});
    let token = server.nobody().post("/api/v1/auth/sign-in", body).expect(200).string("/access_token");
    let ann = server.nobody().bearer(&token);
    ann.send(&Call::get(path).header("if-none-match", etag)).expect(304);
}
