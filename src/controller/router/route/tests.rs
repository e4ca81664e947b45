use super::*;

fn waits() -> Standing {
    Standing::Waits("status.url is empty".to_owned())
}

fn excluded() -> Standing {
    Standing::Excluded("operator access is disabled".to_owned())
}

/// A namespace with these control planes, which are all there are.
fn namespace<'a>(control_planes: &[(&'a str, Standing)]) -> Namespace<'a> {
    Namespace {
        name: "team",
        control_planes: control_planes.iter().cloned().collect(),
        reached: BTreeMap::new(),
        is_known: true,
    }
}

fn bound(deployment: &str, control_plane: &str) -> Belonging {
    Belonging {
        control_plane: Some(control_plane.to_owned()),
        deployment: Some(deployment.to_owned()),
        ..Belonging::default()
    }
}

fn attempted(control_plane: &str) -> Belonging {
    Belonging {
        control_plane: Some(control_plane.to_owned()),
        is_attempted: true,
        ..Belonging::default()
    }
}

/// The control plane, or the reason for none; `Awaited` where it is not known.
fn route_of(namespace: &Namespace<'_>, named: Option<&str>, belonging: &Belonging) -> String {
    match route(namespace, "acme.go", named, belonging) {
        Route::To(name) => name,
        Route::Awaited => "Awaited".to_owned(),
        Route::Nowhere(failure) => failure.reason.to_string(),
    }
}

#[test]
fn new_objects_are_routed_by_their_names() {
    use Standing::Runs;
    let new = Belonging::default();
    for (control_planes, short, long) in [
        (vec![], "NoControlPlane", "NoControlPlane"),
        (vec![("a", Runs)], "a", "a"),
        (vec![("b", Runs)], "b", "NoControlPlane"),
        (
            vec![("a", waits())],
            "ControlPlaneNotReady",
            "ControlPlaneNotReady",
        ),
        (
            vec![("a", excluded())],
            "NoControlPlane",
            "ControlPlaneNotReady",
        ),
        (vec![("a", Runs), ("b", Runs)], "AmbiguousControlPlane", "a"),
        (
            vec![("a", Runs), ("b", waits())],
            "AmbiguousControlPlane",
            "a",
        ),
        (vec![("a", Runs), ("b", excluded())], "a", "a"),
        (
            vec![("a", excluded()), ("b", Runs)],
            "b",
            "ControlPlaneNotReady",
        ),
    ] {
        let namespace = namespace(&control_planes);
        assert_eq!(
            route_of(&namespace, None, &new),
            short,
            "{control_planes:?}"
        );
        assert_eq!(
            route_of(&namespace, Some("a"), &new),
            long,
            "{control_planes:?}"
        );
    }
}

#[test]
fn nobody_is_told_before_all_control_planes_are_known() {
    let new = Belonging::default();
    let mut namespace = namespace(&[("a", Standing::Runs)]);
    namespace.is_known = false;
    assert_eq!(route_of(&namespace, None, &new), "Awaited");
    assert_eq!(route_of(&namespace, Some("b"), &new), "Awaited");
    assert_eq!(route_of(&namespace, None, &bound("d", "b")), "Awaited");
    // That one is there, whatever else there is.
    assert_eq!(route_of(&namespace, Some("a"), &new), "a");
    assert_eq!(route_of(&namespace, None, &bound("d", "a")), "a");
}

#[test]
fn what_is_bound_stays_with_its_deployment_whatever_its_name_says() {
    let mut namespace = namespace(&[("a", Standing::Runs), ("b", Standing::Runs)]);
    for named in [None, Some("a"), Some("b"), Some("gone")] {
        assert_eq!(route_of(&namespace, named, &bound("d", "b")), "b");
        assert_eq!(
            route_of(&namespace, named, &bound("d", "gone")),
            "ControlPlaneGone"
        );
    }
    namespace.reached.insert("d", "a");
    for named in [None, Some("b"), Some("gone")] {
        for recorded in ["a", "b", "gone"] {
            assert_eq!(route_of(&namespace, named, &bound("d", recorded)), "a");
        }
    }
    // The one that it was bound through leads elsewhere now.
    namespace.reached = BTreeMap::from([("other", "b")]);
    assert_eq!(route_of(&namespace, None, &bound("d", "b")), "b");
}

#[test]
fn what_may_have_been_begun_stays_where_it_was_begun() {
    let namespace = namespace(&[("a", Standing::Runs), ("b", Standing::Runs), ("c", waits())]);
    assert_eq!(route_of(&namespace, None, &attempted("a")), "a");
    assert_eq!(route_of(&namespace, Some("a"), &attempted("b")), "b");
    assert_eq!(
        route_of(&namespace, None, &attempted("c")),
        "ControlPlaneNotReady"
    );
    assert_eq!(
        route_of(&namespace, None, &attempted("gone")),
        "ControlPlaneGone"
    );
    let asked = Belonging {
        is_attempted: false,
        ..attempted("a")
    };
    assert_eq!(route_of(&namespace, None, &asked), "AmbiguousControlPlane");
}

#[test]
fn what_stands_in_the_way_is_told_with_the_way_out() {
    use Standing::Runs;
    let new = Belonging::default();
    let both = namespace(&[("a", Runs), ("b", Runs)]);
    for (namespace, named, belonging, parts) in [
        (&both, None, &new, &["a.acme.go or b.acme.go"][..]),
        (
            &both,
            Some("c"),
            &new,
            &["team", "called c", "it has a, b"][..],
        ),
        (
            &namespace(&[("a", excluded())]),
            None,
            &new,
            &["team", "a does not count: operator access is disabled"][..],
        ),
        (
            &namespace(&[("a", waits())]),
            None,
            &new,
            &["a", "status.url is empty"][..],
        ),
        (&both, None, &bound("d", "old"), &["old", "gone"][..]),
    ] {
        let Route::Nowhere(failure) = route(namespace, "acme.go", named, belonging) else {
            panic!("{named:?} {belonging:?}");
        };
        for part in parts {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }
}
