//! A model of both servers around the lever: people on either side, autostop, builds that fail, and a
//! controller that dies or is overtaken at any point.

use proptest::prelude::*;

use super::*;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// Somebody sets `spec.running` in Kubernetes.
    Set(bool),
    /// Somebody removes it.
    Remove,
    /// Somebody edits another field.
    EditElsewhere,
    /// Somebody in Coder begins a build.
    Begin { running: bool },
    /// coderd stops the workspace by itself; our user owns it.
    Autostop,
    /// The active build ends.
    End(Job),
    /// Nothing, for this many seconds.
    Pass(u64),
    /// The controller looks, decides, and does it.
    Step,
    /// The controller looks and decides; before it does it, somebody in Coder is faster.
    Overtaken { running: bool },
    /// The controller dies before it does what it decided.
    Crash,
    /// A copy of the database from this many builds ago takes over.
    OlderDatabase(usize),
}

#[derive(Clone, Debug)]
struct World {
    running: Option<bool>,
    is_mirrored: bool,
    record: Option<RunRecord>,
    has_new_spec: bool,
    builds: Vec<Build>,
    /// For how long the latest build has been seen as it is.
    stable_for: Duration,
    seen: Option<Build>,
    /// How many builds were sent for the order that stands.
    sent: usize,
    /// How many builds we sent in all.
    builds_of_ours: usize,
    /// Whether anybody in Kubernetes asked for anything since the last rest.
    was_asked: bool,
    writes: usize,
}

impl World {
    fn new(running: Option<bool>, is_restored: bool, first: bool) -> Self {
        let record = running
            .filter(|_| is_restored)
            .map(|wanted| seen_at(0, wanted));
        Self {
            running,
            is_mirrored: false,
            record,
            has_new_spec: false,
            builds: vec![build(1, first)],
            stable_for: Duration::ZERO,
            seen: None,
            sent: 0,
            builds_of_ours: 0,
            was_asked: running.is_some() && !is_restored,
            writes: 0,
        }
    }

    fn latest(&self) -> &Build {
        self.builds.last().unwrap()
    }

    fn begin(&mut self, begun: Build) {
        if !self.latest().is_active() {
            let number = self.latest().number + 1;
            let id = testing::id(&format!("{}-{number}", self.builds.len()));
            self.builds.push(Build {
                number,
                id,
                job: Job::Active,
                ..begun
            });
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Set(running) => {
                if self.running != Some(running) {
                    self.has_new_spec = true;
                }
                (self.running, self.is_mirrored, self.was_asked) = (Some(running), false, true);
            }
            Happening::Remove => {
                (self.running, self.is_mirrored, self.has_new_spec) = (None, false, true);
            }
            Happening::EditElsewhere => {
                self.has_new_spec = true;
                self.was_asked |= !self.is_mirrored;
            }
            Happening::Begin { running } => self.begin(build(0, running)),
            Happening::Autostop => {
                self.begin(Build {
                    reason: "autostop".to_owned(),
                    ..our_build(0, false)
                });
            }
            Happening::End(job) => {
                let latest = self.builds.last_mut().unwrap();
                if latest.is_active() {
                    latest.job = job;
                }
            }
            Happening::Pass(seconds) => {
                if self.seen.as_ref() == Some(self.latest()) {
                    self.stable_for += Duration::from_secs(seconds);
                }
            }
            Happening::Step => {
                let decision = self.look();
                self.act(decision);
            }
            Happening::Overtaken { running } => {
                let decision = self.look();
                self.begin(build(0, running));
                self.act(decision);
            }
            Happening::Crash => {
                let _ = self.look();
                self.seen = None;
            }
            Happening::OlderDatabase(lost) => {
                let left = self.builds.len().saturating_sub(lost).max(1);
                self.builds.truncate(left);
                self.happen(Happening::End(Job::Failed));
            }
        }
    }

    /// One look at both sides.
    fn look(&mut self) -> Decision {
        let latest = self.latest().clone();
        if self.seen.as_ref() != Some(&latest) {
            self.stable_for = Duration::ZERO;
            self.seen = Some(latest.clone());
        }
        decide(&RunInput {
            wanted: self.running,
            is_mirrored: self.is_mirrored,
            record: self.record.as_ref(),
            build: &latest,
            stable_for: self.stable_for,
            us: US,
            retry: self.has_new_spec,
            requested: false,
            now: now(),
        })
    }

    /// The one effect of `decision`.
    fn act(&mut self, decision: Decision) {
        let seen = self.seen.clone().unwrap();
        match decision {
            Decision::Agree(record) => {
                assert_eq!(seen.run_state(), Some(record.wanted), "{self:?}");
                assert_eq!(seen.number, record.build_number, "{self:?}");
                self.write(record);
            }
            Decision::Order { record, .. } => {
                assert!(!seen.is_active(), "{self:?}");
                self.sent = 0;
                self.write(record);
            }
            Decision::Send(transition) => {
                assert!(!seen.is_active(), "{self:?}");
                assert!(self.was_asked, "nobody asked: {self:?}");
                if !self.latest().is_active() {
                    self.sent += 1;
                    self.builds_of_ours += 1;
                    assert_eq!(self.sent, 1, "an order was sent twice: {self:?}");
                }
                self.begin(our_build(0, transition == Transition::Start));
            }
            Decision::Mirror(running) => {
                self.writes += 1;
                (self.running, self.is_mirrored) = (Some(running), true);
                self.has_new_spec = true;
            }
            Decision::Rest
            | Decision::Wait { .. }
            | Decision::LookAgain(_)
            | Decision::Failed { .. } => self.has_new_spec = false,
        }
    }

    fn write(&mut self, record: RunRecord) {
        self.writes += 1;
        self.record = Some(record);
        self.has_new_spec = false;
    }

    /// Nothing happens any more but what has begun: builds end, time passes, the controller works.
    fn come_to_rest(&mut self, end: Job) {
        for _ in 0..12 {
            self.happen(Happening::End(end));
            self.happen(Happening::Step);
            self.happen(Happening::Pass(3));
        }
        let (writes, builds) = (self.writes, self.builds.len());
        for _ in 0..4 {
            self.happen(Happening::Step);
            self.happen(Happening::Pass(3));
        }
        assert_eq!(
            (self.writes, self.builds.len()),
            (writes, builds),
            "no rest: {self:?}"
        );
        match self.latest().run_state() {
            Some(state) => {
                let record = self.record.as_ref().unwrap();
                assert_eq!(record.wanted, state, "{self:?}");
                assert_eq!(record.build_number, self.latest().number, "{self:?}");
                assert!(
                    self.running.is_none_or(|running| running == state),
                    "{self:?}"
                );
            }
            None => assert!(matches!(self.look(), Decision::Failed { .. }), "{self:?}"),
        }
        self.was_asked = false;
    }
}

fn any_end() -> impl Strategy<Value = Job> {
    prop_oneof![4 => Just(Job::Succeeded), 1 => Just(Job::Failed), 1 => Just(Job::Canceled)]
}

/// What nobody in Kubernetes does.
fn any_foreign() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => any::<bool>().prop_map(|running| Happening::Begin { running }),
        1 => Just(Happening::Autostop),
        4 => any_end().prop_map(Happening::End),
        3 => (1_u64..8).prop_map(Happening::Pass),
        6 => Just(Happening::Step),
        1 => any::<bool>().prop_map(|running| Happening::Overtaken { running }),
        2 => Just(Happening::Crash),
        1 => (1_usize..4).prop_map(Happening::OlderDatabase),
    ]
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => any::<bool>().prop_map(Happening::Set),
        1 => Just(Happening::Remove),
        1 => Just(Happening::EditElsewhere),
        12 => any_foreign(),
    ]
}

fn any_world() -> impl Strategy<Value = World> {
    let running = prop::option::of(any::<bool>());
    (running, any::<bool>(), any::<bool>())
        .prop_map(|(running, is_restored, first)| World::new(running, is_restored, first))
}

fn is_copy(happening: &Happening) -> bool {
    matches!(happening, Happening::OlderDatabase(_))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_happens_both_sides_come_to_rest(
        mut world in any_world(),
        happenings in prop::collection::vec(any_happening(), 0..40),
        end in any_end(),
    ) {
        for happening in happenings {
            // A database that lost our build by one looks as if the order had not been sent.
            if !is_copy(&happening) {
                world.happen(happening);
            }
        }
        world.come_to_rest(end);
    }

    #[test]
    fn a_restored_object_starts_and_stops_nothing(
        wanted in any::<bool>(),
        first in any::<bool>(),
        happenings in prop::collection::vec(any_foreign(), 0..30),
        end in any_end(),
    ) {
        let mut world = World::new(Some(wanted), true, first);
        for happening in happenings {
            world.happen(happening);
        }
        world.come_to_rest(end);
        prop_assert_eq!(world.builds_of_ours, 0);
    }

    #[test]
    fn after_a_rest_nothing_is_built_unless_somebody_in_kubernetes_asks(
        mut world in any_world(),
        before in prop::collection::vec(any_happening(), 0..30),
        after in prop::collection::vec(any_foreign(), 0..30),
        end in any_end(),
    ) {
        for happening in before.into_iter().filter(|it| !is_copy(it)) {
            world.happen(happening);
        }
        world.come_to_rest(Job::Succeeded);
        let built = world.builds_of_ours;
        for happening in after.into_iter().filter(|it| !is_copy(it)) {
            world.happen(happening);
        }
        world.come_to_rest(end);
        prop_assert_eq!(world.builds_of_ours, built, "{:?}", world);
    }

    #[test]
    fn the_last_change_wins_on_either_side(
        mut world in any_world(),
        before in prop::collection::vec(any_happening(), 0..30),
        running in any::<bool>(),
        in_kubernetes in any::<bool>(),
    ) {
        for happening in before {
            if !is_copy(&happening) {
                world.happen(happening);
            }
        }
        world.come_to_rest(Job::Succeeded);
        // A restored object that has seen no settled state yet has agreed on nothing: what it is told
        // now cannot be told from what the backup said.
        prop_assume!(world.record.as_ref().is_none_or(|record| record.build_number > 0));
        if in_kubernetes {
            // Saying the same again is no change.
            prop_assume!(world.running != Some(running));
            world.happen(Happening::Set(running));
        } else {
            world.happen(Happening::Begin { running });
        }
        world.come_to_rest(Job::Succeeded);
        prop_assert_eq!(world.latest().run_state(), Some(running), "{:?}", world);
    }

    #[test]
    fn if_both_sides_changed_kubernetes_wins(
        first in any::<bool>(),
        running in any::<bool>(),
        kubernetes_first in any::<bool>(),
    ) {
        let mut world = World::new(Some(!running), false, first);
        world.come_to_rest(Job::Succeeded);
        let set = Happening::Set(running);
        let begin = Happening::Begin { running: !running };
        for happening in if kubernetes_first { [set, begin] } else { [begin, set] } {
            world.happen(happening);
        }
        world.come_to_rest(Job::Succeeded);
        prop_assert_eq!(world.latest().run_state(), Some(running), "{:?}", world);
    }
}
