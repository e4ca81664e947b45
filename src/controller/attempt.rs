//! What the reconcile of one object has learnt so far.

use serde_json::Value;

use super::{
    observation::{Observable, Observation},
    outcome::Refused,
};
use crate::{
    api::status::{Refusal, Suspension},
    sync::{
        context::{Context, Deployment, NO_EFFECT},
        fields::{push, table::Change},
        rules::build_limit::Queued,
        step::{Action, Step},
    },
};

/// What the reconcile of one object has learnt so far.
pub(super) struct Attempt<K: Observable> {
    /// What coderd refused, still to be recorded.
    pub(super) refused: Vec<Refusal>,
    /// The fields that coderd forbade us to set; the next reconcile tries again.
    pub(super) withheld: Vec<Refusal>,
    /// Whether fields go to coderd one by one: it refused several without saying which of them.
    pub(super) one_by_one: bool,
    /// Why the deletion that was about to begin is held back.
    pub(super) suspension: Option<Suspension>,
    /// Why the build that was about to be requested waits.
    pub(super) queued: Option<Queued>,
    /// What was seen before the last step, as far as it still holds.
    pub(super) kept: Option<Observation<K>>,
    accepted: Option<Accepted<K>>,
    conflicted: Option<Action<K>>,
}

/// What coderd accepted last.
struct Accepted<K: Observable> {
    action: Action<K>,
    /// What coderd showed before of each field that was set.
    shown: Vec<Option<Value>>,
}

impl<K: Observable> Default for Attempt<K> {
    fn default() -> Self {
        Self {
            refused: Vec::new(),
            withheld: Vec::new(),
            one_by_one: false,
            suspension: None,
            queued: None,
            kept: None,
            accepted: None,
            conflicted: None,
        }
    }
}

impl<K: Observable> Attempt<K> {
    /// The refusals of what `step` would send once more although it was accepted: coderd shows the same
    /// as before, so that nobody has changed it meanwhile.
    pub(super) fn without_effect(
        &self,
        deployment: &Deployment,
        step: &Step<K>,
        shown: &[Option<Value>],
    ) -> Vec<Refusal> {
        let Some(accepted) = &self.accepted else {
            return Vec::new();
        };
        match (&accepted.action, &step.action) {
            (Action::Update(before), Action::Update(now)) => {
                let before: Vec<_> = before.iter().zip(&accepted.shown).collect();
                let again = now.iter().zip(shown).filter(|it| before.contains(it));
                let record = |it: &Change| deployment.ineffective(it.field, it.value.as_ref());
                again.map(|(change, _)| record(change)).collect()
            }
            (Action::Do(before), Action::Do(now)) if before == now => {
                vec![deployment.refused_effect::<K>(now, NO_EFFECT)]
            }
            _ => Vec::new(),
        }
    }

    /// coderd accepted the step; before, it showed the fields that were set as `shown`.
    pub(super) fn accepted(&mut self, action: Action<K>, shown: Vec<Option<Value>>) {
        self.accepted = Some(Accepted { action, shown });
    }

    /// Whether `step` has met a conflict before, so that to look again is of no use. It has now.
    pub(super) fn conflicts_again(&mut self, step: &Step<K>) -> bool {
        let is_again = self.conflicted.as_ref() == Some(&step.action);
        self.conflicted = Some(step.action.clone());
        is_again
    }

    /// coderd refused the step: the fields that it named, or all of it. Of several fields of which it named
    /// none, each has to be asked for.
    pub(super) fn refuse(&mut self, deployment: &Deployment, step: &Step<K>, refused: &Refused) {
        let blamed = blamed(deployment, step, refused);
        if !blamed.is_empty() {
            self.refused.extend(blamed);
        } else if sets_several_fields(step) {
            self.one_by_one = true;
        } else {
            self.refused.extend(all(deployment, step, &refused.message));
        }
    }

    /// coderd forbade the step; true where it only sets fields, which concerns nothing else.
    pub(super) fn withhold(
        &mut self,
        deployment: &Deployment,
        step: &Step<K>,
        message: &str,
    ) -> bool {
        if sets_several_fields(step) {
            self.one_by_one = true;
        } else if matches!(step.action, Action::Update(_)) {
            self.withheld.extend(all(deployment, step, message));
        } else {
            return false;
        }
        true
    }
}

fn sets_several_fields<K: Observable>(step: &Step<K>) -> bool {
    matches!(&step.action, Action::Update(changes) if changes.len() > 1)
}

/// What coderd shows of each field that the step sets.
pub(super) fn shown<K: Observable>(context: &Context<K>, step: &Step<K>) -> Vec<Option<Value>> {
    let Action::Update(changes) = &step.action else {
        return Vec::new();
    };
    let names = changes.iter().map(|change| change.field);
    names
        .map(|name| push::external_value(context, K::FIELDS, name))
        .collect()
}

/// The refusals of the fields that coderd named.
fn blamed<K: Observable>(
    deployment: &Deployment,
    step: &Step<K>,
    refused: &Refused,
) -> Vec<Refusal> {
    let Action::Update(changes) = &step.action else {
        return Vec::new();
    };
    let detail = |change: &Change| {
        let field = K::FIELDS.iter().find(|field| field.name == change.field)?;
        let mut named = refused.fields.iter();
        // Of a field with members, coderd names the member.
        let is_named = |wire: &str| wire.split('.').next() == Some(field.wire);
        named.find_map(|(wire, detail)| is_named(wire).then_some(detail))
    };
    let blamed = changes.iter().filter_map(|change| {
        let detail = detail(change)?;
        Some(deployment.refused(change.field, change.value.as_ref(), detail))
    });
    blamed.collect()
}

/// The refusals of all that the step asks for.
fn all<K: Observable>(deployment: &Deployment, step: &Step<K>, message: &str) -> Vec<Refusal> {
    match &step.action {
        Action::Update(changes) => {
            let changes = changes.iter();
            changes
                .map(|it| deployment.refused(it.field, it.value.as_ref(), message))
                .collect()
        }
        Action::Do(effect) => vec![deployment.refused_effect::<K>(effect, message)],
        Action::Write(_) | Action::Record(_) | Action::Rest(_) | Action::Pass(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::template::CoderTemplate, sync::conditions::ConditionSet};

    type Step = crate::sync::step::Step<CoderTemplate>;

    fn change(field: &'static str, value: &str) -> Change {
        Change {
            field,
            value: Some(Value::from(value)),
        }
    }

    fn update(changes: &[Change]) -> Step {
        Step::update(changes.to_vec(), ConditionSet::settled(""))
    }

    fn both() -> Step {
        update(&[change("displayName", "Go"), change("icon", "/go.png")])
    }

    fn refused(fields: &[(&str, &str)]) -> Refused {
        let owned = |(name, detail): &(&str, &str)| ((*name).to_owned(), (*detail).to_owned());
        Refused {
            message: "Validation failed".to_owned(),
            fields: fields.iter().map(owned).collect(),
        }
    }

    /// What is refused of `step`, and whether fields go one by one from then on.
    fn blamed(step: &Step, refused: &Refused) -> (Vec<(String, String)>, bool) {
        let mut attempt = Attempt::<CoderTemplate>::default();
        attempt.refuse(&Deployment::default(), step, refused);
        let named = attempt.refused.into_iter();
        let named = named.map(|it| (it.field, it.message)).collect();
        (named, attempt.one_by_one)
    }

    #[test]
    fn of_several_fields_those_are_refused_that_coderd_names() {
        let named = |field: &str, message: &str| (field.to_owned(), message.to_owned());
        for (step, said, expected, one_by_one) in [
            (
                both(),
                refused(&[("icon", "too long")]),
                vec![named("icon", "too long")],
                false,
            ),
            (
                both(),
                refused(&[("icon", "a"), ("display_name", "b")]),
                vec![named("displayName", "b"), named("icon", "a")],
                false,
            ),
            (
                update(&[
                    change("icon", "/go.png"),
                    change("autostopRequirement", "x"),
                ]),
                refused(&[("autostop_requirement.weeks", "too many")]),
                vec![named("autostopRequirement", "too many")],
                false,
            ),
            // It names none of them: each has to be asked for.
            (both(), refused(&[]), vec![], true),
            (both(), refused(&[("name", "taken")]), vec![], true),
            (
                update(&[change("icon", "/go.png")]),
                refused(&[]),
                vec![named("icon", "Validation failed")],
                false,
            ),
        ] {
            assert_eq!(blamed(&step, &said), (expected, one_by_one), "{said:?}");
        }
    }

    #[test]
    fn what_is_forbidden_of_several_fields_is_asked_for_one_by_one() {
        let mut attempt = Attempt::<CoderTemplate>::default();
        let deployment = Deployment::default();
        assert!(attempt.withhold(&deployment, &both(), "no right"));
        assert!(attempt.one_by_one && attempt.withheld.is_empty());
        let one = update(&[change("icon", "/go.png")]);
        assert!(attempt.withhold(&deployment, &one, "no right"));
        assert_eq!(attempt.withheld[0].field, "icon");
        let other = Step::act(
            crate::sync::template::effect::Effect::Delete,
            one.conditions,
        );
        assert!(!attempt.withhold(&deployment, &other, "no right"));
    }

    #[test]
    fn a_field_that_was_accepted_and_shows_the_same_as_before_has_no_effect() {
        let deployment = Deployment::default();
        let (before, after) = (Some(Value::from("old")), Some(Value::from("somebody's")));
        let mut attempt = Attempt::<CoderTemplate>::default();
        assert_eq!(
            attempt.without_effect(&deployment, &both(), &[None, None]),
            []
        );
        attempt.accepted(both().action, vec![None, before.clone()]);
        let again = update(&[change("icon", "/go.png")]);
        let fields = |step: &Step, shown: &[Option<Value>]| {
            let refusals = attempt.without_effect(&deployment, step, shown);
            refusals.into_iter().map(|it| it.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(&again, std::slice::from_ref(&before)), ["icon"]);
        // Somebody changed it meanwhile, or another value is asked for.
        assert_eq!(fields(&again, &[after]), [""; 0]);
        assert_eq!(fields(&update(&[change("icon", "/x")]), &[before]), [""; 0]);
    }
}
