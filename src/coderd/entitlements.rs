//! What the licence of a coderd allows.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{client::Client, error::Error, request::Request, wire::null_as_default};

#[derive(Deserialize)]
struct Entitlements {
    #[serde(default, deserialize_with = "null_as_default")]
    features: BTreeMap<String, Feature>,
}

#[derive(Deserialize)]
struct Feature {
    #[serde(default, deserialize_with = "null_as_default")]
    enabled: bool,
}

impl Client {
    /// The features that the licence enables, by name and sorted; none from a build that takes no licence,
    /// and where it is not shown.
    pub async fn enabled_features(&self) -> Result<Vec<String>, Error> {
        let entitlements: Entitlements = match self.json(Request::get("/entitlements")).await {
            Ok(entitlements) => entitlements,
            Err(error)
                if error.is_route_unknown() || error.is_not_found() || error.is_forbidden() =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let features = entitlements.features.into_iter();
        let enabled = features.filter(|(_, feature)| feature.enabled);
        Ok(enabled.map(|(name, _)| name).collect())
    }
}
