//! What a pod has printed last.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PODS;
use crate::mcp::{
    call::Call,
    catalog::{MOST, Tool},
    failure::Failure,
    number::{bounded, whole},
};

const LINES: i64 = 2000;
const BYTES: i64 = 1024 * 1024;
/// Stands at the end of what was cut.
const CUT: &str = "(truncated)";

/// Asks for the log of a pod.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// The namespace of the pod.
    namespace: String,
    /// The name of the pod.
    name: String,
    /// How many of the last lines to return: 2000 where it is left out.
    #[serde(default, deserialize_with = "whole")]
    tail_lines: Option<i64>,
    /// How many bytes to return: 1 MiB where it is left out, and at most.
    #[serde(default, deserialize_with = "whole")]
    limit_bytes: Option<i64>,
    /// Which container, where the pod has more than one.
    #[serde(default)]
    container: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    /// What was printed; the last line is "(truncated)" where there is more.
    logs: String,
}

pub(in crate::mcp) fn tools() -> [Tool; 1] {
    [Tool::reading("get_pod_logs", "Get logs from a pod.", get)]
}

async fn get(call: Arc<Call>, input: Input) -> Result<Output, Failure> {
    let Input {
        namespace,
        name,
        tail_lines,
        limit_bytes,
        container,
    } = input;
    let lines = bounded("tailLines", tail_lines, LINES, i64::MAX)?.to_string();
    let limit = bounded("limitBytes", limit_bytes, BYTES, BYTES)?;
    // One more shows whether there is more.
    let bytes = (limit + 1).to_string();
    let container = container.unwrap_or_default();
    let parameters = [
        ("tailLines", lines.as_str()),
        ("limitBytes", &bytes),
        ("container", &container),
    ];
    let log = call
        .access
        .text(&PODS, &namespace, &name, "log", &parameters);
    let log = log.await?;
    Ok(Output {
        logs: fitting(&log, usize::try_from(limit).unwrap_or_default()),
    })
}

/// As much of `log` as `limit` bytes and an answer hold. Some bytes take six in an answer.
fn fitting(log: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(log);
    let mut end = limit.min(text.len());
    loop {
        let part = crate::api::text::cut(&text, end);
        let is_whole = part.len() == text.len();
        let written = serde_json::to_string(part).map_or(usize::MAX, |text| text.len());
        if written + CUT.len() + 64 > MOST && end > 0 {
            end /= 2;
            continue;
        }
        return match (is_whole, part.is_empty() || part.ends_with('\n')) {
            (true, _) => part.to_owned(),
            (false, true) => format!("{part}{CUT}"),
            (false, false) => format!("{part}\n{CUT}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(fitting(b"a\nb\n", 4), "a\nb\n");
        assert_eq!(fitting(b"a\nbc", 3), "a\nb\n(truncated)");
        assert_eq!(fitting(b"a\nbc", 2), "a\n(truncated)");
        assert_eq!(fitting("€".as_bytes(), 2), "(truncated)");
        assert_eq!(fitting(b"", 9), "");
    }

    #[test]
    fn every_log_fits_into_an_answer() {
        for byte in [b'a', 0x1b, 0, 0xff, b'"'] {
            let log = vec![byte; 1024 * 1024 + 1];
            let logs = fitting(&log, 1024 * 1024);
            assert!(logs.ends_with(CUT));
            let output = Output { logs };
            assert!(
                serde_json::to_string(&output).unwrap().len() <= MOST,
                "{byte}"
            );
        }
    }
}
