use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::*;

#[tokio::test(start_paused = true)]
async fn an_edit_and_what_is_due_go_before_a_bulk_and_imports_come_last() {
    let queue = Queue::default();
    for key in 0..1000 {
        queue.add(10_000 + key, Lane::Import);
        queue.add(key, Lane::Bulk);
    }
    queue.add_later(5000, Duration::from_secs(1));
    queue.add(6000, Lane::Edit);
    tokio::time::advance(Duration::from_secs(2)).await;
    let first = [queue.next().await, queue.next().await];
    assert_eq!(first, [6000, 5000]);
    let mut imports = 0;
    for _ in 0..100 {
        imports += u32::from(queue.next().await >= 10_000);
    }
    assert!(imports < 15, "{imports} imports went before the bulk");
}

#[tokio::test(start_paused = true)]
async fn a_poll_of_a_build_waits_for_few_others_whatever_is_edited_and_listed() {
    let queue = Queue::default();
    for key in 0..1000 {
        queue.add(key, Lane::Bulk);
        queue.add(2000 + key, Lane::Edit);
    }
    for round in 0..50 {
        queue.add_later(9000, Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut turns = 0;
        loop {
            let key = queue.next().await;
            queue.done(&key);
            if key == 9000 {
                break;
            }
            turns += 1;
        }
        assert!(turns < 4, "it waited for {turns} others in round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_edited_moves_up_and_runs_once() {
    let queue = Queue::default();
    queue.add("other", Lane::Bulk);
    queue.add("key", Lane::Bulk);
    queue.add("key", Lane::Edit);
    assert_eq!(queue.next().await, "key");
    queue.done(&"key");
    assert_eq!(queue.next().await, "other");
    let next = tokio::time::timeout(Duration::from_secs(3600), queue.next()).await;
    assert!(next.is_err(), "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_in_one_worker_at_a_time_and_runs_again_for_what_came_meanwhile() {
    let queue = Queue::default();
    queue.add("key", Lane::Edit);
    assert_eq!(queue.next().await, "key");
    queue.add("key", Lane::Bulk);
    queue.add("key", Lane::Edit);
    let meanwhile = tokio::time::timeout(Duration::from_secs(3600), queue.next()).await;
    assert!(meanwhile.is_err(), "{meanwhile:?}");
    queue.done(&"key");
    assert_eq!(queue.next().await, "key");
    queue.done(&"key");
    let next = tokio::time::timeout(Duration::from_secs(3600), queue.next()).await;
    assert!(next.is_err(), "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn the_sooner_of_two_later_looks_counts() {
    let queue = Queue::default();
    let start = Instant::now();
    queue.add_later("key", Duration::from_secs(60));
    queue.add_later("key", Duration::from_secs(5));
    queue.add_later("key", Duration::from_secs(30));
    assert_eq!(queue.next().await, "key");
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    queue.done(&"key");
    let next = tokio::time::timeout(Duration::from_secs(3600), queue.next()).await;
    assert!(
        next.is_err(),
        "a look that was superseded came all the same"
    );
}

#[tokio::test(start_paused = true)]
async fn many_workers_share_the_queue_without_losing_a_key() {
    let queue = std::sync::Arc::new(Queue::default());
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let queue = std::sync::Arc::clone(&queue);
        workers.spawn(async move {
            let mut seen = Vec::new();
            while let Ok(key) = tokio::time::timeout(Duration::from_secs(100), queue.next()).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
                queue.done(&key);
                seen.push(key);
            }
            seen
        });
    }
    for key in 0..200 {
        if key % 3 == 0 {
            queue.add_later(key, Duration::from_secs(key % 7));
        } else {
            queue.add(key, Lane::Bulk);
        }
    }
    let mut seen: Vec<u64> = workers.join_all().await.into_iter().flatten().collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
}

#[derive(Clone, Debug)]
enum Op {
    Add(u8, Lane),
    Later(u8, u64),
    Wait(u64),
    Take,
    Done(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let lane = prop::sample::select(Lane::ALL.to_vec());
    prop_oneof![
        4 => (0..12_u8, lane).prop_map(|(key, lane)| Op::Add(key, lane)),
        2 => (0..12_u8, 0..9_u64).prop_map(|(key, delay)| Op::Later(key, delay)),
        2 => (0..5_u64).prop_map(Op::Wait),
        4 => Just(Op::Take),
        4 => any::<usize>().prop_map(Op::Done),
    ]
}

proptest! {
    /// No key is lost, none is in two workers, and none waits twice.
    #[test]
    fn every_key_that_is_asked_for_comes_to_one_worker_at_a_time(ops in vec(op(), 0..200)) {
        let mut state = State::default();
        let mut now = Instant::now();
        let mut in_hand: Vec<u8> = Vec::new();
        // What was asked for since its key was last taken, and when it is due.
        let mut asked: HashMap<u8, Instant> = HashMap::new();
        for op in ops {
            match op {
                Op::Add(key, lane) => {
                    state.add(key, lane);
                    asked.insert(key, now);
                }
                Op::Later(key, delay) => {
                    let due = now + Duration::from_secs(delay);
                    state.add_later(key, due);
                    let sooner = asked.get(&key).map_or(due, |known| due.min(*known));
                    asked.insert(key, sooner);
                }
                Op::Wait(seconds) => now += Duration::from_secs(seconds),
                Op::Take => {
                    state.wake(now);
                    let is_free = |(key, due): (&u8, &Instant)| *due <= now && !in_hand.contains(key);
                    let owed: BTreeSet<u8> = asked
                        .iter()
                        .filter(|entry| is_free(*entry))
                        .map(|(key, _)| *key)
                        .collect();
                    let taken = state.take();
                    prop_assert!(taken.is_some() || owed.is_empty(), "{:?} are lost", owed);
                    if let Some(key) = taken {
                        prop_assert!(!in_hand.contains(&key), "{} is in two workers", key);
                        in_hand.push(key);
                        // What is due later stays so.
                        match state.later_of.get(&key) {
                            Some((due, _)) => asked.insert(key, *due),
                            None => asked.remove(&key),
                        };
                    }
                }
                Op::Done(which) if !in_hand.is_empty() => {
                    let key = in_hand.swap_remove(which % in_hand.len());
                    state.done(&key);
                }
                Op::Done(_) => {}
            }
            let waiting: usize = Lane::ALL.iter().map(|lane| state.lane(*lane).len()).sum();
            prop_assert_eq!(waiting, state.waiting.len());
            prop_assert_eq!(state.later.len(), state.later_of.len());
        }
        // At the end everything that was asked for comes.
        now += Duration::from_secs(3600);
        for key in in_hand {
            state.done(&key);
        }
        state.wake(now);
        while let Some(key) = state.take() {
            asked.remove(&key);
            state.done(&key);
        }
        prop_assert!(asked.is_empty(), "{:?} are lost", asked);
    }

    /// Whatever the lanes hold and however fast the others are refilled, each gets its turn.
    #[test]
    fn no_lane_starves(
        turns_before in 0..20_usize,
        starving in prop::sample::select(Lane::ALL.to_vec()),
        refilled in vec(prop::sample::select(Lane::ALL.to_vec()), 1..4),
    ) {
        let mut state = State::default();
        let mut next = 0_u64;
        let mut refill = |state: &mut State<u64>| {
            for lane in &refilled {
                next += 1;
                state.add(next, *lane);
            }
        };
        for _ in 0..turns_before {
            refill(&mut state);
            let _taken = state.take();
        }
        // Those of its own lane are before it.
        let before = state.lane(starving).len();
        state.add(u64::MAX, starving);
        for turn in 0.. {
            refill(&mut state);
            if state.take() == Some(u64::MAX) {
                break;
            }
            prop_assert!(turn <= ROUND.len() * (before + 1), "{:?} starves", starving);
        }
    }
}
