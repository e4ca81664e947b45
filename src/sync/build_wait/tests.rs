use super::*;

mod properties;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn read(variables: &[(&str, &str)]) -> Result<BuildWait, BuildWaitError> {
    BuildWait::from_variables(|name| {
        variables
            .iter()
            .find(|(variable, _)| *variable == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

/// The times of all looks, from the one at zero to the last, by a poller that is never late.
fn looks(wait: &BuildWait) -> Vec<Duration> {
    let mut looks = vec![Duration::ZERO];
    let mut now = Duration::ZERO;
    while let Poll::After(interval) = wait.next_poll(now) {
        now += interval;
        looks.push(now);
        assert!(looks.len() < 100_000, "the schedule of {wait:?} has no end");
    }
    looks
}

/// The schedule as it is documented, by a loop that carries the interval along.
fn described(wait: &BuildWait) -> Vec<Duration> {
    let mut looks = vec![Duration::ZERO];
    let mut now = Duration::ZERO;
    let mut interval = wait.initial_poll_interval;
    while now < wait.timeout {
        if !wait.backoff_after.is_zero() && now >= wait.backoff_after {
            interval = (interval * 2).min(wait.max_poll_interval);
        }
        now = (now + interval).min(wait.timeout);
        looks.push(now);
    }
    looks
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let expected = BuildWait {
        timeout: seconds(25 * 60),
        backoff_after: seconds(120),
        initial_poll_interval: seconds(2),
        max_poll_interval: seconds(10),
    };
    assert_eq!(BuildWait::default(), expected);
    assert_eq!(read(&[]), Ok(expected));
    let blank = [
        TIMEOUT,
        BACKOFF_AFTER,
        INITIAL_POLL_INTERVAL,
        MAX_POLL_INTERVAL,
    ]
    .map(|variable| (variable, " \t\n"));
    assert_eq!(read(&blank), Ok(expected));
}

#[test]
fn each_variable_sets_its_value() {
    let wait = read(&[
        ("CODER_K8S_TEMPLATE_BUILD_WAIT_TIMEOUT", " 30m "),
        ("CODER_K8S_TEMPLATE_BUILD_BACKOFF_AFTER", "0"),
        ("CODER_K8S_TEMPLATE_BUILD_INITIAL_POLL_INTERVAL", "1.5s"),
        ("CODER_K8S_TEMPLATE_BUILD_MAX_POLL_INTERVAL", "1m0.5s"),
    ]);
    assert_eq!(
        wait,
        Ok(BuildWait {
            timeout: seconds(1800),
            backoff_after: Duration::ZERO,
            initial_poll_interval: Duration::from_millis(1500),
            max_poll_interval: Duration::from_millis(60_500),
        })
    );
}

#[test]
fn a_short_timeout_needs_no_second_variable() {
    let wait = read(&[(TIMEOUT, "30s")]).unwrap();
    assert_eq!(wait.timeout(), seconds(30));
    assert_eq!(wait.backoff_after, seconds(30));
    assert_eq!(looks(&wait).len(), 16);
    assert_eq!(
        read(&[(TIMEOUT, "10m")]).unwrap().backoff_after,
        seconds(120)
    );
}

#[test]
fn a_value_outside_the_limits_is_refused_with_its_name_value_and_limit() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[(TIMEOUT, "0")],
            "WAIT_TIMEOUT is \"0\", but must be more than 0 and at most 30m",
        ),
        (
            &[(TIMEOUT, "-5m")],
            "WAIT_TIMEOUT is \"-5m\", but must be more than 0 and at most 30m",
        ),
        (
            &[(TIMEOUT, "30m1ns")],
            "WAIT_TIMEOUT is \"30m1ns\", but must be more than 0 and at most 30m",
        ),
        (
            &[(TIMEOUT, "90s"), (BACKOFF_AFTER, "2m")],
            "BACKOFF_AFTER is \"2m\", but must be at least 0 and at most the timeout of 90s",
        ),
        (
            &[(BACKOFF_AFTER, "-1s")],
            "BACKOFF_AFTER is \"-1s\", but must be at least 0 and at most the timeout of 1500s",
        ),
        (
            &[(INITIAL_POLL_INTERVAL, "0s")],
            "INITIAL_POLL_INTERVAL is \"0s\", but must be more than 0",
        ),
        (
            &[(INITIAL_POLL_INTERVAL, "-2s")],
            "INITIAL_POLL_INTERVAL is \"-2s\", but must be more than 0",
        ),
        (
            &[(INITIAL_POLL_INTERVAL, "15s")],
            "MAX_POLL_INTERVAL is \"10s\", but must be at least the initial interval of 15s",
        ),
        (
            &[(MAX_POLL_INTERVAL, "1s")],
            "MAX_POLL_INTERVAL is \"1s\", but must be at least the initial interval of 2s",
        ),
        (
            &[(MAX_POLL_INTERVAL, "-20s")],
            "MAX_POLL_INTERVAL is \"-20s\", but must be at least the initial interval of 2s",
        ),
        (
            &[(TIMEOUT, "25 min")],
            "WAIT_TIMEOUT is \"25 min\", which is not a duration such as 90s or 1h30m",
        ),
    ];
    for (variables, message) in cases {
        let error = read(variables).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("CODER_K8S_TEMPLATE_BUILD_{message}")
        );
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    for variables in [
        &[(TIMEOUT, "30m")][..],
        &[(TIMEOUT, "1ns")],
        &[(BACKOFF_AFTER, "25m")],
        &[(BACKOFF_AFTER, "-0")],
        &[(INITIAL_POLL_INTERVAL, "10s")],
        &[(MAX_POLL_INTERVAL, "2s")],
        &[(MAX_POLL_INTERVAL, "2000h")],
    ] {
        assert!(read(variables).is_ok(), "{variables:?}");
    }
}

#[test]
fn the_wait_after_a_look_depends_on_the_elapsed_time_alone() {
    let cases = [
        // Constant at first.
        (0, 2_000),
        (2_000, 2_000),
        (119_999, 2_000),
        // Doubled at two minutes, and again at each look that was due since.
        (120_000, 4_000),
        (123_999, 4_000),
        (124_000, 8_000),
        (131_999, 8_000),
        (132_000, 10_000),
        (600_000, 10_000),
        // The last look falls on the timeout.
        (1_490_000, 10_000),
        (1_495_000, 5_000),
        (1_499_999, 1),
    ];
    for (elapsed, wait) in cases {
        assert_eq!(
            BuildWait::default().next_poll(Duration::from_millis(elapsed)),
            Poll::After(Duration::from_millis(wait)),
            "after {elapsed} ms"
        );
    }
    for elapsed in [seconds(1500), seconds(1501), Duration::MAX] {
        assert_eq!(BuildWait::default().next_poll(elapsed), Poll::TimedOut);
    }
}

#[test]
fn the_default_schedule_is_this_one() {
    let looks = looks(&BuildWait::default());
    let rest = (0..137).map(|k| 142 + 10 * k).take_while(|t| *t < 1500);
    let expected: Vec<Duration> = (0..=60)
        .map(|k| 2 * k)
        .chain([124, 132])
        .chain(rest)
        .chain([1500])
        .map(seconds)
        .collect();
    assert_eq!(looks, expected);
}

#[test]
fn zero_backoff_means_a_constant_interval() {
    let wait = read(&[(BACKOFF_AFTER, "0"), (MAX_POLL_INTERVAL, "1h")]).unwrap();
    assert_eq!(looks(&wait).len(), 751);
    assert_eq!(wait.next_poll(seconds(1400)), Poll::After(seconds(2)));
}

#[test]
fn the_longest_intervals_do_not_overflow() {
    let wait = BuildWait {
        timeout: Duration::MAX,
        backoff_after: Duration::from_nanos(1),
        initial_poll_interval: Duration::from_nanos(1),
        max_poll_interval: Duration::MAX,
    };
    let nearly = Duration::MAX.saturating_sub(Duration::from_nanos(1));
    assert_eq!(wait.next_poll(nearly), Poll::After(Duration::from_nanos(1)));
}
