//! The name that a selector leaves. All else in selectors kube-apiserver reads itself.

/// The one name that `field_selector` leaves. A list or watch with it is authorized under this name.
///
/// It must find no name that `k8s.io/apimachinery` (pkg/fields) does not: a user would be allowed one
/// object and be given all. So a backslash, which no name needs, makes it find none.
#[must_use]
pub(crate) fn exact_name(field_selector: &str) -> Option<String> {
    if field_selector.contains('\\') {
        return None;
    }
    let names = field_selector.split(',').filter_map(|term| {
        let value = term.strip_prefix("metadata.name=")?;
        Some(value.strip_prefix('=').unwrap_or(value))
    });
    // Several leave nothing, whichever is asked for: the first of the sorted ones, as there.
    let name = names.min()?;
    let is_segment = !matches!(name, "" | "." | "..") && !name.contains(['/', '%', '=']);
    is_segment.then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
