//! Imports: an export becomes a new tenant of whoever brings it.

use crate::error::{Error, FieldError, Result};
use crate::http::body::{Fields, NoBody, Object};
use crate::http::large_body::Pieces;
use crate::http::principal::SignedIn;
use crate::http::problem::Answer;
use crate::http::routes::{Access, NONE, Routes, Verb};
use crate::id::ImportId;
use crate::service::imports::{self, ImportIn, ImportUpload};
use crate::service::{Import, Installation};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use multer::{Field, Multipart};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;

/// Bytes of a part that is no file.
const LONGEST_TEXT: usize = 1_000;
/// Bytes of the body that came and were not taken yet, beyond which no more are read.
const MOST_WAITING: u64 = 1 << 20;
/// Bytes of the file that are passed on at once.
const PIECE: usize = 256 << 10;

pub(super) fn routes() -> Routes {
    Routes::default()
        .streaming(Access::SignedIn, Verb::Post, "/imports", NONE, create)
        .add(Access::SignedIn, Verb::Get, "/imports", NONE, list)
        .add(Access::SignedIn, Verb::Get, "/imports/{import}", NONE, get)
        .add(Access::SignedIn, Verb::Post, "/imports/{import}/apply", NONE, apply)
        .add(Access::SignedIn, Verb::Delete, "/imports/{import}", NONE, delete)
}

#[derive(Deserialize)]
struct ImportPath {
    import: String,
}

impl ImportPath {
    fn id(&self) -> Result<ImportId> {
        ImportId::parse(&self.import).ok_or_else(Error::not_found)
    }
}

fn import_out(import: &Import) -> Value {
    let preview: Value =
        import.preview.as_deref().map(serde_json::from_str).and_then(Result::ok).unwrap_or_default();
    let tenant = import.tenant.map(|id| json!({ "id": id, "slug": import.tenant_slug }));
    json!({
        "id": import.id, "status": import.status, "progress": import.progress, "error": import.error,
        "name": import.wish.name, "slug": import.wish.slug, "invite_members": import.wish.invite_members,
        "size_bytes": import.size_bytes, "sha256": import.sha256, "preview": preview, "tenant": tenant,
        "created_at": import.created_at, "finished_at": import.finished_at, "expires_at": import.expires_at,
    })
}

fn accepted(import: &Import) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(import_out(import))).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/imports/{}", import.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn create(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    headers: HeaderMap,
    pieces: Pieces,
) -> Answer {
    let announced = pieces.announced();
    let taken = Arc::new(AtomicU64::new(0));
    let mut form = Multipart::new(bounded(pieces, Arc::clone(&taken)), boundary(&headers)?);
    let begun = imports::begin_upload(&installation, &signed_in.principal, signed_in.by(), announced);
    let (mut upload, mut has_file) = (begun.await?, false);
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.name().unwrap_or_default().to_owned() {
            name if name == "file" && !has_file => {
                has_file = true;
                take_file(field, &mut upload, &taken).await?;
            }
            name if ["name", "slug", "preview", "invite_members"].contains(&&*name)
                && !texts.contains_key(&name) =>
            {
                texts.insert(name, read_text(field, &taken).await?);
            }
            name => {
                return Err(
                    Error::invalid_field(name, "unknown_field", "is unknown here, or comes twice").into()
                );
            }
        }
    }
    if !has_file {
        return Err(Error::invalid_field("file", "required", "must be the zip file of an export").into());
    }
    Ok(accepted(&upload.finish(&import_in(texts)?).await?))
}

type Piece = Result<Bytes>;

/// The body as a stream that is not read on while so much of it waits to be taken: whoever parses it keeps all that came. Where
/// it asks again without having taken anything, it looks for an end of something that has none.
fn bounded(pieces: Pieces, taken: Arc<AtomicU64>) -> impl Stream<Item = Piece> + Send {
    let mut body = Box::pin(stream::unfold((pieces, false), next_piece));
    let (mut given, mut refused_at) = (0_u64, None);
    stream::poll_fn(move |context| {
        let waiting = given.saturating_sub(taken.load(Relaxed));
        if waiting > MOST_WAITING {
            if refused_at == Some(waiting) {
                let detail = "What stands around a part of this body is longer than that can be.";
                return Poll::Ready(Some(Err(Error::malformed("bad_multipart", detail))));
            }
            refused_at = Some(waiting);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = body.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(piece))) = &next {
            given += piece.len() as u64;
        }
        next
    })
}

async fn next_piece((mut pieces, is_over): (Pieces, bool)) -> Option<(Piece, (Pieces, bool))> {
    if is_over {
        return None;
    }
    match pieces.next().await {
        Ok(next) if next.is_empty() => None,
        Ok(next) => Some((Ok(Bytes::from(next.concat())), (pieces, false))),
        Err(error) => Some((Err(error), (pieces, true))),
    }
}

fn boundary(headers: &HeaderMap) -> Result<String> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.and_then(|text| multer::parse_boundary(text).ok()).ok_or_else(|| {
        Error::new(
            crate::error::Kind::UnsupportedMedia,
            "multipart_expected",
            "Send multipart/form-data with the parts file, name and slug.",
        )
    })
}

/// What is wrong with the body: our own word where reading it failed.
fn unreadable(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(cause) => Error::body_incomplete().because(cause.to_string()),
        },
        multer::Error::IncompleteStream
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteFieldData { .. } => Error::body_incomplete(),
        other => Error::malformed("bad_multipart", "This body is no multipart/form-data.").because(other),
    }
}

async fn take_file(mut field: Field<'_>, upload: &mut ImportUpload, taken: &AtomicU64) -> Result<()> {
    let (mut pieces, mut size) = (Vec::new(), 0);
    while let Some(piece) = field.chunk().await.map_err(unreadable)? {
        taken.fetch_add(piece.len() as u64, Relaxed);
        size += piece.len();
        pieces.push(piece);
        if size >= PIECE {
            upload.write(std::mem::take(&mut pieces)).await?;
            size = 0;
        }
    }
    upload.write(pieces).await
}

async fn read_text(mut field: Field<'_>, taken: &AtomicU64) -> Result<String> {
    let name = field.name().unwrap_or_default().to_owned();
    let mut text = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(unreadable)? {
        taken.fetch_add(piece.len() as u64, Relaxed);
        text.extend_from_slice(&piece);
        if text.len() > LONGEST_TEXT {
            return Err(Error::invalid_field(name, "too_long", "is too long"));
        }
    }
    String::from_utf8(text).map_err(|_| Error::invalid_field(name, "type", "must be text in UTF-8"))
}

fn import_in(mut texts: BTreeMap<String, String>) -> Result<ImportIn> {
    let mut flag = |name: &str| match texts.remove(name).as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(FieldError::new(name, "type", "must be true or false")),
    };
    let (preview, invite_members) = match (flag("preview"), flag("invite_members")) {
        (Ok(preview), Ok(invite_members)) => (preview, invite_members),
        (preview, invite) => {
            return Err(Error::invalid(preview.err().into_iter().chain(invite.err()).collect()));
        }
    };
    let mut text = |name: &str| texts.remove(name).filter(|text| !text.is_empty());
    Ok(ImportIn { name: text("name"), slug: text("slug"), preview, invite_members })
}

async fn list(State(installation): State<Arc<Installation>>, signed_in: SignedIn) -> Answer {
    let mine = imports::list_imports(&installation, &signed_in.principal).await?;
    Ok(super::list(&mine.iter().map(import_out).collect::<Vec<_>>(), None))
}

async fn get(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    Path(path): Path<ImportPath>,
) -> Answer<Json<Value>> {
    let import = imports::find_import(&installation, &signed_in.principal, path.id()?).await?;
    Ok(Json(import_out(&import)))
}

async fn apply(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    Path(path): Path<ImportPath>,
    body: Object,
) -> Answer {
    let mut fields = Fields::of(body);
    let input = ImportIn {
        name: fields.optional_text("name"),
        slug: fields.optional_text("slug"),
        preview: false,
        invite_members: fields.optional_flag("invite_members").unwrap_or_default(),
    };
    fields.finish()?;
    let applied =
        imports::apply_import(&installation, &signed_in.principal, path.id()?, &input, signed_in.by());
    Ok(accepted(&applied.await?))
}

async fn delete(
    State(installation): State<Arc<Installation>>,
    signed_in: SignedIn,
    Path(path): Path<ImportPath>,
    _: NoBody,
) -> Answer<StatusCode> {
    imports::delete_import(&installation, &signed_in.principal, path.id()?, signed_in.by()).await?;
    Ok(StatusCode::NO_CONTENT)
}
