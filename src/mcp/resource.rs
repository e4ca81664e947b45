//! Objects as resources: listed in pages, and read as they are, without what is never shown.

use rmcp::{
    ErrorData,
    model::{
        ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
        ResourceContents, ResourceTemplate,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    access::{Access, Page},
    catalog::MOST,
    failure::Failure,
    redact::shown,
    uri::{KINDS, Uri},
};

/// Resources on a page.
const PAGE: &str = "100";
const JSON: &str = "application/json";

/// What is read of an object for a list.
#[derive(Debug, Deserialize)]
struct Seen {
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
}

/// The forms that names have.
pub(super) fn templates() -> ListResourceTemplatesResult {
    let template = |(word, kind): &(&'static str, super::access::Kind)| {
        ResourceTemplate::new(Uri::template(word), kind.name)
            .with_description(format!("A {} object, without secrets", kind.name))
            .with_mime_type(JSON)
    };
    ListResourceTemplatesResult::with_all_items(KINDS.iter().map(template).collect())
}

/// A page of all objects that the caller may list in the whole cluster: of one kind after the other. A
/// kind that is not there, or may not be listed, has none: its objects can still be read by name.
pub(super) async fn list(
    access: &Access,
    cursor: Option<&str>,
) -> Result<ListResourcesResult, ErrorData> {
    let (index, mut next) = match cursor {
        None => (0, String::new()),
        Some(cursor) => position(cursor)
            .ok_or_else(|| ErrorData::invalid_params("this is no cursor of a list", None))?,
    };
    for (index, (word, kind)) in KINDS.iter().enumerate().skip(index) {
        let parameters = [("limit", PAGE), ("continue", next.as_str())];
        let page: Page<Seen> = match access.list_metadata(kind, None, &parameters).await {
            Ok(page) => page,
            Err(Failure::NoKind { .. } | Failure::Refused { code: 403, .. }) => {
                next.clear();
                continue;
            }
            Err(failure) => return Err(refusal(&failure)),
        };
        let rest = match page.next() {
            "" if index + 1 < KINDS.len() => Some(format!("{}:", index + 1)),
            "" => None,
            next => Some(format!("{index}:{next}")),
        };
        let resource = |Seen { metadata }: Seen| {
            let uri = Uri::new(word, &metadata.namespace, &metadata.name)?;
            let resource = Resource::new(uri.to_string(), metadata.name);
            Some(resource.with_description(kind.name).with_mime_type(JSON))
        };
        let mut list = ListResourcesResult::with_all_items(
            page.items.into_iter().filter_map(resource).collect(),
        );
        list.next_cursor = rest;
        return Ok(list);
    }
    Ok(ListResourcesResult::default())
}

fn position(cursor: &str) -> Option<(usize, String)> {
    let (index, next) = cursor.split_once(':')?;
    let index = index.parse().ok().filter(|index| *index < KINDS.len())?;
    Some((index, next.to_owned()))
}

/// An object, as the caller may see it.
pub(super) async fn read(access: &Access, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let Some(parsed) = Uri::parse(uri) else {
        let text =
            "no such resource: names are as in coder-k8s://namespaces/team/workspaces/acme.ann.dev";
        return Err(ErrorData::resource_not_found(
            text,
            Some(json!({ "uri": uri })),
        ));
    };
    let object: Result<Value, Failure> = access
        .read(parsed.kind, &parsed.namespace, &parsed.name)
        .await;
    let text = object
        .map_err(|failure| refusal(&failure))
        .map(shown)?
        .to_string();
    if text.len() > MOST {
        let failure = Failure::TooLarge {
            size: text.len(),
            most: MOST,
        };
        return Err(refusal(&failure));
    }
    let contents = ResourceContents::text(text, uri).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]))
}

/// A failure, where an answer has no other place for it.
pub(super) fn refusal(failure: &Failure) -> ErrorData {
    match failure {
        Failure::Refused { code: 404, .. } | Failure::NoKind { .. } => {
            ErrorData::resource_not_found(failure.to_string(), None)
        }
        Failure::Arguments(text) => ErrorData::invalid_params(text.clone(), None),
        Failure::Refused { .. }
        | Failure::Owned(_)
        | Failure::Unfit(_)
        | Failure::NoAnswer(_)
        | Failure::Unreadable(_)
        | Failure::Busy(_)
        | Failure::Late(_)
        | Failure::Cancelled
        | Failure::TooLarge { .. }
        | Failure::Unwritable(_) => ErrorData::internal_error(failure.to_string(), None),
    }
}
