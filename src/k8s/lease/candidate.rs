//! What a candidate does next: decided from answers and one clock that never goes back, without any I/O.

use std::time::Duration;

use tokio::time::Instant;

use super::{fence::Term, record::Record};

/// How long a Lease lasts, and how it is kept. The defaults are client-go's, so that both can compete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long others leave it alone after they saw it change.
    pub duration: Duration,
    /// How long its holder begins something after a renewal was sent. Shorter than `duration` by more than
    /// clocks may differ in speed and a request may take that was begun.
    pub renewal: Duration,
    /// How often it is renewed or looked at, at least.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renewal: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing before this.
    Wait(Instant),
    /// Look at the Lease.
    Read,
    /// Make it.
    Create(Record),
    /// Write it, if it still has this version.
    Replace(String, Record),
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is there, in this version.
    Found(String, Record),
    /// It is not there.
    Missing,
    /// It was written, and has this version.
    Written(String),
    /// It was not written: it is not as it was.
    Conflict,
    /// Nobody knows: a write may have been done, or may be done later.
    Unknown,
}

/// One who wants the Lease.
#[derive(Debug)]
pub(super) struct Candidate {
    identity: String,
    timing: Timing,
    jitter: fastrand::Rng,
    seen: Seen,
    /// When to look again.
    due: Option<Instant>,
    /// Whether what was seen is fresh, so that it can be acted on.
    is_fresh: bool,
    term: Option<Term>,
    /// Whether the Lease is being given back.
    is_leaving: bool,
}

/// The Lease as it was seen last.
#[derive(Clone, Debug)]
enum Seen {
    /// Not at all yet.
    Nothing,
    /// It was not there. Its holder, if one was known, may still act.
    Missing { since: Option<Instant> },
    /// In this version since.
    Lease {
        version: String,
        record: Record,
        since: Instant,
    },
}

impl Candidate {
    pub(super) fn new(identity: String, timing: Timing, seed: u64) -> Self {
        Self {
            identity,
            timing,
            jitter: fastrand::Rng::with_seed(seed),
            seen: Seen::Nothing,
            due: None,
            is_fresh: false,
            term: None,
            is_leaving: false,
        }
    }

    /// How long an answer may take that is asked for now: a leader wants to know in time.
    pub(super) fn patience(&self, now: Instant) -> Duration {
        let left = self.term(now).map(|term| term.begin_until - now);
        (self.timing.renewal / 2).min(left.unwrap_or(self.timing.renewal))
    }

    /// Until when we may act; none where the Lease is not ours, or may soon not be.
    pub(super) fn term(&self, now: Instant) -> Option<Term> {
        self.term.filter(|term| now < term.begin_until)
    }

    /// The term that was won last, were it over.
    #[cfg(test)]
    pub(super) fn last_term(&self) -> Option<Term> {
        self.term
    }

    /// What is to be done now.
    pub(super) fn next(&mut self, now: Instant) -> Step {
        if self.term.take_if(|term| term.begin_until <= now).is_some() {
            // Whose it is now is to be seen first.
            self.is_fresh = false;
        }
        if let Some(due) = self.due.filter(|due| now < *due) {
            return Step::Wait(due);
        }
        if !std::mem::take(&mut self.is_fresh) {
            return Step::Read;
        }
        match &self.seen {
            Seen::Lease {
                version, record, ..
            } if record.holder == self.identity => {
                let version = version.clone();
                Step::Replace(version, self.record(record.transitions, false))
            }
            Seen::Lease {
                version,
                record,
                since,
            } => {
                let is_free = record.holder.is_empty();
                let ends = *since + record.duration.max(self.timing.duration);
                if is_free || ends <= now {
                    let transitions = record.transitions.saturating_add(1);
                    Step::Replace(version.clone(), self.record(transitions, true))
                } else {
                    self.wait(now, Some(ends))
                }
            }
            Seen::Missing { since } => match since.map(|since| since + self.timing.duration) {
                Some(ends) if now < ends => self.wait(now, Some(ends)),
                Some(_) | None => Step::Create(self.record(0, true)),
            },
            Seen::Nothing => Step::Read,
        }
    }

    /// Takes in what came of a step that was sent and answered at these times.
    pub(super) fn told(&mut self, answer: Answer, sent: Instant, now: Instant) {
        self.due = None;
        self.is_fresh = false;
        match answer {
            Answer::Found(version, record) => {
                if record.holder != self.identity {
                    self.term = None;
                }
                let since = match &self.seen {
                    Seen::Lease {
                        version: known,
                        since,
                        ..
                    } if *known == version => *since,
                    Seen::Lease { .. } | Seen::Missing { .. } | Seen::Nothing => now,
                };
                self.seen = Seen::Lease {
                    version,
                    record,
                    since,
                };
                self.is_fresh = true;
            }
            Answer::Missing => {
                let since = match &self.seen {
                    Seen::Missing { since } => *since,
                    Seen::Lease { record, .. } if self.may_be_of_another(record) => Some(now),
                    Seen::Lease { .. } | Seen::Nothing => None,
                };
                self.seen = Seen::Missing { since };
                self.is_fresh = true;
            }
            Answer::Written(version) => self.written(version, sent, now),
            Answer::Conflict => {}
            Answer::Unknown => {
                self.wait(now, None);
            }
        }
    }

    /// The step that gives the Lease back; none where it is not known to be ours.
    pub(super) fn release(&mut self) -> Option<Step> {
        self.term = None;
        self.is_leaving = true;
        let Seen::Lease {
            version, record, ..
        } = &self.seen
        else {
            return None;
        };
        (record.holder == self.identity).then(|| {
            let record = Record {
                holder: String::new(),
                duration: Duration::ZERO,
                transitions: record.transitions,
                is_new: true,
            };
            Step::Replace(version.clone(), record)
        })
    }

    /// Whether the Lease was given back.
    pub(super) fn has_left(&self) -> bool {
        self.is_leaving && matches!(self.seen, Seen::Nothing)
    }

    /// Ours is the Lease as it was sent; another's can only come after it has not changed for its duration.
    fn written(&mut self, version: String, sent: Instant, now: Instant) {
        if self.is_leaving {
            self.seen = Seen::Nothing;
            return;
        }
        let transitions = match &self.seen {
            Seen::Lease { record, .. } if record.holder == self.identity => record.transitions,
            Seen::Lease { record, .. } => record.transitions.saturating_add(1),
            Seen::Missing { .. } | Seen::Nothing => 0,
        };
        self.seen = Seen::Lease {
            version,
            record: self.record(transitions, false),
            since: now,
        };
        self.is_fresh = true;
        self.term = Some(Term {
            begin_until: sent + self.timing.renewal,
            end: sent + self.timing.duration - self.margin(),
        });
        self.wait(now, None);
    }

    /// How much earlier a request ends than the Lease can be taken: clocks differ in speed.
    fn margin(&self) -> Duration {
        self.timing.duration.saturating_sub(self.timing.renewal) / 5
    }

    fn may_be_of_another(&self, record: &Record) -> bool {
        !record.holder.is_empty() && record.holder != self.identity
    }

    fn record(&self, transitions: i32, is_new: bool) -> Record {
        Record {
            holder: self.identity.clone(),
            duration: self.timing.duration,
            transitions,
            is_new,
        }
    }

    /// Waits for the next look, or for `ends` if that comes first. Early rather than late, for a Lease that
    /// was given back is to be taken within `retry`.
    fn wait(&mut self, now: Instant, ends: Option<Instant>) -> Step {
        let pause = self.timing.retry.mul_f64(0.5 + self.jitter.f64() * 0.3);
        let due = ends.map_or(now + pause, |ends| ends.min(now + pause));
        self.due = Some(due);
        Step::Wait(due)
    }
}
