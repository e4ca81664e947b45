//! Field selectors: `a=b,c!=d`, where a backslash takes the meaning from `,`, `=` and itself.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldSelectorRequirement;

use super::{IN, NOT_IN};

/// What `selector` requires, in the order of its terms' texts; none if it cannot be read.
pub(in super::super) fn requirements(selector: &str) -> Option<Vec<FieldSelectorRequirement>> {
    let mut terms = terms(selector);
    terms.sort_unstable();
    let terms = terms.into_iter().filter(|term| !term.is_empty());
    let mut requirements = terms.map(requirement).collect::<Option<Vec<_>>>()?;
    // For kube-apiserver a lone sign requires nothing.
    requirements.retain(|one| !one.key.is_empty() || one.values != Some(vec![String::new()]));
    Some(requirements)
}

/// Splits at commas that no backslash stands before.
fn terms(selector: &str) -> Vec<&str> {
    let mut is_escaped = false;
    let is_end = |letter| {
        let is_end = letter == ',' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        is_end
    };
    selector.split(is_end).collect()
}

fn requirement(term: &str) -> Option<FieldSelectorRequirement> {
    let (index, _) = term.char_indices().find(|&(index, _)| {
        let rest = term.get(index..).unwrap_or_default();
        rest.starts_with("!=") || rest.starts_with('=')
    })?;
    let (key, rest) = term.split_at_checked(index)?;
    let (operator, value) = if let Some(value) = rest.strip_prefix("!=") {
        (NOT_IN, value)
    } else {
        let value = rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?;
        (IN, value)
    };
    Some(FieldSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: Some(vec![unescaped(value)?]),
    })
}

fn unescaped(value: &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => letters.next().filter(|next| r"\,=".contains(*next))?,
            ',' | '=' => return None,
            _ => letter,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests;
