//! The paths of a tenant's files.

use super::records::OF_READING;
use super::shared::{answer, page_of, reference};
use super::subject::Audience;
use super::tenant::operation;
use crate::policy::Permission;
use serde_json::{Value, json};

const OF_FILES: &[u16] = &[400, 401, 403, 404, 409, 412, 413, 429, 503, 504];

/// These paths, as far as the audience may use them.
pub(super) fn paths(audience: &Audience<'_>) -> Vec<(String, Value)> {
    let (reads, writes) = (audience.may(Permission::FilesRead), audience.may(Permission::FilesWrite));
    let mut paths = Vec::new();
    if reads {
        paths.push(("/files".to_owned(), json!({ "get": list_files() })));
    }
    if reads || writes {
        let mut file = json!({ "parameters": [file_path()] });
        if reads {
            file["get"] = download();
        }
        if writes {
            file["put"] = upload();
            file["delete"] = remove();
        }
        paths.push(("/files/{path}".to_owned(), file));
    }
    paths
}

/// A file as it is listed.
pub(super) fn schema() -> Value {
    let time = || json!({ "type": "string", "format": "date-time" });
    json!({
        "type": "object",
        "properties": {
            "path": { "type": "string" },
            "size": { "type": "integer", "minimum": 0 },
            "sha256": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "content_type": { "type": "string" },
            "created_at": time(), "created_by": { "type": "string" },
            "updated_at": time(), "updated_by": { "type": "string" },
        },
        "required": ["path", "size", "sha256", "content_type", "created_at", "created_by", "updated_at", "updated_by"],
    })
}

fn file_path() -> Value {
    json!({
        "name": "path", "in": "path", "required": true,
        "description": "The name of the file; it may hold slashes.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 1024 },
    })
}

fn list_files() -> Value {
    let good = answer("Files in the order of their names.", page_of(reference("schemas", "StoredFile")));
    let summary = "List files";
    let mut operation =
        operation("browseFiles", summary, "(files)", Permission::FilesRead, OF_READING, vec![(200, good)]);
    operation["parameters"] = json!([
        {
            "name": "prefix", "in": "query", "description": "How their names begin.",
            "schema": { "type": "string" },
        },
        super::query::limit(),
        super::query::cursor(),
    ]);
    operation
}

fn download() -> Value {
    let content = |description: &str| {
        json!({
            "description": description,
            "headers": { "ETag": reference("headers", "ETag") },
            "content": { "*/*": {} },
        })
    };
    let same = json!({ "description": "It has the ETag that If-None-Match names." });
    let good = vec![(200, content("The file.")), (206, content("A part of it.")), (304, same)];
    let statuses = [OF_READING, &[412, 416]].concat();
    let mut operation =
        operation("downloadFile", "Read a file", "(files)", Permission::FilesRead, &statuses, good);
    operation["parameters"] = json!([
        {
            // What cannot be read is left alone (RFC 9110, section 14.2).
            "name": "Range", "in": "header", "description": "One part of it: `bytes=0-499`.",
            "schema": { "type": "string" },
        },
        reference("parameters", "IfNoneMatch"),
    ]);
    operation
}

fn upload() -> Value {
    let stored = |description: &str| {
        let mut stored = answer(description, reference("schemas", "StoredFile"));
        stored["headers"] =
            json!({ "ETag": reference("headers", "ETag"), "Location": reference("headers", "Location") });
        stored
    };
    let good = vec![(200, stored("It had other content before.")), (201, stored("It is new."))];
    let mut operation =
        operation("uploadFile", "Store a file", "(files)", Permission::FilesWrite, OF_FILES, good);
    operation["parameters"] =
        json!([reference("parameters", "IfMatch"), reference("parameters", "IfNoneMatch")]);
    operation["requestBody"] = json!({ "required": true, "content": { "application/octet-stream": {} } });
    operation
}

fn remove() -> Value {
    let good = vec![(204, json!({ "description": "It is gone." }))];
    let mut operation =
        operation("removeFile", "Remove a file", "(files)", Permission::FilesWrite, OF_FILES, good);
    operation["parameters"] =
        json!([reference("parameters", "IfMatch"), reference("parameters", "IfNoneMatch")]);
    operation
}
