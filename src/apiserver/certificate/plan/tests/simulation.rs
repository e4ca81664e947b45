//! Replicas whose looks and steps interleave, and a kube-apiserver that hears of changes late.

use proptest::prelude::*;

use super::*;

/// How late kube-apiserver may trust what the `APIService` shows.
const LAG: SignedDuration = SignedDuration::from_secs(30);

#[derive(Clone, Debug)]
struct Versioned<T> {
    version: u32,
    value: T,
}

#[derive(Clone, Debug)]
enum Phase {
    Idle,
    SawApiService(Versioned<Shown>),
    SawSecret(Versioned<Shown>, Box<Versioned<Option<Holding>>>),
}

#[derive(Clone, Debug)]
struct Replica {
    phase: Phase,
    held: Option<Holding>,
    /// When it last did something.
    acted: Timestamp,
    /// The longest pause between two of the three parts of a round, in seconds.
    pause: i64,
    /// Whether its last whole round found nothing to do.
    rests: bool,
}

/// What the world does to it.
#[derive(Clone, Debug)]
enum Disturbance {
    Trusts(Trust),
    DeleteSecret,
    Restart(usize),
}

#[derive(Debug)]
struct World {
    now: Timestamp,
    secret: Versioned<Option<Holding>>,
    shown: Versioned<Trust>,
    /// What was shown, until when.
    before: Vec<(Timestamp, Trust)>,
    replicas: Vec<Replica>,
    authorities: u8,
    writes: u32,
    /// Whether all replicas have been trusted since the last disturbance of trust.
    settled: bool,
}

impl World {
    fn new(secret: Option<Holding>, shown: Trust, pauses: &[i64]) -> Self {
        let idle = |pause: &i64| Replica {
            phase: Phase::Idle,
            held: None,
            acted: start(),
            pause: *pause,
            rests: false,
        };
        Self {
            now: start(),
            secret: Versioned {
                version: 1,
                value: secret,
            },
            shown: Versioned {
                version: 1,
                value: shown,
            },
            before: Vec::new(),
            replicas: pauses.iter().map(idle).collect(),
            authorities: 100,
            writes: 0,
            settled: false,
        }
    }

    fn new_authority(&mut self) -> Authority {
        self.authorities += 1;
        authority(self.authorities, self.now)
    }

    fn show(&mut self, trust: Trust) {
        self.before.push((self.now, self.shown.value.clone()));
        self.shown = Versioned {
            version: self.shown.version + 1,
            value: trust,
        };
    }

    /// One part of a round of one replica.
    fn act(&mut self, index: usize) {
        let mut replica = self.replicas[index].clone();
        replica.acted = self.now;
        replica.phase = match replica.phase {
            Phase::Idle => Phase::SawApiService(Versioned {
                version: self.shown.version,
                value: Shown::Ours(self.shown.value.clone()),
            }),
            Phase::SawApiService(shown) => {
                let found = self.secret.clone();
                if let Some(holding) = &found.value
                    && (replica.held.is_none() || !holding.leaf.validity.is_over(self.now))
                {
                    replica.held = Some(holding.clone());
                }
                Phase::SawSecret(shown, Box::new(found))
            }
            Phase::SawSecret(shown, secret) => {
                let step = plan(View {
                    stored: secret.value.as_ref().map_or(Stored::Nothing, Stored::Good),
                    shown: &shown.value,
                    held: replica.held.as_ref(),
                    names: &names(),
                    now: self.now,
                });
                replica.rests = step == Step::Wait(Wait::Rest);
                self.take(step, &shown, &secret, replica.held.as_ref());
                Phase::Idle
            }
        };
        self.replicas[index] = replica;
    }

    fn take(
        &mut self,
        step: Step,
        shown: &Versioned<Shown>,
        secret: &Versioned<Option<Holding>>,
        held: Option<&Holding>,
    ) {
        let stored = secret.value.clone();
        let changed = match step {
            Step::Wait(_) => return,
            Step::Establish => {
                let newest = self.new_authority();
                Holding {
                    leaf: leaf(&newest, self.now),
                    newest,
                    can_sign: true,
                    older: Vec::new(),
                    trusted: None,
                }
            }
            Step::Restore | Step::AddAuthority => {
                let base = stored.or(held.cloned()).unwrap();
                let mut older = base.older.clone();
                older.insert(0, base.newest.clone());
                Holding {
                    newest: self.new_authority(),
                    older,
                    can_sign: true,
                    ..base
                }
            }
            Step::Issue => {
                let stored = stored.unwrap();
                assert!(stored.can_sign);
                Holding {
                    leaf: leaf(&stored.newest, self.now),
                    ..stored
                }
            }
            Step::KeepAuthorities(keep) => {
                let mut stored = stored.unwrap();
                stored
                    .older
                    .retain(|authority| keep.contains(&authority.id));
                stored
            }
            Step::RecordTrust => {
                let stored = stored.unwrap();
                Holding {
                    trusted: Some(TrustRecord {
                        authority: stored.newest.id,
                        since: self.now,
                    }),
                    ..stored
                }
            }
            Step::ForgetTrust => Holding {
                trusted: None,
                ..stored.unwrap()
            },
            Step::ShowAuthorities => {
                if shown.version == self.shown.version {
                    self.writes += 1;
                    self.show(Trust {
                        authorities: stored.unwrap().authorities().collect(),
                        anybody: false,
                        managed: true,
                    });
                }
                return;
            }
        };
        if secret.version == self.secret.version {
            self.writes += 1;
            self.secret = Versioned {
                version: secret.version + 1,
                value: Some(changed),
            };
        }
    }

    /// Whether kube-apiserver, however late it is, trusts what the replica serves.
    fn trusts(&self, replica: &Replica) -> bool {
        let Some(Holding { leaf, .. }) = &replica.held else {
            // It is not ready, so nobody asks it.
            return true;
        };
        let late = self
            .before
            .iter()
            .filter(|(until, _)| *until + LAG > self.now);
        let mut effective = late.map(|(_, trust)| trust).chain([&self.shown.value]);
        effective.all(|trust| trust.includes(leaf.issuer))
            && !leaf.validity.is_over(self.now)
            && leaf.names.is_superset(&names())
    }

    fn check(&mut self) {
        let all = self.replicas.iter().all(|replica| self.trusts(replica));
        let any = self.replicas.iter().any(|replica| replica.held.is_some());
        assert!(all || !self.settled, "a replica is not trusted: {self:#?}");
        self.settled |= all && any;
    }

    /// Lets time pass, a second at a time, and replicas act that have paused for too long.
    fn pass(&mut self, seconds: u8) {
        for _ in 0..seconds {
            self.now += SignedDuration::from_secs(1);
            for index in 0..self.replicas.len() {
                let Replica { acted, pause, .. } = &self.replicas[index];
                if self.now.duration_since(*acted).as_secs() >= *pause {
                    self.act(index);
                }
            }
            self.check();
        }
    }

    fn disturb(&mut self, disturbance: &Disturbance) {
        match disturbance {
            Disturbance::Trusts(trust) => {
                self.settled = false;
                self.show(trust.clone());
            }
            // A person, who waits until everybody has seen what is there.
            Disturbance::DeleteSecret => {
                let seen = |replica: &Replica| replica.held == self.secret.value;
                if self.replicas.iter().all(seen) {
                    self.secret.version += 1;
                    self.secret.value = None;
                }
            }
            Disturbance::Restart(index) => {
                if self.secret.value.is_some() {
                    let index = index % self.replicas.len();
                    self.replicas[index].phase = Phase::Idle;
                    self.replicas[index].held = None;
                }
            }
        }
        self.replicas
            .iter_mut()
            .for_each(|replica| replica.rests = false);
    }

    /// Goes on until there is nothing to do, and checks that it stays so.
    fn come_to_rest(&mut self) {
        self.replicas
            .iter_mut()
            .for_each(|replica| replica.rests = false);
        for _ in 0..60 {
            self.pass(30);
            if self.is_at_rest() {
                break;
            }
        }
        assert!(self.is_at_rest(), "no rest: {self:#?}");
        let writes = self.writes;
        self.pass(60);
        assert_eq!(writes, self.writes, "written at rest");
        assert!(self.settled, "at rest, but not trusted: {self:#?}");
    }

    fn is_at_rest(&self) -> bool {
        let secret = self.secret.value.as_ref();
        self.replicas.iter().all(|replica| replica.rests)
            && secret.is_some_and(|holding| {
                holding.older.is_empty() && self.shown.value.is_exactly(holding)
            })
    }
}

fn any_trust() -> impl Strategy<Value = Trust> {
    (
        prop::collection::btree_set((0_u8..3).prop_map(id), 0..3),
        any::<bool>(),
    )
        .prop_map(|(authorities, anybody)| Trust {
            authorities,
            anybody,
            managed: true,
        })
}

/// A Secret in any good state: of any age, with or without an older authority, a usable key, a record.
fn any_holding() -> impl Strategy<Value = Holding> {
    let ages = (0_i64..4200, 0_i64..500, 0_i64..4200);
    let choices = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (ages, choices, 0_i64..100).prop_map(
        |((newest, leaf_age, older), (signs, rotates, named, records), recorded)| {
            let newest = authority(1, start() - days(newest));
            let older = authority(2, start() - days(older));
            let issuer = if rotates { &older } else { &newest };
            let mut leaf = leaf(issuer, start() - days(leaf_age));
            if !named {
                leaf.names.clear();
            }
            Holding {
                leaf,
                can_sign: signs,
                trusted: records.then(|| TrustRecord {
                    authority: newest.id,
                    since: start() - SignedDuration::from_secs(recorded),
                }),
                newest,
                older: vec![older],
            }
        },
    )
}

fn any_disturbance() -> impl Strategy<Value = Option<Disturbance>> {
    prop_oneof![
        96 => Just(None),
        1 => any_trust().prop_map(|trust| Some(Disturbance::Trusts(trust))),
        1 => Just(Some(Disturbance::DeleteSecret)),
        2 => any::<usize>().prop_map(|index| Some(Disturbance::Restart(index))),
    ]
}

proptest! {
    // A case is years long.
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// From any state, with any interleaving: it comes to rest, and from the moment that all
    /// replicas are trusted they stay trusted, through the rotations of a dozen years.
    #[test]
    fn every_rotation_keeps_trust(
        secret in prop::option::of(any_holding()),
        shown in any_trust(),
        pauses in prop::collection::vec(1_i64..=8, 1..4),
        schedule in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4), 0..300),
        jumps in prop::collection::vec(30_i64..120, 60),
    ) {
        let mut world = World::new(secret, shown, &pauses);
        for (index, seconds) in schedule {
            world.act(index.index(pauses.len()));
            world.check();
            world.pass(seconds);
        }
        world.come_to_rest();
        for jump in jumps {
            // Nobody needs to have looked while there was nothing to do.
            world.now += days(jump);
            for replica in &mut world.replicas {
                replica.acted = world.now;
            }
            world.come_to_rest();
        }
    }

    /// Whatever is done to the trust, the Secret and the replicas: it is put right, without a
    /// moment of mistrust of our own making.
    #[test]
    fn what_is_disturbed_is_put_right(
        pauses in prop::collection::vec(1_i64..=8, 1..4),
        schedule in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_u8..6, any_disturbance()), 0..500),
    ) {
        let mut world = World::new(None, trust(&[]), &pauses);
        for (index, seconds, disturbance) in schedule {
            if let Some(disturbance) = disturbance {
                world.disturb(&disturbance);
            }
            world.act(index.index(pauses.len()));
            world.check();
            world.pass(seconds);
        }
        world.come_to_rest();
    }
}
