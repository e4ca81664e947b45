//! Changes of a template in coderd.

use serde_json::{Value, json};
use uuid::Uuid;

use super::declared::FILES;
use crate::sync::guard::FIELD_CREATE;

/// One change of coderd.
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
    Create(NewTemplate),
    /// Make a version the active one.
    Promote(Uuid),
    /// Set one of the fields of the metadata.
    SetMetadata {
        /// The field's name in `spec`.
        field: &'static str,
        /// Its value; "" clears it.
        value: String,
    },
    /// Delete the template.
    Delete,
}

/// A template to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTemplate {
    /// Its name.
    pub name: String,
    /// Its first version.
    pub version_id: Uuid,
    /// The name that Coder shows.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Its icon.
    pub icon: String,
}

impl Effect {
    /// The field that it is about, or the request, and what it asks for.
    pub fn asked(&self) -> (&'static str, Value) {
        match self {
            // The name says which files may be run.
            Self::CreateVersion {
                name, template_id, ..
            } => (FILES, json!([name, template_id])),
            Self::Unarchive(id) => (FILES, json!(["unarchive", id])),
            Self::Promote(id) => (FILES, json!(["promote", id])),
            Self::Create(NewTemplate {
                name,
                version_id,
                display_name,
                description,
                icon,
            }) => {
                let asked = json!([name, version_id, display_name, description, icon]);
                (FIELD_CREATE, asked)
            }
            Self::SetMetadata { field, value } => (field, json!(value)),
            Self::Delete => ("delete", Value::Null),
        }
    }
}
