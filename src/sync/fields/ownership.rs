//! Who owns a field of `spec`, from `metadata.managedFields`.
//!
//! A field that a manager other than ours owns is *declared*: Kubernetes is the truth for it. Every
//! other field mirrors coderd. To read too few claims out of the record would let coderd's values
//! replace what somebody declared, so each doubt is decided in favour of a declaration:
//!
//! - Fields are looked at as the schema sees them: all fields of `spec` are owned as a whole, save
//!   the list maps, whose items are. So a claim *inside* an atomic field or item (a leftover of an
//!   older, granular schema, also one of an item's key only) is a claim on all of it; the API server
//!   turns it into that with its next write. A bare `f:spec: {}` or `f:parameters: {}` says that the
//!   object or list is there and claims nothing in it.
//! - An entry that cannot be understood (other group, other format, malformed) claims every field
//!   that is present if its manager is foreign, and nothing if it is ours. Other versions of our
//!   group are read as they are.
//! - What is present and has no owner lost its record (managedFields were reset or stripped), since
//!   neither an apply nor an update leaves such a field behind. It belongs to [`BEFORE_FIRST_APPLY`],
//!   to which the API server gives it with the next apply, but only if that comes before any write of
//!   `status`. After one, an apply takes a field without an owner silently, without a conflict.
//!
//! Where the external object was made in coderd, most of what lost its record is what coderd had: there it is
//! nobody's order. It is neither pushed nor overwritten until somebody declares it again.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value};

use crate::api::{
    GROUP,
    names::{MANAGER_CODERD, OWN_MANAGERS},
};

#[cfg(test)]
mod tests;

/// The manager to which the API server gives all fields of an object that has no managedFields.
pub const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// The fields of `spec` that are owned item by item. The items, and all other fields, are owned as a
/// whole. A test holds this against the schema.
const LIST_MAPS: [&str; 2] = ["parameters", "variables"];

/// The key of the items of all [`LIST_MAPS`].
const ITEM_KEY: &str = "name";

/// Something in `spec` that can be owned: a field, or an item of a list map.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldPath<'a> {
    field: Cow<'a, str>,
    /// Key and value that tell the item from others.
    item: Option<(Cow<'a, str>, Cow<'a, str>)>,
}

/// The operation by which a manager came to own a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Server-side apply: the manager lets go of what it leaves out.
    Apply,
    /// Any other write: the manager lets go only when the field is removed or changed by another.
    Update,
}

/// A manager that owns a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// The manager's name.
    pub manager: String,
    /// How it came to own the field.
    pub operation: Operation,
}

/// The owners of everything in one object's `spec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    claims: BTreeMap<FieldPath<'static>, BTreeSet<Owner>>,
    /// Whether what lost its record declares nothing.
    holds_lost: bool,
}

impl<'a> FieldPath<'a> {
    /// The field `spec.<field>`.
    #[must_use]
    pub const fn spec(field: &'a str) -> Self {
        Self {
            field: Cow::Borrowed(field),
            item: None,
        }
    }

    /// The item of the list map `spec.<list>` in which `key` is `value`.
    #[must_use]
    pub const fn spec_item(list: &'a str, key: &'a str, value: &'a str) -> Self {
        Self {
            field: Cow::Borrowed(list),
            item: Some((Cow::Borrowed(key), Cow::Borrowed(value))),
        }
    }

    /// The same path, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> FieldPath<'static> {
        let owned = |part: Cow<'a, str>| Cow::Owned(part.into_owned());
        FieldPath {
            field: owned(self.field),
            item: self.item.map(|(key, value)| (owned(key), owned(value))),
        }
    }

    /// The path within `spec`, such as `ttlMillis` or `parameters[name="cpu"]`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.item {
            None => self.field.clone().into_owned(),
            Some((key, value)) => format!("{}[{key}={value:?}]", self.field),
        }
    }

    /// Whether this is an item of a list map.
    #[must_use]
    pub fn is_item(&self) -> bool {
        self.item.is_some()
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "spec.{}", self.name())
    }
}

impl Owner {
    /// Whether the manager is none of ours, so that what it owns is declared. We only ever apply to
    /// `spec`: a client that borrowed one of our names and updates is somebody else.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.operation != Operation::Apply || !OWN_MANAGERS.contains(&self.manager.as_str())
    }

    fn of(entry: &ManagedFieldsEntry) -> Self {
        Self {
            manager: entry.manager.clone().unwrap_or_default(),
            operation: match entry.operation.as_deref() {
                Some("Apply") => Operation::Apply,
                _ => Operation::Update,
            },
        }
    }
}

impl Ownership {
    /// Reads the `managedFields` of an object with this `spec` (null where it has none).
    ///
    /// `spec` is needed because a claim that had to be assumed covers only what is present: a field
    /// that is absent and counted as declared would be pushed to coderd as its removal.
    #[must_use]
    pub fn of(managed_fields: &[ManagedFieldsEntry], spec: &Value) -> Self {
        let mut ownership = Self {
            claims: BTreeMap::new(),
            holds_lost: false,
        };
        for entry in managed_fields {
            // `status` is written through its own subresource and owns nothing in spec.
            if entry
                .subresource
                .as_deref()
                .is_some_and(|it| !it.is_empty())
            {
                continue;
            }
            let owner = Owner::of(entry);
            match claims_of(entry) {
                Some(claims) => ownership.add(claims, &owner),
                None if owner.is_foreign() => ownership.add(present_in(spec), &owner),
                None => {}
            }
        }
        let mut lost = present_in(spec);
        lost.retain(|path| !ownership.claims.contains_key(path));
        let unknown = Owner {
            manager: BEFORE_FIRST_APPLY.to_owned(),
            operation: Operation::Update,
        };
        ownership.add(lost, &unknown);
        ownership
    }

    /// The ownership where the external object was made in coderd, if it was.
    #[must_use]
    pub fn made_in_coderd(mut self, was: bool) -> Self {
        self.holds_lost = was;
        self
    }

    /// Whether `owner` declares what it owns.
    fn declares(&self, owner: &Owner) -> bool {
        owner.is_foreign() && !(self.holds_lost && owner.manager == BEFORE_FIRST_APPLY)
    }

    fn add(&mut self, claims: Vec<FieldPath<'static>>, owner: &Owner) {
        for claim in claims {
            self.claims.entry(claim).or_default().insert(owner.clone());
        }
    }

    /// All owners of `path`, in the order of their names.
    pub fn owners<'a>(&'a self, path: &FieldPath<'_>) -> impl Iterator<Item = &'a Owner> + use<'a> {
        let claimed = self.claims.iter().find(|(claim, _)| *claim == path);
        claimed.into_iter().flat_map(|(_, owners)| owners)
    }

    /// Whether a manager other than ours owns `path`.
    #[must_use]
    pub fn declared(&self, path: &FieldPath<'_>) -> bool {
        self.owners(path).any(|owner| self.declares(owner))
    }

    /// The names of the managers other than ours that own `path`, in order, each once.
    #[must_use]
    pub fn declared_by(&self, path: &FieldPath<'_>) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .owners(path)
            .filter(|owner| self.declares(owner))
            .map(|owner| owner.manager.as_str())
            .collect();
        // Owners are sorted by name first, so the same manager's two operations are neighbours.
        names.dedup();
        names
    }

    /// Whether our own applies as `coderd` own `path`: leaving it out of the next one lets it go.
    #[must_use]
    pub fn held_by_coderd(&self, path: &FieldPath<'_>) -> bool {
        self.owners(path)
            .any(|owner| owner.manager == MANAGER_CODERD && owner.operation == Operation::Apply)
    }

    /// Whether a manager other than ours owns anything in `spec`: the object is declared, not merely
    /// imported.
    #[must_use]
    pub fn declares_anything(&self) -> bool {
        let mut owners = self.claims.values().flatten();
        owners.any(|owner| self.declares(owner))
    }

    /// The names of the declared items of the list map `spec.<list>`.
    #[must_use]
    pub fn declared_items(&self, list: &str) -> BTreeSet<String> {
        self.claims
            .iter()
            .filter(|(path, _)| path.field == list && self.declared(path))
            .filter_map(|(path, _)| {
                path.item
                    .as_ref()
                    .map(|(_, name)| name.clone().into_owned())
            })
            .collect()
    }

    /// Whether what lost its record is held, and declares nothing.
    #[must_use]
    pub fn holds_lost(&self) -> bool {
        self.holds_lost
    }

    /// Whether a record of owners was lost.
    #[must_use]
    pub fn from_reset(&self) -> bool {
        self.claims
            .values()
            .flatten()
            .any(|owner| owner.manager == BEFORE_FIRST_APPLY)
    }
}

/// What `entry` claims in `spec`; none where the entry cannot be understood.
fn claims_of(entry: &ManagedFieldsEntry) -> Option<Vec<FieldPath<'static>>> {
    let (group, _) = entry.api_version.as_deref()?.split_once('/')?;
    if group != GROUP || entry.fields_type.as_deref() != Some("FieldsV1") {
        return None;
    }
    let Some(fields) = &entry.fields_v1 else {
        return Some(Vec::new());
    };
    match fields.0.as_object()?.get("f:spec") {
        None => Some(Vec::new()),
        Some(spec) => claims_in_spec(spec.as_object()?),
    }
}

fn claims_in_spec(fields: &Map<String, Value>) -> Option<Vec<FieldPath<'static>>> {
    let mut claims = Vec::new();
    for (key, inner) in fields.iter().filter(|(key, _)| *key != ".") {
        let field = key.strip_prefix("f:")?;
        if LIST_MAPS.contains(&field) {
            claims.extend(claims_in_list(field, inner.as_object()?)?);
        } else {
            claims.push(FieldPath::spec(field).into_owned());
        }
    }
    Some(claims)
}

fn claims_in_list(list: &str, items: &Map<String, Value>) -> Option<Vec<FieldPath<'static>>> {
    if items.is_empty() {
        return Some(vec![FieldPath::spec(list).into_owned()]);
    }
    items
        .keys()
        .map(|key| match key.strip_prefix("k:") {
            None if key == "." => Some(FieldPath::spec(list).into_owned()),
            None => None,
            Some(item) => {
                let item: BTreeMap<String, String> = serde_json::from_str(item).ok()?;
                let name = item.get(ITEM_KEY).filter(|_| item.len() == 1)?;
                Some(FieldPath::spec_item(list, ITEM_KEY, name).into_owned())
            }
        })
        .collect()
}

/// All fields and items in `spec`. A list map as such is none: an apply owns its items only.
fn present_in(spec: &Value) -> Vec<FieldPath<'static>> {
    let mut paths = Vec::new();
    for (field, value) in spec.as_object().into_iter().flatten() {
        if LIST_MAPS.contains(&field.as_str()) {
            let items = value.as_array().into_iter().flatten();
            let names = items.filter_map(|item| item.get(ITEM_KEY)?.as_str());
            let item = |name| FieldPath::spec_item(field, ITEM_KEY, name).into_owned();
            paths.extend(names.map(item));
        } else if !value.is_null() {
            paths.push(FieldPath::spec(field).into_owned());
        }
    }
    paths
}
