//! Which deployment and which version answers. Asked without a token: with one, coderd looks it
//! up in its database, and the call hangs when the database does.

use std::{fmt, str::FromStr};

use serde::Deserialize;

use super::{client::Client, error::Error, request::Request};

/// What a coderd says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BuildInfo {
    /// As coderd writes it, like `v2.36.0+a300a06`.
    pub version: String,
    /// The identity of the deployment: the same across restarts, and in copies of its database.
    #[serde(default)]
    pub deployment_id: String,
}

impl BuildInfo {
    /// The version as numbers; none for a text that is no version.
    #[must_use]
    pub fn server_version(&self) -> Option<ServerVersion> {
        self.version.parse().ok()
    }
}

/// A version of coderd, for comparing. A development build counts as the release it precedes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

/// A text is no version of coderd.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no version")]
pub struct VersionError {
    text: String,
}

impl FromStr for ServerVersion {
    type Err = VersionError;

    /// Reads `v2.36.0`, with anything after `-` or `+` ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.trim().trim_start_matches('v').split(['-', '+']).next();
        let mut numbers = numbers.unwrap_or_default().split('.').map(str::parse);
        match (
            numbers.next(),
            numbers.next(),
            numbers.next(),
            numbers.next(),
        ) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Ok(Self {
                major,
                minor,
                patch,
            }),
            _ => Err(VersionError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Client {
    /// Asks which coderd this is. Works without a valid token.
    pub async fn build_info(&self) -> Result<BuildInfo, Error> {
        self.json(Request::get("/buildinfo").without_token()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let read = |text: &str| text.parse::<ServerVersion>();
        assert_eq!(read("v2.36.0+a300a06").unwrap().to_string(), "2.36.0");
        assert_eq!(read("v2.31.4-devel+abc").unwrap(), read("2.31.4").unwrap());
        assert!(read("v2.9.0").unwrap() < read("v2.34.0").unwrap());
        for text in ["", "v2", "v2.36", "v2.36.0.1", "devel", "v2.x.0"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
