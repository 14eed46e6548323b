//! The webhook under load, against a handler that receives the body and says yes, in the same run: rate, latency, processor
//! time, memory. And what a cache of verdicts could save at best.
//!
//! The servers run in processes of their own with one thread each, on one core where `taskset` is there; the client has the
//! other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench fails by panicking"
)]

#[path = "../../tests/server/client.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod client;
mod null;
#[path = "../../tests/server/pki.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod pki;
mod rules;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use kspec_admission::{Limits, Live, Options, Server, TlsFiles};
use kspec_rules::{Engines, Evaluator, NoObjects, Review};
use rustls::version::TLS13;
use serde_json::Value;

use crate::client::{Connection, Dial, trusting};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: usize = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => serve(&arguments[1], Path::new(&arguments[2])),
        Some("load") => load(),
        // The filters of `scripts/bench` name other benches.
        Some(filter) if !filter.starts_with('-') && !"webhook".contains(filter) => {}
        _ => {
            evaluation();
            let mut client = on_core(1, &["load"]).spawn().unwrap();
            assert!(client.wait().unwrap().success());
        }
    }
}

/// What one request costs without a server, and what a cache would cost and save.
fn evaluation() {
    let body = rules::review().to_string();
    println!("a review of {} bytes, in this process (best of 5)", body.len());
    let read = best(|| {
        serde_json::from_str::<Value>(&body).unwrap();
    });
    println!("  read                         {read:>8.1} µs");
    let value: Value = serde_json::from_str(&body).unwrap();
    let request = &value["request"];
    let key = best(|| {
        // What a cache would be keyed by: the object, the one before, and who asks; the revision is constant.
        let mut hash = blake3::Hasher::new();
        for part in ["object", "oldObject", "userInfo"] {
            hash.update(request[part].to_string().as_bytes());
        }
        std::hint::black_box(hash.finalize());
    });
    println!("  key of a cache               {key:>8.1} µs");
    for count in [20, 100] {
        let evaluator = Evaluator::load(rules::table(count)).unwrap();
        let review = Review::from_request(request).unwrap();
        assert!(evaluator.judge(&review, Engines::All, &NoObjects).iter().all(|outcome| !outcome.denies()));
        let judged = best(|| {
            std::hint::black_box(evaluator.judge(&review, Engines::All, &NoObjects).len());
        });
        println!("  judge by {count:>3} rules            {judged:>8.1} µs");
        println!("    a cache pays from a hit rate of {:.0} %", 100.0 * key / judged);
    }
}

/// Microseconds of one turn.
fn best(mut turn: impl FnMut()) -> f64 {
    const TURNS: u32 = 2_000;
    let round = |turn: &mut dyn FnMut()| {
        let began = Instant::now();
        (0..TURNS).for_each(|_| turn());
        began.elapsed().as_secs_f64() * 1e6 / f64::from(TURNS)
    };
    (0..5).map(|_| round(&mut turn)).fold(f64::INFINITY, f64::min)
}

/// This program again, on one core.
fn on_core(core: usize, arguments: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let core = core.to_string();
    let pinned = Command::new("taskset").args(["-c", &core, "true"]).status().is_ok_and(|status| status.success());
    let mut command = Command::new(if pinned { Path::new("taskset") } else { &program });
    if pinned {
        command.args(["-c", &core]).arg(program);
    }
    command.args(arguments);
    command
}

/// A server in a process of its own.
struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    fn start(what: &str, folder: &Path) -> Self {
        let mut command = on_core(0, &["serve", what]);
        let mut child = command.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }

    /// Clock ticks of its processor time; a tick is 10 ms.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Its memory in MB.
    fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(what: &str, folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let tls = TlsFiles {
        certificate: folder.join("tls.crt"),
        key: folder.join("tls.key"),
        clients: None,
        client_names: Default::default(),
    };
    let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
    runtime.block_on(async {
        if let Some(baseline) = null::Baseline::named(what) {
            return null::serve(folder, baseline).await;
        }
        let bundle = folder.join(format!("{what}.json"));
        let options = Options { listen, metrics_listen: None, tls: Some(tls), bundle, limits: Limits::default() };
        let server = Server::bind(options, Arc::new(Live::new(Default::default()))).await.unwrap();
        println!("{}", server.address().unwrap());
        server.run(std::future::pending()).await;
    });
}

/// What clients saw.
struct Seen {
    rate: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
    resident: f64,
}

/// How clients ask.
#[derive(Clone, Copy)]
enum Pace {
    /// Each connection again once it is answered.
    Closed,
    /// So many a second in all, whatever the answers do; a request's time counts from when it was due.
    Open(u32),
}

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

fn load() {
    let folder = tempfile::tempdir().unwrap();
    let authority = pki::Authority::new("authority");
    authority.server("bench").write(folder.path());
    for count in [20, 100] {
        let json = serde_json::to_string(&rules::table(count)).unwrap();
        std::fs::write(folder.path().join(format!("{count}-rules.json")), json).unwrap();
    }
    let tls = trusting(&authority.pem(), None, &[&TLS13]);
    // Looks at the connections at every turn: who is late with looking calls the server slow.
    let runtime = tokio::runtime::Builder::new_current_thread().event_interval(1).enable_all().build().unwrap();
    let body = Bytes::from(rules::review().to_string());
    let kinds = ["null", "uid", "json", "20-rules", "100-rules"];
    let servers: Vec<Served> = kinds.iter().map(|kind| Served::start(kind, folder.path())).collect();
    let connected: Vec<Vec<Connection>> = servers
        .iter()
        .map(|server| {
            let dial = Dial { address: server.address, tls: Some(Arc::clone(&tls)), http2: false };
            runtime.block_on(async {
                let mut connections = Vec::new();
                for _ in 0..CONNECTIONS {
                    connections.push(dial.connect().await.unwrap());
                }
                connections
            })
        })
        .collect();
    let mut connected: Vec<Option<Vec<Connection>>> = connected.into_iter().map(Some).collect();
    println!("{CONNECTIONS} connections, TLS 1.3, HTTP/1.1; median of {ROUNDS} rounds, the servers in turn");
    for (title, pace) in [
        ("as fast as it goes", Pace::Closed),
        ("5,000 reviews a second", Pace::Open(5_000)),
        ("1,000 reviews a second", Pace::Open(1_000)),
    ] {
        println!("{title}:");
        let mut rounds: Vec<Vec<Seen>> = kinds.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for ((server, seen), connections) in servers.iter().zip(&mut rounds).zip(&mut connected) {
                let before = server.ticks();
                let began = Instant::now();
                let (back, mut latencies) = runtime.block_on(async {
                    match pace {
                        Pace::Closed => closed(connections.take().unwrap(), &body).await,
                        Pace::Open(rate) => open(connections.take().unwrap(), &body, rate).await,
                    }
                });
                *connections = Some(back);
                let took = began.elapsed().as_secs_f64();
                let ticks = server.ticks() - before;
                latencies.sort_by(f64::total_cmp);
                let count = latencies.len() as f64;
                seen.push(Seen {
                    rate: count / took,
                    p50: latencies[latencies.len() / 2],
                    p99: latencies[latencies.len() * 99 / 100],
                    cpu: ticks as f64 * 1e4 / count,
                    resident: server.resident(),
                });
            }
        }
        let median = |seen: &[Seen], part: fn(&Seen) -> f64| {
            let mut values: Vec<f64> = seen.iter().map(part).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let null = median(&rounds[0], |seen| seen.p50);
        for (kind, seen) in kinds.iter().zip(&rounds) {
            println!(
                "  {kind:<10} {:>7.0} /s   p50 {:>7.0} µs ({:.2} of null)   p99 {:>7.0} µs (best {:>6.0})   {:>5.0} µs CPU each   {:>5.1} MB",
                median(seen, |seen| seen.rate),
                median(seen, |seen| seen.p50),
                median(seen, |seen| seen.p50) / null,
                median(seen, |seen| seen.p99),
                seen.iter().map(|seen| seen.p99).fold(f64::INFINITY, f64::min),
                median(seen, |seen| seen.cpu),
                median(seen, |seen| seen.resident),
            );
        }
    }
}

async fn ask(connection: &mut Connection, body: &Bytes) {
    let answer = connection.ask("POST", "/validate/fail/10?timeout=10s", body.clone()).await.unwrap();
    assert!(answer.text().contains(r#""allowed":true"#), "{}", answer.text());
}

async fn closed(connections: Vec<Connection>, body: &Bytes) -> (Vec<Connection>, Vec<f64>) {
    let began = Instant::now();
    let clients: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let body = body.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while began.elapsed() < ROUND {
                    let asked = Instant::now();
                    ask(&mut connection, &body).await;
                    latencies.push(asked.elapsed().as_secs_f64() * 1e6);
                }
                (connection, latencies)
            })
        })
        .collect();
    let (mut back, mut all) = (Vec::new(), Vec::new());
    for client in clients {
        let (connection, latencies) = client.await.unwrap();
        back.push(connection);
        all.extend(latencies);
    }
    (back, all)
}

async fn open(connections: Vec<Connection>, body: &Bytes, rate: u32) -> (Vec<Connection>, Vec<f64>) {
    let pause = Duration::from_secs(1) / rate;
    let (give, mut free) = tokio::sync::mpsc::unbounded_channel();
    for connection in connections {
        give.send(connection).ok().unwrap();
    }
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut due = Instant::now();
    let end = due + ROUND;
    while due < end {
        // A timer's grain is a millisecond.
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        let mut connection = free.recv().await.unwrap();
        let (give, tell, body) = (give.clone(), tell.clone(), body.clone());
        tokio::spawn(async move {
            ask(&mut connection, &body).await;
            tell.send(due.elapsed().as_secs_f64() * 1e6).unwrap();
            give.send(connection).ok().unwrap();
        });
        due += pause;
    }
    drop(tell);
    let mut latencies = Vec::new();
    while let Some(latency) = told.recv().await {
        latencies.push(latency);
    }
    let mut back = Vec::new();
    for _ in 0..CONNECTIONS {
        back.push(free.recv().await.unwrap());
    }
    (back, latencies)
}
