//! The run lever, row by row.
