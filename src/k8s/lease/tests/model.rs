//! Two or three candidates and an API server that loses, delays and answers late; clocks that are hours
//! apart and run at different speeds; processes that stand still. No two may ever act.

use super::*;

/// Moments of the model are of the world's clock, in milliseconds.
type Moment = u64;

const STEPS: usize = 25_000;
const WORLDS: u64 = 60;
const HOUR: f64 = 3600.0;

/// The Lease as the API server has it.
#[derive(Default)]
struct Server {
    lease: Option<Record>,
    version: u64,
}

impl Server {
    fn ask(&mut self, step: &Step) -> Answer {
        match (step, &self.lease) {
            (Step::Wait(_), _) => Answer::Unknown,
            (Step::Read, None) => Answer::Missing,
            (Step::Read, Some(record)) => Answer::Found(self.version.to_string(), record.clone()),
            (Step::Create(record), None) => self.write(record),
            (Step::Replace(version, record), Some(_)) if *version == self.version.to_string() => {
                self.write(record)
            }
            (Step::Create(_) | Step::Replace(..), _) => Answer::Conflict,
        }
    }

    fn write(&mut self, record: &Record) -> Answer {
        self.version += 1;
        self.lease = Some(record.clone());
        Answer::Written(self.version.to_string())
    }
}

/// A request under way.
struct Asked {
    step: Step,
    sent: Moment,
    /// When the server takes it; never where it is lost.
    taken: Option<Moment>,
    /// When the answer is there; never where that is lost.
    answered: Option<Moment>,
    answer: Option<Answer>,
    /// When the candidate waits no longer.
    given_up: Moment,
}

/// A request that nobody waits for, and that the server takes all the same.
struct Late {
    step: Step,
    taken: Moment,
}

struct Process {
    candidate: Candidate,
    /// What its clock shows at the world's zero.
    zero: Instant,
    speed: f64,
    asked: Option<Asked>,
    /// Until when it stands still.
    still_until: Moment,
    has_led: bool,
}

impl Process {
    fn new(number: usize, zero: Instant, dice: &mut fastrand::Rng) -> Self {
        let identity = format!("{number}-{}", dice.u32(..));
        Self {
            candidate: Candidate::new(identity, Timing::default(), dice.u64(..)),
            zero: zero + seconds(dice.f64() * 2.0 * HOUR),
            speed: 0.99 + dice.f64() * 0.02,
            asked: None,
            still_until: 0,
            has_led: false,
        }
    }

    fn clock(&self, now: Moment) -> Instant {
        self.zero + Duration::from_millis(now).mul_f64(self.speed)
    }

    /// Whether something that it does, or has begun, may still have an effect.
    fn may_act(&self, now: Moment) -> bool {
        let clock = self.clock(now);
        self.candidate
            .last_term()
            .is_some_and(|term| clock < term.end)
    }

    /// Does what it can do now; gives back a request that it has given up.
    fn act(&mut self, now: Moment, troubles: &Troubles, dice: &mut fastrand::Rng) -> Option<Late> {
        let clock = self.clock(now);
        let Some(asked) = &mut self.asked else {
            let step = self.candidate.next(clock);
            if !matches!(step, Step::Wait(_)) {
                let patience = self.candidate.patience(clock);
                self.asked = Some(troubles.request(step, now, patience, dice));
            }
            return None;
        };
        let is_answered = asked.answered.is_some_and(|at| at <= now);
        let sent = asked.sent;
        let (answer, late) = match asked.answer.take() {
            Some(answer) if is_answered => (answer, None),
            answer if asked.given_up <= now => {
                let taken = asked.taken.filter(|_| answer.is_none());
                let step = asked.step.clone();
                (Answer::Unknown, taken.map(|taken| Late { step, taken }))
            }
            answer => {
                asked.answer = answer;
                return None;
            }
        };
        self.asked = None;
        let sent = self.clock(sent);
        self.candidate.told(answer, sent, clock);
        self.has_led |= self.candidate.term(clock).is_some();
        late
    }
}

/// How bad the world is.
struct Troubles {
    loses: f64,
    slowest: u64,
    stands_still: f64,
    restarts: f64,
}

impl Troubles {
    fn request(
        &self,
        step: Step,
        now: Moment,
        patience: Duration,
        dice: &mut fastrand::Rng,
    ) -> Asked {
        let mut leg = |from: Option<Moment>| {
            let slow = if dice.f64() < 0.1 { self.slowest } else { 50 };
            let is_lost = dice.f64() < self.loses;
            from.filter(|_| !is_lost)
                .map(|from| from + dice.u64(1..=slow))
        };
        let taken = leg(Some(now));
        let answered = leg(taken);
        Asked {
            step,
            sent: now,
            taken,
            answered,
            answer: None,
            given_up: now + u64::try_from(patience.as_millis()).unwrap(),
        }
    }
}

struct World {
    server: Server,
    processes: Vec<Process>,
    late: Vec<Late>,
    now: Moment,
}

impl World {
    fn step(&mut self, troubles: &Troubles, dice: &mut fastrand::Rng) {
        self.now += dice.u64(0..200);
        let now = self.now;
        let (due, late) = std::mem::take(&mut self.late)
            .into_iter()
            .partition::<Vec<_>, _>(|late| late.taken <= now);
        self.late = late;
        for late in due {
            self.server.ask(&late.step);
        }
        for process in &mut self.processes {
            if let Some(asked) = &mut process.asked
                && asked.answer.is_none()
                && asked.taken.is_some_and(|at| at <= now)
            {
                asked.answer = Some(self.server.ask(&asked.step));
            }
        }
        let chosen = dice.usize(..self.processes.len());
        let process = &mut self.processes[chosen];
        if process.still_until <= now {
            self.late.extend(process.act(now, troubles, dice));
            if dice.f64() < troubles.stands_still {
                process.still_until = now + dice.u64(..60_000);
            }
        }
        if dice.f64() < troubles.restarts {
            let zero = process.zero;
            let asked = process.asked.take();
            let taken = asked.and_then(|asked| {
                let taken = asked.taken.filter(|_| asked.answer.is_none());
                taken.map(|taken| Late {
                    step: asked.step,
                    taken,
                })
            });
            self.late.extend(taken);
            *process = Process::new(chosen, zero, dice);
        }
    }

    fn acting(&self) -> usize {
        let acting = self.processes.iter().filter(|it| it.may_act(self.now));
        acting.count()
    }
}

fn run(seed: u64, base: Instant) -> usize {
    let mut dice = fastrand::Rng::with_seed(seed);
    let processes = dice.usize(2..=3);
    let troubles = Troubles {
        loses: [0.0, 0.05, 0.3][dice.usize(..3)],
        slowest: [200, 4_000, 20_000][dice.usize(..3)],
        stands_still: [0.0, 0.001, 0.01][dice.usize(..3)],
        restarts: [0.0, 0.0005][dice.usize(..2)],
    };
    let processes = (0..processes).map(|number| Process::new(number, base, &mut dice));
    let mut world = World {
        server: Server::default(),
        processes: processes.collect(),
        late: Vec::new(),
        now: 0,
    };
    for step in 0..STEPS {
        world.step(&troubles, &mut dice);
        let acting = world.acting();
        assert!(acting <= 1, "seed {seed}, step {step}: {acting} may act");
    }
    let led = world.processes.iter().filter(|it| it.has_led).count();
    let calm = Troubles {
        loses: 0.0,
        slowest: 50,
        stands_still: 0.0,
        restarts: 0.0,
    };
    for process in &mut world.processes {
        process.still_until = world.now;
    }
    for _ in 0..2_000 {
        world.step(&calm, &mut dice);
        assert!(world.acting() <= 1, "seed {seed}");
    }
    assert_eq!(
        world.acting(),
        1,
        "seed {seed}: nobody leads in a calm world"
    );
    led
}

#[tokio::test(start_paused = true)]
async fn no_two_ever_act_and_in_the_end_one_does() {
    let base = Instant::now() + seconds(HOUR);
    let led: usize = (0..WORLDS).map(|seed| run(seed, base)).sum();
    assert!(led > 100, "the lease hardly ever changed hands: {led}");
}
