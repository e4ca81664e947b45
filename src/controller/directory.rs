//! What is known of coderd at large: organizations and templates as of the last sweep, and what was
//! looked up since.
//!
//! coderd counts the requests for each path, so that what many objects ask for is asked once between
//! two sweeps. What is made rests on it only together with ids: a wrong one is refused.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::job::job;
use crate::{
    coderd,
    sync::{
        build::Job,
        spelling::Spelling,
        workspace::external::{Parameter, PinnedVersion},
    },
};

/// So many answers of one kind are kept at most.
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Directory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    organizations: Vec<coderd::Organization>,
    /// By organization and lower-case name.
    templates: HashMap<(Uuid, String), KnownTemplate>,
    /// The names of users as coderd spells them, by what they were asked for.
    users: HashMap<String, Option<String>>,
    /// By version.
    parameters: HashMap<Uuid, Vec<Parameter>>,
    /// Versions that are declared for workspaces, once their import has ended.
    versions: HashMap<Uuid, PinnedVersion>,
}

/// What a workspace that is created needs to know of its template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownTemplate {
    pub(super) id: Uuid,
    pub(super) active_version_id: Uuid,
}

impl Directory {
    /// Takes a sweep in, and forgets what was looked up before.
    pub(super) fn swept<'a>(
        &self,
        organizations: Vec<coderd::Organization>,
        templates: impl Iterator<Item = &'a coderd::Template>,
    ) {
        *self.lock() = State {
            organizations,
            templates: templates.map(entry).collect(),
            ..State::default()
        };
    }

    /// A template was read: who waits for it need not wait for the next sweep.
    pub(super) fn template_seen(&self, template: &coderd::Template) {
        let (key, known) = entry(template);
        remember(&mut self.lock().templates, key, known);
    }

    /// How coderd spells `organization`, and its id.
    pub(super) fn organization(&self, organization: &str) -> (Spelling, Option<Uuid>) {
        let is_meant = |known: &&coderd::Organization| {
            known.name.eq_ignore_ascii_case(organization)
                || known.id.to_string().eq_ignore_ascii_case(organization)
                || known.is_default && organization.eq_ignore_ascii_case("default")
        };
        let state = self.lock();
        match state.organizations.iter().find(is_meant) {
            Some(known) => (Spelling::of(organization, &known.name), Some(known.id)),
            None => (Spelling::NotFound, None),
        }
    }

    /// The template called `name` in the organization.
    pub(super) fn template(&self, organization: Uuid, name: &str) -> Option<KnownTemplate> {
        let key = (organization, name.to_lowercase());
        self.lock().templates.get(&key).copied()
    }

    /// How coderd spells the name of the user `name`.
    pub(super) async fn user(
        &self,
        client: &coderd::Client,
        name: &str,
    ) -> Result<Spelling, coderd::Error> {
        let key = name.to_lowercase();
        let known = self.lock().users.get(&key).cloned();
        let spelled = if let Some(spelled) = known {
            spelled
        } else {
            let spelled = match client.user(name).await {
                Ok(user) => Some(user.username),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error),
            };
            remember(&mut self.lock().users, key, spelled.clone());
            spelled
        };
        Ok(spelled.map_or(Spelling::NotFound, |spelled| Spelling::of(name, &spelled)))
    }

    /// The parameters of the template version `id`.
    pub(super) async fn parameters(
        &self,
        client: &coderd::Client,
        id: Uuid,
    ) -> Result<Vec<Parameter>, coderd::Error> {
        let known = self.lock().parameters.get(&id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let wire = client.version_parameters(id).await?;
        let parameters: Vec<_> = wire
            .into_iter()
            .map(|one| Parameter {
                name: one.name,
                is_ephemeral: one.ephemeral,
                is_mutable: one.mutable,
            })
            .collect();
        let mut state = self.lock();
        remember(&mut state.parameters, id, parameters.clone());
        Ok(parameters)
    }

    /// The template version `id`, which somebody declares.
    pub(super) async fn version(
        &self,
        client: &coderd::Client,
        id: Uuid,
    ) -> Result<PinnedVersion, coderd::Error> {
        let known = self.lock().versions.get(&id).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let wire = match client.version(id).await {
            Ok(wire) => Some(wire),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let version = pinned(id, wire.as_ref());
        if version.import != Job::Active {
            remember(&mut self.lock().versions, id, version);
        }
        Ok(version)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(template: &coderd::Template) -> ((Uuid, String), KnownTemplate) {
    let known = KnownTemplate {
        id: template.id,
        active_version_id: template.active_version_id,
    };
    let name = template.name.to_lowercase();
    ((template.organization_id, name), known)
}

/// A version as coderd shows it, or does not.
fn pinned(id: Uuid, wire: Option<&coderd::Version>) -> PinnedVersion {
    PinnedVersion {
        id,
        template_id: wire.and_then(|wire| wire.template_id),
        import: wire.map_or(Job::Failed, |wire| job(&wire.job.status)),
        is_archived: wire.is_some_and(|wire| wire.archived),
    }
}

/// Keeps `value`; with too many of them all are forgotten, and asked for again.
fn remember<K: Eq + Hash, V>(known: &mut HashMap<K, V>, key: K, value: V) {
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(key, value);
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use serde_json::json;

    use super::*;
    use crate::controller::stage;

    fn organization(number: u128, name: &str, is_default: bool) -> coderd::Organization {
        coderd::Organization {
            id: Uuid::from_u128(number),
            name: name.to_owned(),
            is_default,
        }
    }

    fn template(number: u128, name: &str) -> coderd::Template {
        let template = json!({
            "id": Uuid::from_u128(number),
            "name": name,
            "created_at": "2026-11-21T10:00:00Z",
            "updated_at": "2026-11-21T10:00:00Z",
            "organization_id": Uuid::from_u128(1),
            "active_version_id": Uuid::from_u128(number + 1),
            "created_by_id": Uuid::from_u128(3),
        });
        serde_json::from_value(template).unwrap()
    }

    #[test]
    fn organizations_are_known_by_their_name_in_any_case_by_id_and_by_alias() {
        let directory = Directory::default();
        let all = vec![
            organization(1, "Acme", true),
            organization(2, "other", false),
        ];
        directory.swept(all, std::iter::empty());
        let (first, second) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        let alias = |name: &str| Spelling::Alias(name.to_owned());
        for (asked, expected) in [
            ("acme", (Spelling::Canonical, first)),
            ("other", (Spelling::Canonical, second)),
            ("default", (alias("acme"), first)),
            (
                "00000000-0000-0000-0000-000000000002",
                (alias("other"), second),
            ),
            ("none", (Spelling::NotFound, None)),
        ] {
            assert_eq!(directory.organization(asked), expected, "{asked}");
        }
    }

    #[test]
    fn a_template_is_known_from_the_sweep_or_from_the_last_look_at_it() {
        let directory = Directory::default();
        let organization = Uuid::from_u128(1);
        let id = |name| directory.template(organization, name).map(|known| known.id);
        directory.swept(Vec::new(), [template(10, "Go")].iter());
        assert_eq!(id("go"), Some(Uuid::from_u128(10)));
        assert_eq!(directory.template(Uuid::from_u128(2), "go"), None);
        assert_eq!(id("new"), None);
        directory.template_seen(&template(20, "new"));
        assert_eq!(id("new"), Some(Uuid::from_u128(20)));
        directory.swept(Vec::new(), std::iter::empty());
        assert_eq!(id("new"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_many_ask_for_is_asked_once_between_two_sweeps() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let (plane, _readiness) = stage::controller(move |path| {
            count.fetch_add(1, Ordering::Relaxed);
            match path {
                "/users/ann" => Ok(json!({
                    "id": Uuid::from_u128(5), "username": "Ann", "status": "active",
                })),
                _ if path.ends_with("/rich-parameters") => Ok(json!([])),
                other => stage::empty(other),
            }
        });
        let (directory, client) = (&plane.directory, &plane.client);
        for sweep in 1..=2 {
            for _ in 0..200 {
                assert_eq!(
                    directory.user(client, "ann").await.unwrap(),
                    Spelling::Canonical
                );
                assert_eq!(
                    directory.user(client, "bob").await.unwrap(),
                    Spelling::NotFound
                );
                let version = Uuid::from_u128(7);
                assert_eq!(directory.parameters(client, version).await.unwrap(), []);
            }
            assert_eq!(asked.load(Ordering::Relaxed), sweep * 3);
            directory.swept(Vec::new(), std::iter::empty());
        }
    }
}
