//! Answers that look like coderd's.

use serde_json::{Value, json};

/// An answer given in coderd's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) retry_after: Option<u32>,
}

impl Answer {
    /// Any status, with a message and a detail in coderd's form.
    #[must_use]
    pub fn new(status: u16, message: &str, detail: &str) -> Self {
        let body = if detail.is_empty() {
            json!({ "message": message })
        } else {
            json!({ "message": message, "detail": detail })
        };
        Self {
            status,
            body: body.to_string(),
            retry_after: None,
        }
    }

    /// 200, with any body.
    #[must_use]
    pub fn json(body: &Value) -> Self {
        Self {
            status: 200,
            body: body.to_string(),
            retry_after: None,
        }
    }

    /// 401: the token is not valid (any more).
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(
            401,
            "You are signed out or your session has expired.",
            "API key is invalid.",
        )
    }

    /// 403.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(403, "Forbidden.", "")
    }

    /// 404: absent, or not to be seen with these rights.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            404,
            "Resource not found or you do not have access to this resource",
            "",
        )
    }

    /// 429, with the seconds to wait.
    #[must_use]
    pub fn too_many_requests(retry_after: u32) -> Self {
        let message = "You've been rate limited for sending too many requests!";
        Self {
            retry_after: Some(retry_after),
            ..Self::new(429, message, "")
        }
    }

    /// 500 with a detail, for example `unauthorized: rbac: forbidden`.
    #[must_use]
    pub fn internal_error(detail: &str) -> Self {
        Self::new(500, "An internal server error occurred.", detail)
    }
}
