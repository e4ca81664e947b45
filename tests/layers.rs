//! The shape of the source: who may import whom, what the core must not touch, how long a file may be,
//! and what never belongs into it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What each module may import: everything below it, nothing beside or above it.
const MAY_IMPORT: [(&str, &[&str]); 8] = [
    ("api", &[]),
    ("coderd", &["api"]),
    ("apiserver", &["api", "k8s"]),
    ("k8s", &["api"]),
    ("mcp", &["api", "k8s"]),
    ("sync", &["api", "coderd"]),
    ("controller", &["api", "coderd", "k8s", "sync"]),
    (
        "app",
        &[
            "api",
            "apiserver",
            "coderd",
            "controller",
            "k8s",
            "mcp",
            "sync",
        ],
    ),
];

/// What the core is made of. Neither a client nor a runtime nor a clock is among it.
const SYNC_USES: [&str; 11] = [
    "flate2",
    "hmac",
    "jiff",
    "k8s_openapi",
    "serde",
    "serde_json",
    "sha2",
    "std",
    "tar",
    "thiserror",
    "uuid",
];

/// What would let the world into the core by another door.
const NOT_IN_SYNC: [&str; 12] = [
    "async ",
    ".await",
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
    "Instant",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "println!",
];

/// Longer files ask for a split. Blank lines and comments are free.
const MOST_LINES: usize = 400;

/// What is complete; besides files that begin with a dot, and what a build leaves.
const TOP_LEVEL: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "crds",
    "deploy",
    "docs",
    "hack",
    "tests",
];

/// What is there only where something was found out about programs of others.
const FINDINGS: &str = "findings";

/// Paths of somebody's machine, hosts of registries, and what is left to do.
const FORBIDDEN: [&str; 11] = [
    "=/home/",
    "/root/",
    "/Users/",
    "ghcr.io",
    "docker.io",
    "quay.io",
    "gcr.io",
    "registry.k8s.io",
    "TODO",
    "FIXME",
    "XXX",
];

#[test]
fn modules_import_downwards_only() {
    let allowed: BTreeMap<_, _> = MAY_IMPORT.into_iter().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let Some(module) = module(&path) else {
            continue;
        };
        let below = allowed.get(module.as_str()).copied();
        let below = below.unwrap_or_else(|| panic!("{module} has no place in MAY_IMPORT"));
        for import in imports(&path, &text) {
            if import != module && !below.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_has_no_client_no_runtime_and_no_clock() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src/sync") {
        if is_test(&path) {
            continue;
        }
        let code = code(&text);
        let product = code
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        for name in product.lines().filter_map(used_crate) {
            if !SYNC_USES.contains(&name) && !["crate", "self", "super"].contains(&name) {
                wrong.push(format!("{} uses {name}", path.display()));
            }
        }
        for word in NOT_IN_SYNC
            .into_iter()
            .chain(["kube::", "tokio::", "reqwest::", "tracing::"])
        {
            if product.contains(word) {
                wrong.push(format!("{} has {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What passes stands on the server, not beside it.
#[test]
fn the_server_of_the_aggregated_api_knows_nothing_of_what_passes() {
    let mut wrong = Vec::new();
    let of_kinds = |name: &String| {
        let file = crate::root()
            .join("src/api")
            .join(name)
            .with_extension("rs");
        file.exists() && !["names", "text"].contains(&name.as_str())
    };
    for (path, text) in sources("src/apiserver/server") {
        let code = code(&text);
        let named = |module: &str| -> Vec<String> {
            let found = code.match_indices(module).filter(|(at, _)| {
                let before = code[..*at].chars().next_back().unwrap_or(' ');
                !before.is_alphanumeric() && before != '_'
            });
            let rest = found.map(|(at, _)| &code[at + module.len()..]);
            rest.flat_map(first_names).collect()
        };
        let kinds = named("api::").into_iter().filter(of_kinds);
        for name in named("proxy::").into_iter().chain(kinds) {
            wrong.push(format!("{} imports {name}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// kube-apiserver reads an apply as YAML: what serde writes as JSON loses some texts there.
#[test]
fn the_body_of_an_apply_is_written_in_one_place() {
    let with = |words: &str| -> Vec<String> {
        let files = sources("src").into_iter();
        let files = files.filter(|(path, text)| !is_test(path) && code(text).contains(words));
        files.map(|(path, _)| path.display().to_string()).collect()
    };
    assert_eq!(with("Patch::Apply"), ["src/k8s/object/apply.rs"]);
    assert_eq!(with("apply-patch"), ["src/k8s/yaml.rs"]);
}

#[test]
fn no_file_is_too_long() {
    let mut long = Vec::new();
    for (path, text) in sources("src")
        .into_iter()
        .chain(sources("hack/testbed/src"))
    {
        let code = code(&text);
        let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
        if !is_test(&path) && lines > MOST_LINES {
            long.push(format!("{}: {lines}", path.display()));
        }
    }
    assert!(
        long.is_empty(),
        "more than {MOST_LINES} lines of code: {long:#?}"
    );
}

#[test]
fn the_top_level_is_what_the_readme_says() {
    let seen: BTreeSet<String> = fs::read_dir(crate::root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target" && name != FINDINGS)
        .collect();
    let expected = TOP_LEVEL
        .into_iter()
        .chain(["src"])
        .map(str::to_owned)
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn nothing_speaks_of_a_machine_or_of_work_to_do() {
    let mut files = Vec::new();
    for folder in ["src", "tests", "hack", "deploy", "docs", "crds", ".ci"] {
        collect(&crate::root().join(folder), &mut files);
    }
    for file in [
        "README.md",
        "Cargo.toml",
        ".clippy.toml",
        ".rustfmt.toml",
        ".gitignore",
    ] {
        files.push(crate::root().join(file));
    }
    let mut found = Vec::new();
    for path in files {
        // Hashes hold any letters.
        let is_lock = path.ends_with("go.sum") || path.ends_with("package-lock.json");
        if path.ends_with("tests/layers.rs") || is_lock {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        for word in FORBIDDEN {
            if text.contains(word) {
                found.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn imports_are_read_in_every_form() {
    let text = "use crate::{\n    api::{names, status},\n    k8s, // crate::app\n};\n\
                use super::x; fn f() -> crate::coderd::Client { crate::sync::a() }\n\
                /// [`crate::mcp`]\nuse super::super::app;";
    let names = imports(Path::new("src/controller/x.rs"), text);
    let expected = ["api", "app", "coderd", "k8s", "sync"].map(str::to_owned);
    assert_eq!(names, BTreeSet::from(expected));
}

/// Every Rust file below `folder`, relative to the root, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(&crate::root().join(folder), &mut files);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(crate::root()).unwrap().to_owned(), text)
    };
    let files: Vec<_> = files.into_iter().map(read).collect();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn is_test(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name == "tests.rs" || name == "fake.rs")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// The module of the crate that a file below `src` belongs to; none for the crate itself.
fn module(path: &Path) -> Option<String> {
    let path = path.strip_prefix("src").ok()?.with_extension("");
    let name = path.components().next()?.as_os_str().to_str()?.to_owned();
    (name != "lib" && name != "main").then_some(name)
}

/// `text` without its comments.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once("//") {
        // Not the `//` of a URL.
        Some((code, _)) if !code.ends_with(':') => code,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules of this crate that a file names, by `crate::` or by climbing up to it.
fn imports(path: &Path, text: &str) -> BTreeSet<String> {
    let depth = path.with_extension("").components().count() - 1;
    let climbed = "super::".repeat(depth);
    let code = code(text);
    let mut names = BTreeSet::new();
    for start in ["crate::", climbed.as_str()] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if !before.is_alphanumeric() && !['_', ':', '$'].contains(&before) {
                names.extend(first_names(&code[at + start.len()..]));
            }
        }
    }
    names.remove("self");
    names
}

/// The first part of each path in `rest`: one name, or those of a group in braces.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|char| char.is_alphanumeric() || *char == '_')
            .collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![name(rest)];
    };
    let (mut depth, mut names, mut begin) = (0, Vec::new(), 0);
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&group[begin..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[begin..at]));
                begin = at + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The crate that a line of `use` begins with.
fn used_crate(line: &str) -> Option<&str> {
    let rest = line
        .trim_start()
        .strip_prefix("pub ")
        .unwrap_or(line.trim_start());
    let rest = rest.strip_prefix("use ")?;
    rest.split([':', ';', '{', ' '])
        .next()
        .filter(|name| !name.is_empty())
}

/// What a request asks for is data; who sends it is not the core's business.
#[test]
fn the_core_knows_of_coderd_only_what_it_is_asked_for() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src/sync") {
        let paths = paths(&code(&text)).into_iter();
        let of_coderd = paths.filter(|used| used.starts_with("crate::coderd"));
        let others = of_coderd.filter(|used| !used.starts_with("crate::coderd::types"));
        wrong.extend(others.map(|used| format!("{} imports {used}", path.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The core and the loop around it are read from below to above: nobody has to know a file to understand
/// one that it stands on. With no circle there is no import that leads back up.
#[test]
fn no_file_of_the_core_or_the_controller_leads_back_to_itself() {
    for folder in ["sync", "controller"] {
        let circle = circle(imports_within(folder));
        assert!(circle.is_empty(), "a circle of imports: {circle:#?}");
    }
}

#[test]
fn only_tests_are_taken_for_tests() {
    let code = "use a;\n#[cfg(test)]\nmod stage;\nuse b;\n#[cfg(test)]\nmod tests {\nuse c;\n}\n";
    assert_eq!(product(code), "use a;\nuse b;\n");
}

#[test]
fn circles_are_found() {
    let uses = |text: &str| paths(text).into_iter().collect::<Vec<_>>();
    assert_eq!(
        uses("use super::{a::{self, B}, c};\nuse crate::sync::d::E as F;"),
        ["crate::sync::d::E", "super::a", "super::a::B", "super::c"]
    );
    let graph = |arrows: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in arrows {
            graph
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
            graph.entry((*to).to_owned()).or_default();
        }
        circle(graph).into_keys().collect::<Vec<_>>()
    };
    assert_eq!(graph(&[("a", "b"), ("b", "c"), ("a", "c")]), [""; 0]);
    assert_eq!(
        graph(&[("z", "a"), ("a", "b"), ("b", "a"), ("b", "c")]),
        ["a", "b"]
    );
}

/// The files of module `folder`, tests apart, by their paths in the crate, and which of them each imports.
fn imports_within(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let files = sources(&format!("src/{folder}"));
    let top = PathBuf::from(format!("src/{folder}.rs"));
    let text = fs::read_to_string(crate::root().join(&top)).unwrap();
    let files: BTreeMap<String, String> = files
        .into_iter()
        .chain([(top, text)])
        .filter(|(path, _)| !is_test(path) && !path.starts_with("src/sync/testing"))
        .map(|(path, text)| {
            let name = path.strip_prefix("src").unwrap().with_extension("");
            (name.to_str().unwrap().replace('/', "::"), text)
        })
        .collect();
    let imports = |name: &String, text: &String| {
        let product = product(&code(text));
        let paths = paths(&product).into_iter();
        let named = paths.filter_map(|path| longest(&absolute(name, &path), &files));
        named.filter(|other| other != name).collect()
    };
    files
        .iter()
        .map(|(name, text)| (name.clone(), imports(name, text)))
        .collect()
}

/// The code without its tests: those are an item marked so that ends with its line, or all from the mark on.
fn product(code: &str) -> String {
    let mut parts = code.split("#[cfg(test)]\n");
    let mut product = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (item, rest) = part.split_once('\n').unwrap_or((part, ""));
        if !item.ends_with(';') {
            break;
        }
        product.push_str(rest);
    }
    product
}

/// What is left once every file is taken away that imports none of the rest, or that none of the rest imports.
fn circle(mut graph: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    loop {
        let before = graph.len();
        let names: BTreeSet<_> = graph.keys().cloned().collect();
        for imports in graph.values_mut() {
            imports.retain(|name| names.contains(name));
        }
        let imported: BTreeSet<_> = graph.values().flatten().cloned().collect();
        graph.retain(|name, imports| !imports.is_empty() && imported.contains(name));
        if graph.len() == before {
            return graph;
        }
    }
}

/// The paths that the `use` lines of `text` name, each by itself.
fn paths(text: &str) -> BTreeSet<String> {
    let uses = text.match_indices("use ").filter(|(at, _)| {
        let before = text[..*at].lines().next_back().unwrap_or_default();
        text[..*at].ends_with('\n') || *at == 0 || before.trim_start().starts_with("pub")
    });
    let statements = uses.filter_map(|(at, word)| text[at + word.len()..].split(';').next());
    statements
        .flat_map(|statement| expanded("", statement))
        .collect()
}

fn expanded(prefix: &str, tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((stem, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        let path = format!("{prefix}{path}");
        return vec![path.trim_end_matches("::self").to_owned()];
    };
    let group = group.trim_end().trim_end_matches('}');
    let (mut depth, mut begin, mut found) = (0, 0, Vec::new());
    for (at, char) in group.char_indices().chain([(group.len(), ',')]) {
        depth += i32::from(char == '{') - i32::from(char == '}');
        if char == ',' && depth == 0 {
            found.push(&group[begin..at]);
            begin = at + 1;
        }
    }
    let prefix = format!("{prefix}{}", stem.trim());
    let parts = found.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expanded(&prefix, part)).collect()
}

/// `path`, which file `name` uses, from the top of the crate.
fn absolute(name: &str, path: &str) -> String {
    if let Some(rest) = path.strip_prefix("crate::") {
        return rest.to_owned();
    }
    let mut base: Vec<_> = name.split("::").collect();
    let mut rest = path;
    while let Some(above) = rest.strip_prefix("super::") {
        base.pop();
        rest = above;
    }
    let rest = rest.strip_prefix("self::").unwrap_or(rest);
    base.into_iter()
        .chain([rest])
        .collect::<Vec<_>>()
        .join("::")
}

/// The file that `path` leads into.
fn longest(path: &str, files: &BTreeMap<String, String>) -> Option<String> {
    let mut path = path;
    loop {
        if files.contains_key(path) {
            return Some(path.to_owned());
        }
        (path, _) = path.rsplit_once("::")?;
    }
}
