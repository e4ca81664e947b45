//! Users: whose workspaces are made, and whom the token belongs to.

use serde::Deserialize;
use uuid::Uuid;

use super::{client::Client, error::Error, request::Request, wire::open_enum};

open_enum! {
    /// Whether a user may work. A dormant one becomes active by using a token.
    UserStatus {
        /// May work.
        Active = "active",
        /// Has not been seen for long.
        Dormant = "dormant",
        /// Is locked out: its tokens get 401.
        Suspended = "suspended",
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Stays the same when the user is renamed.
    pub id: Uuid,
    /// The unique name, in the case it was given.
    pub username: String,
    /// Whether it may work.
    pub status: UserStatus,
}

impl Client {
    /// Reads a user by name (in any case), by id, or `me`: the one the token belongs to.
    ///
    /// [`Error::is_not_found`] also for users that the token may not read.
    pub async fn user(&self, name: &str) -> Result<User, Error> {
        self.json(Request::get("/users/{user}").with(name)).await
    }
}
