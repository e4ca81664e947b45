//! The parameters of a request: read once, and written anew for kube-apiserver.
//!
//! What is authorized is decided by these pairs, and kube-apiserver gets these pairs and no byte of the
//! sender's: so it cannot read anything else out of a query than was read here. What it would read
//! otherwise, drop or cut is refused.

use percent_encoding::percent_decode_str;
use url::form_urlencoded::Serializer;

use crate::apiserver::server::fault::Fault;

/// Parameters of one request. Kubernetes has less than twenty; Go drops a whole query that has too many.
const MOST: usize = 64;

/// Names and values, decoded, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query without its `?`.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == MOST {
                return Err(unreadable(&format!("it has more than {MOST} parameters")));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decoded(name)?, decoded(value)?));
        }
        Ok(Self(pairs))
    }

    /// One parameter, chosen here.
    pub(super) fn of(name: &str, value: &str) -> Self {
        Self(vec![(name.to_owned(), value.to_owned())])
    }

    /// The first value of a parameter, which is the one that counts where there can be one.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// A query that says the same to everybody, without `?`; empty where there are no parameters.
    pub(super) fn written(&self) -> String {
        Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }
}

/// A name or value without its escapes. Go drops a pair with a `;` or a broken escape in it, and keeps
/// bytes that are no text, which could be shown to nobody as they are.
fn decoded(text: &str) -> Result<String, Fault> {
    let is_whole = |escape: &str| {
        let digits = escape.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if text.contains(';') || !text.split('%').skip(1).all(is_whole) {
        return Err(unreadable("it has a ; or a broken escape in it"));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded.map_err(|_| unreadable("it is no UTF-8"))?;
    Ok(decoded.into_owned())
}

fn unreadable(why: &str) -> Fault {
    Fault::BadRequest(format!("the query cannot be read: {why}"))
}

#[cfg(test)]
mod tests;
