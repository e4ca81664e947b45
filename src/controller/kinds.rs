//! Whether the CRDs in the cluster will do for this program.
//!
//! With an older CRD every status is refused whole: each look would fail, be tried again, and leave no
//! word on the object. So a kind whose CRD lacks something is left alone, and readiness and one line in
//! the log say which CRD to apply. A CRD that cannot be read, or is being removed, is not held against
//! its kind.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use tokio::time::sleep;

use super::{Controller, Key};
use crate::{
    api::{crd, template::CoderTemplate, text::chain, workspace::CoderWorkspace},
    k8s::crd::{Installed, installed},
};

/// So many missing fields are named.
const NAMED: usize = 3;

/// What is known of each CRD, by its name.
#[derive(Debug, Default)]
pub(super) struct Kinds(Mutex<BTreeMap<String, Seen>>);

/// A CRD as it was compared.
#[derive(Debug, Default)]
struct Seen {
    /// Which CRD, in which state of its `spec`.
    version: Option<(String, i64)>,
    /// What it lacks, for people.
    lack: Option<String>,
    /// Whether that it cannot be read was said.
    is_unreadable: bool,
}

/// Compares again and again.
pub(super) async fn run(controller: Arc<Controller>) {
    loop {
        // As often as coderd is looked at, for somebody may wait for it.
        sleep(controller.settings.sweep_interval).await;
        compare(&controller).await;
    }
}

/// Compares the CRDs in the cluster with our own, where they have changed.
pub(super) async fn compare(controller: &Controller) {
    let kinds = &controller.kinds;
    for ours in crd::all() {
        let name = ours.metadata.name.clone().unwrap_or_default();
        let known = kinds.with(&name, |seen| seen.version.clone());
        match installed(&controller.settings.kube, &name, known.as_ref()).await {
            Ok(Installed::Unchanged) => {}
            Ok(Installed::Going) => controller.found(&name, None, None),
            Ok(Installed::Changed(version, found)) => {
                let lack = lack(&name, &ours, &found);
                controller.found(&name, Some(version), lack);
            }
            Err(error) => {
                let is_news = kinds.with(&name, |seen| {
                    !std::mem::replace(&mut seen.is_unreadable, true)
                });
                if is_news {
                    let error = chain(&error);
                    tracing::warn!(error, "it cannot be told whether {name} will do");
                }
            }
        }
    }
}

/// What `installed` lacks, for people.
fn lack(
    name: &str,
    ours: &CustomResourceDefinition,
    installed: &CustomResourceDefinition,
) -> Option<String> {
    let lacks = crd::lack::lacks(ours, installed);
    if lacks.is_empty() {
        return None;
    }
    let named: Vec<&str> = lacks.iter().take(NAMED).map(String::as_str).collect();
    let named = named.join(", ");
    let more = match lacks.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "the CRD {name} is older than this program: it lacks {named}{more}. Until it is replaced, \
         nothing is done about its objects: coder-k8s crds | kubectl apply --server-side -f -"
    ))
}

impl Kinds {
    /// Whether the CRD of what `key` names will do.
    pub(super) fn will_do(&self, key: &Key) -> bool {
        self.with(key.crd_name(), |seen| seen.lack.is_none())
    }

    /// What the CRDs lack.
    fn lacks(&self) -> Option<String> {
        let kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lacks: Vec<String> = kinds
            .values()
            .filter_map(|seen| seen.lack.clone())
            .collect();
        (!lacks.is_empty()).then(|| lacks.join("; "))
    }

    fn with<T>(&self, name: &str, look: impl FnOnce(&mut Seen) -> T) -> T {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(kinds.entry(name.to_owned()).or_default())
    }
}

impl Controller {
    /// Takes event of a CRD; where it will do now, the objects that had to wait are looked at.
    fn found(&self, name: &str, version: Option<(String, i64)>, lack: Option<String>) {
        let now = Seen {
            version,
            lack: lack.clone(),
            is_unreadable: false,
        };
        let before = self
            .kinds
            .with(name, |seen| std::mem::replace(seen, now))
            .lack;
        if before == lack {
            return;
        }
        let lacks = self.kinds.lacks();
        self.progressed(|progress| progress.lacks = lacks);
        if let Some(lack) = lack {
            tracing::error!("{lack}");
        } else {
            tracing::info!("the CRD {name} will do now");
            let mut waiting = self.inventory.objects();
            waiting.retain(|key| key.crd_name() == name);
            self.look_at(waiting);
        }
    }
}

impl Key {
    fn crd_name(&self) -> &'static str {
        match self {
            Self::Workspace(_) | Self::ImportWorkspace(_) => CoderWorkspace::crd_name(),
            Self::Template(_) | Self::ImportTemplate(_) => CoderTemplate::crd_name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_the_first_fields_and_how_many_more() {
        let ours = crd::all().remove(0);
        let mut older = ours.clone();
        assert_eq!(lack("x", &ours, &older), None);
        let schema = older.spec.versions[0].schema.as_mut().unwrap();
        let root = schema.open_api_v3_schema.as_mut().unwrap();
        let fields = root.properties.as_mut().unwrap();
        let status = fields.get_mut("status").unwrap().properties.as_mut();
        status.unwrap().retain(|name, _| name == "conditions");
        let told = lack("x", &ours, &older).unwrap();
        let begins = "the CRD x is older than this program: it lacks status.activeVersionID, \
                      status.activeVersionName, status.autoShutdown and ";
        assert!(told.starts_with(begins), "{told}");
        assert!(told.contains(" more. Until it is replaced"), "{told}");
    }
}
