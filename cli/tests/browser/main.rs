//! The page of `net graph -o html`, in a browser.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail the test")]

mod driver;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::Path,
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::{Browser, DOWN, ENTER, ESCAPE};

fn browser() -> Option<Browser> {
    let browser = Browser::start();
    if browser.is_none() {
        // Not `println!`, which the runner keeps to itself where a test passes.
        let _ = writeln!(
            std::io::stderr(),
            "kspec-skip: the page of net graph needs chromium and chromedriver, which ./scripts/test installs"
        );
    }
    browser
}

fn kspec(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kspec")).args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Writes the page of a state; its address.
fn page(state: &Path, into: &TempDir) -> String {
    let file = into.path().join("reach.html");
    let (state, path) = (state.to_str().expect("a path"), file.to_str().expect("a path"));
    assert_eq!(kspec(&["net", "graph", "--state", state, "-o", "html", "--out", path]), "");
    format!("file://{path}")
}

/// What a page shows of one end: sources and destinations, each with connections and policies.
type Shown = BTreeSet<(String, String, String, Vec<String>)>;

const ROWS: &str = r##"
    location.hash = "#" + encodeURIComponent(arguments[0]);
    dispatchEvent(new HashChangeEvent("hashchange"));
    const rows = [];
    for (const side of ["into", "from"])
      for (const row of document.querySelectorAll(`#${side} tr:not(:first-child)`)) {
        const [ends, conn, why] = row.cells;
        const because = [...why.querySelectorAll("li")].map((item) => item.textContent);
        for (const end of ends.querySelectorAll("a")) rows.push([side, end.textContent, conn.textContent, because]);
      }
    return rows;
"##;

#[test]
fn the_page_shows_for_each_end_what_net_reach_says() {
    let Some(browser) = browser() else { return };
    let into = TempDir::new().expect("a folder");
    let state = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop/state");
    browser.open(&page(&state, &into));
    let reach: Value =
        serde_json::from_str(&kspec(&["net", "reach", "--state", state.to_str().expect("a path"), "-o", "json"]))
            .expect("JSON");
    let mut expected: BTreeMap<String, Shown> = BTreeMap::new();
    for row in reach["rows"].as_array().expect("rows") {
        let text = |field: &str| row[field].as_str().expect("text").to_owned();
        let because: Vec<String> = row["because"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|policy| policy.as_str().expect("text").to_owned())
            .collect();
        let (src, dst, conn) = (text("src"), text("dst"), text("conn"));
        expected.entry(dst.clone()).or_default().insert(("into".into(), src.clone(), conn.clone(), because.clone()));
        expected.entry(src).or_default().insert(("from".into(), dst, conn, because));
    }
    assert!(expected.len() > 5);
    for (end, rows) in expected {
        let shown: Shown = serde_json::from_value(browser.run(ROWS, &json!(end))).expect("rows");
        assert_eq!(shown, rows, "{end}");
        assert_eq!(browser.text("h2"), end);
    }
    let fetched =
        browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)", &json!(null));
    assert_eq!(fetched, json!([]));
    assert_eq!(browser.console(), json!([]));
}

#[test]
fn a_workload_is_found_and_followed_by_keyboard_alone() {
    let Some(browser) = browser() else { return };
    let into = TempDir::new().expect("a folder");
    let state = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop/state");
    browser.open(&page(&state, &into));
    browser.keys("/");
    browser.keys("ledger DB");
    assert_eq!(browser.text("#found"), "payments/ledger-db[StatefulSet]");
    assert!(browser.text("#count").starts_with("1 of "), "{}", browser.text("#count"));
    browser.keys(ENTER);
    assert_eq!(browser.text("h2"), "payments/ledger-db[StatefulSet]");
    // The answer has the focus now, and `/` leads back.
    assert_eq!(browser.run("return document.activeElement.id", &json!(null)), json!("answer"));
    browser.keys("/");
    browser.keys(ESCAPE);
    browser.keys(&format!("shop/{DOWN}{ENTER}"));
    let second = browser.run("return document.querySelector('#found li:nth-child(2)').textContent", &json!(null));
    assert_eq!(json!(browser.text("h2")), second);
    // Its address is the page's, so that it can be sent to somebody.
    let hash = browser.run("return decodeURIComponent(location.hash)", &json!(null));
    assert_eq!(hash.as_str().map(|hash| hash.trim_start_matches('#').to_owned()), Some(browser.text("h2")));
}

#[test]
fn five_hundred_workloads_can_be_looked_through_and_links_lead_on() {
    let Some(browser) = browser() else { return };
    let into = TempDir::new().expect("a folder");
    let state = into.path().join("state");
    fs::create_dir(&state).expect("a folder");
    let mut items = Vec::new();
    for number in 0..500 {
        let (name, namespace) = (format!("app-{number}"), format!("ns-{}", number / 20));
        let labels = json!({ "app": name });
        items.push(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": namespace },
            "spec": { "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "c", "image": "c" }] } } },
        }));
        items.push(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": format!("p-{number}"), "namespace": namespace },
            "spec": { "podSelector": { "matchLabels": labels }, "ingress": [{ "from": [{ "podSelector": {} }], "ports": [{ "port": 8000 + number % 7 }] }] },
        }));
    }
    // A name that would end the element that holds the data.
    items.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ns-0", "annotations": { "a": "</script>" } } }));
    fs::write(state.join("all.json"), json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string())
        .expect("a file");
    browser.open(&page(&state, &into));
    assert_eq!(browser.text("#count"), "the first 300 of 501");
    browser.keys("/");
    browser.keys("app-499");
    browser.keys(ENTER);
    assert_eq!(browser.text("h2"), "ns-24/app-499[Deployment]");
    assert_eq!(browser.text("#into h3"), "Reached by 19");
    assert!(browser.text("#into").contains("TCP 8002"), "{}", browser.text("#into"));
    assert!(browser.text("#into").contains("NetworkPolicy ns-24/p-499"), "{}", browser.text("#into"));
    browser.click("#into summary");
    browser.click("#into a");
    assert_eq!(browser.text("h2"), "ns-24/app-480[Deployment]");
    assert_eq!(browser.console(), json!([]));
}
