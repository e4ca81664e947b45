use std::fmt::Write as _;

use jiff::ToSpan;
use rcgen::{DnType, ExtendedKeyUsagePurpose};

use super::*;

#[tokio::test]
async fn a_certificate_names_the_user_and_the_groups() {
    let world = World::new();
    let organization = || DnType::CustomDnType(vec![2, 5, 4, 10]);
    let subject = [
        (DnType::CommonName, "carol"),
        (DnType::OrganizationName, "b"),
        (organization(), "a"),
        (DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 57683, 2]), "7"),
    ];
    let certificate = world.clients.sign(&Client::with(&subject));
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&certificate);
    let digits = digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let carol = world.who(&peer([certificate]), &[]).await.unwrap();
    assert_eq!(
        (carol.name.as_str(), carol.uid.as_deref()),
        ("carol", Some("7"))
    );
    assert_eq!(carol.groups, ["b", "a", AUTHENTICATED]);
    let credential = vec![format!("X509SHA256={digits}")];
    let key = "authentication.kubernetes.io/credential-id".to_owned();
    assert_eq!(carol.extra, BTreeMap::from([(key, credential)]));
}

#[tokio::test]
async fn a_bad_certificate_names_nobody_and_is_not_anonymous() {
    let world = World::new();
    let named = || Client::named("carol");
    let uid = || DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 57683, 2]);
    let common_name = (DnType::CommonName, "carol");
    let server_only = named().used(vec![ExtendedKeyUsagePurpose::ServerAuth]);
    for (client, expected) in [
        (named(), "carol"),
        (named().used(vec![]), "carol"),
        (named().until(2025), "[Unauthorized]"),
        (server_only, "[Unauthorized]"),
        (Client::named(""), "[Unauthorized]"),
        (
            Client::with(&[(DnType::OrganizationName, "system:masters")]),
            "[Unauthorized]",
        ),
        (
            Client::with(&[common_name.clone(), (uid(), "")]),
            "[Unauthorized]",
        ),
        // The last of several names counts.
        (
            Client::with(&[
                common_name,
                (DnType::CustomDnType(vec![2, 5, 4, 3]), "dave"),
            ]),
            "dave",
        ),
    ] {
        let peer = peer([world.clients.sign(&client)]);
        assert_eq!(world.name(&peer, &[]).await, expected);
    }
    for certificate in [
        world.proxies.sign(&named()),
        Ca::new("clients").sign(&named()),
        world.clients.certificate(),
        CertificateDer::from(vec![1, 2, 3]),
    ] {
        assert_eq!(
            world.name(&peer([certificate]), &[]).await,
            "[Unauthorized]"
        );
    }
    world.believe(&[("client-ca-file", "")]);
    let carol = peer([world.clients.sign(&named())]);
    assert_eq!(world.name(&carol, &[]).await, "[Unauthorized]");
}

#[tokio::test]
async fn certificates_between_lead_to_the_authority() {
    let world = World::new();
    for (root, expected, name) in [
        (&world.proxies, "alice", PROXY),
        (&world.clients, "carol", "carol"),
    ] {
        let between = root.below("between");
        let certificate = between.sign(&Client::named(name));
        let full = peer([certificate.clone(), between.certificate()]);
        assert_eq!(world.name(&full, ALICE).await, expected);
        assert_eq!(
            world.name(&peer([certificate]), ALICE).await,
            "[Unauthorized]"
        );
    }
}

#[tokio::test]
async fn an_authority_counts_within_its_time_and_beside_others() {
    let (old, new) = (Ca::until("old", 2025), Ca::new("new"));
    let world = World::new();
    let bundle = format!("{}{}", old.pem, new.pem);
    world.believe(&[
        ("client-ca-file", &bundle),
        ("requestheader-client-ca-file", &bundle),
    ]);
    for (name, expected) in [("carol", "carol"), (PROXY, "alice")] {
        let by_old = peer([old.sign(&Client::named(name))]);
        let by_new = peer([new.sign(&Client::named(name))]);
        assert_eq!(world.name(&by_old, ALICE).await, "[Unauthorized]");
        assert_eq!(world.name(&by_new, ALICE).await, expected);
    }
    *world.time.lock().unwrap() = now().checked_sub((365 * 24).hours()).unwrap();
    let by_old = peer([old.sign(&Client::named(PROXY))]);
    assert_eq!(world.name(&by_old, ALICE).await, "alice");
}

#[tokio::test]
async fn a_living_connection_is_verified_once_a_minute() {
    let world = World::new();
    let wait = |seconds: i64| *world.time.lock().unwrap() += seconds.seconds();
    for name in [PROXY, "carol"] {
        // Both authorities sign until the end of 2025, ten seconds from now.
        *world.time.lock().unwrap() = "2025-12-31T23:59:50Z".parse().unwrap();
        let ca = if name == PROXY {
            &world.proxies
        } else {
            &world.clients
        };
        let living = peer([ca.sign(&Client::named(name).until(2026))]);
        let good = world.name(&living, ALICE).await;
        assert_ne!(good, "[Unauthorized]");
        // Nothing is verified again: the certificate has expired meanwhile.
        wait(59);
        assert_eq!(world.name(&living, ALICE).await, good);
        wait(1);
        assert_eq!(world.name(&living, ALICE).await, "[Unauthorized]");
        // A clock that is set back does not make a verification last.
        wait(-65);
        assert_eq!(world.name(&living, ALICE).await, good);
    }
}
