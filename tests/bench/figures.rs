//! Measured times and how they are shown.

use std::{fmt::Write, time::Duration};

/// Measured times, shortest first.
#[derive(Debug)]
pub struct Figures(Vec<Duration>);

impl FromIterator<Duration> for Figures {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort();
        Self(times)
    }
}

impl Figures {
    /// The shortest measured time that `percent` of all do not exceed, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0[rank - 1].as_secs_f64() * 1000.0
    }

    /// What stands above rows with these references.
    pub fn head(references: &[&str]) -> String {
        let mut head = format!("{:<10}{:>9}{:>9}{:>9}", "", "p50", "p95", "max");
        for reference in references {
            write!(head, "{:>11}", format!("/ {reference}")).unwrap();
        }
        head
    }

    /// A row of a table: p50, p95 and max in milliseconds, then p50 as a multiple of that of each
    /// reference.
    pub fn row(&self, what: &str, references: &[&Self]) -> String {
        let mut row = format!("{what:<10}");
        for percent in [50, 95, 100] {
            write!(row, "{:>9.1}", self.percentile(percent)).unwrap();
        }
        for reference in references {
            let ratio = self.percentile(50) / reference.percentile(50);
            write!(row, "{ratio:>11.2}").unwrap();
        }
        row
    }
}
