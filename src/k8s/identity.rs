//! Who asks, in the terms of Kubernetes.

use std::collections::BTreeMap;

use k8s_openapi::api::authentication::v1::UserInfo;

/// The name of who presented no credential.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group of everybody who presented a credential.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of who did not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The group whose members may do everything.
pub const MASTERS: &str = "system:masters";

/// A user. Groups and the values of `extra` stay in the order in which they were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name, never empty.
    pub name: String,
    /// Tells users of one name apart; never empty.
    pub uid: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// What else the authenticator tells the authorizer.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Identity {
    /// The user of requests without any credential.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            name: ANONYMOUS.to_owned(),
            uid: None,
            groups: vec![UNAUTHENTICATED.to_owned()],
            extra: BTreeMap::new(),
        }
    }

    /// Whether nobody knows who it is.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.name == ANONYMOUS
    }

    /// With the group that RBAC grants discovery to. kube-apiserver itself asks as users without any
    /// group, so that the group has to be added here.
    #[must_use]
    pub fn authenticated(mut self) -> Self {
        let is_told = |group: &String| group == AUTHENTICATED || group == UNAUTHENTICATED;
        if !self.is_anonymous() && !self.groups.iter().any(is_told) {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }

    /// The user that a `TokenReview` tells; none if it has no name.
    pub(super) fn told(user: UserInfo) -> Option<Self> {
        let UserInfo {
            extra,
            groups,
            uid,
            username,
        } = user;
        Some(Self {
            name: username.filter(|name| !name.is_empty())?,
            uid: uid.filter(|uid| !uid.is_empty()),
            groups: groups.unwrap_or_default(),
            extra: extra.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, groups: &[&str]) -> Identity {
        Identity {
            name: name.to_owned(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            ..Identity::anonymous()
        }
    }

    #[test]
    fn the_group_of_the_authenticated_is_added_once_and_last() {
        for (name, groups, expected) in [
            ("a", vec![], vec![AUTHENTICATED]),
            ("a", vec!["z", "y"], vec!["z", "y", AUTHENTICATED]),
            ("a", vec![AUTHENTICATED, "z"], vec![AUTHENTICATED, "z"]),
            ("a", vec![UNAUTHENTICATED], vec![UNAUTHENTICATED]),
            ("a", vec![MASTERS], vec![MASTERS, AUTHENTICATED]),
            (ANONYMOUS, vec![], vec![]),
            (ANONYMOUS, vec!["z"], vec!["z"]),
        ] {
            assert_eq!(user(name, &groups).authenticated(), user(name, &expected));
        }
        assert_eq!(Identity::anonymous().authenticated(), Identity::anonymous());
    }

    #[test]
    fn a_told_user_needs_a_name() {
        let info = |name: Option<&str>| UserInfo {
            username: name.map(str::to_owned),
            uid: Some(String::new()),
            ..UserInfo::default()
        };
        assert_eq!(Identity::told(info(None)), None);
        assert_eq!(Identity::told(info(Some(""))), None);
        assert_eq!(Identity::told(info(Some("a"))), Some(user("a", &[])));
    }
}
