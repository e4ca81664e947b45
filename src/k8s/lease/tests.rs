//! Tables of what a candidate does next, and the model in which no two may act.

mod model;

use std::time::Duration;

use tokio::time::Instant;

use super::{
    candidate::{Answer, Candidate, Step, Timing},
    fence::{Fence, Term, TermOver},
    record::Record,
};

const US: &str = "us";

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn candidate() -> Candidate {
    Candidate::new(US.to_owned(), Timing::default(), 1)
}

fn held_by(holder: &str, duration: u64) -> Record {
    Record {
        holder: holder.to_owned(),
        duration: Duration::from_secs(duration),
        transitions: 3,
        is_new: false,
    }
}

fn found(version: &str, holder: &str) -> Answer {
    Answer::Found(version.to_owned(), held_by(holder, 15))
}

/// What it does at `now`, with the pauses before it left out.
fn at(candidate: &mut Candidate, now: Instant) -> Step {
    candidate.next(now)
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_taken_once_it_has_not_changed_for_its_duration_here() {
    let (mut us, start) = (candidate(), Instant::now());
    assert_eq!(at(&mut us, start), Step::Read);
    us.told(found("1", "other"), start, start);
    assert!(matches!(at(&mut us, start), Step::Wait(_)));
    let mut now = start + seconds(14.0);
    assert_eq!(at(&mut us, now), Step::Read);
    us.told(found("2", "other"), now, now);
    now += seconds(14.9);
    assert!(matches!(at(&mut us, now), Step::Read | Step::Wait(_)));
    us.told(found("2", "other"), now, now);
    assert_eq!(at(&mut us, now), Step::Wait(start + seconds(29.0)));
    now = start + seconds(29.0);
    assert_eq!(at(&mut us, now), Step::Read);
    us.told(found("2", "other"), now, now);
    let Step::Replace(version, record) = at(&mut us, now) else {
        panic!("it is not taken");
    };
    assert_eq!(
        (version.as_str(), record.transitions, record.is_new),
        ("2", 4, true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_longer_lease_of_another_is_respected_and_a_free_one_taken_at_once() {
    let (mut us, start) = (candidate(), Instant::now());
    us.told(
        Answer::Found("1".to_owned(), held_by("other", 60)),
        start,
        start,
    );
    let now = start + seconds(59.0);
    us.told(
        Answer::Found("1".to_owned(), held_by("other", 60)),
        now,
        now,
    );
    assert!(matches!(at(&mut us, now), Step::Wait(_)));
    us.told(found("2", ""), now, now);
    assert!(matches!(at(&mut us, now), Step::Replace(..)));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_away_is_made_when_its_holder_may_not_act_any_more() {
    let (mut us, start) = (candidate(), Instant::now());
    us.told(Answer::Missing, start, start);
    assert!(matches!(at(&mut us, start), Step::Create(_)));
    us.told(Answer::Conflict, start, start);
    us.told(found("1", "other"), start, start);
    us.told(Answer::Missing, start, start);
    assert!(matches!(at(&mut us, start), Step::Wait(_)));
    let now = start + seconds(15.0);
    us.told(Answer::Missing, now, now);
    assert!(matches!(at(&mut us, now), Step::Create(_)));
}

#[tokio::test(start_paused = true)]
async fn the_term_is_counted_from_when_the_renewal_was_sent() {
    let (mut us, start) = (candidate(), Instant::now());
    us.told(found("1", ""), start, start);
    let answered = start + seconds(3.0);
    us.told(Answer::Written("2".to_owned()), start, answered);
    let term = us.term(answered).unwrap();
    assert_eq!(term.begin_until, start + seconds(10.0));
    assert_eq!(term.end, start + seconds(14.0));
    assert_eq!(us.term(start + seconds(10.0)), None);
    let patience = |after: f64| us.patience(start + seconds(after));
    assert_eq!((patience(3.0), patience(9.0)), (seconds(5.0), seconds(1.0)));
}

#[tokio::test(start_paused = true)]
async fn who_finds_another_holder_is_the_leader_no_more() {
    let (mut us, start) = (candidate(), Instant::now());
    us.told(found("1", ""), start, start);
    us.told(Answer::Written("2".to_owned()), start, start);
    us.told(Answer::Conflict, start, start);
    assert!(us.term(start).is_some());
    us.told(found("3", "other"), start, start);
    assert_eq!(us.term(start), None);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_found() {
    let (mut us, start) = (candidate(), Instant::now());
    us.told(found("1", ""), start, start);
    us.told(Answer::Unknown, start, start + seconds(5.0));
    let now = start + seconds(7.0);
    assert_eq!(at(&mut us, now), Step::Read);
    us.told(found("2", US), now, now);
    assert!(matches!(at(&mut us, now), Step::Replace(version, _) if version == "2"));
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_given_back_only_by_its_holder() {
    let (mut us, start) = (candidate(), Instant::now());
    us.told(found("1", "other"), start, start);
    assert_eq!(us.release(), None);
    us.told(found("2", US), start, start);
    let Some(Step::Replace(version, record)) = us.release() else {
        panic!("it is kept");
    };
    assert_eq!((version.as_str(), record.holder.as_str()), ("2", ""));
    us.told(Answer::Written("3".to_owned()), start, start);
    assert!(us.has_left() && us.term(start).is_none());
}

fn open(begin: f64, end: f64) -> Fence {
    let (fence, now) = (Fence::new(), Instant::now());
    fence.extend(Term {
        begin_until: now + seconds(begin),
        end: now + seconds(end),
    });
    fence
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_after_the_term_and_what_was_begun_ends_before_another_can_act() {
    let never = std::future::pending::<()>;
    let (fence, start) = (open(10.0, 14.0), Instant::now());
    assert_eq!(fence.guard(async { 1 }).await, Ok(1));
    tokio::time::advance(seconds(9.0)).await;
    let given_up = fence.guard(never()).await;
    assert_eq!(given_up, Err(TermOver { was_begun: true }));
    assert_eq!(start.elapsed(), seconds(14.0));
    let refused = fence.guard(async { unreachable!("it is begun") }).await;
    assert_eq!(refused, Err::<(), _>(TermOver { was_begun: false }));
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_goes_on_while_the_term_is_extended() {
    let (fence, start) = (open(10.0, 14.0), Instant::now());
    let work = fence.guard(tokio::time::sleep(seconds(20.0)));
    let renewal = async {
        tokio::time::sleep(seconds(8.0)).await;
        let now = Instant::now();
        fence.extend(Term {
            begin_until: now + seconds(10.0),
            end: now + seconds(14.0),
        });
    };
    let (done, ()) = tokio::join!(work, renewal);
    assert_eq!((done, start.elapsed()), (Ok(()), seconds(20.0)));
}

#[tokio::test(start_paused = true)]
async fn a_closed_fence_lets_nothing_pass() {
    let fence = open(10.0, 14.0);
    fence.close();
    assert!(fence.guard(async {}).await.is_err());
    assert!(Fence::new().guard(async {}).await.is_err());
}
