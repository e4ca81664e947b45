//! Looks again and again whether the CRDs in the cluster will do for this program.
//!
//! With an older CRD every status is refused whole: each look would fail, be tried again, and leave no
//! word on the object. So a kind whose CRD lacks something is left alone, and readiness and one line in
//! the log say which CRD to apply. A CRD that cannot be read, or is being removed, is not held against
//! its kind.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use tokio::time::sleep;

use super::{kinds::Seen, shared::Shared};
use crate::{
    api::{crd, text::chain},
    k8s::crd::{Installed, installed},
};

/// So many missing fields are named.
const NAMED: usize = 3;

/// Compares again and again.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        // As often as coderd is looked at, for somebody may wait for it.
        sleep(shared.settings.sweep_interval).await;
        compare(&shared).await;
    }
}

/// Compares the CRDs in the cluster with our own, where they have changed.
pub(super) async fn compare(shared: &Shared) {
    let kinds = &shared.kinds;
    for ours in crd::synced() {
        let name = ours.metadata.name.clone().unwrap_or_default();
        let known = kinds.with(&name, |seen| seen.version.clone());
        match installed(&shared.settings.kube, &name, known.as_ref()).await {
            Ok(Installed::Unchanged) => {}
            Ok(Installed::Going) => shared.found(&name, None, None),
            Ok(Installed::Changed(version, found)) => {
                let lack = lack(&name, &ours, &found);
                shared.found(&name, Some(version), lack);
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

impl Shared {
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
            for home in self.router.homes() {
                let mut waiting = home.inventory.objects();
                waiting.retain(|key| key.crd_name() == name);
                home.look_at(waiting);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_the_first_fields_and_how_many_more() {
        let ours = crd::synced().remove(0);
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
