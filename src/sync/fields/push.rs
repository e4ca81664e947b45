//! The fields of a bound object: what coderd is told, what it has refused, what only differs.

use std::time::Duration;

use serde_json::Value;

use super::{
    ownership::FieldPath,
    rule::{self, FieldChange, FieldState},
    table::{Change, Field},
};
use crate::{
    api::{condition::Reason, object_name::ObjectName, status::Refusal},
    sync::{
        conditions::ConditionSet,
        context::Context,
        events::{Event, EventReason},
        kind::{ExternalObject, SyncedKind},
        rules::damper::{Correction, Fight},
        step::{Step, Write},
    },
};

/// A right that is missing may be granted without anybody being told.
pub const TRY_FORBIDDEN_AGAIN: Duration = Duration::from_secs(60);

/// Tells coderd all declared fields that differ, with one request where it takes them so. What it refused
/// or forbids, and what somebody else keeps changing, stays as it is and is said.
pub fn push<K: SyncedKind>(context: &Context<K>, fields: &[Field<K>]) -> Option<Step<K>> {
    let found = Found::of(context, fields, context.present()?);
    if found.pushed.is_empty() {
        return Some(found.said(context));
    }
    let (names, changes): (Vec<_>, Vec<_>) = found.pushed.iter().map(change).unzip();
    let verb = if names.len() == 1 { "is" } else { "are" };
    let message = format!("{} {verb} being set in Coder", names.join(", "));
    let step = Step::update(changes, ConditionSet::reconciling(Reason::Pushing, message));
    if context.standing().has_new_spec() {
        return Some(step);
    }
    let corrected: Vec<_> = found.pushed.iter().map(|(_, it)| it.correction()).collect();
    let event = Event::normal(EventReason::DriftCorrected, corrected.join("; "));
    let corrections = found.pushed.iter().map(|(name, it)| correction(name, it));
    Some(step.telling(Some(event)).correcting(corrections))
}

/// What is to be done about the declared fields that differ.
#[derive(Debug, Default)]
struct Found {
    /// coderd is to be told.
    pushed: Vec<(&'static str, FieldState)>,
    /// Somebody else keeps changing it.
    fought: Vec<(FieldState, Fight)>,
    /// coderd refused it.
    refused: Vec<Refusal>,
    /// Only watched: how it differs.
    drifted: Vec<String>,
}

impl Found {
    fn of<K: SyncedKind>(
        context: &Context<K>,
        fields: &[Field<K>],
        external: &K::External,
    ) -> Self {
        let policy = context.standing().drift_policy;
        let mut found = Self::default();
        for field in fields {
            let name = field.name;
            let state = field.state(context.object, context.ownership, external);
            match rule::decide(&state, policy, context.refusals()) {
                FieldChange::Equal | FieldChange::LetGo | FieldChange::Mirror { .. } => {}
                FieldChange::Drift { .. } => found.drifted.push(state.difference()),
                FieldChange::Refused(refusal) => found.refused.push(refusal),
                FieldChange::Push { .. } => {
                    let is_withheld = context.withheld.iter().any(|it| it.field == name);
                    match context.fight(&correction(name, &state)) {
                        Some(fight) => found.fought.push((state, fight)),
                        None if is_withheld => {}
                        None => found.pushed.push((name, state)),
                    }
                }
            }
        }
        if !K::IS_PATCHED_AS_ONE || context.one_by_one {
            found.pushed.truncate(1);
        }
        found
    }

    /// What keeps declared fields from being in effect.
    fn said<K: SyncedKind>(self, context: &Context<K>) -> Step<K> {
        let ends = self.fought.iter().map(|(_, it)| it.remaining(context.now));
        let again = (!context.withheld.is_empty()).then_some(TRY_FORBIDDEN_AGAIN);
        let due = ends.chain(again).min();
        let conditions = refused(&self.refused)
            .or_else(|| forbidden(context.withheld))
            .or_else(|| fighting(&self.fought))
            .unwrap_or_else(|| ConditionSet::settled(""))
            .drifting(self.drifted);
        let mut step = Step::pass(conditions).after(due);
        step.refused = self.refused;
        step
    }
}

fn change((name, state): &(&'static str, FieldState)) -> (&'static str, Change) {
    let (field, value) = (*name, state.wanted.clone());
    (field, Change { field, value })
}

fn correction(name: &'static str, state: &FieldState) -> Correction {
    Correction::of(name, state.wanted.clone())
}

/// coderd forbids us to set declared fields; the others go on.
fn forbidden(withheld: &[Refusal]) -> Option<ConditionSet> {
    let texts = texts(withheld)?;
    let message =
        format!("{texts}; give the controller's user the right, and it is set within a minute");
    Some(ConditionSet::stalled(Reason::Forbidden, message))
}

/// Somebody else keeps changing declared fields.
fn fighting(fought: &[(FieldState, Fight)]) -> Option<ConditionSet> {
    let differences: Vec<_> = fought.iter().map(|(it, _)| it.difference()).collect();
    let (_, fight) = fought.first()?;
    Some(fight.conditions(&differences.join("; ")))
}

/// What coderd refused and is still asked for, in its own words, and what it took without any effect.
pub fn refused(refusals: &[Refusal]) -> Option<ConditionSet> {
    let mut all = refusals.iter();
    let reason = if all.all(|it| it.ineffective_with.is_some()) {
        Reason::NotEffective
    } else {
        Reason::Refused
    };
    Some(ConditionSet::stalled(reason, texts(refusals)?))
}

fn texts(refusals: &[Refusal]) -> Option<String> {
    let text = |one: &Refusal| format!("{}: {}", one.field, one.message);
    let texts: Vec<_> = refusals.iter().map(text).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// A check finds that coderd refused its effect before: the other checks go on.
pub fn refused_before<K: SyncedKind>(refusal: &Refusal) -> Step<K> {
    let refusals = vec![refusal.clone()];
    let conditions = refused(&refusals).unwrap_or_else(|| ConditionSet::settled(""));
    Step {
        refused: refusals,
        ..Step::pass(conditions)
    }
}

/// What coderd shows of the field called `name`.
pub fn external_value<K: SyncedKind>(
    context: &Context<K>,
    fields: &[Field<K>],
    name: &str,
) -> Option<Value> {
    let external = context.present()?;
    let field = fields.iter().find(|field| field.name == name)?;
    field
        .state(context.object, context.ownership, external)
        .actual
}

/// The state of the field `name` of `spec`, which is in no table.
pub fn state<K: SyncedKind>(
    context: &Context<K>,
    name: &'static str,
    wanted: Option<Value>,
    actual: Option<Value>,
) -> FieldState {
    FieldState::new(FieldPath::spec(name), context.ownership, wanted, actual)
}

/// Every field that `coderd` owns where nobody declares it: those of the table, the organization, and
/// `others`. The schema takes only the organization of the object's name.
pub fn mirrored<K: SyncedKind>(
    context: &Context<K>,
    fields: &[Field<K>],
    external: &K::External,
    others: impl IntoIterator<Item = FieldState>,
) -> Vec<FieldState> {
    let states = fields
        .iter()
        .map(|field| field.state(context.object, context.ownership, external));
    let wanted = context.object.shared_spec().organization.map(Value::from);
    let name = K::Name::parse(context.name()).unwrap_or_else(|| external.object_name());
    let actual = Some(Value::from(name.organization()));
    let organization = state(context, "organization", wanted, actual);
    states.chain([organization]).chain(others).collect()
}

/// Applies the complete set of mirrored fields as manager `coderd`, if that changes anything; else says
/// what cannot be mirrored.
pub fn mirror<K: SyncedKind>(states: &[FieldState]) -> Step<K> {
    if rule::needs_apply(states) {
        let fields = rule::mirrored_set(states);
        let force = false;
        return Step::write(Write::ApplySpec { fields, force }, mirroring());
    }
    let unmirrored = states.iter().filter_map(FieldState::unmirrored);
    Step::pass(ConditionSet::settled("").unmirrored(unmirrored))
}

/// The object says that `spec` follows coderd.
pub fn mirroring() -> ConditionSet {
    ConditionSet::reconciling(Reason::Mirroring, "spec is brought up to date with Coder")
}
