//! A failure of coderd's that its own words do not explain.

use std::borrow::Cow;

/// What coderd says where what it hands to Terraform is larger than its messages.
const TOO_LARGE: &str = "payload was too big";

/// The error of a job, with the reason and the way out where coderd gives none.
pub fn explained(error: &str) -> Cow<'_, str> {
    if !error.contains(TOO_LARGE) {
        return Cow::Borrowed(error);
    }
    Cow::Owned(format!(
        "{error} (the template's source, the parameters and Terraform's state are together more than the \
         4 MiB that coderd can hand to Terraform: make the source smaller; a workspace that can be neither \
         stopped nor deleted is built with a smaller version, by its id, or let go with \
         spec.deletionPolicy: Retain)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_coderd_does_not_explain_is_explained() {
        let said = "recv: stream: payload was too big: 4195328 > 4194304";
        let explained = explained(said);
        assert!(
            explained.starts_with(said) && explained.contains("Retain"),
            "{explained}"
        );
        assert_eq!(super::explained("exit status 1"), "exit status 1");
    }
}
