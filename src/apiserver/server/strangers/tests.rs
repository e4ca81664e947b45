use super::*;

#[test]
fn the_one_that_came_first_goes_where_there_are_too_many() {
    let strangers = Strangers::default();
    let mut here: Vec<_> = (0..MOST).map(|_| strangers.enter()).collect();
    let out = |here: &[Stranger]| {
        let out = here.iter().filter(|one| one.turned_out.is_cancelled());
        out.map(|one| one.number).collect::<Vec<_>>()
    };
    assert!(out(&here).is_empty());
    here.push(strangers.enter());
    here.push(strangers.enter());
    assert_eq!(out(&here), [0, 1]);
    // Who leaves makes room.
    here.truncate(10);
    assert_eq!(strangers.lock().all.len(), 8);
    here.extend((8..MOST).map(|_| strangers.enter()));
    assert_eq!(out(&here), [0, 1]);
    drop(here);
    assert!(strangers.lock().all.is_empty());
}
