//! `std.pod_security`, against the real admission plugin: the same verdict, by the same controls, for the same reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kspec_model::program::PodSecurityLevel;
use kspec_schema::{KubeVersion, Schema};
use kspec_state::ManifestDoc;
use kspec_test_harness::{Client, Cluster, ControlPlane};
use kspec_vet::{Library, Standard, Standards, StandardsError, Vet};
use serde_json::{Value, json};

use crate::pods::{self, Trait};
use crate::random::Random;

/// Editions in which a control begins or changes, and their neighbours.
const EDGES: [u8; 21] = [0, 7, 8, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36];

/// Pairs of traits, at a random level and edition each.
const PAIRS: usize = 6_000;

/// What the plugin says a control is violated by, before the parenthesis. Source: `ForbiddenReason` in
/// `pod-security-admission/policy/check_*.go`.
const REASONS: &[(&str, &str)] = &[
    ("allowPrivilegeEscalation", "allowPrivilegeEscalation != false"),
    ("appArmorProfile", "forbidden AppArmor profile"),
    ("capabilities_baseline", "non-default capabilities"),
    ("capabilities_restricted", "unrestricted capabilities"),
    ("hostNamespaces", "host namespaces"),
    ("hostPathVolumes", "hostPath volumes"),
    ("hostPorts", "hostPort"),
    ("hostProbesAndHostLifecycle", "probe or lifecycle host"),
    ("privileged", "privileged"),
    ("procMount", "procMount"),
    ("procMount_restricted", "procMount"),
    ("restrictedVolumes", "restricted volume types"),
    ("runAsNonRoot", "runAsNonRoot != true"),
    ("runAsUser", "runAsUser=0"),
    ("seLinuxOptions", "seLinuxOptions"),
    ("seccompProfile_baseline", "seccompProfile"),
    ("seccompProfile_restricted", "seccompProfile"),
    ("sysctls", "forbidden sysctls"),
    ("windowsHostProcess", "hostProcess"),
];

/// What is said of each reason, as the words that tell it apart from another.
type Said = BTreeMap<String, BTreeSet<String>>;

/// A pod, where it is asked about.
#[derive(Clone)]
struct Case {
    pod: Value,
    level: PodSecurityLevel,
    /// None: `latest`.
    minor: Option<u8>,
}

/// Each trait on each base: every edge for the level that it is about, and the latest edition for the other.
fn alone() -> Vec<Case> {
    let mut cases = Vec::new();
    for one in pods::traits() {
        for (base, level) in
            [(pods::bare(), PodSecurityLevel::Baseline), (pods::hardened(), PodSecurityLevel::Restricted)]
        {
            for minor in EDGES {
                cases.push(Case { pod: one.on(&base), level, minor: Some(minor) });
            }
            let other = if level == PodSecurityLevel::Baseline { pods::hardened() } else { pods::bare() };
            cases.push(Case { pod: one.on(&other), level, minor: None });
        }
    }
    for base in [pods::bare(), pods::hardened()] {
        for level in [PodSecurityLevel::Privileged, PodSecurityLevel::Baseline, PodSecurityLevel::Restricted] {
            for minor in (0..=36).map(Some).chain([None]) {
                cases.push(Case { pod: base.clone(), level, minor });
            }
        }
    }
    cases
}

#[test]
fn every_control_alone() {
    let cases = alone();
    let answers = answers(&cases);
    let judged = compare(&cases, &answers);
    // A list of pods that the server finds malformed would prove nothing.
    assert!(judged.refused > 2_000 && judged.admitted > 5_000, "{judged:?}");
    assert!(judged.invalid * 8 < cases.len(), "{judged:?}");
    let controls: BTreeSet<&str> = REASONS.iter().map(|(control, _)| *control).collect();
    assert_eq!(judged.controls.iter().map(String::as_str).collect::<BTreeSet<_>>(), controls);
    every_line_counts(&cases, &answers);
}

/// Nothing of the standard is anywhere else: the library less any one of its lines says something else than the server.
fn every_line_counts(cases: &[Case], answers: &[Option<Said>]) {
    let (_, text) = kspec_stdlib::FILES.iter().find(|(path, _)| *path == "std/pod_security.kspec").unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // The newest edition tells most lines apart.
    let mut order: Vec<usize> = (0..cases.len()).filter(|at| answers[*at].is_some()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(cases[*at].minor));
    let idle = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(line) = lines.get(at) else { break };
                    let trimmed = line.trim();
                    if trimmed.is_empty() || trimmed.starts_with("//") || trimmed.starts_with("severity:") {
                        continue;
                    }
                    let rest: String = lines
                        .iter()
                        .enumerate()
                        .filter(|(other, _)| *other != at)
                        .map(|(_, line)| format!("{line}\n"))
                        .collect();
                    let mut ours = Ours { library: library(rest), ..Ours::default() };
                    let tells = order.iter().any(|at| match (ours.judge(&cases[*at]), &answers[*at]) {
                        (Ok((said, _)), Some(theirs)) => !same(&said, theirs),
                        // It does not even compile.
                        (Err(_), _) => true,
                        (Ok(_), None) => false,
                    });
                    if !tells {
                        idle.lock().unwrap().push(format!("{}: {trimmed}", at + 1));
                    }
                }
            });
        }
    });
    let idle = idle.into_inner().unwrap();
    assert!(idle.is_empty(), "lines that no pod tells apart:\n{}", idle.join("\n"));
}

/// The standards' text as a library of its own. It lives as long as the test, as what is carried in a binary does.
fn library(text: String) -> Library {
    let text: &'static str = Box::leak(text.into_boxed_str());
    Box::leak(Box::new([("std/pod_security.kspec", text)]))
}

#[test]
fn controls_in_pairs() {
    let traits = pods::traits();
    let mut random = Random::new(0x5eed);
    let mut cases = Vec::new();
    for _ in 0..PAIRS {
        let (one, other): (&Trait, &Trait) = (random.pick(&traits), random.pick(&traits));
        let base = random.pick(&[pods::bare(), pods::hardened()]).clone();
        let level = *random.pick(&[PodSecurityLevel::Baseline, PodSecurityLevel::Restricted]);
        let minor = random.pick(&(0..=36).map(Some).chain([None]).collect::<Vec<_>>()).to_owned();
        cases.push(Case { pod: one.on(&other.on(&base)), level, minor });
    }
    let judged = compare(&cases, &answers(&cases));
    assert!(judged.refused > 1_000 && judged.admitted > 1_000, "{judged:?}");
}

#[derive(Debug, Default)]
struct Judged {
    admitted: usize,
    refused: usize,
    /// Refused before Pod Security was asked: not a pod that may be.
    invalid: usize,
    controls: BTreeSet<String>,
    wrong: Vec<String>,
}

/// What the server says of every case: none where it is no pod that may be, for another reason than Pod Security.
fn answers(cases: &[Case]) -> Vec<Option<Said>> {
    let cluster = ControlPlane::shared().unwrap();
    let namespaces = namespaces(cluster, cases);
    let answers = Mutex::new(vec![None; cases.len()]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let client = cluster.admin().clone();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { break };
                    let answer = ask(&client, &namespaces[&label(case)], case);
                    answers.lock().unwrap()[at] = answer;
                }
            });
        }
    });
    answers.into_inner().unwrap()
}

/// Holds what `vet` says against what the server said.
fn compare(cases: &[Case], answers: &[Option<Said>]) -> Judged {
    let (mut judged, mut ours) = (Judged::default(), Ours::default());
    for (case, theirs) in cases.iter().zip(answers) {
        let Some(theirs) = theirs else {
            judged.invalid += 1;
            continue;
        };
        let (said, controls) = ours.judge(case).unwrap();
        judged.controls.extend(controls);
        *(if theirs.is_empty() { &mut judged.admitted } else { &mut judged.refused }) += 1;
        if !same(&said, theirs) {
            let (level, version) = label(case);
            judged.wrong.push(format!("{level}:{version} {}\n  ours: {said:?}\nserver: {theirs:?}", case.pod));
        }
    }
    println!("{} admitted, {} refused, {} no pod that may be", judged.admitted, judged.refused, judged.invalid);
    let few: Vec<&str> = judged.wrong.iter().take(12).map(String::as_str).collect();
    assert!(few.is_empty(), "{} differ, such as\n{}", judged.wrong.len(), few.join("\n\n"));
    judged
}

fn label(case: &Case) -> (&'static str, String) {
    (case.level.as_str(), case.minor.map_or_else(|| "latest".to_owned(), |minor| format!("v1.{minor}")))
}

/// A namespace of each level and edition, with the service account that pods run as.
fn namespaces(cluster: &Cluster, cases: &[Case]) -> BTreeMap<(&'static str, String), String> {
    let wanted: BTreeSet<_> = cases.iter().map(label).collect();
    let client = cluster.admin();
    wanted
        .into_iter()
        .map(|(level, version)| {
            let name = cluster.unique_name("pss");
            let labels = json!({
                "pod-security.kubernetes.io/enforce": level,
                "pod-security.kubernetes.io/enforce-version": version,
                "pod-security.kubernetes.io/warn": "privileged",
            });
            let namespace =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
            let answer = client.post("/api/v1/namespaces", &namespace).unwrap();
            assert!(answer.is_ok(), "{}", answer.message());
            let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } });
            let answer = client.post(&format!("/api/v1/namespaces/{name}/serviceaccounts"), &account).unwrap();
            assert!(answer.is_ok() || answer.status == 409, "{}", answer.message());
            ((level, version), name)
        })
        .collect()
}

fn ask(client: &Client, namespace: &str, case: &Case) -> Option<Said> {
    let answer = client.post(&format!("/api/v1/namespaces/{namespace}/pods?dryRun=All"), &case.pod).unwrap();
    let message = answer.message();
    match (answer.status, message.split_once("violates PodSecurity ")) {
        (201, _) => Some(Said::new()),
        (403, Some((_, reasons))) => Some(parse(reasons.split_once(": ").unwrap().1)),
        (422 | 400, _) => None,
        _ => panic!("{}: {message}\n{:#}", answer.status, case.pod),
    }
}

/// Reasons are the same, and so is what each is about. Two of ours go on where the plugin stops: what is not said anywhere is
/// told beside what is said wrongly, so that all of it is mended at once.
fn same(ours: &Said, theirs: &Said) -> bool {
    ours.keys().eq(theirs.keys())
        && ours.iter().all(|(reason, said)| match reason.as_str() {
            "runAsNonRoot != true" | "seccompProfile" => said.is_superset(&theirs[reason]),
            _ => *said == theirs[reason],
        })
}

/// `reason (detail), reason (detail)`.
fn parse(text: &str) -> Said {
    let mut said = Said::new();
    let (mut depth, mut quoted) = (0, false);
    let (mut reason, mut detail) = (String::new(), String::new());
    for letter in text.chars().chain([',']) {
        match letter {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                said.entry(singular(reason.trim())).or_default().extend(words(&detail));
                (reason, detail) = (String::new(), String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 && letter != ')' { reason.push(letter) } else { detail.push(letter) }
    }
    said
}

fn singular(reason: &str) -> String {
    reason.replace("AppArmor profiles", "AppArmor profile")
}

/// The words of a detail, but for those that only join them.
fn words(detail: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_-./=:[]".contains(letter);
    let words = detail.split(|letter: char| !is_part(letter)).map(|word| word.trim_end_matches(':'));
    let words = words.filter(|word| !word.is_empty() && *word != "and" && *word != "or");
    words.map(|word| word.strip_suffix('s').unwrap_or(word).to_owned()).collect()
}

/// What `vet` says.
struct Ours {
    library: Library,
    vets: BTreeMap<(&'static str, String), Vet<'static>>,
}

impl Default for Ours {
    fn default() -> Self {
        Self { library: kspec_stdlib::FILES, vets: BTreeMap::new() }
    }
}

impl Ours {
    fn judge(&mut self, case: &Case) -> Result<(Said, BTreeSet<String>), StandardsError> {
        let library = self.library;
        let vet = self.vets.entry(label(case)).or_insert_with(|| {
            let schema = Schema::bundled(KubeVersion::NEWEST);
            let minor = case.minor.unwrap_or_else(|| KubeVersion::NEWEST.minor());
            let standards = Standards::new(schema.clone(), library);
            Vet::new(schema, standards, Standard::Given { level: case.level, minor })
        });
        let document = ManifestDoc { value: case.pod.clone(), file: "pod.yaml".into(), line: 1 };
        let verdict = vet.judge(document)?;
        assert_eq!(verdict.allowed, verdict.violations.is_empty());
        let (mut said, mut controls) = (Said::new(), BTreeSet::new());
        for violation in &verdict.violations {
            let Some(control) = violation.control.clone() else {
                // What the schema has not is told beside what the level refuses.
                assert!(violation.source.starts_with("schema:"), "{violation:?} of {}", case.pod);
                continue;
            };
            let (_, reason) = REASONS.iter().find(|(name, _)| *name == control).unwrap();
            let detail = violation.message.strip_prefix(reason).and_then(|rest| rest.strip_prefix(" ("));
            let detail = detail.and_then(|rest| rest.strip_suffix(')'));
            said.entry((*reason).to_owned()).or_default().extend(words(detail.unwrap()));
            // AppArmor was an annotation of a container's name, which is no place that a rule's text names.
            let placed = violation.path.is_some() || control == "appArmorProfile";
            assert!(placed, "{control} of {} names no place", case.pod);
            controls.insert(control);
        }
        Ok((said, controls))
    }
}
