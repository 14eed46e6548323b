//! Quantities against Kubernetes' own.

use kspec_types::{ParseQuantityError, Quantity};

#[test]
fn quantities_are_read_and_written_as_kubernetes_does() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for line in include_str!("../data/quantities.tsv").lines().filter(|line| !line.starts_with('#')) {
        let (text, theirs) = line.split_once('\t').unwrap();
        match (Quantity::parse(text), theirs) {
            (Err(_), "-") => {}
            // Kubernetes cuts such an amount to the most that it can hold, or writes what it cannot read; a sign without a
            // number is nothing to it. Neither is ever meant.
            (Err(ParseQuantityError::TooLarge), _) => {}
            (Err(ParseQuantityError::NoNumber), "0") if matches!(text, "+" | "-" | "." | "m") => {}
            (Ok(ours), theirs) if ours.canonical() == theirs => compared += 1,
            (ours, theirs) => wrong.push(format!("{text}: {theirs} there, {ours:?} here")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 700, "{compared}");
}
