//! `cargo xtask measure`: what whole processes of the release binary cost over generated inputs, beside work that is always the same.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use wait4::Wait4 as _;

use crate::Outcome;
use crate::generate::Generate;

/// Runs the release binary on inputs of the sizes that matter, and prints medians of time and CPU, and the most memory.
#[derive(Args)]
pub(crate) struct Measure {
    /// The binary
    #[arg(long, default_value = "target/release/kspec")]
    kspec: PathBuf,
    /// Where inputs go; what is there is not made again
    #[arg(long, default_value = "target/measure")]
    inputs: PathBuf,
    /// Runs of each row
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// Only rows whose name holds this
    #[arg(default_value = "")]
    only: String,
}

/// An input: its folder, and how `generate` makes it.
const INPUTS: [(&str, &str); 12] = [
    ("p1k", "project --declarations 1000 --files 20"),
    ("p10k", "project --declarations 10000 --files 200"),
    ("p50k", "project --declarations 50000 --files 1000"),
    ("s10k", "state --objects 10000"),
    ("n500", "network --workloads 500 --policies 300"),
    ("n1k", "network --workloads 1000 --policies 600"),
    ("n2k", "network --workloads 2000 --policies 1200"),
    ("n5k", "network --workloads 5000 --policies 3000"),
    ("a500", "access --accounts 500 --roles 400 --bindings 700 --pods 500"),
    ("a5k", "access --accounts 5000 --roles 400 --bindings 20000 --pods 10000"),
    ("a500.json", "a500"),
    ("a5k.json", "a5k"),
];

/// What is measured, and how: a word `@NAME` is an input.
const ROWS: [(&str, &str); 19] = [
    ("version", "--version"),
    ("check, 1,000 declarations", "check @p1k"),
    ("check, 10,000 declarations", "check @p10k"),
    ("check, 50,000 declarations", "check @p50k"),
    ("fmt, 10,000 declarations", "fmt --check @p10k"),
    ("plan, 10,000 declarations over 10,000 objects", "plan @p10k --state @s10k --as-of 2026-11-21"),
    ("net reach, 500 workloads, 300 policies", "net reach --state @n500 -o csv"),
    ("net summary, 500 workloads, 300 policies", "net reach --summary --state @n500"),
    ("net summary, 1,000 workloads, 600 policies", "net reach --summary --state @n1k"),
    ("net summary, 2,000 workloads, 1,200 policies", "net reach --summary --state @n2k"),
    ("net summary, 5,000 workloads, 3,000 policies", "net reach --summary --state @n5k"),
    ("findings of a state, 500 accounts and pods, from YAML", "check --state @a500"),
    ("findings of a state, 500 accounts and pods, from a snapshot", "check --state @a500.json"),
    ("findings of a state, 5,000 accounts, 10,000 pods, from a snapshot", "check --state @a5k.json"),
    ("who-can, 500 accounts, from a snapshot", "access who-can get secrets -n ns-1 --state @a500.json"),
    ("who-can, 500 accounts, from YAML", "access who-can get secrets -n ns-1 --state @a500"),
    (
        "who-can, 5,000 accounts, 20,000 bindings, from a snapshot",
        "access who-can get secrets -n ns-1 --state @a5k.json",
    ),
    ("paths to cluster-admin, 500 accounts, from a snapshot", "access paths --to cluster-admin --state @a500.json"),
    (
        "paths to cluster-admin, 5,000 accounts, 20,000 bindings, 10,000 pods",
        "access paths --to cluster-admin --state @a5k.json",
    ),
];

/// What one run cost.
struct Cost {
    wall: Duration,
    /// Its wall time over that of the baseline right before it.
    ratio: f64,
    cpu: Duration,
    /// In bytes.
    memory: u64,
}

impl Measure {
    pub(crate) fn run(&self) -> Outcome {
        if !self.kspec.exists() {
            return Err(format!("{}: build it first: cargo build --release -p kspec", self.kspec.display()));
        }
        println!("| work | wall, median | over baseline | wall, best | CPU, median | memory |");
        println!("| --- | ---: | ---: | ---: | ---: | ---: |");
        let mut baselines: Vec<Duration> = (0..self.runs.max(1)).map(|_| baseline()).collect();
        baselines.sort();
        let (best, median) = (baselines.first(), baselines.get(baselines.len() / 2));
        let [best, median] = [best, median].map(|wall| millis(wall.copied().unwrap_or_default()));
        println!("| baseline | {median:.0} ms | 1.00 | {best:.0} ms | | |");
        for (name, command) in ROWS.iter().filter(|(name, _)| name.contains(&self.only)) {
            let mut arguments = Vec::new();
            for word in command.split(' ') {
                arguments.push(match word.strip_prefix('@') {
                    Some(input) => self.input(input)?,
                    None => PathBuf::from(word),
                });
            }
            // The first run warms the page cache.
            self.once(&arguments)?;
            let costs = (0..self.runs.max(1)).map(|_| self.once(&arguments)).collect::<Result<Vec<_>, _>>()?;
            let best = costs.iter().map(|cost| cost.wall).min().unwrap_or_default();
            let memory = costs.iter().map(|cost| cost.memory).max().unwrap_or_default();
            let median = |of: fn(&Cost) -> Duration| {
                let mut all: Vec<Duration> = costs.iter().map(of).collect();
                all.sort();
                all.get(all.len() / 2).copied().unwrap_or_default()
            };
            let mut ratios: Vec<f64> = costs.iter().map(|cost| cost.ratio).collect();
            ratios.sort_by(f64::total_cmp);
            println!(
                "| {name} | {:.0} ms | {:.2} | {:.0} ms | {:.0} ms | {} MB |",
                millis(median(|cost| cost.wall)),
                ratios.get(ratios.len() / 2).copied().unwrap_or_default(),
                millis(best),
                millis(median(|cost| cost.cpu)),
                memory / 1_000_000
            );
        }
        Ok(())
    }

    /// An input's path; it is made where it is not there.
    fn input(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.inputs.join(name);
        let made = INPUTS.iter().find(|(input, _)| *input == name);
        let (_, from) = made.ok_or_else(|| format!("no input is called {name}"))?;
        if path.exists() {
            return Ok(path);
        }
        if name.ends_with(".json") {
            let state = self.input(from)?;
            let mut command = Command::new(&self.kspec);
            command.args(["snapshot", "--state"]).arg(state).arg("--out").arg(&path);
            let done = command.status().map_err(|error| format!("{}: {error}", self.kspec.display()))?;
            return if done.success() { Ok(path) } else { Err(format!("{command:?} ended with {done}")) };
        }
        Generate::to(from, &path)?;
        Ok(path)
    }

    fn once(&self, arguments: &[PathBuf]) -> Result<Cost, String> {
        let mut command = Command::new(&self.kspec);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let baseline = baseline();
        let begin = Instant::now();
        let problem = |error| format!("{}: {error}", self.kspec.display());
        let used = command.spawn().and_then(|child| child.wait4()).map_err(problem)?;
        let wall = begin.elapsed();
        // 1 is an answer: findings.
        if !matches!(used.status.code(), Some(0 | 1)) {
            return Err(format!("{command:?} ended with {}", used.status));
        }
        let ratio = wall.as_secs_f64() / baseline.as_secs_f64();
        Ok(Cost { wall, ratio, cpu: used.rusage.utime + used.rusage.stime, memory: used.rusage.maxrss })
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// How long two threads take to fill and drop a map of texts each: what the machine gives at the moment, to hold the figures of a noisy
/// one against.
fn baseline() -> Duration {
    const TEXTS: u64 = 20_000;
    let fill = || {
        // Multiplied by a large odd number, keys come in no order (Knuth, The Art of Computer Programming 3, 6.4).
        let texts = (0..TEXTS).map(|number| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        texts.map(|text| (text.clone(), text)).collect::<BTreeMap<_, _>>().len()
    };
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let other = scope.spawn(fill);
        std::hint::black_box((fill(), other.join().unwrap_or_default()));
    });
    begin.elapsed()
}
