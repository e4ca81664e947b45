//! The limit on deletions in coderd: a mistake that deletes everything in Kubernetes must not delete
//! everything in coderd before somebody has looked.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::{context::Context, kind::Kind, outlook::Outlook, plan::Plan};
use crate::api::{condition::Reason, names, status::Suspension};

/// The deletions of this much time count.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// So many are always admitted.
const ALWAYS: usize = 20;
/// And this share of all objects, as a divisor.
const SHARE: usize = 5;

/// Whether a deletion in coderd is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is.
    Admitted,
    /// Too many were admitted before.
    Suspended {
        /// So many were, in the last ten minutes.
        deletions: usize,
        /// Of so many objects.
        objects: usize,
    },
}

/// The deletions that were admitted of late, each with what it deletes.
#[derive(Clone, Debug)]
pub struct Deletions<Key>(VecDeque<(Key, Timestamp)>);

impl<Key> Default for Deletions<Key> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<Key: PartialEq> Deletions<Key> {
    /// Admits the deletion of `key`, one of `objects`, unless too many were; what was admitted stays
    /// so.
    pub fn admit(&mut self, key: Key, objects: usize, now: Timestamp) -> Admission {
        self.0.retain(|(_, at)| now.duration_since(*at) < WINDOW);
        if self.0.iter().any(|(known, _)| *known == key) {
            return Admission::Admitted;
        }
        let deletions = self.0.len();
        if deletions >= ALWAYS.max(objects / SHARE) {
            return Admission::Suspended { deletions, objects };
        }
        self.0.push_back((key, now));
        Admission::Admitted
    }
}

/// Why the deletion waits for a person; none where it may begin, or has begun.
pub fn suspended<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    let mut records = context.records();
    if records.sync.deletion.is_some() {
        return None;
    }
    if let Some(suspension) = &records.sync.suspended {
        let confirmed = context
            .standing()
            .annotation(names::ANNOTATION_CONFIRM_DELETIONS);
        let is_confirmed = confirmed == Some(suspension.deletions.to_string().as_str());
        return (!is_confirmed).then(|| Plan::rest(outlook::<K>(suspension)));
    }
    let Admission::Suspended { deletions, objects } = context.admission else {
        return None;
    };
    let suspension = Suspension {
        deletions: i64::try_from(deletions).unwrap_or(i64::MAX),
        objects: i64::try_from(objects).unwrap_or(i64::MAX),
    };
    let outlook = outlook::<K>(&suspension);
    records.sync.suspended = Some(suspension);
    Some(Plan::record(records, outlook))
}

fn outlook<K: Kind>(suspension: &Suspension) -> Outlook {
    let (noun, deletions) = (K::NOUN, suspension.deletions);
    let message = format!(
        "{deletions} of {} objects were deleted in Coder within 10 minutes, and no more are before \
         somebody has looked: if this {noun} is to be deleted too, set the annotation {}: \
         \"{deletions}\"; spec.deletionPolicy: Retain lets the object go and leaves the {noun} in Coder",
        suspension.objects,
        names::ANNOTATION_CONFIRM_DELETIONS
    );
    Outlook::stalled(Reason::DeletionSuspended, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::stage::at;

    /// How many of `asked` deletions are admitted at once.
    fn admitted(asked: usize, objects: usize) -> usize {
        let mut deletions = Deletions::default();
        let admit = |key| deletions.admit(key, objects, at("10:00:00"));
        (0..asked)
            .map(admit)
            .filter(|admission| *admission == Admission::Admitted)
            .count()
    }

    #[test]
    fn row_many_deletions_more_than_twenty_and_a_fifth_are_suspended() {
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
    fn what_was_admitted_stays_so_and_counts_once() {
        let mut deletions = Deletions::default();
        for key in (0..20).chain(0..20) {
            let admission = deletions.admit(key, 20, at("10:00:00"));
            assert_eq!(admission, Admission::Admitted, "{key}");
        }
    }

    #[test]
    fn deletions_of_ten_minutes_ago_do_not_count() {
        let mut deletions = Deletions::default();
        for key in 0..20 {
            deletions.admit(key, 20, at("10:00:00"));
        }
        let suspended = Admission::Suspended {
            deletions: 20,
            objects: 20,
        };
        assert_eq!(deletions.admit(20, 20, at("10:09:59")), suspended);
        assert_eq!(deletions.admit(20, 20, at("10:10:00")), Admission::Admitted);
    }
}
