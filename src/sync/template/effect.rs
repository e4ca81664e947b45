//! Changes of a template in coderd.

use serde_json::{Value, json};
use uuid::Uuid;

use super::declared::{FILES, VERSION_ID};
use crate::{coderd::types::NewTemplate, sync::rules::guard::FIELD_CREATE};

/// One change of coderd other than of fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Upload the declared source and begin to import it.
    CreateVersion {
        /// The version's name.
        name: String,
        /// The template it is for; none where it is to create one.
        template_id: Option<Uuid>,
        /// The files that may be run.
        executables: Vec<String>,
    },
    /// Bring an archived version back.
    Unarchive(Uuid),
    /// Create the template from a version.
    Create(Box<NewTemplate>),
    /// Make a version the active one.
    Promote(Uuid),
    /// Make the declared version the active one.
    PromotePinned(Uuid),
    /// Delete the template.
    Delete,
}

impl Effect {
    /// The field that it is about, or the request, and what it asks for.
    pub fn refusal_key(&self) -> (&'static str, Value) {
        match self {
            // The name says which files may be run.
            Self::CreateVersion {
                name, template_id, ..
            } => (FILES, json!([name, template_id])),
            Self::Unarchive(id) => (FILES, json!(["unarchive", id])),
            Self::Promote(id) => (FILES, json!(["promote", id])),
            Self::PromotePinned(id) => (VERSION_ID, json!(id)),
            Self::Create(new) => (FIELD_CREATE, json!(new)),
            Self::Delete => ("delete", Value::Null),
        }
    }
}
