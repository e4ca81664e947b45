use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::api::condition::Reason;

fn place(name: &str) -> object::Key {
    object::Key::new("team", name)
}

fn template(name: &str) -> Key {
    Key::Template(place(name))
}

fn home(name: &str) -> Arc<Home> {
    Arc::new(Home::of(place(name), 1, 20))
}

/// A router that knows all control planes, which are none.
fn router() -> Router {
    let nowhere = Home::of(object::Key::new("", ""), 1, 20);
    let router = Router::new(Arc::new(nowhere));
    let _count = router.all_are_known();
    router
}

fn runs(router: &Router, name: &str) -> Arc<Home> {
    let home = home(name);
    router.found(&place(name), Some(Candidate::Runs(Arc::clone(&home))));
    home
}

fn bound(deployment: &str, control_plane: &str) -> Belonging {
    Belonging {
        control_plane: Some(control_plane.to_owned()),
        deployment: Some(deployment.to_owned()),
        external: Some(Uuid::from_u128(1)),
        is_attempted: false,
    }
}

/// The name of the control plane where the object is at home; empty for nowhere.
fn at(router: &Router, key: &Key) -> String {
    router.home(key).unwrap().place.name.clone()
}

/// The reason why an object is nowhere.
fn why(router: &Router, key: &Key) -> Option<Reason> {
    router.why_nowhere(key).map(|failure| failure.reason)
}

async fn next(home: &Home) -> Option<Key> {
    let next = home.queue.next();
    tokio::time::timeout(std::time::Duration::ZERO, next)
        .await
        .ok()
}

#[tokio::test(start_paused = true)]
async fn objects_find_their_home_when_control_planes_come_and_go() {
    let router = router();
    let key = template("acme.go");
    let nowhere = router.meet(&key).unwrap();
    nowhere.inventory.object_seen(&key);
    assert_eq!(why(&router, &key), Some(Reason::NoControlPlane));

    let waits = Candidate::Waits("no url".to_owned());
    router.found(&place("a"), Some(waits));
    assert_eq!(why(&router, &key), Some(Reason::ControlPlaneNotReady));
    // It has something else to say, and says it.
    assert_eq!(next(&nowhere).await.as_ref(), Some(&key));
    nowhere.queue.done(&key);

    let a = runs(&router, "a");
    assert_eq!(at(&router, &key), "a");
    assert_eq!(next(&a).await.as_ref(), Some(&key));
    a.queue.done(&key);
    assert_eq!(a.inventory.objects(), std::slice::from_ref(&key));
    assert_eq!(nowhere.inventory.objects(), []);

    router.learn(&key, bound("d", "a"));
    runs(&router, "b");
    assert_eq!(
        at(&router, &key),
        "a",
        "a second one changes nothing for what is bound"
    );
    let new = template("acme.new");
    router.meet(&new);
    assert_eq!(why(&router, &new), Some(Reason::AmbiguousControlPlane));

    router.found(&place("a"), None);
    assert_eq!(why(&router, &key), Some(Reason::ControlPlaneGone));
    assert_eq!(router.recorded(&key), Some((place("a"), 0)));
    assert_eq!(at(&router, &new), "b");
    assert_eq!(router.recorded(&new), None);
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_begins_anew_gets_its_objects_with_their_bindings() {
    let router = router();
    let before = runs(&router, "a");
    let key = template("acme.go");
    router.learn(&key, bound("d", "a"));
    before
        .inventory
        .object_listed(&key, Some(Uuid::from_u128(1)));
    let now = runs(&router, "a");
    assert_eq!(before.inventory.objects(), []);
    assert_eq!(now.inventory.bound_to(Uuid::from_u128(1)), Some(key));
}

#[test]
fn what_is_bound_follows_its_deployment_to_another_control_plane_of_the_namespace() {
    let router = router();
    let key = template("acme.go");
    router.learn(&key, bound("d", "old"));
    assert_eq!(why(&router, &key), Some(Reason::ControlPlaneGone));
    runs(&router, "new");
    assert_eq!(why(&router, &key), Some(Reason::ControlPlaneGone));
    assert_eq!(router.reaches(&place("new"), "d"), Ok(()));
    assert_eq!(at(&router, &key), "new");
    // It leads elsewhere now.
    assert_eq!(router.reaches(&place("new"), "other"), Ok(()));
    assert_eq!(why(&router, &key), Some(Reason::ControlPlaneGone));
}

#[test]
fn of_two_that_reach_one_deployment_the_one_with_its_objects_has_it_whoever_is_quicker() {
    let router = router();
    let (a, b) = (place("a"), place("b"));
    runs(&router, "a");
    runs(&router, "b");
    assert_eq!(router.reaches(&b, "d"), Ok(()));
    assert_eq!(
        router.reaches(&a, "d"),
        Err(b.clone()),
        "the first one, where there are no objects"
    );
    let key = template("acme.go");
    router.learn(&key, bound("d", "a"));
    assert_eq!(router.reaches(&b, "d"), Err(a.clone()));
    assert_eq!(router.reaches(&a, "d"), Ok(()));
    assert_eq!(at(&router, &key), "a");
    // Where both have objects, it is always the same one.
    router.learn(&template("b.acme.other"), bound("d", "b"));
    assert_eq!(router.reaches(&b, "d"), Err(a.clone()));
    assert_eq!(router.reaches(&a, "d"), Ok(()));
    // One that is gone has nothing.
    router.found(&a, None);
    assert_eq!(router.reaches(&b, "d"), Ok(()));
}

#[test]
fn a_control_plane_that_leads_elsewhere_now_keeps_nothing_from_the_one_that_came_for_it() {
    let router = router();
    let (a, b) = (place("a"), place("b"));
    runs(&router, "a");
    router.learn(&template("acme.go"), bound("d", "a"));
    runs(&router, "b");
    assert_eq!(router.reaches(&b, "d"), Err(a.clone()));
    assert_eq!(router.reaches(&a, "e"), Ok(()));
    assert_eq!(router.reaches(&b, "d"), Ok(()));
}

#[test]
fn short_names_mean_a_control_plane_only_where_it_is_the_only_one() {
    let router = router();
    runs(&router, "a");
    assert!(router.is_meant_by_short_names(&place("a")));
    let excluded = Candidate::Excluded("disabled".to_owned());
    router.found(&place("c"), Some(excluded));
    assert!(router.is_meant_by_short_names(&place("a")));
    router.found(&place("b"), Some(Candidate::Waits("no url".to_owned())));
    assert!(!router.is_meant_by_short_names(&place("a")));
    let other = object::Key::new("other", "x");
    router.found(&other, Some(Candidate::Runs(home("x"))));
    assert!(router.is_meant_by_short_names(&other));
}

#[test]
fn nothing_is_said_before_all_control_planes_are_known() {
    let nowhere = Home::of(object::Key::new("", ""), 1, 20);
    let router = Router::new(Arc::new(nowhere));
    let key = template("acme.go");
    router.meet(&key);
    runs(&router, "a");
    assert_eq!(
        (at(&router, &key), why(&router, &key)),
        (String::new(), None)
    );
    let _count = router.all_are_known();
    assert_eq!(at(&router, &key), "a");
}

#[test]
fn what_is_gone_is_forgotten() {
    let router = router();
    let key = template("acme.go");
    assert!(router.home(&key).is_none());
    router.meet(&key);
    assert!(router.forget(&key).is_some());
    assert!(router.home(&key).is_none() && router.forget(&key).is_none());
    let homes: BTreeSet<_> = router
        .homes()
        .iter()
        .map(|home| home.place.clone())
        .collect();
    assert_eq!(homes.len(), 1);
}
