//! A plan for people: how much there is, then what matters to security, objects after it.

use std::fmt::Write as _;

use kspec_plan::{
    Access, AccessEntry, Action, Basis, Change, Connectivity, ConnectivityEntry, GuaranteeStatus, HostSetting, Plan,
    Severity, Source,
};

/// Escape sequences, or nothing.
struct Paint {
    color: bool,
}

impl Paint {
    fn wrap(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn good(&self, text: &str) -> String {
        self.wrap("32", text)
    }

    fn bad(&self, text: &str) -> String {
        self.wrap("31", text)
    }

    fn change(&self, text: &str) -> String {
        self.wrap("33", text)
    }

    fn head(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.wrap("2", text)
    }
}

/// Values longer than this are cut in a human diff; the document has them whole.
const LONGEST_VALUE: usize = 100;

/// The plan as text for a terminal. `verbose` shows every field of new objects and what stays the same.
pub(crate) fn human(plan: &Plan, color: bool, verbose: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    let environment = plan.environment.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    line(
        &mut out,
        &paint.head(&format!(
            "Plan for {}{environment} against {}, as of {}",
            plan.project, plan.state.source, plan.as_of
        )),
    );
    line(&mut out, &summary(plan));
    for unread in &plan.state.unread {
        line(&mut out, &paint.change(&format!("  not read: {unread}")));
    }
    let head = out.len();
    refusals(&mut out, plan, &paint);
    guarantees(&mut out, plan, &paint, verbose);
    access(&mut out, plan, &paint, verbose);
    connectivity(&mut out, plan, &paint);
    hosts(&mut out, plan, &paint);
    objects(&mut out, plan, &paint, verbose);
    weaknesses(&mut out, plan, &paint);
    // Once more below what may fill screens.
    if out.len() > head {
        line(&mut out, "");
        line(&mut out, &paint.head(&summary(plan)));
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn section(out: &mut String, paint: &Paint, title: &str) {
    line(out, "");
    line(out, &paint.head(title));
}

fn refusals(out: &mut String, plan: &Plan, paint: &Paint) {
    if plan.refusals.is_empty() {
        return;
    }
    section(out, paint, "Refused: apply would stop here");
    for refusal in &plan.refusals {
        let source =
            refusal.source.as_ref().map(|source| format!("  {}:{}", source.file, source.line)).unwrap_or_default();
        line(out, &format!("  {} {}{}", paint.bad("✗"), refusal.message, paint.dim(&source)));
        line(out, &format!("    help: {}", refusal.help));
    }
}

/// Who gains and loses what, by itself.
pub(crate) fn access_alone(access: &Access, color: bool, verbose: bool) -> String {
    let mut out = String::new();
    access_changes(&mut out, access, &Paint { color }, verbose);
    if out.is_empty() {
        out.push_str("no difference in access\n");
    }
    out
}

fn access(out: &mut String, plan: &Plan, paint: &Paint, verbose: bool) {
    if plan.access.gained.is_empty() && plan.access.lost.is_empty() {
        return;
    }
    section(out, paint, "Access");
    access_changes(out, &plan.access, paint, verbose);
}

fn access_changes(out: &mut String, access: &Access, paint: &Paint, verbose: bool) {
    let mut show = |entries: &[AccessEntry], mark: &str| {
        for group in super::access_changes::grouped(entries, verbose) {
            line(out, &format!("  {mark} {}", group.head()));
            group.rules.iter().for_each(|rule| line(out, &format!("      {rule}")));
            if !group.because.is_empty() {
                line(out, &paint.dim(&format!("      by {}", group.because)));
            }
        }
    };
    show(&access.gained, &paint.change("+ gains"));
    show(&access.lost, &paint.good("- loses"));
}

fn connectivity(out: &mut String, plan: &Plan, paint: &Paint) {
    let connectivity = &plan.connectivity;
    if connectivity.opened.is_empty() && connectivity.closed.is_empty() && connectivity.unknown_because.is_empty() {
        return;
    }
    section(out, paint, "Connectivity");
    connectivity_changes(out, connectivity, paint);
}

/// What opens and what closes, by itself.
pub(crate) fn connectivity_alone(connectivity: &Connectivity, color: bool) -> String {
    let mut out = String::new();
    connectivity_changes(&mut out, connectivity, &Paint { color });
    if out.is_empty() {
        out.push_str("no difference in connectivity\n");
    }
    out
}

fn connectivity_changes(out: &mut String, connectivity: &Connectivity, paint: &Paint) {
    let mut show = |entries: &[ConnectivityEntry], mark: &str| {
        for group in super::edges::grouped(entries) {
            line(out, &format!("  {mark} {group}"));
            if !group.because.is_empty() {
                line(out, &paint.dim(&format!("      by {}", group.because)));
            }
        }
    };
    show(&connectivity.opened, &paint.change("+ opens"));
    show(&connectivity.closed, &paint.good("- closes"));
    for object in &connectivity.unknown_because {
        let doubt = if connectivity.ambiguous_because.contains(object) {
            format!("what {object} makes of some connections is not defined")
        } else {
            format!("{object} is not evaluated and may change this")
        };
        line(out, &paint.change(&format!("  ? {doubt}")));
    }
}

fn hosts(out: &mut String, plan: &Plan, paint: &Paint) {
    if plan.hosts.is_empty() {
        return;
    }
    section(out, paint, "Hosts: the control plane differs (kspec compile writes the files)");
    for host in &plan.hosts {
        let what = match host.setting {
            HostSetting::AdmissionPlugins => "admission plugins",
            HostSetting::Flag => "flag",
            HostSetting::Encryption => "encryption",
            HostSetting::Audit => "audit",
            HostSetting::Authentication => "authentication",
        };
        let mark = match host.severity {
            Severity::Error => paint.bad("!"),
            Severity::Warning => paint.change("~"),
            Severity::Information => paint.dim("?"),
        };
        let source =
            host.source.as_ref().map(|source| format!("  {}:{}", source.file, source.line)).unwrap_or_default();
        let on = if host.servers.is_empty() { String::new() } else { format!(" on {}", host.servers.join(", ")) };
        line(out, &format!("  {mark} {what} {}{on}: {}{}", host.name, host.message, paint.dim(&source)));
        if host.before != host.after {
            // A rule that is half shown says something else; a flag's long value does not.
            let whole = host.setting != HostSetting::Flag;
            let shown = |value: &str| if whole { super::host::readable(value) } else { vec![cut(value)] };
            for value in host.before.iter().flat_map(|value| shown(value)) {
                line(out, &format!("      {}", paint.bad(&format!("- {value}"))));
            }
            for value in host.after.iter().flat_map(|value| shown(value)) {
                line(out, &format!("      {}", paint.good(&format!("+ {value}"))));
            }
        }
    }
}

/// The mark of an action, as in diffs; `>` marks what keeps its object under another name or owner.
fn mark(change: &Change) -> &'static str {
    match change.action {
        Action::Create if change.moved_from.is_some() => ">",
        Action::Create => "+",
        Action::Update if change.replaces => "±",
        Action::Update => "~",
        Action::Delete => "-",
        Action::Adopt => ">",
        Action::Release => "<",
        Action::None => " ",
    }
}

fn action_text(change: &Change) -> String {
    let mut text = match change.action {
        Action::Create => "create",
        Action::Update if change.replaces => "replace",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Adopt => "adopt",
        Action::Release => "release",
        Action::None => "as it is",
    }
    .to_owned();
    if let Some(from) = &change.moved_from {
        let _ = write!(text, ", moved from {from}");
    }
    if let Some(to) = &change.moved_to {
        let _ = write!(text, ", moved to {to}");
    }
    text
}

fn objects(out: &mut String, plan: &Plan, paint: &Paint, verbose: bool) {
    let shown: Vec<&Change> = plan.changes.iter().filter(|change| verbose || change.action != Action::None).collect();
    if shown.is_empty() {
        return;
    }
    section(out, paint, "Objects");
    for change in shown {
        let mark = match change.action {
            Action::Create => paint.good(mark(change)),
            Action::Delete => paint.bad(mark(change)),
            Action::None => mark(change).to_owned(),
            Action::Update | Action::Adopt | Action::Release => paint.change(mark(change)),
        };
        let source =
            change.source.as_ref().map(|source| format!("  {}:{}", source.file, source.line)).unwrap_or_default();
        let basis = match change.basis {
            Basis::Merge => String::new(),
            Basis::DryRun => "  [dry-run]".to_owned(),
            Basis::KnownAfterApply => "  [known after apply]".to_owned(),
        };
        line(
            out,
            &format!("  {mark} {}  {}{}", change.object, action_text(change), paint.dim(&format!("{basis}{source}"))),
        );
        if let Some(reason) = &change.reason {
            line(out, &paint.dim(&format!("      {reason}")));
        }
        for service in &change.waits_for {
            let why = format!("      held back until Service {service} has an endpoint that is ready");
            line(out, &paint.change(&why));
        }
        for url in &change.unchecked {
            let why = format!(
                "      not checked whether anybody answers at {url}: while nobody does, what it covers is refused"
            );
            line(out, &paint.change(&why));
        }
        for conflict in &change.conflicts {
            line(out, &paint.bad(&format!("      {} is {}'s too", conflict.path, conflict.managers.join(", "))));
        }
        // What a new object says stands in the program; a reader wants what changes on one that is there.
        if change.action == Action::Create && !verbose {
            continue;
        }
        for field in change.diff.iter().filter(|field| verbose || !is_ownership(&field.path)) {
            let value = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
            let text = match (value(&field.before), value(&field.after)) {
                (None, Some(after)) => paint.good(&format!("+ {}: {}", field.path, cut(&after))),
                (Some(before), None) => paint.bad(&format!("- {}: {}", field.path, cut(&before))),
                (Some(before), Some(after)) => {
                    let from = first_shown(&before, &after);
                    let (before, after) = (cut_from(&before, from), cut_from(&after, from));
                    paint.change(&format!("~ {}: {before} → {after}", field.path))
                }
                (None, None) => field.path.clone(),
            };
            line(out, &format!("      {text}"));
        }
    }
}

/// Labels by which kspec knows its own: they say nothing to a reviewer.
fn is_ownership(path: &str) -> bool {
    path.starts_with("metadata.labels[\"applyset.kubernetes.io/")
        || path.starts_with("metadata.labels[\"kspec.dev/")
        || path == "metadata.labels[\"app.kubernetes.io/managed-by\"]"
}

fn guarantees(out: &mut String, plan: &Plan, paint: &Paint, verbose: bool) {
    if plan.guarantees.is_empty() {
        return;
    }
    section(out, paint, "Guarantees");
    for guarantee in &plan.guarantees {
        let place = |source: &Option<Source>| {
            source.as_ref().map(|source| format!("  {}:{}", source.file, source.line)).unwrap_or_default()
        };
        let status = match guarantee.status {
            GuaranteeStatus::Holds => paint.good("✓ holds:"),
            GuaranteeStatus::Violated => paint.bad("✗ violated:"),
            GuaranteeStatus::NotDecided => paint.change("? not decided:"),
        };
        line(out, &format!("  {status} {}{}", guarantee.text, paint.dim(&place(&guarantee.source))));
        if let Some(message) = guarantee.message.as_ref().filter(|_| guarantee.witness.is_empty()) {
            line(out, &format!("      {message}"));
        }
        for step in &guarantee.witness {
            line(out, &format!("      {step}"));
        }
        for object in &guarantee.responsible {
            line(out, &format!("      because {}{}", object.text, paint.dim(&place(&object.source))));
        }
        for note in guarantee.notes.iter().filter(|_| verbose) {
            line(out, &format!("      {}", paint.dim(&format!("note: {note}"))));
        }
    }
}

/// What others' webhooks and policies are weak in: nothing that the plan changes, and after what it does.
fn weaknesses(out: &mut String, plan: &Plan, paint: &Paint) {
    if plan.weaknesses.is_empty() {
        return;
    }
    section(out, paint, "Weak in the cluster's admission (not changed by this plan)");
    for weakness in &plan.weaknesses {
        let source =
            weakness.source.as_ref().map(|source| format!("  {}:{}", source.file, source.line)).unwrap_or_default();
        line(out, &format!("  {} {}{}", paint.change(&weakness.code), weakness.message, paint.dim(&source)));
        if let Some(help) = &weakness.help {
            line(out, &format!("        {}", paint.dim(help)));
        }
    }
}

fn cut(text: &str) -> String {
    cut_from(text, 0)
}

/// A text from a character on, as much of it as is shown.
fn cut_from(text: &str, from: usize) -> String {
    let before = if from > 0 { "…" } else { "" };
    let mut rest = text.chars().skip(from);
    let shown: String = rest.by_ref().take(LONGEST_VALUE).collect();
    let after = if rest.next().is_some() { "…" } else { "" };
    format!("{before}{shown}{after}")
}

/// From where on two texts are shown, so that where they begin to differ is.
fn first_shown(one: &str, other: &str) -> usize {
    const AROUND: usize = 20;
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    if same + AROUND > LONGEST_VALUE { same - AROUND } else { 0 }
}

/// How much it changes, in a line; what keeps it from being applied stands first.
pub(crate) fn summary(plan: &Plan) -> String {
    let counts = &plan.summary;
    if !plan.has_changes() && plan.hosts.is_empty() && plan.refusals.is_empty() && counts.guarantees_violated == 0 {
        return format!("Nothing to do: {} objects are as the program says.", counts.none);
    }
    let parts: Vec<String> = [
        (counts.create, "to create"),
        (counts.update, "to update"),
        (counts.adopt, "to adopt"),
        (counts.release, "to release"),
        (counts.delete, "to delete"),
        (counts.none, "as they are"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    let counted = |counts: &[(usize, &str, &str)]| -> Vec<String> {
        let told = counts.iter().filter(|(count, ..)| *count > 0);
        told.map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many })).collect()
    };
    let stops = counted(&[
        (counts.guarantees_violated, "guarantee violated", "guarantees violated"),
        (counts.refusals, "refusal", "refusals"),
    ]);
    let objects = if parts.is_empty() { "No objects".to_owned() } else { format!("Objects: {}", parts.join(", ")) };
    let rest = counted(&[
        (counts.access_gained, "grant of access gained", "grants of access gained"),
        (counts.access_lost, "grant of access lost", "grants of access lost"),
        (counts.connectivity_opened, "connection opened", "connections opened"),
        (counts.connectivity_closed, "connection closed", "connections closed"),
        (counts.hosts, "host setting differs", "host settings differ"),
    ]);
    let sentences = [stops.join(", "), objects, rest.join(", ")];
    let said: Vec<String> =
        sentences.into_iter().filter(|text| !text.is_empty()).map(|text| format!("{text}.")).collect();
    said.join(" ")
}

/// The most that a pull request comment holds on GitHub; past it the details are left out, and said so.
const LONGEST_COMMENT: usize = 65_000;

/// The plan as Markdown for a pull request.
pub(crate) fn markdown(plan: &Plan) -> String {
    let mut out = String::new();
    let environment = plan.environment.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    line(&mut out, &format!("### kspec plan: {}{environment}\n", plan.project));
    line(&mut out, &format!("{}\n", summary(plan)));
    let paint = Paint { color: false };
    let mut sections: Vec<(&str, String)> = Vec::new();
    let mut collect = |title: &'static str, render: &dyn Fn(&mut String)| {
        let mut text = String::new();
        render(&mut text);
        // The title is the summary's.
        let body: String = text.lines().skip(2).map(|text| format!("{text}\n")).collect();
        if !body.is_empty() {
            sections.push((title, body));
        }
    };
    collect("Refused", &|text| refusals(text, plan, &paint));
    collect("Guarantees", &|text| guarantees(text, plan, &paint, false));
    collect("Access", &|text| access(text, plan, &paint, false));
    collect("Connectivity", &|text| connectivity(text, plan, &paint));
    collect("Hosts", &|text| hosts(text, plan, &paint));
    collect("Objects", &|text| objects(text, plan, &paint, false));
    for (title, body) in sections {
        let violated = title == "Guarantees" && plan.violations().next().is_some();
        let open = if violated || matches!(title, "Refused" | "Access" | "Connectivity") { " open" } else { "" };
        let block = format!(
            "<details{open}><summary>{title}</summary>\n\n```\n{}```\n\n</details>\n\n",
            body.replace("```", "'''")
        );
        if out.len() + block.len() > LONGEST_COMMENT {
            line(&mut out, &format!("_{title}: too long for a comment; run `kspec plan` to see it_\n"));
        } else {
            out.push_str(&block);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{cut_from, first_shown};

    #[test]
    fn where_two_long_values_begin_to_differ_is_shown() {
        let of = |name: &str| format!("[{}{name}]", "{\"protocol\":\"TCP\"},".repeat(20));
        let (one, other) = (of("a"), of("b"));
        let from = first_shown(&one, &other);
        assert_eq!(cut_from(&one, from), "…,{\"protocol\":\"TCP\"},a]");
        assert_eq!(cut_from(&other, from), "…,{\"protocol\":\"TCP\"},b]");
        assert_eq!(first_shown("short", "sharp"), 0);
        assert_eq!(cut_from(&"x".repeat(101), 0), format!("{}…", "x".repeat(100)));
    }
}
