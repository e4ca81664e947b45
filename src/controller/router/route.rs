//! Which control plane of its namespace an object belongs to.

use std::collections::BTreeMap;

use super::belonging::Belonging;
use crate::{api::condition::Reason, sync::external::Failure};

/// A control plane, as far as it matters to where objects belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is synchronised.
    Runs,
    /// It will be; until then, why not.
    Waits(String),
    /// It is not meant to be, and does not count; why not.
    Excluded(String),
}

/// What is known of one namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Namespace<'a> {
    pub(super) name: &'a str,
    pub(super) control_planes: BTreeMap<&'a str, Standing>,
    /// The control planes by the ids of the deployments that they reach.
    pub(super) reached: BTreeMap<&'a str, &'a str>,
    /// Whether there can be no others.
    pub(super) is_known: bool,
}

/// Where an object belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// To the control plane of this name.
    To(String),
    /// That is not known yet.
    Awaited,
    /// To none that is synchronised.
    Nowhere(Failure),
}

/// Where the object called `object` belongs, whose name begins with the control plane `named`, if with any.
///
/// What is bound stays with its deployment, by whatever control plane of the namespace that is reached; and what
/// may have been begun stays where it was begun. Only then names count.
pub(super) fn route(
    namespace: &Namespace<'_>,
    object: &str,
    named: Option<&str>,
    belonging: &Belonging,
) -> Route {
    let reached = belonging.deployment.as_deref();
    if let Some(control_plane) = reached.and_then(|id| namespace.reached.get(id)) {
        return Route::To((*control_plane).to_owned());
    }
    let is_begun = belonging.deployment.is_some() || belonging.is_attempted;
    let recorded = belonging.control_plane.as_deref().filter(|_| is_begun);
    match (recorded, named) {
        (Some(name), _) => namespace.by_name(name, || gone(name)),
        (None, Some(name)) => namespace.by_name(name, || namespace.without(name)),
        (None, None) => namespace.only(object),
    }
}

impl Namespace<'_> {
    /// The control plane called `name`; where there is none, what `missing` says.
    fn by_name(&self, name: &str, missing: impl FnOnce() -> Failure) -> Route {
        match self.control_planes.get(name) {
            Some(Standing::Runs) => Route::To(name.to_owned()),
            Some(Standing::Waits(why) | Standing::Excluded(why)) => {
                Route::Nowhere(not_ready(name, why))
            }
            None if self.is_known => Route::Nowhere(missing()),
            None => Route::Awaited,
        }
    }

    /// The only control plane that counts.
    fn only(&self, object: &str) -> Route {
        if !self.is_known {
            return Route::Awaited;
        }
        let counting: Vec<_> = self.counting().collect();
        match counting[..] {
            [] => Route::Nowhere(self.empty()),
            [(name, _)] => self.by_name(name, || self.empty()),
            _ => Route::Nowhere(ambiguous(object, &self.names())),
        }
    }

    /// Those that short names may mean.
    pub(super) fn counting(&self) -> impl Iterator<Item = (&str, &Standing)> {
        let all = self.control_planes.iter().map(|(name, it)| (*name, it));
        all.filter(|(_, standing)| !matches!(standing, Standing::Excluded(_)))
    }

    fn names(&self) -> Vec<&str> {
        self.counting().map(|(name, _)| name).collect()
    }

    fn without(&self, name: &str) -> Failure {
        let namespace = self.name;
        let there = match &self.names()[..] {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        let message = format!(
            "namespace {namespace} has no control plane called {name}, which the object's name begins with; it \
             has {there}"
        );
        Failure::new(Reason::NoControlPlane, message)
    }

    fn empty(&self) -> Failure {
        let excluded = self
            .control_planes
            .iter()
            .filter_map(|(name, standing)| match standing {
                Standing::Excluded(why) => Some(format!("; {name} does not count: {why}")),
                Standing::Runs | Standing::Waits(_) => None,
            });
        let message = format!(
            "namespace {} has no control plane that the controller may use: make a CoderControlPlane there{}",
            self.name,
            excluded.collect::<String>()
        );
        Failure::new(Reason::NoControlPlane, message)
    }
}

fn not_ready(name: &str, why: &str) -> Failure {
    let message = format!("control plane {name} is not to be reached: {why}");
    Failure::new(Reason::ControlPlaneNotReady, message)
}

fn gone(name: &str) -> Failure {
    let message = format!(
        "control plane {name}, which the object belongs to, is gone; nothing is done in Coder until it is back"
    );
    Failure::new(Reason::ControlPlaneGone, message)
}

fn ambiguous(object: &str, names: &[&str]) -> Failure {
    let names: Vec<_> = names
        .iter()
        .map(|name| format!("{name}.{object}"))
        .collect();
    let message = format!(
        "the namespace has {} control planes, and the name does not say which one is meant: name the object {}",
        names.len(),
        names.join(" or ")
    );
    Failure::new(Reason::AmbiguousControlPlane, message)
}

#[cfg(test)]
mod tests;
