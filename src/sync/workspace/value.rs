//! The value of a parameter. It may be a secret, so that nothing shows it.

use std::{collections::BTreeMap, fmt};

/// A value of a parameter, as text.
#[derive(Clone, PartialEq, Eq)]
pub struct ParameterValue(String);

/// Values by the names of their parameters.
pub type Values = BTreeMap<String, ParameterValue>;

/// What declared references lead to, by the names of their parameters; else what is missing, for people.
pub type Referenced = BTreeMap<String, Result<ParameterValue, String>>;

impl ParameterValue {
    /// The text, for coderd alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for ParameterValue {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for ParameterValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("ParameterValue")
            .finish_non_exhaustive()
    }
}
