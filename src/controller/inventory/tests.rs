use super::*;

const ALL: fn(&str) -> bool = |_| true;

fn workspace(name: &str) -> Key {
    Key::Workspace(object::Key::new("coder", name))
}

fn template(name: &str) -> Key {
    Key::Template(object::Key::new("coder", name))
}

fn inventory() -> Inventory {
    Inventory::of(object::Key::new("coder", "static"))
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn bound_to(number: u128, is_present: bool) -> Visit {
    Visit {
        binding: Some(id(number)),
        is_present,
        awaits: None,
    }
}

fn waiting_for(awaited: Awaited) -> Visit {
    Visit {
        awaits: Some(awaited),
        ..Visit::default()
    }
}

/// The row of template `acme.go`.
fn template_row() -> Row {
    let live = serde_json::json!({
        "id": id(1), "organization_id": id(9), "organization_name": "acme", "name": "go",
        "created_at": "2026-11-21T09:00:00Z", "updated_at": "2026-11-21T09:00:00Z",
        "active_version_id": Uuid::nil(), "created_by_id": Uuid::nil(),
    });
    let template = crate::sync::template::external::Template {
        live: serde_json::from_value(live).unwrap(),
        active_version_name: String::new(),
        active_version_creator: None,
    };
    Row {
        name: "acme.go".to_owned(),
        organization: "acme".to_owned(),
        content: RowContent::Template(Box::new(template)),
    }
}

#[test]
fn a_bound_twin_that_no_sweep_ever_showed_is_missed_all_the_same() {
    let inventory = inventory();
    let key = workspace("acme.ann.dev");
    inventory.object_seen(&key);
    inventory.object_visited(&key, bound_to(1, true));
    assert_eq!(
        inventory.swept(BTreeMap::new(), ALL).objects,
        std::slice::from_ref(&key)
    );
    // Once the object knows, it is left alone.
    inventory.object_visited(&key, bound_to(1, false));
    assert_eq!(inventory.swept(BTreeMap::new(), ALL).objects, []);
}

#[test]
fn what_waits_is_woken_by_what_it_waits_for_and_by_nothing_else() {
    let inventory = inventory();
    let for_go = workspace("acme.ann.dev");
    let for_rust = workspace("acme.ann.other");
    let for_external = workspace("static.acme.bob.dev");
    let for_other_external = workspace("static.acme.eve.dev");
    let awaited = Awaited::template("Acme", "GO");
    inventory.object_visited(&for_go, waiting_for(awaited));
    inventory.object_visited(&for_rust, waiting_for(Awaited::template("acme", "rust")));
    inventory.object_visited(&for_external, waiting_for(Awaited::External(id(2))));
    inventory.object_visited(&for_other_external, waiting_for(Awaited::External(id(3))));

    // A template in coderd.
    let rows = || BTreeMap::from([(id(1), template_row())]);
    let woken = |changes: Changes| changes.woken;
    assert_eq!(
        woken(inventory.swept(rows(), |_| false)),
        std::slice::from_ref(&for_go)
    );
    assert_eq!(woken(inventory.swept(rows(), |_| false)), []);

    // The same one, as our own object sees it first: it is claimed before it is written down.
    let key = template("acme.go");
    assert!(inventory.claim(&key, id(1)));
    assert_eq!(
        inventory.object_visited(&key, bound_to(1, true)),
        std::slice::from_ref(&for_go)
    );
    assert_eq!(inventory.object_visited(&key, bound_to(1, true)), []);
    assert_eq!(inventory.object_gone(&key), []);

    // An external object that another object lets go.
    let holder = workspace("acme.bob.dev");
    inventory.object_visited(&holder, bound_to(2, true));
    assert_eq!(
        inventory.object_gone(&holder),
        std::slice::from_ref(&for_external)
    );

    // An external object that gives its name free, and one that goes.
    let named = |name: &str| {
        let name = name.to_owned();
        let row = Row {
            name,
            ..template_row()
        };
        BTreeMap::from([(id(2), row)])
    };
    inventory.swept(named("acme.before"), |_| false);
    let renamed = inventory.swept(named("acme.after"), |_| false).woken;
    assert!(renamed.contains(&for_external) && !renamed.contains(&for_other_external));
    assert_eq!(
        woken(inventory.swept(BTreeMap::new(), |_| false)),
        [for_external]
    );

    // What waits no more is left alone.
    inventory.object_visited(&for_go, Visit::default());
    assert_eq!(woken(inventory.swept(rows(), |_| false)), []);
}

#[test]
fn what_a_look_found_is_looked_at_once_more_after_the_next_sweep() {
    let inventory = inventory();
    let key = template("acme.go");
    let rows = || BTreeMap::from([(id(1), template_row())]);
    inventory.object_visited(&key, bound_to(1, true));
    inventory.swept(rows(), |_| false);
    // It was renamed and named back between two sweeps, and a look saw it.
    inventory.object_changed(&key);
    assert_eq!(inventory.swept(rows(), |_| false).objects, [key]);
    assert_eq!(inventory.swept(rows(), |_| false).objects, []);
}

#[test]
fn a_twin_that_another_object_holds_is_claimed_once() {
    let inventory = inventory();
    let (first, second) = (workspace("acme.ann.dev"), workspace("static.acme.ann.dev"));
    assert!(inventory.claim(&first, id(1)) && inventory.claim(&first, id(1)));
    assert!(!inventory.claim(&second, id(1)));
    // It was not written down after all.
    inventory.object_visited(&first, Visit::default());
    assert!(inventory.claim(&second, id(1)));
}

#[test]
fn a_binding_is_known_from_the_list_although_no_look_can_read_the_object() {
    let inventory = inventory();
    let unreadable = template("acme.go");
    inventory.object_listed(&unreadable, Some(id(1)));
    assert!(inventory.is_bound(id(1)));
    assert!(!inventory.claim(&template("static.acme.go"), id(1)));
    // Others are imported meanwhile.
    let row = Row {
        name: "acme.rust".to_owned(),
        ..template_row()
    };
    let rows = BTreeMap::from([(id(1), template_row()), (id(2), row)]);
    let changes = inventory.swept(rows, ALL);
    assert_eq!(changes.imports, [Key::ImportTemplate(id(2))]);
    assert_eq!(changes.objects, [unreadable]);
}

#[test]
fn a_look_counts_for_more_than_an_older_list() {
    let inventory = inventory();
    let key = workspace("acme.ann.dev");
    inventory.object_listed(&key, Some(id(1)));
    inventory.object_visited(&key, bound_to(2, true));
    inventory.object_listed(&key, Some(id(1)));
    assert!(!inventory.is_bound(id(1)) && inventory.is_bound(id(2)));
}

#[test]
fn nothing_is_imported_beside_an_object_of_either_form_of_the_name() {
    for name in ["acme.go", "static.acme.go"] {
        let inventory = inventory();
        let key = template(name);
        inventory.object_seen(&key);
        let rows = || BTreeMap::from([(id(1), template_row())]);
        let changes = inventory.swept(rows(), ALL);
        assert_eq!((changes.objects, changes.imports), (vec![key], vec![]));
        let changes = inventory.swept(rows(), ALL);
        assert_eq!((changes.objects, changes.imports), (vec![], vec![]));
    }
    let inventory = inventory();
    inventory.object_seen(&template("other.acme.go"));
    let changes = inventory.swept(BTreeMap::from([(id(1), template_row())]), ALL);
    assert_eq!(changes.imports, [Key::ImportTemplate(id(1))]);
}
