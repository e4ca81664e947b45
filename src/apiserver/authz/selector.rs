//! Selectors, as kube-apiserver reads them.
//!
//! Both readers follow `k8s.io/apimachinery` (pkg/labels and pkg/fields) to the letter: if they read
//! more into a text than the server that answers the request, a user could be allowed a part and be
//! given all.

pub(super) mod field;
pub(super) mod label;

/// The operators of requirements.
const IN: &str = "In";
const NOT_IN: &str = "NotIn";
const EXISTS: &str = "Exists";
const DOES_NOT_EXIST: &str = "DoesNotExist";

/// The one name that `field_selector` leaves. A list or watch with it is authorized under this name;
/// only if all of its query can be read.
#[must_use]
pub fn exact_name(field_selector: &str) -> Option<String> {
    let requirements = field::requirements(field_selector)?;
    let mut names = requirements
        .into_iter()
        .filter(|one| one.operator == IN && one.key == "metadata.name")
        .filter_map(|one| one.values?.pop());
    let is_segment = |name: &String| {
        !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%'])
    };
    names.next().filter(is_segment)
}

#[cfg(test)]
mod tests;
