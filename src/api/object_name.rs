//! `metadata.name` as an identity: `<organization>.<owner>.<workspace>` and
//! `<organization>.<template>`, each with an optional control plane in front.

use std::fmt;

/// The identity that a `metadata.name` spells.
pub trait ObjectName: fmt::Display + PartialEq + Sized {
    /// How such a name is written, without the control plane.
    const FORM: &'static str;

    /// Reads a `metadata.name`; none where it has another number of parts, or an empty one.
    fn parse(name: &str) -> Option<Self>;

    /// The control plane, where the name gives one.
    fn control_plane(&self) -> Option<&str>;

    /// The organization, lower case.
    fn organization(&self) -> &str;

    /// The same identity, written with this control plane.
    #[must_use]
    fn of_control_plane(self, control_plane: Option<&str>) -> Self;
}

/// The identity that a workspace's `metadata.name` spells.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkspaceName {
    /// The control plane, where the name gives one.
    pub control_plane: Option<String>,
    /// The organization's name, lower case.
    pub organization: String,
    /// The owner's user name, lower case.
    pub owner: String,
    /// The workspace's name, lower case.
    pub workspace: String,
}

/// The identity that a template's `metadata.name` spells.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TemplateName {
    /// The control plane, where the name gives one.
    pub control_plane: Option<String>,
    /// The organization's name, lower case.
    pub organization: String,
    /// The template's name, lower case.
    pub template: String,
}

impl WorkspaceName {
    /// The name of what coderd calls `organization`, `owner` and `workspace` (any case).
    pub fn new(organization: &str, owner: &str, workspace: &str) -> Self {
        Self {
            control_plane: None,
            organization: organization.to_lowercase(),
            owner: owner.to_lowercase(),
            workspace: workspace.to_lowercase(),
        }
    }
}

impl ObjectName for WorkspaceName {
    const FORM: &'static str = "<organization>.<owner>.<workspace>";

    fn parse(name: &str) -> Option<Self> {
        let (control_plane, [organization, owner, workspace]) = split(name)?;
        Some(Self {
            control_plane,
            organization,
            owner,
            workspace,
        })
    }

    fn control_plane(&self) -> Option<&str> {
        self.control_plane.as_deref()
    }

    fn organization(&self) -> &str {
        &self.organization
    }

    fn of_control_plane(mut self, control_plane: Option<&str>) -> Self {
        self.control_plane = control_plane.map(str::to_owned);
        self
    }
}

impl TemplateName {
    /// The name of what coderd calls `organization` and `template` (any case).
    pub fn new(organization: &str, template: &str) -> Self {
        Self {
            control_plane: None,
            organization: organization.to_lowercase(),
            template: template.to_lowercase(),
        }
    }
}

impl ObjectName for TemplateName {
    const FORM: &'static str = "<organization>.<template>";

    fn parse(name: &str) -> Option<Self> {
        let (control_plane, [organization, template]) = split(name)?;
        Some(Self {
            control_plane,
            organization,
            template,
        })
    }

    fn control_plane(&self) -> Option<&str> {
        self.control_plane.as_deref()
    }

    fn organization(&self) -> &str {
        &self.organization
    }

    fn of_control_plane(mut self, control_plane: Option<&str>) -> Self {
        self.control_plane = control_plane.map(str::to_owned);
        self
    }
}

/// Splits `name` into `N` parts with an optional control plane before them.
fn split<const N: usize>(name: &str) -> Option<(Option<String>, [String; N])> {
    let mut parts: Vec<String> = name.split('.').map(str::to_owned).collect();
    if parts.iter().any(String::is_empty) {
        return None;
    }
    let control_plane = (parts.len() == N + 1).then(|| parts.remove(0));
    Some((control_plane, parts.try_into().ok()?))
}

impl fmt::Display for WorkspaceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_control_plane(self.control_plane.as_deref(), out)?;
        write!(
            out,
            "{}.{}.{}",
            self.organization, self.owner, self.workspace
        )
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_control_plane(self.control_plane.as_deref(), out)?;
        write!(out, "{}.{}", self.organization, self.template)
    }
}

fn write_control_plane(control_plane: Option<&str>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    control_plane.map_or(Ok(()), |name| write!(out, "{name}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_as_it_was_written() {
        for name in ["acme.ann.dev", "static.acme.ann.dev", "a-b.c.d-1"] {
            assert_eq!(
                WorkspaceName::parse(name).map(|n| n.to_string()).as_deref(),
                Some(name)
            );
        }
        for name in ["acme.go", "static.acme.go"] {
            assert_eq!(
                TemplateName::parse(name).map(|n| n.to_string()).as_deref(),
                Some(name)
            );
        }
    }

    #[test]
    fn a_wrong_number_of_parts_is_no_name() {
        for name in ["", "a", "a.b", "a..c", ".a.b", "a.b.", "a.b.c.d.e"] {
            assert_eq!(WorkspaceName::parse(name), None, "{name}");
        }
        for name in ["", "a", "a.", ".b", "a.b.c.d"] {
            assert_eq!(TemplateName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn coderd_names_are_lowered() {
        assert_eq!(
            WorkspaceName::new("Acme", "Ann", "Dev").to_string(),
            "acme.ann.dev"
        );
        assert_eq!(TemplateName::new("Acme", "GO").to_string(), "acme.go");
    }
}
