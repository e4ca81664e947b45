//! The driver around the plan, in a world where it may die at any write.

use std::fmt::Debug;

use super::{Scenario, Testable};
use crate::{
    api::status::Refusal,
    sync::{context::Context, fields::table::Change, status, step::Action},
};

/// A model of both servers around one object.
pub(crate) trait World<K: Testable>: Debug {
    /// What the next look sees.
    fn scenario(&mut self) -> &mut Scenario<K>;

    /// Brings the scenario up to date with coderd.
    fn observe(&mut self);

    /// coderd takes an effect.
    fn act(&mut self, effect: &K::Effect);

    /// coderd is told some fields.
    fn update(&mut self, changes: &[Change]);
}

/// What one look left behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looked {
    /// How much was written, on either side.
    pub(crate) writes: usize,
    /// Whether the object is still there.
    pub(crate) exists: bool,
}

/// One look of the driver. It dies at the write after `budget` others, before or after that one.
pub(crate) fn look<K: Testable>(
    world: &mut impl World<K>,
    budget: usize,
    dies_before: bool,
) -> Looked {
    let mut looked = Looked {
        writes: 0,
        exists: true,
    };
    let mut done: Option<Action<K>> = None;
    world.scenario().refused.clear();
    for _ in 0..32 {
        world.observe();
        let next = world.scenario().action();
        let dies = looked.writes == budget;
        let is_write = !matches!(next, Action::Rest(_));
        if dies && dies_before && is_write {
            return looked;
        }
        looked.writes += usize::from(is_write);
        match next {
            Action::Rest(_) => {
                looked.writes += usize::from(write_status(world.scenario()));
                return looked;
            }
            Action::Record(_) => {
                let before = world.scenario().stored.status.clone();
                write_status(world.scenario());
                let after = &world.scenario().stored.status;
                let repeats = status::repeats(&before, after);
                assert!(!repeats, "a record that only repeats itself: {world:?}");
                world.scenario().refused.clear();
            }
            ref again @ (Action::Do(_) | Action::Update(_)) if done.as_ref() == Some(again) => {
                let scenario = world.scenario();
                let refusals = scenario.look(|context| without_effect(context, again));
                scenario.refused.extend(refusals);
                looked.writes -= 1;
                continue;
            }
            Action::Do(effect) => {
                world.act(&effect);
                done = Some(Action::Do(effect));
            }
            Action::Update(changes) => {
                world.update(&changes);
                done = Some(Action::Update(changes));
            }
            Action::Write(write) => {
                looked.exists = world.scenario().take(&write);
            }
            Action::Pass(_) => panic!("a chain that ends with a check that passes"),
        }
        if dies || !looked.exists {
            return looked;
        }
    }
    panic!("no end of steps: {world:?}");
}

/// Writes the status of the present plan, if it says something new.
fn write_status<K: Testable>(scenario: &mut Scenario<K>) -> bool {
    let status = scenario.status();
    let before = scenario.stored.status.clone();
    scenario.stored.set_status(&status);
    scenario.stored.status != before
}

fn without_effect<K: Testable>(context: &Context<K>, again: &Action<K>) -> Vec<Refusal> {
    let deployment = context.deployment;
    match again {
        Action::Do(effect) => vec![deployment.refused_effect::<K>(effect, "no effect")],
        Action::Update(changes) => changes
            .iter()
            .map(|it| deployment.ineffective(it.field, it.value.as_ref()))
            .collect(),
        _ => Vec::new(),
    }
}
