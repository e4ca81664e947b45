//! The names of objects as resources: `coder-k8s://namespaces/team/workspaces/acme.ann.dev`.

use std::fmt;

use super::{
    access::{Kind, checked},
    tool::{CONTROL_PLANES, TEMPLATES, WORKSPACES},
};

const START: &str = "coder-k8s://namespaces/";

/// The kinds that are resources, each with its word.
pub(super) const KINDS: [(&str, Kind); 3] = [
    ("workspaces", WORKSPACES),
    ("templates", TEMPLATES),
    ("controlplanes", CONTROL_PLANES),
];

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uri {
    pub(super) kind: &'static Kind,
    word: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Uri {
    /// Reads a name; none if it is not one of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(START)?.split('/');
        let (namespace, word, name) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Self::new(
            word,
            checked("namespace", namespace).ok()?,
            checked("name", name).ok()?,
        )
    }

    /// The object of a kind that is called `word`.
    pub(super) fn new(word: &str, namespace: &str, name: &str) -> Option<Self> {
        let (word, kind) = KINDS.iter().find(|(one, _)| *one == word)?;
        Some(Self {
            kind,
            word,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The form of all names of a kind.
    pub(super) fn template(word: &str) -> String {
        format!("{START}{{namespace}}/{word}/{{name}}")
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind: _,
            word,
            namespace,
            name,
        } = self;
        write!(out, "{START}{namespace}/{word}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_names_of_our_kinds_are_read() {
        let uri = Uri::parse("coder-k8s://namespaces/team/workspaces/acme.ann.dev").unwrap();
        assert_eq!((uri.kind, uri.namespace.as_str()), (&WORKSPACES, "team"));
        for text in [
            "coder-k8s://namespaces/team/secrets/x",
            "coder-k8s://namespaces/team/workspaces/x/log",
            "coder-k8s://namespaces/team/workspaces/",
            "coder-k8s://namespaces//workspaces/x",
            "coder-k8s://namespaces/team/workspaces/..",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(Uri::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_read_back_as_it_was_written(
            word in "workspaces|templates|controlplanes",
            namespace in "[a-z0-9]{1,9}",
            name in "[a-z0-9]{1,9}([.][a-z0-9]{1,9}){0,3}",
        ) {
            let uri = Uri::new(&word, &namespace, &name).unwrap();
            prop_assert_eq!(Uri::parse(&uri.to_string()), Some(uri));
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".{0,40}") {
            let _ = Uri::parse(&text);
        }
    }
}
