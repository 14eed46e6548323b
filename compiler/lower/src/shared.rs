//! Work on many items, side by side.

/// From how many items on two threads share the work.
const SHARED: usize = 64;

/// Does the same with each of many items, on two threads where there are many; what comes of them, in order.
pub(crate) fn shared<I: Sync, O: Send>(items: &[I], run: impl Fn(&I) -> O + Sync) -> Vec<O> {
    in_shares(items, SHARED, run)
}

/// As [`shared`], of items that are each much work.
pub(crate) fn shared_few<I: Sync, O: Send>(items: &[I], run: impl Fn(&I) -> O + Sync) -> Vec<O> {
    in_shares(items, 2, run)
}

fn in_shares<I: Sync, O: Send>(items: &[I], from: usize, run: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let share = if items.len() < from { 0 } else { items.len() / 2 };
    let (one, other) = items.split_at(share);
    let all = |items: &[I]| -> Vec<O> { items.iter().map(&run).collect() };
    let all = &all;
    std::thread::scope(|scope| {
        let worker = (!one.is_empty()).then(|| scope.spawn(move || all(one)));
        let other = all(other);
        // Work that panics does so here too.
        let one = worker.map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        one.into_iter().flatten().chain(other).collect()
    })
}
