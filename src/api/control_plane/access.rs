//! Secrets that lead to a Coder and its database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A key of a Secret in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeySelector {
    /// The Secret's name.
    #[serde(default)]
    pub name: String,
    /// The key; what it is without one, the field says that refers to the Secret.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
}

/// How the controller gets a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorAccess {
    /// Whether the controller leaves this Coder alone: no token is made, and its workspaces and templates are no
    /// objects.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// The Secret that the controller keeps its token in. Absent: the control plane's name with -operator-token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_token_secret_name: Option<String>,
}

/// The database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// The Secret and key with the URL of the PostgreSQL database: postgres:// or postgresql://.
    pub connection_secret_ref: RequiredSecretKey,
}

/// A key of a Secret in the same namespace, both named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequiredSecretKey {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_false(value: &bool) -> bool {
    !value
}
