//! What holds for every schedule and every text.

use proptest::prelude::*;

use super::*;

fn any_wait() -> impl Strategy<Value = BuildWait> {
    (
        1..=1_800_000_u64,
        0..=100_u64,
        500..20_000_u64,
        0..200_000_u64,
    )
        .prop_map(|(timeout, backoff, initial, more)| BuildWait {
            timeout: Duration::from_millis(timeout),
            backoff_after: Duration::from_millis(timeout * backoff / 100),
            initial_poll_interval: Duration::from_millis(initial),
            max_poll_interval: Duration::from_millis(initial + more),
        })
}

proptest! {
    /// On grids where the looks hit `backoff_after` exactly, both tellings agree.
    #[test]
    fn the_schedule_is_the_described_one(
        initial in 500..20_000_u64, looks_before in 0..100_u32, timeout in 1..1_800_000_u64,
        more in 0..200_000_u64,
    ) {
        let initial = Duration::from_millis(initial);
        let timeout = Duration::from_millis(timeout);
        let wait = BuildWait {
            timeout,
            backoff_after: initial * looks_before,
            initial_poll_interval: initial,
            max_poll_interval: initial + Duration::from_millis(more),
        };
        prop_assert_eq!(looks(&wait), described(&wait));
    }

    /// Off the grid the first doubled look may be counted from `backoff_after` or from the look
    /// after it; the difference is at most one look.
    #[test]
    fn any_schedule_is_close_to_the_described_one(wait in any_wait()) {
        let (ours, theirs) = (looks(&wait).len(), described(&wait).len());
        prop_assert!(ours.abs_diff(theirs) <= 1, "{ours} looks, described {theirs}");
    }

    #[test]
    fn intervals_are_bounded_and_never_shrink(wait in any_wait()) {
        let looks = looks(&wait);
        let intervals: Vec<Duration> =
            looks.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
        let (last, full) = intervals.split_last().unwrap();
        prop_assert!(full.is_sorted());
        prop_assert!(full.iter().all(|interval| *interval >= wait.initial_poll_interval));
        prop_assert!(full.iter().chain([last]).all(|interval| *interval <= wait.max_poll_interval));
        prop_assert_eq!(looks.last(), Some(&wait.timeout));
        let most = wait.timeout.as_millis() / wait.initial_poll_interval.as_millis() + 2;
        prop_assert!(looks.len() as u128 <= most);
    }

    /// A restart at any moment, or a late look, changes neither the interval nor the last look.
    #[test]
    fn a_poller_that_is_late_still_ends_on_the_timeout(
        wait in any_wait(), delays in prop::collection::vec(0..60_000_u64, 1..20),
    ) {
        let mut now = Duration::ZERO;
        let mut delays = delays.iter().cycle();
        let mut previous = Duration::ZERO;
        while let Poll::After(interval) = wait.next_poll(now) {
            prop_assert!(now + interval <= wait.timeout);
            let shortened = now + interval == wait.timeout;
            prop_assert!(interval >= previous || shortened);
            previous = interval;
            now += interval + Duration::from_millis(*delays.next().unwrap());
        }
        prop_assert!(now >= wait.timeout);
    }

    #[test]
    fn what_is_read_always_keeps_the_limits(
        values in prop::array::uniform4(prop::option::of(
            prop::sample::select(
                vec!["0", "1s", "2s", "10s", "15s", "2m", "25m", "30m", "31m", "-1s", "x"]
            )
        ))
    ) {
        let names = [TIMEOUT, BACKOFF_AFTER, INITIAL_POLL_INTERVAL, MAX_POLL_INTERVAL];
        let variables: Vec<(&str, &str)> = names
            .into_iter()
            .zip(values)
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        if let Ok(wait) = read(&variables) {
            prop_assert!(!wait.timeout.is_zero() && wait.timeout <= seconds(1800));
            prop_assert!(wait.backoff_after <= wait.timeout);
            prop_assert!(!wait.initial_poll_interval.is_zero());
            prop_assert!(wait.initial_poll_interval <= wait.max_poll_interval);
        }
    }
}
