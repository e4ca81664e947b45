//! For tests: one object as an API server keeps it, with the owners of its fields.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the one variant that it expects"
)]

mod model;
pub(crate) mod order;
mod scenario;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

pub(crate) use self::{
    model::{Looked, World, look},
    scenario::{DEPLOYMENT, Scenario, Testable, US, failure},
};
use uuid::Uuid;

use crate::api::{
    names::{FINALIZER, LABEL_ORIGIN, MANAGER_CODERD},
    status::Origin,
};

pub(crate) const USER: &str = "kubectl";

/// The id that is written so, or one that is meant by the name.
pub(crate) fn id(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    for (place, byte) in bytes.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    name.parse().unwrap_or(Uuid::from_bytes(bytes))
}

pub(crate) fn at(time: &str) -> Timestamp {
    format!("2026-11-21T{time}Z").parse().unwrap()
}

/// The status that the API server shows before anybody wrote one.
pub(crate) fn unwritten() -> Value {
    json!({"observedGeneration": -1})
}

/// One object. Every field of `spec` is owned as a whole here, items of list maps by their names.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) spec: Map<String, Value>,
    pub(crate) owners: BTreeMap<String, BTreeSet<String>>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) has_finalizer: bool,
    pub(crate) is_terminating: bool,
    pub(crate) generation: i64,
    pub(crate) status: Value,
}

impl Stored {
    /// An object that `manager` applied.
    pub(crate) fn applied(kind: &'static str, name: &str, manager: &str, spec: &Value) -> Self {
        let mut stored = Self {
            kind,
            name: name.to_owned(),
            spec: Map::new(),
            owners: BTreeMap::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            has_finalizer: false,
            is_terminating: false,
            generation: 1,
            status: unwritten(),
        };
        stored
            .apply(manager, spec.as_object().unwrap(), false)
            .unwrap();
        stored.generation = 1;
        stored
    }

    /// Server-side apply of a complete set.
    pub(crate) fn apply(
        &mut self,
        manager: &str,
        set: &Map<String, Value>,
        force: bool,
    ) -> Result<(), String> {
        let before = self.spec.clone();
        for (field, value) in set {
            let owners = self.owners.entry(field.clone()).or_default();
            let others = owners.iter().any(|owner| owner != manager);
            if others && self.spec.get(field) != Some(value) {
                if !force {
                    return Err(format!("409: {field} is owned by {owners:?}"));
                }
                owners.clear();
            }
            owners.insert(manager.to_owned());
            self.spec.insert(field.clone(), value.clone());
        }
        for (field, owners) in &mut self.owners {
            if !set.contains_key(field) && owners.remove(manager) && owners.is_empty() {
                self.spec.remove(field);
            }
        }
        self.owners.retain(|_, owners| !owners.is_empty());
        self.generation += i64::from(self.spec != before);
        Ok(())
    }

    /// A forced apply of what `manager` applied before, with `field` as given; none removes it.
    pub(crate) fn edit(&mut self, manager: &str, field: &str, value: Option<Value>) {
        let owned = |owners: &BTreeSet<String>| owners.contains(manager);
        let fields = self.owners.iter().filter(|(_, owners)| owned(owners));
        let mut set: Map<_, _> = fields
            .map(|(field, _)| (field.clone(), self.spec[field].clone()))
            .collect();
        match value {
            Some(value) => set.insert(field.to_owned(), value),
            None => set.remove(field),
        };
        self.apply(manager, &set, true).unwrap();
    }

    pub(crate) fn delete(&mut self) {
        if !self.is_terminating {
            self.is_terminating = true;
            self.generation += 1;
        }
    }

    pub(crate) fn label(&mut self, origin: Origin) {
        self.labels
            .insert(LABEL_ORIGIN.to_owned(), origin.as_str().to_owned());
    }

    pub(crate) fn annotate(&mut self, name: &str, value: &str) {
        self.annotations.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn set_status(&mut self, status: &impl Serialize) {
        self.status = serde_json::to_value(status).unwrap();
    }

    /// The object as a client reads it.
    pub(crate) fn object<K: DeserializeOwned>(&self) -> K {
        let mut managers: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for (field, owners) in &self.owners {
            let claim = match (field.as_str(), &self.spec[field]) {
                ("parameters" | "variables", Value::Array(items)) => {
                    let key = |item: &Value| format!("k:{}", json!({"name": item["name"]}));
                    let claim = |item: &Value| (key(item), json!({".": {}, "f:name": {}}));
                    Value::Object(items.iter().map(claim).collect())
                }
                _ => json!({}),
            };
            for owner in owners {
                let claims = managers.entry(owner).or_default();
                claims.insert(format!("f:{field}"), claim.clone());
            }
        }
        let entry = |(manager, claims): (&str, Map<String, Value>)| {
            json!({
                "apiVersion": "coder.com/v1alpha1",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": claims},
                "manager": manager,
                "operation": "Apply",
                "time": "2026-11-21T10:00:00Z",
            })
        };
        let status = json!({
            "apiVersion": "coder.com/v1alpha1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:status": {}},
            "manager": "coder-k8s",
            "operation": "Apply",
            "subresource": "status",
        });
        let entries: Vec<_> = managers.into_iter().map(entry).chain([status]).collect();
        let mut object = json!({
            "apiVersion": "coder.com/v1alpha1",
            "kind": self.kind,
            "metadata": {
                "name": self.name,
                "namespace": "coder",
                "uid": "8a4c4a62-0f4e-4f1c-9d55-2f7a3a1d7b11",
                "resourceVersion": "1",
                "generation": self.generation,
                "labels": self.labels,
                "annotations": self.annotations,
                "managedFields": entries,
            },
            "spec": self.spec,
        });
        if self.has_finalizer {
            object["metadata"]["finalizers"] = json!([FINALIZER]);
        }
        if self.is_terminating {
            object["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
        }
        if !self.status.is_null() {
            object["status"] = self.status.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    pub(crate) fn is_mirrored(&self, field: &str) -> bool {
        let owners = self.owners.get(field);
        owners.is_some_and(|owners| owners.iter().eq([MANAGER_CODERD]))
    }
}
