//! A damper on fights: where two writers keep changing one field, each putting its own value back, this
//! one stops.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    api::{condition::Reason, names},
    sync::{conditions::ConditionSet, rounding},
};

/// So many corrections, each soon after the one before, are a fight.
const LIMIT: u32 = 5;
/// A correction this long after the one before begins a new count.
const SOON: SignedDuration = SignedDuration::from_mins(10);
/// How long nothing is put back after a fight.
const PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// A value that is put back after somebody else changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The field.
    pub field: &'static str,
    /// The declared value: another one begins a new count.
    pub wanted: Option<Value>,
}

impl Correction {
    /// That `field` is put back to `wanted`.
    pub fn of(field: &'static str, wanted: Option<Value>) -> Self {
        Self { field, wanted }
    }
}

/// The corrections of one object. It may be lost: then a fight is counted anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damper(Vec<Counted>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Counted {
    correction: Correction,
    count: u32,
    last_at: Timestamp,
}

/// A fight over a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fight {
    /// How often the value was put back.
    pub corrections: u32,
    /// When it is put back again.
    pub until: Timestamp,
}

impl Damper {
    /// Counts a correction.
    pub fn corrected(&mut self, correction: Correction, now: Timestamp) {
        let same =
            |it: &&Counted| it.correction == correction && now.duration_since(it.last_at) < SOON;
        let before = self.0.iter().find(same).map_or(0, |it| it.count);
        self.0.retain(|it| it.correction.field != correction.field);
        self.0.push(Counted {
            correction,
            count: before.saturating_add(1),
            last_at: now,
        });
    }

    /// The fight that keeps a correction from being made now.
    pub fn fight(&self, correction: &Correction, now: Timestamp) -> Option<Fight> {
        let counted = self.0.iter().find(|it| it.correction == *correction)?;
        let until = counted.last_at.saturating_add(PAUSE);
        let fight = Fight {
            corrections: counted.count,
            until: until.unwrap_or(Timestamp::MAX),
        };
        (fight.corrections >= LIMIT && now < fight.until).then_some(fight)
    }
}

impl Fight {
    /// How long it still goes on.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.until.duration_since(now).unsigned_abs()
    }

    /// What the object says of a fight, in which both sides have their values as `difference` says.
    pub fn conditions(&self, difference: &str) -> ConditionSet {
        let message = format!(
            "{difference}; it was put back {} times in a row and changed again each time, so that it \
             stays until {}: find the other writer, or set the annotation {} to put it back now",
            self.corrections,
            rounding::to_the_second(self.until),
            names::ANNOTATION_RECONCILE_REQUESTED_AT
        );
        ConditionSet::stalled(Reason::Fighting, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::at;

    fn icon(value: &str) -> Correction {
        Correction::of("icon", Some(Value::from(value)))
    }

    fn after(minutes: &[i64]) -> (Damper, Timestamp) {
        let mut damper = Damper::default();
        let mut now = at("10:00:00");
        for minutes in minutes {
            now += SignedDuration::from_mins(*minutes);
            damper.corrected(icon("a"), now);
        }
        (damper, now)
    }

    #[test]
    fn five_corrections_in_a_row_are_a_fight() {
        for count in 0..8 {
            let (damper, now) = after(&vec![9; count]);
            let fight = damper.fight(&icon("a"), now);
            assert_eq!(fight.is_some(), count >= 5, "{count}");
        }
    }

    #[test]
    fn a_pause_between_two_corrections_is_peace() {
        let (damper, now) = after(&[0, 1, 1, 1, 10, 1]);
        assert_eq!(damper.fight(&icon("a"), now), None);
    }

    #[test]
    fn a_fight_ends_after_an_hour_and_then_counts_anew() {
        let (mut damper, now) = after(&[0; 5]);
        let fight = damper.fight(&icon("a"), now).unwrap();
        assert_eq!(fight.until, now + PAUSE);
        assert_eq!(damper.fight(&icon("a"), fight.until), None);
        damper.corrected(icon("a"), fight.until);
        assert_eq!(damper.fight(&icon("a"), fight.until), None);
    }

    #[test]
    fn another_value_and_another_field_know_nothing_of_it() {
        let (mut damper, now) = after(&[0; 5]);
        assert_eq!(damper.fight(&icon("b"), now), None);
        let other = Correction::of("description", Some(Value::from("a")));
        assert_eq!(damper.fight(&other, now), None);
        damper.corrected(icon("b"), now);
        assert_eq!(damper.fight(&icon("b"), now), None);
    }
}
