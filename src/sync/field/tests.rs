use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const TTL: FieldPath<'static> = FieldPath::spec("ttlMillis");
const POLICIES: [DriftPolicy; 2] = [DriftPolicy::Enforce, DriftPolicy::Observe];

/// Who owns the field in `spec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Nobody,
    Coderd,
    User,
    UserAndCoderd,
    /// Another manager of ours, which never lets go.
    Ours,
}

const OWNERS: [Owner; 5] = [
    Owner::Nobody,
    Owner::Coderd,
    Owner::User,
    Owner::UserAndCoderd,
    Owner::Ours,
];

impl Owner {
    fn declares(self) -> bool {
        matches!(self, Self::User | Self::UserAndCoderd)
    }
}

fn state(owner: Owner, wanted: &Value, actual: &Value) -> FieldState {
    FieldState {
        path: TTL,
        declared_by: owner
            .declares()
            .then(|| "kubectl".to_owned())
            .into_iter()
            .collect(),
        held_by_coderd: matches!(owner, Owner::Coderd | Owner::UserAndCoderd),
        unowned: owner == Owner::Nobody,
        wanted: canonical(wanted.clone()),
        actual: canonical(actual.clone()),
    }
}

fn enforce(field: &FieldState) -> Verdict {
    decide(field, DriftPolicy::Enforce, &[])
}

fn set(members: &Value) -> Map<String, Value> {
    members.as_object().unwrap().clone()
}

// ---- the rows of the design's table --------------------------------------------------------------

#[test]
fn row_any_equal_does_nothing() {
    for owner in [Owner::Nobody, Owner::Coderd, Owner::User, Owner::Ours] {
        for policy in POLICIES {
            for value in [json!(60_000), json!("x"), json!(false), Value::Null] {
                let field = state(owner, &value, &value);
                assert_eq!(
                    decide(&field, policy, &[]),
                    Verdict::Equal,
                    "{owner:?} {value}"
                );
            }
        }
    }
}

#[test]
fn row_declared_enforce_pushes_what_is_declared() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    assert_eq!(
        enforce(&field),
        Verdict::Push {
            value: Some(json!(60_000))
        }
    );
    assert!(!needs_apply(&[field]));
}

#[test]
fn row_declared_enforce_pushes_a_declared_nothing_as_a_removal() {
    let field = state(Owner::User, &json!(""), &json!("30 8 * * 1-5"));
    assert_eq!(enforce(&field), Verdict::Push { value: None });
}

#[test]
fn row_declared_observe_only_shows_the_drift() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    let drift = Verdict::Drift {
        wanted: Some(json!(60_000)),
        actual: Some(json!(120_000)),
    };
    assert_eq!(decide(&field, DriftPolicy::Observe, &[]), drift);
    // Also where coderd refused the value before the policy was changed.
    let refused = [field.refusal("no")];
    assert_eq!(decide(&field, DriftPolicy::Observe, &refused), drift);
    assert!(!needs_apply(&[field]));
}

#[test]
fn row_mirrored_takes_the_value_of_coderd() {
    let field = state(Owner::Coderd, &json!(60_000), &json!(120_000));
    assert_eq!(
        enforce(&field),
        Verdict::Mirror {
            value: Some(json!(120_000))
        }
    );
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({"ttlMillis": 120_000})));
}

#[test]
fn row_mirrored_is_left_out_where_coderd_has_nothing() {
    let field = state(Owner::Coderd, &json!(60_000), &Value::Null);
    assert_eq!(enforce(&field), Verdict::Mirror { value: None });
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({})));
}

#[test]
fn row_just_released_is_mirrored_and_never_pushed() {
    // The user removed the field from the manifest: nobody owns it and it is gone from spec.
    let field = state(Owner::Nobody, &Value::Null, &json!(60_000));
    for policy in POLICIES {
        assert_eq!(
            decide(&field, policy, &[]),
            Verdict::Mirror {
                value: Some(json!(60_000))
            }
        );
    }
    assert_eq!(mirrored_set(&[field]), set(&json!({"ttlMillis": 60_000})));
}

#[test]
fn row_co_owned_equal_value_is_let_go() {
    let field = state(Owner::UserAndCoderd, &json!(60_000), &json!(60_000));
    for policy in POLICIES {
        assert_eq!(decide(&field, policy, &[]), Verdict::LetGo);
    }
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({})));
}

#[test]
fn row_co_owned_is_let_go_also_while_it_is_pushed() {
    let field = state(Owner::UserAndCoderd, &json!(60_000), &json!(120_000));
    assert_eq!(
        enforce(&field),
        Verdict::Push {
            value: Some(json!(60_000))
        }
    );
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({})));
}

#[test]
fn row_refused_is_not_sent_again() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    let refused = [field.refusal("ttl is set by the template")];
    assert_eq!(
        decide(&field, DriftPolicy::Enforce, &refused),
        Verdict::Refused {
            message: "ttl is set by the template".to_owned()
        }
    );
}

#[test]
fn row_refused_is_sent_again_when_the_value_changes() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    let refused = [field.refusal("no")];
    for wanted in [json!(180_000), Value::Null] {
        let changed = state(Owner::User, &wanted, &json!(120_000));
        assert_eq!(
            decide(&changed, DriftPolicy::Enforce, &refused),
            Verdict::Push {
                value: canonical(wanted)
            }
        );
    }
}

#[test]
fn row_refused_holds_up_no_other_field() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    let other = FieldState {
        path: FieldPath::spec("activityBumpMillis"),
        ..field.clone()
    };
    let refused = [field.refusal("no")];
    assert_eq!(
        decide(&other, DriftPolicy::Enforce, &refused),
        Verdict::Push {
            value: Some(json!(60_000))
        }
    );
}

#[test]
fn a_refused_removal_is_not_sent_again() {
    let field = state(Owner::User, &json!(""), &json!("stay"));
    let refused = [field.refusal("no")];
    assert!(matches!(
        decide(&field, DriftPolicy::Enforce, &refused),
        Verdict::Refused { .. }
    ));
}

// ---- the mirrored set ----------------------------------------------------------------------------

#[test]
fn the_mirrored_set_is_complete_each_time() {
    let named = |name: &'static str, field: FieldState| FieldState {
        path: FieldPath::spec(name),
        ..field
    };
    let fields = [
        named(
            "organization",
            state(Owner::Coderd, &json!("acme"), &json!("acme")),
        ),
        named(
            "icon",
            state(Owner::Coderd, &json!("/a.png"), &json!("/b.png")),
        ),
        named(
            "description",
            state(Owner::Coderd, &json!("old"), &json!("")),
        ),
        named(
            "displayName",
            state(Owner::User, &json!("Go"), &json!("go")),
        ),
        named(
            "allowUserAutostart",
            state(Owner::Nobody, &Value::Null, &json!(false)),
        ),
    ];
    assert_eq!(
        mirrored_set(&fields),
        set(&json!({"organization": "acme", "icon": "/b.png", "allowUserAutostart": false}))
    );
    assert!(needs_apply(&fields));
    assert!(!needs_apply(&fields[..1]));
    assert!(!needs_apply(&[]));
}

#[test]
fn an_equal_value_that_nobody_owns_is_taken() {
    let field = state(Owner::Nobody, &json!(60_000), &json!(60_000));
    assert_eq!(enforce(&field), Verdict::Equal);
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({"ttlMillis": 60_000})));
}

#[test]
fn a_field_under_another_name_of_ours_is_left_alone() {
    let field = state(Owner::Ours, &json!("a"), &json!("b"));
    assert!(matches!(enforce(&field), Verdict::Mirror { .. }));
    assert!(!needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({})));
}

#[test]
fn items_are_never_mirrored() {
    let item = FieldPath::spec_item("parameters", "name", "cpu");
    let field = FieldState {
        path: item.clone(),
        ..state(Owner::Nobody, &Value::Null, &json!("4"))
    };
    assert_eq!(mirrored_set(std::slice::from_ref(&field)), set(&json!({})));
    assert!(!needs_apply(&[field]));
    let declared = FieldState {
        path: item,
        ..state(Owner::User, &json!("8"), &json!("4"))
    };
    assert_eq!(
        enforce(&declared),
        Verdict::Push {
            value: Some(json!("8"))
        }
    );
    assert_eq!(declared.refusal("no").field, "parameters[name=\"cpu\"]");
}

// ---- reading both sides --------------------------------------------------------------------------

#[test]
fn the_state_is_read_from_the_record_of_owners() {
    let entry = |manager: &str| -> ManagedFieldsEntry {
        serde_json::from_value(json!({
            "apiVersion": "coder.com/v1alpha1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:ttlMillis": {}}},
            "manager": manager,
            "operation": "Apply",
        }))
        .unwrap()
    };
    let spec = json!({"ttlMillis": 60_000});
    let read = |entries: &[ManagedFieldsEntry]| {
        let ownership = Ownership::of(entries, &spec);
        FieldState::new(TTL, &ownership, Some(json!(60_000)), Some(json!("")))
    };
    let table = [
        (vec![entry("coderd")], Owner::Coderd),
        (vec![entry("kubectl")], Owner::User),
        (
            vec![entry("coderd"), entry("kubectl")],
            Owner::UserAndCoderd,
        ),
        (vec![entry("coder-k8s")], Owner::Ours),
    ];
    for (entries, owner) in table {
        assert_eq!(
            read(&entries),
            state(owner, &json!(60_000), &Value::Null),
            "{owner:?}"
        );
    }
    let ownership = Ownership::of(&[entry("coderd")], &spec);
    let other = FieldState::new(FieldPath::spec("icon"), &ownership, None, None);
    assert!(other.unowned && !other.held_by_coderd && !other.is_declared());
}

// ---- judging a push ------------------------------------------------------------------------------

// ---- the exhaustive small domain -----------------------------------------------------------------

/// Calls `check` for every owner, K, C, policy and kind of earlier refusal.
fn every_case(mut check: impl FnMut(Owner, &FieldState, DriftPolicy, &[Refusal])) {
    let values = [Value::Null, json!("a"), json!("b"), json!(false)];
    for owner in OWNERS {
        for wanted in &values {
            for actual in &values {
                let field = state(owner, wanted, actual);
                let other_value = state(owner, &json!("z"), actual).refusal("other value");
                let other_field = Refusal {
                    field: "icon".to_owned(),
                    ..field.refusal("other field")
                };
                for refusals in [
                    vec![],
                    vec![field.refusal("this value")],
                    vec![other_value.clone(), other_field.clone()],
                    vec![other_value, other_field, field.refusal("this value")],
                ] {
                    for policy in POLICIES {
                        check(owner, &field, policy, &refusals);
                    }
                }
            }
        }
    }
}

#[test]
fn only_a_declared_and_enforced_value_is_ever_pushed() {
    every_case(|owner, field, policy, refusals| {
        if let Verdict::Push { value } = decide(field, policy, refusals) {
            assert!(owner.declares(), "{field:?}");
            assert_eq!(policy, DriftPolicy::Enforce, "{field:?}");
            assert_eq!(value, field.wanted, "{field:?}");
            assert_ne!(value, field.actual, "{field:?}");
            assert!(
                refusals.iter().all(|it| it.message != "this value"),
                "{field:?}"
            );
        }
    });
}

#[test]
fn a_declared_difference_never_goes_unsaid() {
    every_case(|owner, field, policy, refusals| {
        let verdict = decide(field, policy, refusals);
        if owner.declares() && field.wanted != field.actual {
            assert!(
                matches!(
                    verdict,
                    Verdict::Push { .. } | Verdict::Drift { .. } | Verdict::Refused { .. }
                ),
                "{field:?} {verdict:?}"
            );
        }
        assert_eq!(
            matches!(verdict, Verdict::Equal | Verdict::LetGo),
            field.wanted == field.actual,
            "{field:?} {verdict:?}"
        );
    });
}

#[test]
fn a_mirrored_field_does_not_depend_on_policy_or_refusals() {
    every_case(|owner, field, policy, refusals| {
        if !owner.declares() {
            assert_eq!(decide(field, policy, refusals), enforce(field), "{field:?}");
        }
    });
}

#[test]
fn a_declared_field_is_never_in_the_mirrored_set() {
    every_case(|owner, field, _, _| {
        if owner.declares() {
            assert!(
                mirrored_set(std::slice::from_ref(field)).is_empty(),
                "{field:?}"
            );
        }
    });
}

#[test]
fn the_mirrored_set_holds_no_empty_value_and_no_value_of_its_own() {
    every_case(|_, field, _, _| {
        for (_, value) in mirrored_set(std::slice::from_ref(field)) {
            assert!(canonical(value.clone()).is_some(), "{field:?}");
            assert!(
                [&field.actual, &field.wanted].contains(&&Some(value)),
                "{field:?}"
            );
        }
    });
}

#[test]
fn releasing_a_field_never_pushes() {
    every_case(|owner, field, policy, refusals| {
        if owner.declares() {
            // kubectl's apply without the field: coderd keeps what it co-owned, else it is gone.
            let released = if owner == Owner::UserAndCoderd {
                FieldState {
                    declared_by: vec![],
                    ..field.clone()
                }
            } else {
                state(
                    Owner::Nobody,
                    &Value::Null,
                    &field.actual.clone().unwrap_or_default(),
                )
            };
            let verdict = decide(&released, policy, refusals);
            assert!(
                matches!(verdict, Verdict::Equal | Verdict::Mirror { .. }),
                "{field:?} {verdict:?}"
            );
        }
    });
}

// ---- convergence: one object on both servers -----------------------------------------------------

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

/// One object and its twin, with every write counted.
#[derive(Clone, Debug)]
struct World {
    object: BTreeMap<&'static str, Stored>,
    twin: BTreeMap<&'static str, Value>,
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
            twin: BTreeMap::new(),
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
            world.twin.insert(name, (*actual).clone());
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
                    wanted: stored.value.clone().and_then(canonical),
                    actual: self.twin.get(name).cloned().and_then(canonical),
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

    fn push(&mut self, field: &FieldState) {
        self.writes += 1;
        let name = field.path.name();
        let value = self.twin.get_mut(name.as_str()).unwrap();
        match self.behaviour {
            Behaviour::Takes => *value = field.wanted.clone().unwrap_or_default(),
            Behaviour::Refuses => return self.refusals.push(field.refusal("400")),
            Behaviour::Ignores => {}
            Behaviour::Adjusts => *value = json!("adjusted"),
        }
        if let Effect::NoEffect(refusal) = effect(field, Some(value.clone())) {
            self.refusals.push(refusal);
        }
    }

    fn reconcile(&mut self) {
        let fields = self.fields();
        self.refusals = standing_refusals(&self.refusals, &fields);
        if needs_apply(&fields) {
            self.apply(&mirrored_set(&fields));
        }
        for field in &fields {
            if let Verdict::Push { .. } = decide(field, self.policy, &self.refusals) {
                self.push(field);
            }
        }
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
                Verdict::Equal => {}
                Verdict::Drift { .. } => assert_eq!(world.policy, DriftPolicy::Observe),
                Verdict::Refused { .. } => {
                    assert!(!matches!(world.behaviour, Behaviour::Takes), "{world:?}");
                }
                // Nothing can be done while a stranger with a name of ours holds on to it.
                Verdict::Mirror { .. } => {
                    let owners = &world.object[field.path.name().as_str()].owners;
                    assert_eq!(owners, &BTreeSet::from(["coder-k8s"]), "{world:?}");
                }
                Verdict::Push { .. } | Verdict::LetGo => panic!("{world:?}: {verdict:?}"),
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
                assert_eq!(start.twin[name], world.twin[name], "{start:?}");
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

// ---- canonical values and digests ----------------------------------------------------------------

#[test]
fn what_is_empty_counts_as_absent() {
    for empty in [json!(null), json!(""), json!([]), json!({})] {
        assert_eq!(canonical(empty), None);
    }
    for value in [
        json!(false),
        json!(0),
        json!(" "),
        json!([""]),
        json!({"a": null}),
    ] {
        assert_eq!(canonical(value.clone()), Some(value));
    }
}

#[test]
fn strings_are_taken_verbatim() {
    for schedule in ["CRON_TZ=Europe/Berlin 30 8 * * 1-5", "30  8 * * 1-5 ", " "] {
        assert_eq!(canonical(json!(schedule)), Some(json!(schedule)));
    }
}

#[test]
fn a_ttl_is_kept_in_whole_minutes() {
    let table = [
        (i64::MIN, None),
        (-60_000, None),
        (-1, None),
        (0, None),
        (1, None),
        (59_999, None),
        (60_000, Some(60_000)),
        (90_500, Some(60_000)),
        (119_999, Some(60_000)),
        (120_000, Some(120_000)),
        (2_592_000_000, Some(2_592_000_000)),
        (i64::MAX, Some(i64::MAX - i64::MAX % 60_000)),
    ];
    for (millis, expected) in table {
        assert_eq!(canonical_ttl(millis), expected, "{millis}");
    }
}

#[test]
fn other_durations_are_kept_as_they_are() {
    for (millis, expected) in [(-1, None), (0, None), (1, Some(1)), (90_500, Some(90_500))] {
        assert_eq!(canonical_millis(millis), expected);
    }
}

#[test]
fn a_digest_is_stable() {
    // Stored in status: another value here would send everything once more after an upgrade.
    assert_eq!(digest(None), "74234e98afe7498fb5daf1f36ac2d78a");
    assert_eq!(digest(None), digest(Some(&Value::Null)));
    // By sha256sum of {"a":[1,"x",],"b":true,} and of 60000.
    let object = json!({"b": true, "a": [1, "x"]});
    assert_eq!(digest(Some(&object)), "630dceec5ca0a89188ca3a45abef018a");
    assert_eq!(
        digest(Some(&json!(60_000))),
        "d55d01d0341ed0ba2cd99b322e8c5b60"
    );
}

#[test]
fn different_values_have_different_digests() {
    let values = [
        json!(null),
        json!(false),
        json!(0),
        json!("0"),
        json!("null"),
        json!([]),
        json!(["a", "b"]),
        json!(["a,b"]),
        json!([["a"], "b"]),
        json!({"a": "b"}),
        json!({"a\":\"b": 1}),
        json!({"a": {"b": 1}}),
    ];
    let digests: BTreeSet<String> = values.iter().map(|value| digest(Some(value))).collect();
    assert_eq!(digests.len(), values.len());
    assert!(digests.iter().all(|digest| digest.len() == 32));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,4}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_forms_stay_as_they_are(value in any_value(), millis in any::<i64>()) {
        if let Some(once) = canonical(value) {
            prop_assert_eq!(canonical(once.clone()), Some(once));
        }
        if let Some(once) = canonical_ttl(millis) {
            prop_assert_eq!(canonical_ttl(once), Some(once));
            prop_assert!(once > 0 && once <= millis && millis - once < 60_000);
        }
        if let Some(once) = canonical_millis(millis) {
            prop_assert_eq!(once, millis);
        }
    }

    #[test]
    fn equal_values_have_equal_digests_and_others_do_not(a in any_value(), b in any_value()) {
        prop_assert_eq!(digest(Some(&a)) == digest(Some(&b)), a == b);
        let copy: Value = serde_json::from_str(&a.to_string()).unwrap();
        prop_assert_eq!(digest(Some(&a)), digest(Some(&copy)));
    }

    #[test]
    fn any_two_values_are_equal_drift_or_pushed(k in any_value(), c in any_value()) {
        let field = state(Owner::User, &k, &c);
        let expected = if canonical(k.clone()) == canonical(c) {
            Verdict::Equal
        } else {
            Verdict::Push { value: canonical(k) }
        };
        prop_assert_eq!(enforce(&field), expected);
    }
}
