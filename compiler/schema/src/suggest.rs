//! "Did you mean": the name that someone most likely meant.

/// The candidate closest to `name`, if any is close enough to be worth offering.
///
/// Names that differ in case alone win; else an edit distance of a third of the name's length is the limit, and ties go
/// to the first in order.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        if candidate == name {
            continue;
        }
        let candidate_lower = candidate.to_lowercase();
        let distance = if candidate_lower == lower { 0 } else { strsim::damerau_levenshtein(&lower, &candidate_lower) };
        let better = best.is_none_or(|(best, text)| (distance, candidate) < (best, text));
        if distance <= limit && better {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}
