//! The chain of checks that is the whole behaviour of a kind, and the walk along it.

use super::{
    conditions::ConditionSet,
    context::Context,
    fields::table::Field,
    kind::SyncedKind,
    status::Report,
    step::{Action, Step},
};

/// A check: its name, for logs, and what it answers about an object; none where it has nothing to say.
pub type Check<K> = (&'static str, fn(&Context<K>) -> Option<Step<K>>);

/// A kind with its behaviour.
pub trait Planned: SyncedKind {
    /// What is asked about each object, in this order.
    const CHAIN: &'static [Check<Self>];
    /// The fields that both sides hold.
    const FIELDS: &'static [Field<Self>];

    /// Adds the conditions that only this kind has.
    fn add_conditions(context: &Context<Self>, conditions: &mut ConditionSet);

    /// The complete status: what coderd says of the external object, and the report.
    fn complete_status(context: &Context<Self>, report: Report<Self>) -> Self::Status;
}

/// What to do next about the object: asks the checks of its kind until one decides. Where all of them pass,
/// the first that objects has the word, and the object rests until the first time that any of them names.
pub fn next<K: Planned>(context: &Context<K>) -> Step<K> {
    let mut step = Step::pass(ConditionSet::settled(""));
    for (check, ask) in K::CHAIN {
        let Some(answer) = ask(context) else {
            continue;
        };
        step = step.then(Step { check, ..answer });
        if !matches!(step.action, Action::Pass(_)) {
            break;
        }
    }
    if matches!(step.action, Action::Pass(_)) {
        let mut records = step.records.take().unwrap_or_else(|| context.records());
        records.sync.refused = std::mem::take(&mut step.refused);
        step = step.ended().recording(records);
    }
    K::add_conditions(context, &mut step.conditions);
    step
}
