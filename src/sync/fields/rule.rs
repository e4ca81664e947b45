//! The field rule: what to do about one setting that Kubernetes and coderd both hold.
//!
//! There is no stored base. Whoever owns the field decides: a *declared* field is pushed to coderd
//! (or, under `Observe`, only watched), every other one is *mirrored* from it. What moves towards
//! coderd is decided field by field ([`decide`]); what moves towards `spec` is one apply of one
//! complete set ([`mirrored_set`]), since a manager loses whatever its apply leaves out. The two
//! never touch the same field.
//!
//! Values are *canonical*: what is empty counts as absent on both sides, so that a field that one
//! side leaves out and the other sets to nothing is equal.

use serde_json::{Map, Value};

use super::ownership::{FieldPath, Ownership};
use crate::{
    api::status::{DriftPolicy, Refusal},
    sync::refusal::Refusals,
};

#[cfg(test)]
mod tests;

/// One setting as both sides have it.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldState {
    /// Where it is in `spec`.
    pub path: FieldPath<'static>,
    /// The managers other than ours that own it; it is declared if there is one.
    pub declared_by: Vec<String>,
    /// Whether our applies as `coderd` own it, alone or with others.
    pub held_by_coderd: bool,
    /// Whether no manager at all owns it: then it is absent from `spec`.
    pub unowned: bool,
    /// Whether the schema has no room for the value in coderd.
    pub is_unfit: bool,
    /// The canonical value in `spec`.
    pub wanted: Option<Value>,
    /// The canonical value in coderd.
    pub actual: Option<Value>,
}

/// What to do about one setting in coderd. It says nothing of `spec`; that is [`needs_apply`].
#[derive(Clone, Debug, PartialEq)]
pub enum FieldChange {
    /// Both sides agree.
    Equal,
    /// Both sides agree, and `coderd` co-owns the declared field: it lets go with the next apply.
    LetGo,
    /// Declared: coderd has to take `value` (none: it is to be cleared).
    Push {
        /// The declared value.
        value: Option<Value>,
    },
    /// Declared, but only watched.
    Drift {
        /// The declared value.
        wanted: Option<Value>,
        /// The value in coderd.
        actual: Option<Value>,
    },
    /// Mirrored: `spec` has to take `value` (none: the field is left out), unless it cannot
    /// ([`FieldState::unmirrored`]).
    Mirror {
        /// The value in coderd.
        value: Option<Value>,
    },
    /// Declared, but this very value had no success before; it is not sent again.
    Refused(Refusal),
}

impl FieldState {
    /// The state of the field at `path`, from the value in `spec` and the value in coderd.
    #[must_use]
    pub fn new(
        path: FieldPath<'_>,
        ownership: &Ownership,
        wanted: Option<Value>,
        actual: Option<Value>,
    ) -> Self {
        let declared_by = ownership.declared_by(&path);
        Self {
            declared_by: declared_by.into_iter().map(str::to_owned).collect(),
            held_by_coderd: ownership.held_by_coderd(&path),
            unowned: ownership.owners(&path).next().is_none(),
            is_unfit: false,
            path: path.into_owned(),
            wanted: wanted.and_then(canonical),
            actual: actual.and_then(canonical),
        }
    }

    /// Whether Kubernetes is the truth for it.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        !self.declared_by.is_empty()
    }

    /// How the declared value differs, for people.
    #[must_use]
    pub fn difference(&self) -> String {
        let (wanted, actual) = (shown(self.wanted.as_ref()), shown(self.actual.as_ref()));
        format!("{}: declared {wanted}, in Coder {actual}", self.path.name())
    }

    /// That the declared value was put back, for people.
    #[must_use]
    pub fn correction(&self) -> String {
        let (wanted, actual) = (shown(self.wanted.as_ref()), shown(self.actual.as_ref()));
        format!("{}: found {actual}, restored {wanted}", self.path.name())
    }

    /// How a field that nobody declares differs for good, and why it cannot be mirrored.
    #[must_use]
    pub fn unmirrored(&self) -> Option<String> {
        if self.is_declared() || self.path.is_item() || self.wanted == self.actual {
            return None;
        }
        let why = if self.is_unfit {
            "which spec cannot hold"
        } else if self.is_free() {
            return None;
        } else {
            "and its owner was lost or bears a name of the controller: apply it as yourself, or hand it \
             back with null"
        };
        let (wanted, actual) = (shown(self.wanted.as_ref()), shown(self.actual.as_ref()));
        let name = self.path.name();
        Some(format!("{name}: {wanted} here, in Coder {actual}, {why}"))
    }

    /// Whether an apply as `coderd` meets no other owner. Where only another manager of ours owns the
    /// field, it would fail with a conflict each time.
    fn is_free(&self) -> bool {
        self.held_by_coderd || self.unowned
    }

    /// What the next apply as `coderd` says of it; none: it leaves it out.
    fn applied_value(&self) -> Option<&Value> {
        if self.is_declared() || self.path.is_item() || !self.is_free() || self.is_unfit {
            None
        } else {
            self.actual.as_ref()
        }
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

/// Decides about one field. It never pushes what is not declared, so that removing a field from a
/// manifest hands it over as coderd has it.
#[must_use]
pub fn decide(field: &FieldState, policy: DriftPolicy, refusals: Refusals<'_>) -> FieldChange {
    if field.wanted == field.actual {
        return if field.is_declared() && field.held_by_coderd {
            FieldChange::LetGo
        } else {
            FieldChange::Equal
        };
    }
    if !field.is_declared() {
        return FieldChange::Mirror {
            value: field.actual.clone(),
        };
    }
    match policy {
        DriftPolicy::Observe => FieldChange::Drift {
            wanted: field.wanted.clone(),
            actual: field.actual.clone(),
        },
        DriftPolicy::Enforce => match refusals.of(&field.path.name(), field.wanted.as_ref()) {
            Some(refusal) => FieldChange::Refused(refusal.clone()),
            None => FieldChange::Push {
                value: field.wanted.clone(),
            },
        },
    }
}

/// The fields of `spec` that manager `coderd` has to apply, all of them, whatever of them changed.
///
/// `fields` must be complete: what is not in it is let go, and removed where nobody else owns it. It
/// must hold `organization`, or the apply of an imported object's last field would be refused. Items
/// of list maps are never mirrored.
#[must_use]
pub fn mirrored_set(fields: &[FieldState]) -> Map<String, Value> {
    fields
        .iter()
        .filter_map(|field| Some((field.path.name(), field.applied_value()?.clone())))
        .collect()
}

/// Whether applying [`mirrored_set`] would change anything: a value, or what `coderd` owns.
#[must_use]
pub fn needs_apply(fields: &[FieldState]) -> bool {
    fields.iter().any(|field| match field.applied_value() {
        Some(value) => !field.held_by_coderd || field.wanted.as_ref() != Some(value),
        None => field.held_by_coderd,
    })
}

/// `value`, or none where it is empty: null, `""`, `[]` or `{}`. `false` and `0` are values.
#[must_use]
pub fn canonical(value: Value) -> Option<Value> {
    let empty = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    (!empty).then_some(value)
}

/// A duration in which 0 means none.
#[must_use]
pub fn canonical_millis(millis: i64) -> Option<i64> {
    (millis > 0).then_some(millis)
}

/// A workspace's autostop as coderd keeps it: whole minutes, and none below one.
#[must_use]
pub fn canonical_ttl(millis: i64) -> Option<i64> {
    const MINUTE: i64 = 60_000;
    canonical_millis(millis / MINUTE * MINUTE)
}
