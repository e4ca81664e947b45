//! The words of a 403, byte for byte those of kube-apiserver
//! (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters`): clients and tests look for them.

use std::fmt::{self, Write as _};

use super::attributes::Attributes;
use crate::{apiserver::names::GROUP, k8s::identity::Identity};

/// The `message` of the Status that refuses `attributes` to `identity`; `reason` is what the
/// authorizer said, empty if nothing.
#[must_use]
pub(crate) fn forbidden_message(
    identity: &Identity,
    attributes: &Attributes,
    reason: &str,
) -> String {
    let mut message = match attributes.object() {
        ("", _) => "forbidden: ".to_owned(),
        (resource, "") => format!("{resource}.{GROUP} is forbidden: "),
        (resource, name) => format!("{resource}.{GROUP} {} is forbidden: ", Quoted(name)),
    };
    message += &harmless(&refusal(&identity.name, attributes));
    if !reason.is_empty() {
        message += ": ";
        message += reason;
    }
    message
}

fn refusal(user: &str, attributes: &Attributes) -> String {
    let user = Quoted(user);
    match attributes {
        Attributes::Path { path, verb } => {
            format!("User {user} cannot {verb} path {}", Quoted(path))
        }
        Attributes::Resource(request) => {
            let text = |part: &Option<String>| part.clone().unwrap_or_default();
            let resource = match &request.subresource {
                None => text(&request.resource),
                Some(subresource) => format!("{}/{subresource}", text(&request.resource)),
            };
            let place = match &request.namespace {
                None => "at the cluster scope".to_owned(),
                Some(namespace) => format!("in the namespace {}", Quoted(namespace)),
            };
            format!(
                "User {user} cannot {} resource {} in API group \"{GROUP}\" {place}",
                text(&request.verb),
                Quoted(&resource)
            )
        }
    }
}

/// `text` that no browser takes for HTML.
fn harmless(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A text in quotes as Go's `%q` writes it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(out, "\\{letter}")?,
                '\x07' => out.write_str("\\a")?,
                '\x08' => out.write_str("\\b")?,
                '\x0c' => out.write_str("\\f")?,
                '\n' => out.write_str("\\n")?,
                '\r' => out.write_str("\\r")?,
                '\t' => out.write_str("\\t")?,
                '\x0b' => out.write_str("\\v")?,
                '\0'..' ' | '\x7f' => write!(out, "\\x{:02x}", u32::from(letter))?,
                _ if is_printable(letter) => out.write_char(letter)?,
                '\u{80}'..='\u{ffff}' => write!(out, "\\u{:04x}", u32::from(letter))?,
                _ => write!(out, "\\U{:08x}", u32::from(letter))?,
            }
        }
        out.write_char('"')
    }
}

/// Whether Go prints `letter` as it is, up to the versions of Unicode.
///
/// Both standard libraries mean the same by it, but Rust's asks for it only by `escape_debug`, which
/// also escapes a mark (M) unless a letter stands before it.
fn is_printable(letter: char) -> bool {
    let text = String::from_iter(['x', letter]);
    matches!(letter, '\'') || text.escape_debug().eq(text.chars())
}

#[cfg(test)]
mod tests;
