//! What the benchmarks reckon with.

mod figures;

use std::time::Duration;

use figures::Figures;

fn figures(millis: impl IntoIterator<Item = u64>) -> Figures {
    millis.into_iter().map(Duration::from_millis).collect()
}

#[test]
#[allow(clippy::float_cmp, reason = "nothing is computed with the values")]
fn percentiles_are_values_that_were_measured() {
    let twenty = figures((1..=20).rev());
    assert_eq!(twenty.percentile(50), 10.0);
    assert_eq!(twenty.percentile(95), 19.0);
    assert_eq!(twenty.percentile(100), 20.0);
    assert_eq!(figures([7]).percentile(95), 7.0);
    assert_eq!(figures([2, 1]).percentile(50), 1.0);
}

#[test]
fn a_row_compares_medians_and_stands_below_its_head() {
    let head = Figures::head(&["kubectl", "curl"]);
    let row = figures([300, 30, 30]).row("order", &[&figures([10]), &figures([15])]);
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells, ["order", "30.0", "300.0", "300.0", "3.00", "2.00"]);
    assert_eq!(row.len(), head.len());
}
