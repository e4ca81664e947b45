//! Convergence: one object on both servers.

use super::*;

/// How coderd treats a push.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    Takes,
    Refuses,
    Ignores,
    /// Stores something else than what was sent, always the same.
    Adjusts,
}

const BEHAVIOURS: [Behaviour; 4] = [
    Behaviour::Takes,
    Behaviour::Refuses,
    Behaviour::Ignores,
    Behaviour::Adjusts,
];

/// A field as an API server keeps it.
#[derive(Clone, Debug, Default)]
struct Stored {
    value: Option<Value>,
    owners: BTreeSet<&'static str>,
}

/// One object and its external object, with every write counted.
#[derive(Clone, Debug)]
struct World {
    object: BTreeMap<&'static str, Stored>,
    external: BTreeMap<&'static str, Value>,
    behaviour: Behaviour,
    policy: DriftPolicy,
    refusals: Vec<Refusal>,
    writes: usize,
}

impl World {
    fn new(
        owners: [Owner; 2],
        values: [&Value; 4],
        behaviour: Behaviour,
        policy: DriftPolicy,
    ) -> Self {
        let names = ["icon", "ttlMillis"];
        let mut world = Self {
            object: BTreeMap::new(),
            external: BTreeMap::new(),
            behaviour,
            policy,
            refusals: Vec::new(),
            writes: 0,
        };
        for (name, (owner, (wanted, actual))) in names
            .into_iter()
            .zip(owners.into_iter().zip(values[..2].iter().zip(&values[2..])))
        {
            let owners: &[&str] = match owner {
                Owner::Nobody => &[],
                Owner::Coderd => &["coderd"],
                Owner::User => &["kubectl"],
                Owner::UserAndCoderd => &["coderd", "kubectl"],
                Owner::Ours => &["coder-k8s"],
            };
            let value = (!wanted.is_null()).then(|| (*wanted).clone());
            // What is absent has no owner; what is "" may have one.
            let owners = owners.iter().copied().filter(|_| value.is_some()).collect();
            world.object.insert(name, Stored { value, owners });
            world.external.insert(name, (*actual).clone());
        }
        world
    }

    fn fields(&self) -> Vec<FieldState> {
        self.object
            .iter()
            .map(|(name, stored)| {
                // As `Ownership` has it: what is present without an owner is declared.
                let lost = stored.owners.is_empty() && stored.value.is_some();
                let declared = lost || stored.owners.contains("kubectl");
                FieldState {
                    path: FieldPath::spec(name),
                    declared_by: declared.then(|| "kubectl".to_owned()).into_iter().collect(),
                    held_by_coderd: stored.owners.contains("coderd"),
                    unowned: stored.owners.is_empty() && !lost,
                    is_unfit: false,
                    wanted: stored.value.clone().and_then(canonical),
                    actual: self.external.get(name).cloned().and_then(canonical),
                }
            })
            .collect()
    }

    /// Server-side apply as `coderd`, without force.
    fn apply(&mut self, set: &Map<String, Value>) {
        self.writes += 1;
        for (name, stored) in &mut self.object {
            if let Some(value) = set.get(*name) {
                let others = stored.owners.iter().any(|owner| *owner != "coderd");
                let conflict = others && stored.value.as_ref() != Some(value);
                assert!(!conflict, "409: conflict: .spec.{name}: {stored:?}");
                stored.value = Some(value.clone());
                stored.owners.insert("coderd");
            } else if stored.owners.remove("coderd") && stored.owners.is_empty() {
                stored.value = None;
            }
        }
    }

    /// Sends what is declared; coderd's answer says no more than whether it was accepted.
    fn push(&mut self, field: &FieldState) -> bool {
        self.writes += 1;
        let name = field.path.name();
        let value = self.external.get_mut(name.as_str()).unwrap();
        match self.behaviour {
            Behaviour::Takes => *value = field.wanted.clone().unwrap_or_default(),
            Behaviour::Refuses => {
                self.refusals.push(refusal(field, "400"));
                return false;
            }
            Behaviour::Ignores => {}
            Behaviour::Adjusts => *value = json!("adjusted"),
        }
        true
    }

    /// What is to be pushed next.
    fn next_push(&self) -> Option<FieldState> {
        let mut fields = self.fields().into_iter();
        fields.find(|field| {
            matches!(
                decide(field, self.policy, &self.refusals),
                FieldChange::Push { .. }
            )
        })
    }

    /// One look of the driver: a push that was accepted and is needed again had no effect. What is
    /// not asked for any more is forgotten at the end.
    fn reconcile(&mut self) {
        let mut accepted: Option<FieldState> = None;
        while let Some(field) = self.next_push() {
            let again = |done: &FieldState| done.path == field.path && done.wanted == field.wanted;
            if accepted.as_ref().is_some_and(again) {
                self.refusals.push(refusal(&field, "no effect"));
            } else {
                accepted = self.push(&field).then_some(field);
            }
        }
        let fields = self.fields();
        if needs_apply(&fields) {
            self.apply(&mirrored_set(&fields));
        }
        let (fields, policy) = (self.fields(), self.policy);
        self.refusals.retain(|known| {
            fields.iter().any(|field| {
                matches!(
                    decide(field, policy, std::slice::from_ref(known)),
                    FieldChange::Refused { .. }
                )
            })
        });
    }
}

/// Calls `check` with every small world: a field in all states beside one in the usual states.
fn every_world(mut check: impl FnMut(World)) {
    let (null, empty, a, b) = (Value::Null, json!(""), json!("a"), json!("b"));
    let mut check_beside = |first, k1, c1| {
        for second in [Owner::Coderd, Owner::User, Owner::UserAndCoderd] {
            for c2 in [&null, &a, &b] {
                for behaviour in BEHAVIOURS {
                    for policy in POLICIES {
                        let values = [k1, &a, c1, c2];
                        check(World::new([first, second], values, behaviour, policy));
                    }
                }
            }
        }
    };
    for owner in OWNERS {
        for wanted in [&null, &empty, &a, &b] {
            for actual in [&null, &a, &b] {
                check_beside(owner, wanted, actual);
            }
        }
    }
}

#[test]
fn every_world_comes_to_rest_and_stays_there() {
    every_world(|start| {
        let mut world = start.clone();
        for _ in 0..2 {
            world.reconcile();
        }
        let resting = world.writes;
        for _ in 0..3 {
            world.reconcile();
        }
        assert_eq!(world.writes, resting, "{start:?} never rests: {world:?}");
        for field in world.fields() {
            let verdict = decide(&field, world.policy, &world.refusals);
            assert!(!field.is_declared() || !field.held_by_coderd, "{world:?}");
            match verdict {
                FieldChange::Equal => {}
                FieldChange::Drift { .. } => assert_eq!(world.policy, DriftPolicy::Observe),
                FieldChange::Refused { .. } => {
                    assert!(!matches!(world.behaviour, Behaviour::Takes), "{world:?}");
                }
                // Nothing can be done while a stranger with a name of ours holds on to it.
                FieldChange::Mirror { .. } => {
                    let owners = &world.object[field.path.name().as_str()].owners;
                    assert_eq!(owners, &BTreeSet::from(["coder-k8s"]), "{world:?}");
                }
                FieldChange::Push { .. } | FieldChange::LetGo => panic!("{world:?}: {verdict:?}"),
            }
        }
    });
}

#[test]
fn what_a_user_declared_never_changes_in_spec() {
    every_world(|start| {
        let mut world = start.clone();
        for _ in 0..3 {
            world.reconcile();
        }
        for (name, before) in &start.object {
            let after = &world.object[name];
            let lost = before.owners.is_empty() && before.value.is_some();
            if lost || before.owners.contains("kubectl") {
                assert_eq!(before.value, after.value, "{start:?}");
                assert!(after.owners.is_subset(&before.owners), "{start:?}");
                assert!(lost || after.owners.contains("kubectl"), "{start:?}");
            }
        }
    });
}

#[test]
fn what_is_mirrored_never_changes_in_coderd() {
    every_world(|start| {
        let mut world = start.clone();
        for _ in 0..3 {
            world.reconcile();
        }
        for (name, stored) in &start.object {
            let observed = world.policy == DriftPolicy::Observe;
            let lost = stored.owners.is_empty() && stored.value.is_some();
            if observed || !(lost || stored.owners.contains("kubectl")) {
                assert_eq!(start.external[name], world.external[name], "{start:?}");
            }
        }
    });
}

#[test]
fn a_push_is_tried_twice_at_most() {
    every_world(|start| {
        let mut world = start.clone();
        for _ in 0..6 {
            world.reconcile();
        }
        // Two fields: two applies and two pushes each.
        assert!(world.writes <= 6, "{start:?}: {}", world.writes);
    });
}
