//! The order in which the checks of a kind are asked, held fast.

use std::collections::BTreeSet;

use super::{Scenario, Testable};

/// What makes one check decide.
pub(crate) type Trigger<K> = (&'static str, fn(&mut Scenario<K>));

/// Each check decides where its trigger alone is pulled, and before every later one, save for those that
/// only say something, which hold no later one up, and for the pairs `apart`, in which the second keeps the
/// first from being needed.
pub(crate) fn holds<K: Testable>(
    at_rest: &Scenario<K>,
    triggers: &[Trigger<K>],
    say: &[&str],
    apart: &[(&str, &str)],
) {
    let names: Vec<_> = K::CHAIN.iter().map(|(name, _)| *name).collect();
    let pulled = triggers.iter().map(|(name, _)| *name);
    assert_eq!(names, pulled.chain(["settled"]).collect::<Vec<_>>());
    let names: BTreeSet<_> = names.into_iter().collect();
    assert_eq!(
        names.len(),
        triggers.len() + 1,
        "a name stands for one check"
    );
    let decides = |pulled: &[Trigger<K>]| {
        let pull = |scenario: &mut Scenario<K>| pulled.iter().for_each(|(_, pull)| pull(scenario));
        at_rest.clone().change(pull).step().check
    };
    assert_eq!(decides(&[]), "settled");
    let mut yield_to = Vec::new();
    for (place, first) in triggers.iter().enumerate() {
        assert_eq!(decides(&[*first]), first.0);
        let later = triggers[place + 1..].iter();
        let says = |name| say.contains(&name);
        let may_yield = later.filter(|later| !says(first.0) || says(later.0));
        let stronger = may_yield.filter(|later| decides(&[**later, *first]) != first.0);
        yield_to.extend(stronger.map(|later| (first.0, later.0)));
    }
    assert_eq!(yield_to, apart);
}
