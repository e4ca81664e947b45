//! What the object says of itself: findings, and the complete set of conditions made of them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::external::Failure;
use crate::api::{
    condition::{ConditionType, Reason},
    text::shortened,
};

/// One condition without its bookkeeping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionState {
    /// True, False, or not known.
    pub holds: Option<bool>,
    /// The stable word.
    pub reason: Reason,
    /// For people.
    pub message: String,
}

/// Whether waiting helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// Nothing is left to do.
    Done,
    /// The controller is at work, or something that ends by itself is awaited.
    Reconciling,
    /// Waiting is useless without a change.
    Stalled,
}

/// Everything that the conditions of one object say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionSet {
    /// `Ready`; none leaves it as it was, as far as it spoke of this generation.
    pub ready: Option<ConditionState>,
    /// `Synced`.
    pub synced: ConditionState,
    /// Whether waiting helps, with the reason and message of `Reconciling` or `Stalled`.
    pub progress: Progress,
    /// The reason and message behind `progress`.
    pub because: (Reason, String),
    /// `Running`; none leaves it as it was.
    pub running: Option<ConditionState>,
    /// `VersionPromoted`; none leaves it out.
    pub promoted: Option<ConditionState>,
    /// How declared fields differ that are only watched: the message of `Drifted`.
    pub drifted: Vec<String>,
    /// How fields that nobody declares differ for good.
    pub unmirrored: Vec<String>,
}

impl ConditionSet {
    /// Everything declared is in effect, and both sides are equal.
    pub fn settled(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::of(
            Some(condition_state(Some(true), Reason::Available, &message)),
            condition_state(Some(true), Reason::InSync, "both sides are equal"),
            Progress::Done,
            (Reason::Available, message),
        )
    }

    /// The controller is at work, or awaits something that ends by itself.
    pub fn reconciling(reason: Reason, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::of(
            Some(condition_state(Some(false), reason, &message)),
            condition_state(Some(false), reason, &message),
            Progress::Reconciling,
            (reason, message),
        )
    }

    /// Waiting is useless without a change.
    pub fn stalled(reason: Reason, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::of(
            Some(condition_state(Some(false), reason, &message)),
            condition_state(Some(false), reason, &message),
            Progress::Stalled,
            (reason, message),
        )
    }

    /// Nothing could be seen of coderd: what was known of this generation stays.
    pub fn unknown(failure: &Failure) -> Self {
        Self::of(
            None,
            condition_state(None, failure.reason, &failure.message),
            Progress::Reconciling,
            (failure.reason, failure.message.clone()),
        )
    }

    /// Whether nothing could be seen of coderd, or nothing may be written to it: then this generation
    /// and what was asked for are still to be acted on.
    pub fn is_unknown(&self) -> bool {
        self.synced.holds.is_none()
    }

    /// Nothing is written to coderd on somebody's wish.
    pub fn paused() -> Self {
        let message = "the annotation coder.com/paused is \"true\": nothing is written to coderd";
        Self::of(
            None,
            condition_state(None, Reason::Paused, message),
            Progress::Done,
            (Reason::Paused, message.to_owned()),
        )
    }

    fn of(
        ready: Option<ConditionState>,
        synced: ConditionState,
        progress: Progress,
        because: (Reason, String),
    ) -> Self {
        Self {
            ready,
            synced,
            progress,
            because,
            running: None,
            promoted: None,
            drifted: Vec::new(),
            unmirrored: Vec::new(),
        }
    }

    /// Whether something is not as it should be.
    pub fn objects(&self) -> bool {
        self.progress != Progress::Done
    }

    /// What is said, with declared fields that differ and are only watched.
    #[must_use]
    pub fn drifting(mut self, differences: impl IntoIterator<Item = String>) -> Self {
        self.drifted.extend(differences);
        self
    }

    /// What is said, with fields that cannot be mirrored.
    #[must_use]
    pub fn unmirrored(mut self, differences: impl IntoIterator<Item = String>) -> Self {
        self.unmirrored.extend(differences);
        self
    }

    /// What two checks say, of which the first that objects has the word.
    #[must_use]
    pub fn and(mut self, mut later: Self) -> Self {
        let drifted = self.drifted.drain(..).chain(later.drifted.drain(..));
        let unmirrored = self.unmirrored.drain(..).chain(later.unmirrored.drain(..));
        let (drifted, unmirrored) = (drifted.collect(), unmirrored.collect());
        let is_same = later.objects() && later.because.0 == self.because.0;
        let said = match (self.objects(), is_same) {
            (true, true) => self.adding(&later.because.1),
            (true, false) => self,
            (false, _) => later,
        };
        Self {
            drifted,
            unmirrored,
            ..said
        }
    }

    /// What is said, with more of the same.
    fn adding(mut self, text: &str) -> Self {
        let more = format!("{}; {text}", self.because.1);
        for said in self.ready.iter_mut().chain([&mut self.synced]) {
            said.message.clone_from(&more);
        }
        self.because.1 = more;
        self
    }

    /// `Synced`: where all that is enforced is in effect, both sides may still not be equal.
    fn synced(&self) -> ConditionState {
        let differs = |reason, differences: &[String]| {
            let is_equal = self.synced.holds == Some(true);
            let text = differences.join("; ");
            (is_equal && !text.is_empty()).then(|| condition_state(Some(false), reason, &text))
        };
        differs(Reason::FieldDrift, &self.drifted)
            .or_else(|| differs(Reason::NotMirrored, &self.unmirrored))
            .unwrap_or_else(|| self.synced.clone())
    }

    /// The complete set of conditions, in the order that kstatus reads them. A condition keeps its
    /// transition time while its status stays.
    pub fn written(
        &self,
        previous: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) -> Vec<Condition> {
        let ready = self
            .ready
            .clone()
            .or_else(|| kept(previous, ConditionType::Ready, generation));
        let ready = ready.unwrap_or_else(|| ConditionState {
            holds: None,
            ..self.synced()
        });
        let running = self
            .running
            .clone()
            .or_else(|| kept(previous, ConditionType::Running, None));
        let (reason, message) = &self.because;
        let because = || Some(condition_state(Some(true), *reason, message));
        let progress = match self.progress {
            Progress::Done => [None, None],
            Progress::Reconciling => [because(), None],
            Progress::Stalled => [None, because()],
        };
        let [reconciling, stalled] = progress;
        let drifted = self.drifted.join("; ");
        [
            (ConditionType::Ready, Some(ready)),
            (ConditionType::Synced, Some(self.synced())),
            (ConditionType::Running, running),
            (ConditionType::VersionPromoted, self.promoted.clone()),
            (
                ConditionType::Drifted,
                (!drifted.is_empty())
                    .then(|| condition_state(Some(true), Reason::FieldDrift, &drifted)),
            ),
            (ConditionType::Reconciling, reconciling),
            (ConditionType::Stalled, stalled),
        ]
        .into_iter()
        .filter_map(|(kind, found)| Some(condition(kind, &found?, previous, generation, now)))
        .collect()
    }
}

/// A finding from its parts.
pub fn condition_state(holds: Option<bool>, reason: Reason, message: &str) -> ConditionState {
    ConditionState {
        holds,
        reason,
        message: message.to_owned(),
    }
}

/// What `previous` said of `kind`, if it spoke of `generation` (of any where that is none).
pub fn kept(
    previous: &[Condition],
    kind: ConditionType,
    generation: Option<i64>,
) -> Option<ConditionState> {
    let condition = previous
        .iter()
        .find(|condition| condition.type_ == kind.as_str())?;
    if generation.is_some() && condition.observed_generation != generation {
        return None;
    }
    let reason = Reason::ALL
        .iter()
        .find(|reason| reason.as_str() == condition.reason)?;
    let holds = match condition.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    };
    Some(condition_state(holds, *reason, &condition.message))
}

/// The longest message that the API server takes in a condition, which counts characters.
const MESSAGE_LIMIT: usize = 32_768;

fn condition(
    kind: ConditionType,
    found: &ConditionState,
    previous: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = match found.holds {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let unchanged = previous
        .iter()
        .find(|condition| condition.type_ == kind.as_str() && condition.status == status)
        .map(|condition| condition.last_transition_time.clone());
    Condition {
        type_: kind.as_str().to_owned(),
        status: status.to_owned(),
        reason: found.reason.as_str().to_owned(),
        message: shortened(&found.message, MESSAGE_LIMIT),
        observed_generation: generation,
        last_transition_time: unchanged.unwrap_or(Time(now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::at;

    #[test]
    fn a_message_that_the_api_server_would_not_take_is_cut_and_says_so() {
        for (length, ends_with) in [(MESSAGE_LIMIT, "€€"), (MESSAGE_LIMIT + 3, "€…")] {
            let message = format!("ab{}", "€".repeat((length - 2) / 3));
            let written = ConditionSet::settled(message).written(&[], Some(1), at("10:00:00"));
            let ready = &written[0].message;
            assert!(
                ready.len() <= MESSAGE_LIMIT && ready.ends_with(ends_with),
                "{length}"
            );
        }
    }
}
