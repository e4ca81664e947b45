use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures::future::{join_all, pending};
use tokio::time::{advance, sleep, timeout};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn key(number: usize) -> Key {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

/// Answers with how often it was asked.
#[derive(Default)]
struct Oracle(AtomicUsize);

impl Oracle {
    async fn ask(&self) -> Result<usize, Infallible> {
        sleep(SECOND).await;
        Ok(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn asked(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_good_for_its_lifetime_and_no_longer() {
    let (cache, oracle) = (Cache::new(10 * SECOND, 100), Oracle::default());
    assert_eq!(cache.recall(key(1), oracle.ask()).await, Ok(1));
    for _ in 0..9 {
        advance(SECOND).await;
        assert_eq!(cache.recall(key(1), oracle.ask()).await, Ok(1));
    }
    advance(SECOND).await;
    assert_eq!(cache.recall(key(1), oracle.ask()).await, Ok(2));
    assert_eq!(cache.recall(key(2), oracle.ask()).await, Ok(3));
    assert_eq!(cache.recall(key(1), oracle.ask()).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn who_comes_meanwhile_shares_the_answer() {
    let (cache, oracle) = (Cache::new(10 * SECOND, 100), Oracle::default());
    let same = join_all((0..50).map(|_| cache.recall(key(1), oracle.ask()))).await;
    assert!(same.iter().all(|answer| *answer == Ok(1)));
    join_all((0..50).map(|number| cache.recall(key(number), oracle.ask()))).await;
    assert_eq!(oracle.asked(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_remembered() {
    let cache = Cache::new(10 * SECOND, 100);
    assert_eq!(
        cache.recall(key(1), async { Err::<u8, _>("no") }).await,
        Err("no")
    );
    assert_eq!(
        cache.recall(key(1), async { Ok::<_, &str>(1) }).await,
        Ok(1)
    );
    assert_eq!(cache.recall(key(1), async { Err("no") }).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_asks_by_himself_when_the_first_is_dropped() {
    let (cache, oracle) = (Cache::new(10 * SECOND, 100), Oracle::default());
    let first = timeout(
        SECOND,
        cache.recall(key(1), pending::<Result<usize, Infallible>>()),
    );
    let second = cache.recall(key(1), oracle.ask());
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_err());
    assert_eq!(second, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn it_never_holds_more_than_its_capacity_and_forgets_the_oldest() {
    let cache = Cache::new(10 * SECOND, 100);
    let asked = AtomicUsize::new(0);
    let ask = || async { Ok::<_, Infallible>(asked.fetch_add(1, Ordering::Relaxed)) };
    for number in 0..1000 {
        cache.recall(key(number), ask()).await.unwrap();
        let held = {
            let generations = cache.generations.lock().unwrap();
            generations.young.len() + generations.old.len()
        };
        assert!(held <= 100, "{held}");
    }
    let before = asked.load(Ordering::Relaxed);
    for number in 950..1000 {
        cache.recall(key(number), ask()).await.unwrap();
    }
    assert_eq!(
        asked.load(Ordering::Relaxed),
        before,
        "the youngest are there"
    );
    cache.recall(key(0), ask()).await.unwrap();
    assert_eq!(
        asked.load(Ordering::Relaxed),
        before + 1,
        "the oldest are not"
    );
    advance(20 * SECOND).await;
    for number in 0..3 {
        cache.recall(key(number), ask()).await.unwrap();
        advance(10 * SECOND).await;
    }
    let generations = cache.generations.lock().unwrap();
    assert!(
        generations.young.len() + generations.old.len() <= 2,
        "what expired is let go"
    );
}
