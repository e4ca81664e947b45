//! The driver around the plan, in a world where it may die at any write.

use std::fmt::Debug;

use super::{Scene, Staged};
use crate::sync::{
    plan::{Next, plan},
    report,
};

/// A model of both servers around one object.
pub(crate) trait World<K: Staged>: Debug {
    /// What the next look sees.
    fn scene(&mut self) -> &mut Scene<K>;

    /// Brings the scene up to date with coderd.
    fn observe(&mut self);

    /// coderd takes an effect.
    fn act(&mut self, effect: &K::Effect);
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
pub(crate) fn look<K: Staged>(
    world: &mut impl World<K>,
    budget: usize,
    dies_before: bool,
) -> Looked {
    let mut looked = Looked {
        writes: 0,
        exists: true,
    };
    let mut done: Option<K::Effect> = None;
    world.scene().refused.clear();
    for _ in 0..32 {
        world.observe();
        let next = world.scene().look(plan).next;
        let dies = looked.writes == budget;
        let is_write = !matches!(next, Next::Rest(_));
        if dies && dies_before && is_write {
            return looked;
        }
        looked.writes += usize::from(is_write);
        match next {
            Next::Rest(_) => {
                looked.writes += usize::from(write_status(world.scene()));
                return looked;
            }
            Next::Record(_) => {
                let before = world.scene().stored.status.clone();
                write_status(world.scene());
                let after = &world.scene().stored.status;
                let repeats = report::repeats(&before, after);
                assert!(!repeats, "a record that only repeats itself: {world:?}");
                world.scene().refused.clear();
            }
            Next::Do(effect) if done.as_ref() == Some(&effect) => {
                let scene = world.scene();
                let refusal = scene.look(|context| context.refused(&effect, "no effect"));
                scene.refused.push(refusal);
                looked.writes -= 1;
                continue;
            }
            Next::Do(effect) => {
                world.act(&effect);
                done = Some(effect);
            }
            Next::Write(write) => {
                looked.exists = world.scene().take(&write);
            }
        }
        if dies || !looked.exists {
            return looked;
        }
    }
    panic!("no end of steps: {world:?}");
}

/// Writes the status of the present plan, if it says something new.
fn write_status<K: Staged>(scene: &mut Scene<K>) -> bool {
    let status = scene.status();
    let before = scene.stored.status.clone();
    scene.stored.set_status(&status);
    scene.stored.status != before
}
