mod simulation;

use super::*;

const NAMES: [&str; 2] = ["shim.team.svc", "localhost"];

pub(super) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub(super) fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(super) fn names() -> BTreeSet<String> {
    NAMES.map(str::to_owned).into()
}

pub(super) fn life(now: Timestamp, life: SignedDuration) -> Validity {
    Validity {
        from: now - BACKDATE,
        until: now + life,
    }
}

/// An authority and its certificate, some days old.
pub(super) fn aged(authority: i64, leaf: i64) -> Holding {
    let authority = life(start() - days(authority), days(3650));
    Holding {
        authority,
        can_sign: true,
        leaf: under(authority, start() - days(leaf)),
        names: names(),
    }
}

pub(super) fn under(authority: Validity, now: Timestamp) -> Validity {
    let own = life(now, days(365));
    Validity {
        until: own.until.min(authority.until),
        ..own
    }
}

const ALL: [Shown; 5] = [
    Shown::Unknown,
    Shown::OtherService,
    Shown::Right,
    Shown::Wrong,
    Shown::Unmanaged,
];

fn step(stored: Option<&Holding>, shown: Shown) -> Step {
    plan(stored, shown, &names(), start())
}

#[test]
fn without_a_secret_there_is_a_new_authority() {
    for shown in ALL {
        assert_eq!(step(None, shown), Step::Establish);
    }
}

#[test]
fn trust_is_repaired_where_it_is_ours() {
    for (shown, expected) in [
        (Shown::Right, Step::Wait(Shown::Right)),
        (Shown::Wrong, Step::Show),
        (Shown::Unknown, Step::Wait(Shown::Unknown)),
        (Shown::OtherService, Step::Wait(Shown::OtherService)),
        (Shown::Unmanaged, Step::Wait(Shown::Unmanaged)),
    ] {
        assert_eq!(step(Some(&aged(1, 1)), shown), expected);
    }
}

#[test]
fn renewals_come_in_time_whoever_is_trusted() {
    let unnamed = |mut holding: Holding| {
        holding.names.pop_first();
        holding
    };
    let unusable = |holding| Holding {
        can_sign: false,
        ..holding
    };
    for (number, (holding, expected)) in [
        (aged(300, 243), None),
        (aged(300, 244), Some(Step::Issue)),
        (aged(400, 400), Some(Step::Issue)),
        (unnamed(aged(1, 1)), Some(Step::Issue)),
        // An authority goes with its last certificate, not before.
        (aged(2433, 244), Some(Step::Issue)),
        (aged(2434, 243), None),
        (aged(2434, 244), Some(Step::Establish)),
        (unnamed(aged(2434, 1)), Some(Step::Establish)),
        (aged(4000, 400), Some(Step::Establish)),
        // A key of a kind that we cannot use is no trouble before it is needed.
        (unusable(aged(1, 1)), None),
        (unusable(aged(300, 244)), Some(Step::Establish)),
    ]
    .into_iter()
    .enumerate()
    {
        for shown in ALL {
            let found = step(Some(&holding), shown);
            let expected = expected.unwrap_or_else(|| step(Some(&aged(1, 1)), shown));
            assert_eq!(found, expected, "case {number}: {holding:#?} {shown:?}");
        }
    }
}
