mod simulation;

use super::*;

const NAMES: [&str; 2] = ["shim.team.svc", "localhost"];

pub(super) fn id(number: u8) -> Fingerprint {
    Fingerprint([number; 32])
}

pub(super) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn start() -> Timestamp {
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

pub(super) fn authority(number: u8, now: Timestamp) -> Authority {
    Authority {
        id: id(number),
        validity: life(now, days(3650)),
    }
}

pub(super) fn leaf(issuer: &Authority, now: Timestamp) -> Leaf {
    let own = life(now, days(365));
    Leaf {
        issuer: issuer.id,
        validity: Validity {
            until: own.until.min(issuer.validity.until),
            ..own
        },
        names: names(),
    }
}

/// One authority, a day old, and its certificate.
fn good() -> Holding {
    let made = start() - days(1);
    let newest = authority(1, made);
    Holding {
        can_sign: true,
        older: Vec::new(),
        leaf: leaf(&newest, made),
        newest,
        trusted: None,
    }
}

/// A second authority is in front, the certificate is still of the first.
fn rotating() -> Holding {
    let good = good();
    Holding {
        newest: authority(2, start()),
        older: vec![good.newest.clone()],
        ..good
    }
}

fn recorded(ago: i64) -> Holding {
    Holding {
        trusted: Some(TrustRecord {
            authority: id(2),
            since: start() - SignedDuration::from_secs(ago),
        }),
        ..rotating()
    }
}

/// The newest authority has its certificate since `seconds`.
fn replaced(seconds: i64) -> Holding {
    let holding = rotating();
    Holding {
        leaf: leaf(
            &holding.newest,
            start() - SignedDuration::from_secs(seconds),
        ),
        ..holding
    }
}

fn trust(numbers: &[u8]) -> Trust {
    Trust {
        authorities: numbers.iter().copied().map(id).collect(),
        anybody: false,
        managed: true,
    }
}

fn shows(numbers: &[u8]) -> Shown {
    Shown::Ours(trust(numbers))
}

fn left_alone(numbers: &[u8]) -> Shown {
    Shown::Ours(Trust {
        managed: false,
        ..trust(numbers)
    })
}

fn insecure(managed: bool) -> Shown {
    Shown::Ours(Trust {
        anybody: true,
        managed,
        ..trust(&[])
    })
}

fn step(stored: Stored<'_>, held: Option<&Holding>, shown: &Shown) -> Step {
    plan(View {
        stored,
        shown,
        held,
        names: &names(),
        now: start(),
    })
}

#[test]
fn without_a_secret_there_is_a_new_authority() {
    let held = good();
    for shown in [
        Shown::Unknown,
        Shown::OtherService,
        shows(&[9]),
        insecure(true),
    ] {
        assert_eq!(step(Stored::Nothing, None, &shown), Step::Establish);
        assert_eq!(step(Stored::Nothing, Some(&held), &shown), Step::Restore);
    }
    let mut expired = good();
    expired.leaf.validity.until = start();
    let again = step(Stored::Nothing, Some(&expired), &Shown::Unknown);
    assert_eq!(again, Step::Establish);
}

#[test]
fn damage_is_never_touched() {
    let held = good();
    for held in [None, Some(&held)] {
        for shown in [Shown::Unknown, shows(&[9]), insecure(true)] {
            let waits = Step::Wait(Wait::Damaged);
            assert_eq!(step(Stored::Damaged, held, &shown), waits);
        }
    }
}

fn check<const CASES: usize>(cases: [(Holding, Shown, Step); CASES]) {
    for (number, (holding, shown, expected)) in cases.into_iter().enumerate() {
        let found = step(Stored::Good(&holding), None, &shown);
        assert_eq!(found, expected, "case {number}: {holding:#?} {shown:?}");
    }
}

fn changed(mut holding: Holding, change: impl FnOnce(&mut Holding)) -> Holding {
    change(&mut holding);
    holding
}

#[test]
fn trust_is_repaired_where_it_is_ours() {
    check([
        (good(), shows(&[1]), Step::Wait(Wait::Rest)),
        (good(), left_alone(&[1, 9]), Step::Wait(Wait::Rest)),
        (good(), insecure(false), Step::Wait(Wait::Rest)),
        (good(), left_alone(&[9]), Step::Wait(Wait::Unmanaged)),
        (good(), Shown::Unknown, Step::Wait(Wait::NoApiService)),
        (good(), Shown::OtherService, Step::Wait(Wait::OtherService)),
        (good(), shows(&[]), Step::ShowAuthorities),
        (good(), shows(&[9]), Step::ShowAuthorities),
        (good(), shows(&[1, 9]), Step::ShowAuthorities),
        (good(), insecure(true), Step::ShowAuthorities),
        (rotating(), shows(&[1]), Step::ShowAuthorities),
        (replaced(600), shows(&[1]), Step::ShowAuthorities),
    ]);
}

#[test]
fn renewals_come_in_time() {
    let leaf_of = |age| {
        let validity = life(start() - days(age), days(365));
        changed(good(), |holding| holding.leaf.validity = validity)
    };
    let authority_of = |age| {
        let validity = life(start() - days(age), days(3650));
        changed(good(), |holding| holding.newest.validity = validity)
    };
    let unnamed = |holding: &mut Holding| {
        holding.leaf.names.pop_first();
    };
    let unusable = |holding: &mut Holding| holding.can_sign = false;
    check([
        (leaf_of(243), shows(&[1]), Step::Wait(Wait::Rest)),
        (leaf_of(244), shows(&[1]), Step::Issue),
        (leaf_of(244), Shown::Unknown, Step::Issue),
        (leaf_of(400), shows(&[1]), Step::Issue),
        (changed(good(), unnamed), shows(&[1]), Step::Issue),
        (authority_of(2433), shows(&[1]), Step::Wait(Wait::Rest)),
        (authority_of(2434), shows(&[1]), Step::AddAuthority),
        (authority_of(4000), shows(&[9]), Step::AddAuthority),
        // A key of a kind that we cannot use is no trouble before it is needed.
        (
            changed(good(), unusable),
            shows(&[1]),
            Step::Wait(Wait::Rest),
        ),
        (
            changed(leaf_of(244), unusable),
            shows(&[1]),
            Step::AddAuthority,
        ),
        (
            changed(rotating(), unusable),
            shows(&[1, 2]),
            Step::AddAuthority,
        ),
    ]);
}

#[test]
fn a_rotation_waits_for_trust() {
    let of_another = |holding: &mut Holding| {
        holding.trusted = Some(TrustRecord {
            authority: id(1),
            since: start() - days(9),
        });
    };
    let expired = |holding: &mut Holding| holding.leaf.validity.until = start();
    let older_expired = |holding: &mut Holding| {
        let older = authority(7, start() - days(4000));
        holding.older.push(older);
    };
    let none = Step::KeepAuthorities(BTreeSet::new());
    check([
        (rotating(), shows(&[1, 2]), Step::RecordTrust),
        (rotating(), left_alone(&[1, 2, 9]), Step::RecordTrust),
        (rotating(), left_alone(&[1]), Step::Wait(Wait::Unmanaged)),
        (rotating(), Shown::Unknown, Step::Wait(Wait::NoApiService)),
        (recorded(59), shows(&[1, 2]), Step::Wait(Wait::Trust)),
        (recorded(60), shows(&[1, 2]), Step::Issue),
        (recorded(60), Shown::Unknown, Step::Wait(Wait::NoApiService)),
        // A time that no clock has shown, and one of another authority, count for nothing.
        (recorded(-301), shows(&[1, 2]), Step::RecordTrust),
        (recorded(-299), shows(&[1, 2]), Step::Wait(Wait::Trust)),
        (
            changed(rotating(), of_another),
            shows(&[1, 2]),
            Step::RecordTrust,
        ),
        // Trust that was lost has to begin again.
        (recorded(60), shows(&[1]), Step::ForgetTrust),
        (recorded(60), shows(&[9]), Step::ForgetTrust),
        (recorded(60), left_alone(&[1]), Step::ForgetTrust),
        // Nobody trusts an expired certificate: there is nothing to wait for.
        (changed(rotating(), expired), shows(&[1, 2]), Step::Issue),
        (changed(rotating(), expired), Shown::Unknown, Step::Issue),
        // The old authority goes when everybody serves the new certificate, or has expired.
        (replaced(599), shows(&[1, 2]), Step::Wait(Wait::Rest)),
        (replaced(600), shows(&[1, 2]), none),
        (
            changed(replaced(1), older_expired),
            shows(&[1, 2, 7]),
            Step::KeepAuthorities([id(1)].into()),
        ),
    ]);
}
