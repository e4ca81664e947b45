//! The settings of a bound object, one by one: what is pushed, what is refused, what only differs.

use serde_json::Value;

use super::{
    context::Context,
    damper::{Correction, Fight},
    field::{self, FieldState, Verdict},
    kind::{Kind, TwinFacts},
    note::{Note, NoteReason},
    outlook::Outlook,
    ownership::FieldPath,
    plan::{Plan, Write},
};
use crate::api::{condition::Reason, object_name::ObjectName, status::Refusal};

/// The next declared setting that coderd has to be told, or be told again. Each goes by itself: coderd
/// refuses a request as a whole.
pub fn push<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    let (name, state) = different(context, context.present()?)
        .into_iter()
        .find(|(name, state)| context.fight(&correction(name, state)).is_none())?;
    let outlook = Outlook::reconciling(Reason::Pushing, format!("{name} is being set in Coder"));
    let plan = Plan::act(K::set(name, state.wanted.as_ref()), outlook);
    if context.standing().has_new_spec() {
        return Some(plan);
    }
    let note = Note::normal(NoteReason::DriftCorrected, state.correction());
    let corrects = correction(name, &state);
    Some(plan.noting(Some(note)).correcting(Some(corrects)))
}

/// The declared settings that coderd is to be told.
fn different<K: Kind>(context: &Context<K>, twin: &K::Twin) -> Vec<(&'static str, FieldState)> {
    let policy = context.standing().drift_policy;
    let mut settings = K::settings(context, twin);
    settings.retain(|(name, state)| {
        let verdict = field::decide(state, policy, context.refusals());
        let is_withheld = context.withheld.iter().any(|it| it.field == *name);
        matches!(verdict, Verdict::Push { .. }) && !is_withheld
    });
    settings
}

/// The setting that an effect is about, if it is about one.
fn of_effect<K: Kind>(context: &Context<K>, effect: &K::Effect) -> Option<FieldState> {
    let (field, _) = K::asked(effect);
    let mut settings = K::settings(context, context.present()?).into_iter();
    settings.find_map(|(name, state)| (name == field).then_some(state))
}

/// Whether an effect sets one of the settings, so that the others can go on without it.
pub fn is_push<K: Kind>(context: &Context<K>, effect: &K::Effect) -> bool {
    of_effect(context, effect).is_some()
}

/// What coderd shows of the setting that an effect is about.
pub fn shown<K: Kind>(context: &Context<K>, effect: &K::Effect) -> Option<Value> {
    of_effect(context, effect)?.actual
}

fn correction(name: &'static str, state: &FieldState) -> Correction {
    Correction::of(name, state.wanted.clone())
}

/// The declared settings that somebody else keeps changing.
pub fn fights<K: Kind>(context: &Context<K>, twin: &K::Twin) -> Vec<(FieldState, Fight)> {
    let different = different(context, twin).into_iter();
    different
        .filter_map(|(name, state)| {
            let fight = context.fight(&correction(name, &state))?;
            Some((state, fight))
        })
        .collect()
}

/// The settings whose declared value coderd refused, and what it said.
pub fn refused<K: Kind>(context: &Context<K>, twin: &K::Twin) -> Vec<Refusal> {
    let policy = context.standing().drift_policy;
    let settings = K::settings(context, twin).into_iter();
    let refused = settings.filter_map(|(name, state)| {
        let verdict = field::decide(&state, policy, context.refusals());
        let Verdict::Refused { message } = verdict else {
            return None;
        };
        let effect = K::set(name, state.wanted.as_ref());
        Some(context.refused(&effect, &message))
    });
    refused.collect()
}

/// What differs in declared settings that are only watched.
pub fn drifted<K: Kind>(context: &Context<K>, twin: &K::Twin) -> Vec<String> {
    let policy = context.standing().drift_policy;
    let settings = K::settings(context, twin).into_iter();
    let drifted = settings.filter_map(|(_, state)| {
        let verdict = field::decide(&state, policy, context.refusals());
        matches!(verdict, Verdict::Drift { .. }).then(|| state.difference())
    });
    drifted.collect()
}

/// The state of the field `name` of `spec`.
pub fn state<K: Kind>(
    context: &Context<K>,
    name: &'static str,
    wanted: Option<Value>,
    actual: Option<Value>,
) -> FieldState {
    FieldState::new(FieldPath::spec(name), context.ownership, wanted, actual)
}

/// The fields that `coderd` owns for both kinds where nobody declares them: the settings, and the
/// organization. The schema takes only the organization of the object's name.
pub fn mirrored<K: Kind>(context: &Context<K>, twin: &K::Twin) -> Vec<FieldState> {
    let settings = K::settings(context, twin).into_iter();
    let wanted = context.object.shared_spec().organization.map(Value::from);
    let name = K::Name::parse(context.name()).unwrap_or_else(|| twin.object_name());
    let actual = Some(Value::from(name.organization()));
    settings
        .map(|(_, state)| state)
        .chain([state(context, "organization", wanted, actual)])
        .collect()
}

/// Applies the complete set of mirrored fields as manager `coderd`, if that changes anything.
pub fn apply<K: Kind>(states: &[FieldState]) -> Option<Plan<K>> {
    let write = Write::ApplySpec {
        fields: field::mirrored_set(states),
        force: false,
    };
    field::needs_apply(states).then(|| Plan::write(write, mirroring()))
}

/// The object says that `spec` follows coderd.
pub fn mirroring() -> Outlook {
    Outlook::reconciling(Reason::Mirroring, "spec is brought up to date with Coder")
}
