//! What the aggregated API costs: each request for the old group beside the same one for the stored
//! group, through the same kube-apiserver, in turns.
//!
//! Somebody asks who has rights by RBAC and is no administrator, so that authorization is measured too.
//! The reference is always the first row: the same answer of the same objects without this project. The
//! row between them is a server that only passes on: less no aggregated API can cost.
//! Memory is that of the server's process, as the kernel counts it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use coder_k8s::apiserver::rewrite::{Options, ResponseFilter};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    e2e::shim::{
        caller::{Ask, Caller, Coming},
        server::ordinary_user,
        stage::{Group, Stage, WORKSPACES},
    },
    figures::Figures,
    floor::Floor,
    memory::Held,
};

const GETS: usize = 1000;
const LISTS: usize = 60;
const LONG_LISTS: usize = 8;
const EVENTS: usize = 100;
const WATCHES: u64 = 300;
const FEW: usize = 200;
const MANY: usize = 10_000;
/// Objects that are made at the same time.
const MAKERS: usize = 32;
/// How often memory is looked at while it may be high.
const LOOK: Duration = Duration::from_millis(2);
/// How long the server is left alone before its idle memory is read.
const CALM: Duration = Duration::from_secs(2);
/// What is pushed into the filter at a time, as connections do.
const CHUNK: usize = 16 * 1024;
const FILTERING: Duration = Duration::from_secs(3);
/// How often the sample is taken in a round.
const PASSES: usize = 20;

/// Measures and prints.
pub async fn run() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("on {cores} cores, in milliseconds; the last column is p50 by p50 and p99 by p99\n");

    let few = Stage::new("few").await;
    let user = ordinary_user(few.bed).await;
    sleep(CALM).await;
    let idle = few.held();
    fill(&few, FEW).await;
    let one = format!("{}/{}", few.path(Group::Stored, WORKSPACES, ""), name(7));
    let one_old = format!("{}/{}", few.path(Group::Old, WORKSPACES, ""), name(7));
    let all = few.path(Group::Stored, WORKSPACES, "");
    let all_old = few.path(Group::Old, WORKSPACES, "");
    let floor = Floor::start(&few, &user).await;
    compare(&user, "GET", GETS, &one, &one_old).await;
    compare(&user, &format!("LIST {FEW}"), LISTS, &all, &all_old).await;
    events(&few, &user, &name(7)).await;
    let after_reads = few.held();
    let sample = few.admin.get(all).await.expect(200).body;
    let held = watches(&few, &user, &all_old).await;

    let many = Stage::new("many").await;
    fill(&many, MANY).await;
    let peak = Peak::of(many.server.program.id());
    let all = many.path(Group::Stored, WORKSPACES, "");
    let all_old = many.path(Group::Old, WORKSPACES, "");
    compare(&user, &format!("LIST {MANY}"), LONG_LISTS, &all, &all_old).await;
    let highest = peak.end().await;
    drop(floor);

    println!("\nmemory, in kB: resident, and of it without the program's own code and data");
    println!(
        "{:<28}{:>9}{:>9}",
        "idle, after the start", idle.resident, idle.anonymous
    );
    println!(
        "{:<28}{:>9}{:>9}",
        "after the reads", after_reads.resident, after_reads.anonymous
    );
    println!("{:<28}{held:>9}", format!("each of {WATCHES} watches"));
    println!(
        "{:<28}{highest:>9}",
        format!("highest, while listing {MANY}")
    );

    println!("\nrenaming, in MB/s, by one core");
    let copied = throughput(&sample, |chunk, output| output.extend_from_slice(chunk));
    println!("{:<28}{copied:>9.0}", "copying");
    let mut filter = ResponseFilter::new(Options::default());
    let renamed = throughput(&sample, |chunk, output| filter.push(chunk, output));
    println!(
        "{:<28}{renamed:>9.0}{:>9.2}",
        format!("LIST {FEW}"),
        renamed / copied
    );
}

fn name(number: usize) -> String {
    format!("acme.ann.w{number:05}")
}

/// A workspace with all that an object usually has.
fn workspace(number: usize) -> Value {
    json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderWorkspace",
        "metadata": {
            "name": name(number),
            "labels": { "team": "platform", "cost-centre": "42" },
        },
        "spec": {
            "organization": "acme",
            "templateName": "docker",
            "running": number.is_multiple_of(2),
            "ttlMillis": 28_800_000,
            "autostartSchedule": "CRON_TZ=Europe/Berlin 30 8 * * 1-5",
        },
    })
}

/// Makes `number` workspaces, past the aggregated API.
async fn fill(stage: &Stage, number: usize) {
    let made = stream::iter(0..number)
        .map(async |number| stage.make(WORKSPACES, &workspace(number)).await)
        .buffer_unordered(MAKERS);
    made.for_each(|_| async {}).await;
}

/// Asks for all in turns, after a few that nobody counts, and prints a row for each.
async fn compare(user: &Caller, what: &str, rounds: usize, stored: &str, old: &str) {
    let paths = [stored, &Floor::path(stored), old];
    let mut times = [const { Vec::new() }; 3];
    let mut bytes = 0;
    for round in 0..rounds + rounds / 10 {
        for (path, times) in paths.iter().zip(&mut times) {
            let (took, length) = timed(user, path).await;
            if round >= rounds / 10 {
                times.push(took);
            }
            bytes = length;
        }
    }
    let [direct, floor, through] = times.map(|times| times.into_iter().collect::<Figures>());
    println!("{:<20}{:>9}{:>9}   {} kB", what, "p50", "p99", bytes / 1000);
    print_row("coder.com", &direct, None);
    print_row("only passed on", &floor, Some(&direct));
    print_row("aggregation", &through, Some(&direct));
}

fn print_row(what: &str, figures: &Figures, reference: Option<&Figures>) {
    let [p50, p99] = [50, 99].map(|percent| figures.percentile(percent));
    print!("  {what:<18}{p50:>9.2}{p99:>9.2}");
    match reference {
        Some(reference) => {
            let ratio = |percent, own: f64| own / reference.percentile(percent);
            println!("{:>9.2} x{:>6.2} x", ratio(50, p50), ratio(99, p99));
        }
        None => println!(),
    }
}

async fn timed(user: &Caller, path: &str) -> (Duration, usize) {
    let started = Instant::now();
    let reply = user.get(path).await.expect(200);
    (started.elapsed(), reply.body.len())
}

/// Watches by both names and changes an object: when does each watch tell it?
async fn events(stage: &Stage, user: &Caller, name: &str) {
    let mut direct = Vec::new();
    let mut through = Vec::new();
    let mut stored = watch(stage, user, Group::Stored).await;
    let mut old = watch(stage, user, Group::Old).await;
    let path = stage.path(Group::Stored, WORKSPACES, name);
    for round in 0..EVENTS {
        let patch = json!({"metadata": {"annotations": {"example.com/round": round.to_string()}}});
        let ask = Ask::new("PATCH", path.as_str())
            .body("application/merge-patch+json", patch.to_string());
        let started = Instant::now();
        let seen = async |watch: &mut Coming| {
            watch.event().await.unwrap();
            started.elapsed()
        };
        let (_, first, second) =
            tokio::join!(stage.admin.send(ask), seen(&mut stored), seen(&mut old));
        direct.push(first);
        through.push(second);
    }
    let added: Figures = direct
        .iter()
        .zip(&through)
        .map(|(direct, through)| through.saturating_sub(*direct))
        .collect();
    println!("{:<20}{:>9}{:>9}", "watch event", "p50", "p99");
    print_row("coder.com", &direct.into_iter().collect(), None);
    print_row("aggregation", &through.into_iter().collect(), None);
    print_row("  later by", &added, None);
}

/// A watch that has told all that is there.
async fn watch(stage: &Stage, user: &Caller, group: Group) -> Coming {
    let list = user.get(stage.path(group, WORKSPACES, "?limit=1")).await;
    let version = list.json()["metadata"]["resourceVersion"].clone();
    let version = version.as_str().unwrap();
    let query = format!("?watch=1&resourceVersion={version}");
    let watch = user.open(Ask::get(stage.path(group, WORKSPACES, &query)));
    watch.await
}

/// What each of many watches adds to the server's memory, in kB.
async fn watches(stage: &Stage, user: &Caller, path: &str) -> u64 {
    let before = stage.held().resident;
    let mut open = Vec::new();
    for _ in 0..WATCHES {
        let list = format!("{path}?watch=1&resourceVersion=0&timeoutSeconds=600");
        let mut watch = user.again().open(Ask::get(list)).await;
        assert_eq!(watch.status, 200);
        for _ in 0..FEW {
            watch.event().await.unwrap();
        }
        open.push(watch);
    }
    let after = stage.held().resident;
    drop(open);
    after.saturating_sub(before) / WATCHES
}

impl Stage {
    fn held(&self) -> Held {
        Held::by(self.server.program.id())
    }
}

/// The most that a process has held since.
struct Peak {
    highest: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    looking: std::thread::JoinHandle<()>,
}

impl Peak {
    fn of(process: u32) -> Self {
        let highest = Arc::new(AtomicU64::new(0));
        let ended = Arc::new(AtomicBool::new(false));
        let (seen, over) = (Arc::clone(&highest), Arc::clone(&ended));
        let looking = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                seen.fetch_max(Held::by(process).resident, Ordering::Relaxed);
                std::thread::sleep(LOOK);
            }
        });
        Self {
            highest,
            ended,
            looking,
        }
    }

    async fn end(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || self.looking.join().unwrap())
            .await
            .unwrap();
        self.highest.load(Ordering::Relaxed)
    }
}

/// How many megabytes `pass` takes in a second: in the best of many rounds, for the servers of the test
/// bed go on beside it.
fn throughput(sample: &[u8], mut pass: impl FnMut(&[u8], &mut Vec<u8>)) -> f64 {
    let mut output = Vec::with_capacity(sample.len() * 2);
    let mut best = Duration::MAX;
    let started = Instant::now();
    while started.elapsed() < FILTERING {
        let begun = Instant::now();
        for _ in 0..PASSES {
            output.clear();
            for chunk in sample.chunks(CHUNK) {
                pass(chunk, &mut output);
            }
        }
        best = best.min(begun.elapsed());
    }
    let kilobytes = u32::try_from(sample.len() * PASSES / 1000).unwrap();
    f64::from(kilobytes) / 1000.0 / best.as_secs_f64()
}
