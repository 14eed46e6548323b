//! Answers about connectivity, for people and for netpol-analyzer's readers.

use kspec_plan::ConnectivityEntry;
use kspec_query::{
    net_document::{Change, ProbeDocument, ReachDocument, ReachRow, Reason},
    net_graph::SummaryDocument,
};

use super::edges::{ends, grouped};

/// Rows that share their ends and ports on one line; what callers from outside are led to after them.
pub(crate) fn reach(document: &ReachDocument) -> String {
    let entry = |row: &ReachRow| ConnectivityEntry {
        src: row.src.clone(),
        dst: row.dst.clone(),
        conn: row.conn.clone(),
        because: Vec::new(),
    };
    let entries: Vec<_> = document.rows.iter().map(entry).collect();
    let mut text: String = grouped(&entries).iter().map(|group| format!("{group}\n")).collect();
    for row in &document.internet {
        text.push_str(&format!("{} → {} : {} by {}\n", row.src, row.dst, row.conn, row.because.join(", ")));
    }
    for row in &document.ambiguous {
        let because = row.because.join(", ");
        text.push_str(&format!("ambiguous: {} → {} : {} by {because}\n", row.src, row.dst, row.conn));
    }
    if text.is_empty() && document.unknown_because.is_empty() {
        text.push_str("nobody reaches anybody\n");
    }
    text
}

/// Classes with their sizes, and which reach which.
pub(crate) fn summary(document: &SummaryDocument) -> String {
    let name = |number: usize| {
        document.classes.get(number).map_or_else(String::new, |class| match class.members.len() {
            1 => class.name.clone(),
            more if class.name.ends_with("/*") => format!("{} ({more})", class.name),
            more => format!("{} and {} alike", class.name, more - 1),
        })
    };
    let names: Vec<String> = (0..document.classes.len()).map(name).collect();
    let named = |numbers: &[usize]| ends(numbers.iter().filter_map(|number| names.get(*number)).map(String::as_str));
    let count: usize = document.classes.iter().map(|class| class.members.len()).sum();
    let mut text = format!("{count} ends in {} classes\n", document.classes.len());
    for edge in &document.edges {
        text.push_str(&format!("{} → {} : {}\n", named(&edge.src), named(&edge.dst), edge.conn));
    }
    text
}

/// Columns `src,dst,conn`; fields with a comma are quoted (RFC 4180).
pub(crate) fn csv(document: &ReachDocument) -> String {
    let field = |text: &str| if text.contains(',') { format!("\"{text}\"") } else { text.to_owned() };
    let row = |row: &ReachRow| format!("{},{},{}\n", field(&row.src), field(&row.dst), field(&row.conn));
    let head = std::iter::once("src,dst,conn\n".to_owned());
    head.chain(document.rows.iter().map(row)).collect()
}

/// `yes`, `no` or `unknown`, with what decides; where it is explained, with every policy that has a say and what would turn the
/// answer round.
pub(crate) fn probe(document: &ProbeDocument) -> String {
    let answer = match document.allowed {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let packet = format!("{} → {} : {} {}", document.src, document.dst, document.protocol, document.port);
    let mut text = format!("{answer}: {packet}\n");
    let reasons = document.policies.as_ref().unwrap_or(&document.because);
    let decides = if document.unknown_because.is_empty() { "" } else { "what is evaluated says: " };
    for reason in reasons {
        let end = if reason.side == "egress" { &document.src } else { &document.dst };
        text.push_str(&format!("  {decides}{}\n", why(reason, end)));
    }
    let flip = document.flip.as_deref().unwrap_or_default();
    if let (Some(allowed), [_, ..]) = (document.allowed, flip) {
        text.push_str(if allowed { "to deny it:\n" } else { "to allow it:\n" });
        flip.iter().for_each(|change| text.push_str(&format!("  {}\n", deed(change, document))));
    } else if document.flip.is_some() && document.policies.iter().flatten().all(|reason| reason.object.is_none()) {
        text.push_str("no policy could deny it\n");
    }
    text
}

fn why(reason: &Reason, end: &str) -> String {
    let object = reason.object.as_deref().unwrap_or_default();
    let side = &reason.side;
    match reason.why.as_str() {
        "outside" => format!("{side}: {end} is outside the cluster, where no policy applies"),
        "host_network" => format!("{side}: {end} is on its node's network, where no policy applies"),
        "itself" => format!("{end} is both ends, and a pod always reaches itself"),
        "not_selected" => format!("{side}: no policy selects {end}"),
        "default" => format!("{side}: no policy decides over {end}, so that it is allowed"),
        "rule" => {
            let rules: Vec<String> = reason.rules.iter().map(ToString::to_string).collect();
            let effect = match reason.effect.as_str() {
                "passes" => "leaves it to what comes after",
                "denies" => "denies it",
                _ => "allows it",
            };
            let perhaps = if reason.certain { "" } else { ", if that is about this end's address" };
            format!("{side}: {object} {effect}, by rule {} of its {side}{perhaps}", rules.join(", "))
        }
        "no_rule" => format!("{side}: {object} selects {end} and has no rule that allows it"),
        "led_in" => format!("{object} leads callers from outside there"),
        _ => format!("nothing leads callers from outside to {end} on that port, or its policies keep them out"),
    }
}

fn deed(change: &Change, document: &ProbeDocument) -> String {
    let (near, far, word) = match change.side.as_str() {
        "egress" => (&document.src, &document.dst, "to"),
        _ => (&document.dst, &document.src, "from"),
    };
    let port = format!("{} {}", document.protocol, document.port);
    let policy = change.policy.as_deref().unwrap_or_default();
    let others = match change.others.unwrap_or_default() {
        0 => String::new(),
        1 => " (it selects 1 other workload)".to_owned(),
        others => format!(" (it selects {others} other workloads)"),
    };
    let everyone = format!("everyone, {far} being on its node's network,");
    let far = if change.every_peer { &everyone } else { far };
    let side = &change.side;
    match (change.deed.as_str(), change.rule) {
        ("put_before", Some(rule)) => {
            let action = if document.allowed == Some(true) { "denies" } else { "allows" };
            format!("put a rule that {action} {far} on {port} before rule {rule} of the {side} of {policy}{others}")
        }
        ("add_rule", _) => format!("give the {side} of {policy} a rule {word} {far} on {port}{others}"),
        ("narrow_rule", Some(rule)) => format!("take {far} or {port} out of rule {rule} of the {side} of {policy}"),
        _ => format!("write a NetworkPolicy that selects {near} for {side}, with rules for all that it is to keep"),
    }
}
