//! One error type with two texts: what the client may read, and the cause that only the log sees.
//!
//! It knows nothing of HTTP; `http::problem` is the one place that turns a [`Kind`] into a status.

mod cause;
mod refusal;

use cause::is_short_of_storage;
use std::borrow::Cow;
use std::fmt;

/// The result of everything that can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What sort of failure it is. The order is that of the status codes in API "Errors".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be understood.
    Malformed,
    /// Nobody is signed in, or the session is dead.
    Unauthenticated,
    /// Money or the plan has to change first.
    PaymentRequired,
    /// A member without the permission.
    Forbidden,
    /// Unknown, or not the caller's to know about.
    NotFound,
    /// The thing exists and cannot be treated this way (a write to a view).
    NotAllowed,
    /// In conflict with what is stored.
    Conflict,
    /// It was there and is no longer kept.
    Gone,
    /// The precondition named an older state.
    Stale,
    /// More bytes than are taken.
    TooLarge,
    /// A part of something that has no such part.
    OutOfRange,
    /// Not a media type that is understood here.
    UnsupportedMedia,
    /// Understood, and not valid; `fields` says where.
    Invalid,
    /// Too often; waiting helps.
    TooMany,
    /// Overloaded, or the tenant's file cannot be served now.
    Unavailable,
    /// Our own deadline passed.
    DeadlinePassed,
    /// A fault of ours.
    Internal,
}

/// One field that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field's name as the client wrote it; an element of an array is `[3].name`.
    pub field: String,
    /// A stable word for programs.
    pub code: Cow<'static, str>,
    /// A sentence for people.
    pub message: String,
}

impl FieldError {
    /// A field error out of its three parts.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> FieldError {
        FieldError { field: field.into(), code: Cow::Borrowed(code), message: message.into() }
    }
}

/// A failure with a public text and a private cause.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    permission: Option<&'static str>,
    retry_after_s: Option<u32>,
    members: Vec<(&'static str, serde_json::Value)>,
    cause: Option<Cause>,
}

impl Error {
    /// An error of a kind, with a stable `code` and a `detail` that says what to do next.
    pub fn new(
        kind: Kind,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Error {
        Error(Box::new(Inner {
            kind,
            code: code.into(),
            detail: detail.into(),
            fields: Vec::new(),
            permission: None,
            retry_after_s: None,
            members: Vec::new(),
            cause: None,
        }))
    }

    /// 400: the request cannot be understood.
    pub fn malformed(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Error {
        Error::new(Kind::Malformed, code, detail)
    }

    /// 401: sign in first.
    pub fn unauthenticated(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Error {
        Error::new(Kind::Unauthenticated, code, detail)
    }

    /// 404, the same words for what does not exist and what is another tenant's.
    pub fn not_found() -> Error {
        Error::new(Kind::NotFound, "not_found", "There is nothing here that you can see.")
    }

    /// 403 with the name of the permission that is missing.
    pub fn forbidden(permission: &'static str) -> Error {
        let mut error = Error::new(
            Kind::Forbidden,
            "permission_missing",
            format!("This needs the permission {permission}; ask an owner or admin of the tenant."),
        );
        error.0.permission = Some(permission);
        error
    }

    /// The same with words of its own, where the permission is missing for one thing only.
    pub fn forbidden_here(permission: &'static str, detail: impl Into<Cow<'static, str>>) -> Error {
        let mut error = Error::forbidden(permission);
        error.0.detail = detail.into();
        error
    }

    /// 409: in conflict with what is stored.
    pub fn conflict(code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Error {
        Error::new(Kind::Conflict, code, detail)
    }

    /// 422 with the fields at fault. At least one field is expected.
    pub fn invalid(fields: Vec<FieldError>) -> Error {
        let detail = match fields.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            many => format!("{} fields are not valid; see `errors`.", many.len()),
        };
        let mut error = Error::new(Kind::Invalid, "invalid", detail);
        error.0.fields = fields;
        error
    }

    /// 422 for one field.
    pub fn invalid_field(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Error {
        Error::invalid(vec![FieldError::new(field, code, message)])
    }

    /// 503 with the seconds after which another try makes sense.
    pub fn unavailable(
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
        retry_after_s: u32,
    ) -> Error {
        let mut error = Error::new(Kind::Unavailable, code, detail);
        error.0.retry_after_s = Some(retry_after_s);
        error
    }

    /// 503: the disk is full or cannot be written.
    pub fn storage_unavailable() -> Error {
        Error::unavailable(
            "storage_unavailable",
            "The disk refuses to write or open files; nothing was changed. Try again later.",
            10,
        )
    }

    /// 429 with the seconds after which another try makes sense.
    pub fn too_many(code: &'static str, detail: impl Into<Cow<'static, str>>, retry_after_s: u32) -> Error {
        let mut error = Error::new(Kind::TooMany, code, detail);
        error.0.retry_after_s = Some(retry_after_s);
        error
    }

    /// 500: the client learns nothing, the log learns the cause. If that comes down to a full disk or to descriptors
    /// that ran out, which are nobody's fault, 503.
    pub fn internal(cause: impl Into<Cause>) -> Error {
        let cause = cause.into();
        if is_short_of_storage(&*cause) {
            return Error::storage_unavailable().because(cause);
        }
        Error::new(
            Kind::Internal,
            "internal",
            "Something went wrong on our side. Try again; if it stays, give the operator the request id.",
        )
        .because(cause)
    }

    /// Attaches the private cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Error {
        self.0.cause = Some(cause.into());
        self
    }

    /// Attaches the fields at fault, for kinds other than [`Kind::Invalid`] (a 409 names columns).
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Error {
        self.0.fields = fields;
        self
    }

    /// Adds a number of a name of its own to what the client is told.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> Error {
        self.0.members.push((name, value.into()));
        self
    }

    /// Puts `[index].` before each field's name, for elements of an array.
    #[must_use]
    pub fn at_element(mut self, index: usize) -> Error {
        for field in &mut self.0.fields {
            field.field = format!("[{index}].{}", field.field);
        }
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }
    /// The stable word for programs.
    pub fn code(&self) -> &str {
        &self.0.code
    }
    /// The public sentence.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }
    /// The fields at fault.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }
    /// The permission whose absence was the reason.
    pub fn permission(&self) -> Option<&'static str> {
        self.0.permission
    }
    /// Seconds after which another try makes sense.
    pub fn retry_after_s(&self) -> Option<u32> {
        self.0.retry_after_s
    }
    /// Numbers with names of their own.
    pub fn members(&self) -> &[(&'static str, serde_json::Value)] {
        &self.0.members
    }
    /// The private cause, for the log alone.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.cause.as_deref()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.0.kind, self.0.code, self.0.detail)?;
        for field in &self.0.fields {
            write!(f, " [{} {}]", field.field, field.code)?;
        }
        if let Some(cause) = &self.0.cause {
            write!(f, " (cause: {cause})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| &**cause as &(dyn std::error::Error + 'static))
    }
}
