//! Chains of abuse, for people.

use kspec_query::paths::{PathDocument, PathsDocument, StepDocument};

use super::access::rule;

/// A chain a paragraph, goal by goal; the system's own are counted, and listed with `-v`.
pub(crate) fn paths(document: &PathsDocument, verbose: bool) -> String {
    let mut text = String::new();
    for goal in &document.goals {
        let to = &goal.goal;
        text.push_str(&format!("to {to}: {}\n", count(goal.paths.len())));
        goal.paths.iter().for_each(|path| chain(path, &mut text));
        if !goal.held_back.is_empty() {
            text.push_str(&format!("\nheld back: {}\n", count(goal.held_back.len())));
            goal.held_back.iter().for_each(|path| chain(path, &mut text));
        }
        if !goal.system.is_empty() {
            let listed = if verbose { "" } else { "; -v lists them" };
            let number = count(goal.system.len());
            text.push_str(&format!("\nof the system's own components, as every cluster has them: {number}{listed}\n"));
            goal.system.iter().filter(|_| verbose).for_each(|path| chain(path, &mut text));
        }
        text.push('\n');
    }
    text.extend(document.not_followed.iter().map(|line| format!("{line}\n")));
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn count(number: usize) -> String {
    match number {
        0 => "no path".to_owned(),
        1 => "1 path".to_owned(),
        more => format!("{more} paths"),
    }
}

fn chain(path: &PathDocument, text: &mut String) {
    text.push_str(&format!("\n{}\n", path.from));
    for (step, number) in path.steps.iter().zip(1..) {
        text.push_str(&format!("  {number}. {}\n", step.text));
        details(step, text);
    }
}

fn details(step: &StepDocument, text: &mut String) {
    for reason in &step.because {
        let by = reason.binding.as_ref().map(|binding| format!("{binding} → ")).unwrap_or_default();
        text.push_str(&format!("     {by}{}: {}\n", reason.role, rule(&reason.rule)));
    }
    text.extend(step.fact.iter().map(|fact| format!("     {fact}\n")));
    text.extend(step.held_back_by.iter().map(|control| format!("     held back by {control}\n")));
    if !step.may_be_refused_by.is_empty() {
        text.push_str(&format!("     may be refused by {}\n", step.may_be_refused_by.join(", ")));
    }
}
