//! The limit on deletions: a mistake that deletes everything in Kubernetes must not delete everything in
//! coderd before somebody has looked; and what renames everything in coderd must not take away every
//! imported object, with what people have written on it.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::{condition::Reason, names, status::Suspension},
    sync::{
        conditions::ConditionSet,
        context::Context,
        kind::SyncedKind,
        rounding,
        step::{Action, Step, Write},
    },
};

/// The deletions of this much time count.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// So many are always admitted.
const ALWAYS: usize = 20;
/// And this share of all objects, as a divisor.
const SHARE: usize = 5;

/// The deletions of one side that were admitted of late, each with what it deletes; that is not known of
/// those before the start.
#[derive(Clone, Debug)]
pub struct Deletions<Key> {
    admitted: VecDeque<(Option<Key>, Timestamp)>,
    /// The most objects that there were since the first of them: they grow fewer.
    objects: usize,
    /// Since when there are too many.
    full_since: Option<Timestamp>,
}

impl<Key> Default for Deletions<Key> {
    fn default() -> Self {
        Self {
            admitted: VecDeque::new(),
            objects: 0,
            full_since: None,
        }
    }
}

impl<Key: PartialEq> Deletions<Key> {
    /// Counts what was deleted before the start.
    pub fn recall(&mut self, deleted: impl Iterator<Item = Timestamp>, now: Timestamp) {
        let of_late = deleted.filter(|at| now.duration_since(*at) < WINDOW);
        self.admitted.extend(of_late.map(|at| (None, at)));
    }

    /// Counts the deletion of `key`, which was begun at `at`, maybe before the start.
    pub fn begun(&mut self, key: &Key, at: Timestamp)
    where
        Key: Clone,
    {
        let is_known = self
            .admitted
            .iter()
            .any(|(known, _)| known.as_ref() == Some(key));
        if !is_known {
            self.admitted.push_back((Some(key.clone()), at));
        }
    }

    /// Admits the deletion of `key`, one of `objects`, unless too many were; what was admitted stays
    /// so.
    pub fn admit(&mut self, key: Key, objects: usize, now: Timestamp) -> Result<(), Suspension> {
        self.admitted
            .retain(|(_, at)| now.duration_since(*at) < WINDOW);
        if self
            .admitted
            .iter()
            .any(|(known, _)| known.as_ref() == Some(&key))
        {
            return Ok(());
        }
        let deletions = self.admitted.len();
        self.objects = if deletions == 0 {
            objects
        } else {
            self.objects.max(objects)
        };
        let objects = self.objects;
        if deletions >= ALWAYS.max(objects / SHARE) {
            let since = *self.full_since.get_or_insert(now);
            return Err(Suspension {
                deletions: i64::try_from(deletions).unwrap_or(i64::MAX),
                objects: i64::try_from(objects).unwrap_or(i64::MAX),
                since: Time(rounding::to_the_second(since)),
            });
        }
        self.full_since = None;
        self.admitted.push_back((Some(key), now));
        Ok(())
    }
}

/// Why the deletion waits for a person; none where it may begin, or has begun.
pub fn suspended<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let mut records = context.records();
    if records.sync.deletion.is_some() {
        return None;
    }
    if let Some(suspension) = &records.sync.suspended {
        return (!is_confirmed(context, suspension))
            .then(|| Step::rest(conditions::<K>(suspension)));
    }
    let suspension = context.suspension?;
    records.sync.suspended = Some(suspension.clone());
    Some(Step::record(records, conditions::<K>(suspension)))
}

/// `step`, which is to be admitted if it begins the deletion and nobody has confirmed it.
pub fn counted<K: SyncedKind>(context: &Context<K>, mut step: Step<K>) -> Step<K> {
    let sync = context.records().sync;
    let is_first = sync.deletion.is_none() && !matches!(step.action, Action::Rest(_));
    step.begins_deletion = is_first && sync.suspended.is_none();
    step
}

/// Why our own deletion of the object waits for a person; none where it may begin.
pub fn removal_suspended<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let mut records = context.records();
    if let Some(suspension) = &records.sync.removal_suspended {
        let waits = !is_confirmed(context, suspension);
        return waits.then(|| Step::rest(removal_conditions(suspension)));
    }
    let suspension = context.suspension?;
    records.sync.removal_suspended = Some(suspension.clone());
    Some(Step::record(records, removal_conditions(suspension)))
}

/// Whether `step` deletes the object and is to be admitted, for nobody has confirmed it.
pub fn begins_removal<K: SyncedKind>(object: &K, step: &Step<K>) -> bool {
    let sync = object.shared_status().sync;
    matches!(step.action, Action::Write(Write::Delete(_)))
        && sync.is_none_or(|sync| sync.removal_suspended.is_none())
}

/// The annotation names one suspension, so that it confirms no later one.
fn is_confirmed<K: SyncedKind>(context: &Context<K>, suspension: &Suspension) -> bool {
    let confirmed = context
        .standing()
        .annotation(names::ANNOTATION_CONFIRM_DELETIONS);
    confirmed == Some(confirmation(suspension).as_str())
}

fn confirmation(suspension: &Suspension) -> String {
    format!("{}-{}", suspension.deletions, suspension.since.0)
}

fn conditions<K: SyncedKind>(suspension: &Suspension) -> ConditionSet {
    let noun = K::NOUN;
    let message = format!(
        "{} of {} objects were deleted in Coder within 10 minutes, and no more are before somebody has \
         looked: if this {noun} is to be deleted too, set the annotation {}: {}; \
         spec.deletionPolicy: Retain lets the object go and leaves the {noun} in Coder",
        suspension.deletions,
        suspension.objects,
        names::ANNOTATION_CONFIRM_DELETIONS,
        confirmation(suspension)
    );
    ConditionSet::stalled(Reason::DeletionSuspended, message)
}

fn removal_conditions(suspension: &Suspension) -> ConditionSet {
    let message = format!(
        "{} of {} objects were removed here within 10 minutes, for what they show was renamed or \
         deleted in Coder, and no more are before somebody has looked: if this object is to go too, \
         set the annotation {}: {}; nothing is deleted in Coder, and what has another name now is \
         imported under it",
        suspension.deletions,
        suspension.objects,
        names::ANNOTATION_CONFIRM_DELETIONS,
        confirmation(suspension)
    );
    ConditionSet::stalled(Reason::RemovalSuspended, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::at;

    /// How many of `asked` deletions are admitted at once.
    fn admitted(asked: usize, objects: usize) -> usize {
        let mut deletions = Deletions::default();
        let admit = |key| deletions.admit(key, objects, at("10:00:00"));
        (0..asked).flat_map(admit).count()
    }

    #[test]
    fn many_deletions_more_than_twenty_and_a_fifth_are_suspended() {
        for (asked, objects, expected) in [
            (20, 20, 20),
            (25, 25, 20),
            (500, 99, 20),
            (500, 105, 21),
            (500, 1_000, 200),
        ] {
            assert_eq!(admitted(asked, objects), expected, "{asked} of {objects}");
        }
    }

    #[test]
    fn objects_that_are_gone_still_count() {
        let mut deletions = Deletions::default();
        let at = at("10:00:00");
        let admitted = (0..1_000).take_while(|key| deletions.admit(*key, 1_000 - key, at).is_ok());
        assert_eq!(admitted.count(), 200);
        let suspension = deletions.admit(1_000, 800, at).unwrap_err();
        assert_eq!((suspension.deletions, suspension.objects), (200, 1_000));
    }

    #[test]
    fn what_was_deleted_before_the_start_counts_as_long_as_it_is_of_late() {
        let mut deletions = Deletions::default();
        let (old, late) = (at("09:50:00"), at("09:55:00"));
        let before = [old; 10].into_iter().chain([late; 15]);
        deletions.recall(before, at("10:00:00"));
        let admitted = |deletions: &mut Deletions<u32>, time| {
            let admit = |key| deletions.admit(key, 20, at(time));
            (0..100).map(admit).take_while(Result::is_ok).count()
        };
        assert_eq!(admitted(&mut deletions, "10:00:00"), 5);
        assert_eq!(admitted(&mut deletions, "10:05:00"), 20);
    }

    #[test]
    fn what_was_admitted_stays_so_and_counts_once() {
        let mut deletions = Deletions::default();
        for key in (0..20).chain(0..20) {
            assert_eq!(deletions.admit(key, 20, at("10:00:00")), Ok(()), "{key}");
        }
    }

    #[test]
    fn deletions_of_ten_minutes_ago_do_not_count_and_each_suspension_has_its_own_time() {
        let mut deletions = Deletions::default();
        for key in 0..20 {
            assert_eq!(deletions.admit(key, 20, at("10:00:00")), Ok(()));
        }
        for time in ["10:05:00", "10:09:59"] {
            let suspension = deletions.admit(20, 20, at(time)).unwrap_err();
            assert_eq!((suspension.deletions, suspension.objects), (20, 20));
            assert_eq!(suspension.since.0, at("10:05:00"), "{time}");
        }
        for key in 20..40 {
            assert_eq!(deletions.admit(key, 20, at("10:10:00")), Ok(()));
        }
        let later = deletions.admit(40, 20, at("10:11:00")).unwrap_err();
        assert_eq!(later.since.0, at("10:11:00"));
    }
}
