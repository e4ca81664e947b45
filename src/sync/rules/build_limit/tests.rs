//! The limit on builds, against a Coder in which builds come and go.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::{collection::vec, prelude::*};

use super::*;

type Limit = BuildLimit<u8>;

fn order(second: i64, deletes: bool) -> BuildOrder {
    BuildOrder {
        ordered_at: Timestamp::from_second(second).unwrap(),
        deletes,
    }
}

fn id(key: u8) -> Uuid {
    Uuid::from_u128(u128::from(key))
}

/// The orders that get a place one after another, where each build ends before the next one begins.
fn in_turn(limit: &mut Limit) -> Vec<u8> {
    let mut served = Vec::new();
    while let Some(key) = limit.next().first().copied() {
        let order = limit.waiting[&key].order;
        limit.admit(&key, order).unwrap();
        let _next = limit.looked(&key, Some((id(key), true)));
        let _next = limit.looked(&key, Some((id(key), false)));
        served.push(key);
    }
    served
}

#[test]
fn the_others_wait_in_the_order_of_their_records() {
    let mut limit = Limit::new(2);
    assert_eq!(limit.admit(&1, order(1, false)), Ok(()));
    assert_eq!(limit.admit(&2, order(2, false)), Ok(()));
    for (key, second, ahead) in [(3, 5, 0), (4, 7, 1), (5, 6, 1), (6, 8, 3)] {
        let queued = Queued { most: 2, ahead };
        assert_eq!(limit.admit(&key, order(second, false)), Err(queued));
    }
    let woken = limit.looked(&1, Some((id(1), false)));
    assert_eq!(woken, [3]);
    // Who comes later does not overtake, and who was not woken neither.
    assert!(limit.admit(&7, order(9, false)).is_err());
    assert!(limit.admit(&5, order(6, false)).is_err());
    assert_eq!(limit.admit(&3, order(5, false)), Ok(()));
    let _next = limit.looked(&3, Some((id(3), false)));
    let _next = limit.looked(&2, Some((id(2), false)));
    assert_eq!(in_turn(&mut limit), [5, 4, 6, 7]);
}

#[test]
fn deletions_and_the_others_take_turns() {
    let mut limit = Limit::new(0);
    for key in 1..=4 {
        assert!(limit.admit(&key, order(i64::from(key), false)).is_err());
    }
    for (key, ahead) in [(11, 0), (12, 2)] {
        let queued = limit.admit(&key, order(i64::from(key), true));
        assert_eq!(queued, Err(Queued { most: 0, ahead }));
    }
    let last = limit.admit(&4, order(4, false)).unwrap_err();
    assert_eq!(last.ahead, 5);
    limit.most = 1;
    assert_eq!(in_turn(&mut limit), [11, 1, 12, 2, 3, 4]);
}

#[test]
fn who_asks_for_no_place_any_more_holds_up_nobody() {
    let mut limit = Limit::new(1);
    limit.expect(&1, order(1, false));
    assert_eq!(
        limit.admit(&2, order(2, false)),
        Err(Queued { most: 1, ahead: 1 })
    );
    assert_eq!(limit.visited(&2), [0; 0]);
    // Its visit asked for none.
    assert_eq!(limit.visited(&1), [2]);
    assert_eq!(limit.admit(&2, order(2, false)), Ok(()));
}

#[test]
fn a_place_whose_build_nobody_saw_is_free_after_the_next_sweep() {
    let mut limit = Limit::new(1);
    limit.sweep_begins();
    limit.admit(&1, order(1, false)).unwrap();
    assert!(limit.admit(&2, order(2, false)).is_err());
    assert_eq!(limit.visited(&2), [0; 0]);
    // A sweep that ends while the request is under way tells nothing of it, nor one that began before.
    assert_eq!(limit.swept(HashSet::new()), [0; 0]);
    assert_eq!(limit.visited(&1), [0; 0]);
    assert_eq!(limit.swept(HashSet::new()), [0; 0]);
    limit.sweep_begins();
    assert_eq!(limit.swept(HashSet::new()), [2]);
}

#[test]
fn a_look_counts_for_more_than_a_sweep_that_began_before() {
    let mut limit = Limit::new(1);
    limit.sweep_begins();
    assert_eq!(limit.looked(&1, Some((id(1), true))), [0; 0]);
    assert_eq!(limit.swept(HashSet::new()), [0; 0]);
    assert_eq!(limit.taken(), 1);
    limit.sweep_begins();
    let _next = limit.looked(&1, Some((id(1), false)));
    let _next = limit.swept(HashSet::from([id(1)]));
    assert_eq!(limit.taken(), 0);
    limit.sweep_begins();
    let _next = limit.swept(HashSet::from([id(1)]));
    assert_eq!(limit.taken(), 1);
}

/// Orders, builds and visits.
struct World {
    limit: Limit,
    most: usize,
    now: i64,
    orders: BTreeMap<u8, BuildOrder>,
    building: BTreeSet<u8>,
    to_visit: VecDeque<u8>,
    rows: Option<HashSet<Uuid>>,
    served: Vec<BuildOrder>,
    /// How many were served when an order was told to wait.
    told: BTreeMap<u8, usize>,
}

impl World {
    fn new(most: usize) -> Self {
        Self {
            limit: Limit::new(most),
            most,
            now: 0,
            orders: BTreeMap::new(),
            building: BTreeSet::new(),
            to_visit: VecDeque::new(),
            rows: None,
            served: Vec::new(),
            told: BTreeMap::new(),
        }
    }

    fn order(&mut self, key: u8) {
        self.now += 1;
        let deletes = key.is_multiple_of(4);
        self.orders
            .entry(key)
            .or_insert_with(|| order(self.now, deletes));
        self.to_visit.push_back(key);
    }

    /// A visit; `is_seen` is false where no look comes after the request.
    fn visit(&mut self, key: u8, is_seen: bool) {
        let mut woken = self
            .limit
            .looked(&key, Some((id(key), self.building.contains(&key))));
        if let Some(order) = self.orders.get(&key).copied()
            && !self.building.contains(&key)
        {
            match self.limit.admit(&key, order) {
                Ok(()) => {
                    self.orders.remove(&key);
                    self.building.insert(key);
                    self.serve(key, order);
                    if is_seen {
                        woken.extend(self.limit.looked(&key, Some((id(key), true))));
                    }
                }
                Err(_) => {
                    self.told.entry(key).or_insert(self.served.len());
                }
            }
        }
        woken.extend(self.limit.visited(&key));
        self.to_visit.extend(woken);
    }

    /// While an order waits, both lines take turns, and nobody of its own line overtakes it, but for those
    /// who have a place like it.
    fn serve(&mut self, key: u8, order: BuildOrder) {
        let since = self.told.remove(&key).unwrap_or(self.served.len());
        let (own, other): (Vec<BuildOrder>, Vec<_>) = self.served[since..]
            .iter()
            .partition(|it| it.deletes == order.deletes);
        assert!(
            other.len() <= own.len() + 1 + self.most,
            "{:?}",
            self.served
        );
        let later = own.iter().filter(|it| it.ordered_at > order.ordered_at);
        assert!(later.count() < self.most.max(1), "{:?}", self.served);
        self.served.push(order);
    }

    fn end(&mut self, key: u8) {
        if self.building.remove(&key) {
            self.visit(key, true);
        }
    }

    fn sweep_begins(&mut self) {
        self.limit.sweep_begins();
        self.rows = Some(self.building.iter().copied().map(id).collect());
    }

    fn swept(&mut self) {
        if let Some(rows) = self.rows.take() {
            self.to_visit.extend(self.limit.swept(rows));
        }
    }

    /// Another process: it knows what the records and coderd say.
    fn restart(&mut self) {
        self.limit = Limit::new(self.most);
        self.told.clear();
        for (key, order) in &self.orders {
            self.limit.expect(key, *order);
        }
        self.sweep_begins();
        self.swept();
        self.to_visit = self.orders.keys().rev().copied().collect();
    }

    fn step(&mut self, (what, key): (u8, u8)) {
        match what {
            0..=3 => self.order(key),
            4..=7 => {
                if let Some(next) = self.to_visit.pop_front() {
                    self.visit(next, what != 7);
                }
            }
            8 | 9 => self.end(key),
            10 => self.sweep_begins(),
            11 => self.swept(),
            _ => self.restart(),
        }
        assert!(self.building.len() <= self.most, "{:?}", self.building);
    }

    /// Nothing is ordered any more; everybody who is woken is visited, and builds end.
    fn settle(&mut self) {
        self.swept();
        self.sweep_begins();
        self.swept();
        loop {
            if let Some(next) = self.to_visit.pop_front() {
                self.visit(next, true);
            } else if let Some(key) = self.building.first().copied() {
                self.end(key);
            } else {
                break;
            }
            assert!(self.building.len() <= self.most);
        }
    }
}

proptest! {
    #[test]
    fn never_too_many_are_active_and_nobody_waits_for_ever(
        most in 1_usize..4,
        steps in vec((0_u8..13, 1_u8..20), 0..120),
    ) {
        let mut world = World::new(most);
        for step in steps {
            world.step(step);
        }
        world.settle();
        prop_assert!(world.orders.is_empty(), "{:?}", world.orders);
        prop_assert_eq!(world.limit.waiting(), 0);
        prop_assert_eq!(world.limit.taken(), 0);
    }
}
