//! `kspec webhook` as a process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

fn command(bundle: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kspec"));
    command.args(["webhook", "--listen", "127.0.0.1:0", "--drain", "0", "--bundle"]).arg(bundle);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn it_serves_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("bundle.json");
    let table = json!({
        "format_version": 1, "project": "shop", "kubernetes": "1.36", "revision": "r", "rules": [], "mutations": [],
    });
    std::fs::write(&bundle, json!({ "rule_table": table }).to_string()).expect("written");
    let mut child = command(&bundle).spawn().expect("started");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let address = lines
        .by_ref()
        .find_map(|line| {
            let line: Value = serde_json::from_str(&line.expect("a line")).expect("a JSON line");
            (line["message"] == "listening").then(|| line["address"].as_str().expect("an address").to_owned())
        })
        .expect("it listens");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("ok"), "{answer}");
    // The shell's own: a small system has no program of that name.
    let told = Command::new("sh").args(["-c", &format!("kill {}", child.id())]).status().expect("kill");
    assert!(told.success());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert!(lines.all(|line| serde_json::from_str::<Value>(&line.expect("a line")).is_ok()), "only JSON lines");
}

#[test]
fn a_bundle_that_is_none_cannot_be_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("bundle.json");
    std::fs::write(&bundle, "{}").expect("written");
    let output = command(&bundle).output().expect("run");
    assert_eq!(output.status.code(), Some(6));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("this is no rule table"), "{said}");
    assert!(said.contains("help: give it the bundle.json that `kspec compile` writes"), "{said}");
}
