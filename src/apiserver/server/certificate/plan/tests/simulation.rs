//! Replicas whose looks and steps interleave.

use proptest::prelude::*;

use super::*;

/// Which authority it is of, and what it is like.
type Kept = (u32, Holding);

#[derive(Clone, Debug)]
struct Versioned<T> {
    version: u32,
    value: T,
}

#[derive(Clone, Debug)]
enum Phase {
    Idle,
    SawApiService(Versioned<Vec<u32>>),
    SawSecret(Versioned<Vec<u32>>, Box<Versioned<Option<Kept>>>),
}

#[derive(Clone, Debug)]
struct Replica {
    phase: Phase,
    served: Option<Kept>,
    /// Whether its last whole round found nothing to do.
    rests: bool,
}

#[derive(Clone, Debug)]
enum Event {
    /// One part of a round of one replica.
    Act(prop::sample::Index),
    Restart(prop::sample::Index),
    Trust(Vec<u32>),
    DeleteSecret,
    Days(i64),
}

#[derive(Debug)]
struct World {
    now: Timestamp,
    secret: Versioned<Option<Kept>>,
    bundle: Versioned<Vec<u32>>,
    replicas: Vec<Replica>,
    /// How many were made.
    authorities: u32,
    writes: u32,
    /// Whether all have been trusted, by the authority of the Secret, since there is a new one.
    is_settled: bool,
}

impl World {
    fn new(secret: Option<Holding>, bundle: Vec<u32>, replicas: usize) -> Self {
        let idle = Replica {
            phase: Phase::Idle,
            served: None,
            rests: false,
        };
        Self {
            now: start(),
            secret: Versioned {
                version: 1,
                value: secret.map(|holding| (1, holding)),
            },
            bundle: Versioned {
                version: 1,
                value: bundle,
            },
            replicas: vec![idle; replicas],
            authorities: 100,
            writes: 0,
            is_settled: false,
        }
    }

    fn act(&mut self, index: usize) {
        let mut replica = self.replicas[index].clone();
        replica.phase = match replica.phase {
            Phase::Idle => Phase::SawApiService(self.bundle.clone()),
            Phase::SawApiService(bundle) => {
                let found = self.secret.clone();
                if let Some(kept) = &found.value
                    && (replica.served.is_none() || !kept.1.leaf.is_over(self.now))
                {
                    replica.served = Some(kept.clone());
                }
                Phase::SawSecret(bundle, Box::new(found))
            }
            Phase::SawSecret(bundle, secret) => {
                let stored = secret.value.as_ref();
                let shown = match stored {
                    Some((id, _)) if bundle.value == [*id] => Shown::Right,
                    _ => Shown::Wrong,
                };
                let stored = stored.map(|(_, holding)| holding);
                let step = plan(stored, shown, &names(), self.now);
                replica.rests = step == Step::Wait(Shown::Right);
                self.take(step, &bundle, &secret);
                Phase::Idle
            }
        };
        self.replicas[index] = replica;
        self.check();
    }

    /// Writes, if nobody has written since the look.
    fn take(&mut self, step: Step, bundle: &Versioned<Vec<u32>>, secret: &Versioned<Option<Kept>>) {
        let is_of_now = match step {
            Step::Wait(_) => false,
            Step::Show => bundle.version == self.bundle.version,
            Step::Establish | Step::Issue => secret.version == self.secret.version,
        };
        if !is_of_now {
            return;
        }
        self.writes += 1;
        let (id, authority) = match (step, &secret.value) {
            (Step::Show, stored) => {
                let (id, _) = stored.as_ref().unwrap();
                self.bundle = Versioned {
                    version: self.bundle.version + 1,
                    value: vec![*id],
                };
                return;
            }
            (Step::Issue, stored) => {
                let (id, holding) = stored.as_ref().unwrap();
                assert!(holding.can_sign);
                (*id, holding.authority)
            }
            _ => {
                self.is_settled = false;
                self.authorities += 1;
                (self.authorities, life(self.now, days(3650)))
            }
        };
        let holding = Holding {
            authority,
            can_sign: true,
            leaf: under(authority, self.now),
            names: names(),
        };
        self.secret = Versioned {
            version: self.secret.version + 1,
            value: Some((id, holding)),
        };
    }

    fn is_trusted(&self, replica: &Replica) -> bool {
        // One that serves nothing is not ready, so nobody asks it.
        replica.served.as_ref().is_none_or(|(id, holding)| {
            self.bundle.value.contains(id) && !holding.leaf.is_over(self.now)
        })
    }

    fn check(&mut self) {
        let all = self.replicas.iter().all(|one| self.is_trusted(one));
        let stored = self.secret.value.as_ref();
        let is_shown = stored.is_some_and(|(id, _)| self.bundle.value == [*id])
            && self.replicas.iter().all(|one| one.served.is_some());
        assert!(all || !self.is_settled, "mistrust without need: {self:#?}");
        self.is_settled |= all && is_shown;
    }

    fn happen(&mut self, event: Event) {
        let count = self.replicas.len();
        match event {
            Event::Act(index) => self.act(index.index(count)),
            Event::Restart(index) => {
                let replica = &mut self.replicas[index.index(count)];
                (replica.phase, replica.served) = (Phase::Idle, None);
            }
            Event::Trust(bundle) => {
                self.is_settled = false;
                self.bundle.version += 1;
                self.bundle.value = bundle;
            }
            Event::DeleteSecret => {
                self.secret.version += 1;
                self.secret.value = None;
            }
            Event::Days(passed) => {
                // Nobody needs to look while there is nothing to do.
                self.come_to_rest();
                self.now += days(passed);
                let stored = self.secret.value.as_ref();
                self.is_settled &=
                    stored.is_some_and(|(_, holding)| !holding.leaf.is_over(self.now));
            }
        }
    }

    /// Goes on until there is nothing to do, and checks that it stays so.
    fn come_to_rest(&mut self) {
        let round = |world: &mut Self| {
            for index in 0..world.replicas.len() {
                world.replicas[index].phase = Phase::Idle;
                for _ in 0..3 {
                    world.act(index);
                }
            }
        };
        // The first replica takes all the steps, and the others see them.
        for _ in 0..4 {
            round(self);
        }
        let writes = self.writes;
        round(self);
        assert_eq!(writes, self.writes, "written at rest: {self:#?}");
        let stored = self.secret.value.as_ref();
        for replica in &self.replicas {
            assert!(
                replica.rests && replica.served.as_ref() == stored,
                "{self:#?}"
            );
        }
        assert!(self.is_settled, "at rest, but not trusted: {self:#?}");
    }
}

fn any_holding() -> impl Strategy<Value = Holding> {
    let choices = (any::<bool>(), any::<bool>());
    ((0_i64..4200, 0_i64..500), choices).prop_map(|((authority, leaf), (can_sign, is_named))| {
        let names = if is_named { names() } else { BTreeSet::new() };
        Holding {
            can_sign,
            names,
            ..aged(authority, leaf)
        }
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        60 => any::<prop::sample::Index>().prop_map(Event::Act),
        2 => any::<prop::sample::Index>().prop_map(Event::Restart),
        1 => prop::collection::vec(0_u32..3, 0..3).prop_map(Event::Trust),
        1 => Just(Event::DeleteSecret),
        2 => (1_i64..110).prop_map(Event::Days),
    ]
}

proptest! {
    /// From any state, with any interleaving: it comes to rest, and trust that there was is lost only
    /// by a new authority, of which there is one for each that was lost or due.
    #[test]
    fn replicas_agree_and_renewals_keep_trust(
        secret in prop::option::of(any_holding()),
        bundle in prop::collection::vec(0_u32..3, 0..3),
        replicas in 1_usize..4,
        events in prop::collection::vec(any_event(), 0..300),
    ) {
        let mut world = World::new(secret, bundle, replicas);
        for event in events {
            let before = world.authorities;
            let is_loss = matches!(event, Event::DeleteSecret);
            world.happen(event);
            prop_assert!(world.authorities <= before + 1);
            if is_loss {
                world.come_to_rest();
                prop_assert_eq!(world.authorities, before + 1);
            }
        }
        world.come_to_rest();
    }

    /// Through a hundred years, renewals are many and new authorities few.
    #[test]
    fn authorities_last(jumps in prop::collection::vec(30_i64..110, 500), replicas in 1_usize..4) {
        let mut world = World::new(None, Vec::new(), replicas);
        for jump in jumps {
            world.happen(Event::Days(jump));
            prop_assert!(world.is_settled, "expired: {:#?}", world);
        }
        world.come_to_rest();
        let years = i64::from(world.authorities - 100) * 6 * 365;
        prop_assert!(start() + days(years) <= world.now + days(6 * 365), "{:#?}", world);
    }
}
