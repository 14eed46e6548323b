//! What a LimitRange refuses, as the API server's LimitRanger does (`plugin/pkg/admission/limitranger` of Kubernetes 1.36): of pods, by
//! container and in total, and of claims of storage. The words are the server's.

use std::collections::BTreeMap;

use kspec_rules::literal::Quantity;
use serde_json::{Map, Value};

/// Above this many, amounts are compared as whole ones: thousandths would not fit (`resource.MaxMilliValue`).
const MOST_IN_MILLIS: i64 = i64::MAX / 1000;

/// Amounts by resource.
type Amounts = BTreeMap<String, Quantity>;

/// One thing that is refused.
pub(crate) struct Refused {
    pub(crate) message: String,
    /// The container's resources, or the claim's; none for what all containers ask for together.
    pub(crate) path: Option<String>,
}

/// What of a pod a range refuses. `pod` has a `spec`, which stands at `at`; `pod_level` says whether the server knows resources of
/// whole pods.
pub(crate) fn of_pod(range: &Value, pod: &Value, at: &str, pod_level: bool) -> Vec<Refused> {
    let mut refused = Vec::new();
    for item in items(range) {
        match item.get("type").and_then(Value::as_str) {
            Some("Container") => {
                for list in ["containers", "initContainers"] {
                    for (position, container) in containers(pod, list).enumerate() {
                        let (requests, limits) = (amounts(container, "requests"), amounts(container, "limits"));
                        let path = format!("{at}.{list}[{position}].resources");
                        let messages = bounds(item, "Container", &requests, &limits);
                        refused.extend(messages.map(|message| Refused { message, path: Some(path.clone()) }));
                    }
                }
            }
            Some("Pod") => {
                let (requests, limits) = (total(pod, "requests", pod_level), total(pod, "limits", pod_level));
                let messages = bounds(item, "Pod", &requests, &limits);
                refused.extend(messages.map(|message| Refused { message, path: None }));
            }
            _ => {}
        }
    }
    refused
}

/// What of a claim of storage a range refuses: `claim` has a `spec`, which stands at `at`.
pub(crate) fn of_claim(range: &Value, claim: &Value, at: &str) -> Vec<Refused> {
    const KIND: &str = "PersistentVolumeClaim";
    let mut refused = Vec::new();
    let requests = claim.get("spec").map(|spec| amounts(spec, "requests")).unwrap_or_default();
    for item in items(range).filter(|item| item.get("type").and_then(Value::as_str) == Some(KIND)) {
        let least = of(item, "min").filter_map(|(name, bound)| least(&name, KIND, bound, &requests, &Amounts::new()));
        let most = of(item, "max").filter_map(|(name, bound)| most_requested(&name, KIND, bound, &requests));
        let path = format!("{at}.resources");
        refused.extend(least.chain(most).map(|message| Refused { message, path: Some(path.clone()) }));
    }
    refused
}

/// Gives a pod whose own limits are stated the requests that it leaves open: what its containers ask for, else the limits. That is so
/// before a LimitRange fills anything in.
pub(crate) fn complete_pod_level(pod: &mut Value) {
    let Some(limits) = pod.pointer("/spec/resources/limits").and_then(Value::as_object) else { return };
    if limits.is_empty() {
        return;
    }
    let (limits, asked) = (limits.clone(), total(pod, "requests", false));
    let Some(resources) = pod.pointer_mut("/spec/resources").and_then(Value::as_object_mut) else { return };
    let requests = resources.entry("requests").or_insert_with(|| Value::Object(Map::new()));
    let Some(requests) = requests.as_object_mut() else { return };
    for name in POD_LEVEL {
        let given = asked.get(name).map(|amount| Value::from(amount.canonical())).or_else(|| limits.get(name).cloned());
        if let (None, Some(given)) = (requests.get(name), given) {
            requests.insert(name.to_owned(), given);
        }
    }
}

/// What may be said of a whole pod.
const POD_LEVEL: [&str; 2] = ["cpu", "memory"];

fn items(range: &Value) -> impl Iterator<Item = &Value> {
    range.pointer("/spec/limits").and_then(Value::as_array).into_iter().flatten()
}

fn containers<'v>(pod: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    pod.pointer(&format!("/spec/{list}")).and_then(Value::as_array).into_iter().flatten()
}

fn amount(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => Quantity::parse(text).ok(),
        Value::Number(number) => Quantity::parse(&number.to_string()).ok(),
        _ => None,
    }
}

fn of<'v>(holder: &'v Value, field: &str) -> impl Iterator<Item = (String, Quantity)> + use<'v> {
    let fields = holder.get(field).and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), amount(value)?)))
}

fn amounts(holder: &Value, side: &str) -> Amounts {
    holder.get("resources").into_iter().flat_map(|resources| of(resources, side)).collect()
}

/// What a pod asks for: its containers and sidecars together, or what one that runs before takes beside the sidecars that were started by
/// then, whichever is more; what is said of the whole pod in place of that. Only resources that somebody names are in it.
fn total(pod: &Value, side: &str, pod_level: bool) -> Amounts {
    let (mut running, mut beside, mut before) = (Amounts::new(), Amounts::new(), Amounts::new());
    for container in containers(pod, "containers") {
        add(&mut running, &amounts(container, side));
    }
    for container in containers(pod, "initContainers") {
        let mut own = amounts(container, side);
        if container.get("restartPolicy").and_then(Value::as_str) == Some("Always") {
            add(&mut running, &own);
            add(&mut beside, &own);
            own = beside.clone();
        } else {
            add(&mut own, &beside);
        }
        raise(&mut before, own);
    }
    raise(&mut running, before);
    if pod_level {
        let whole = pod.get("spec").map(|spec| amounts(spec, side)).unwrap_or_default();
        running.extend(whole.into_iter().filter(|(name, _)| POD_LEVEL.contains(&name.as_str())));
    }
    running
}

fn add(to: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = match to.get(name) {
            // Nothing takes the suffixes of what is added to it; what no amount can hold stays what it is.
            Some(held) if *held != Quantity::ZERO => held.checked_add(*amount).unwrap_or(*held),
            _ => *amount,
        };
        to.insert(name.clone(), sum);
    }
}

fn raise(to: &mut Amounts, least: Amounts) {
    for (name, amount) in least {
        if to.get(&name).is_none_or(|held| amount > *held) {
            to.insert(name, amount);
        }
    }
}

/// Amounts in thousandths where all fit, else in whole ones, rounded up.
fn comparable<const N: usize>(amounts: [Quantity; N]) -> [i64; N] {
    let fine = amounts.iter().all(|amount| amount.ceil() <= MOST_IN_MILLIS);
    let in_millis = |amount: Quantity| amount.checked_mul(1000).map_or(i64::MAX, |millis| millis.ceil());
    amounts.map(|amount| if fine { in_millis(amount) } else { amount.ceil() })
}

/// What breaks the bounds of one item of a range.
fn bounds<'v>(
    item: &'v Value,
    kind: &'v str,
    requests: &'v Amounts,
    limits: &'v Amounts,
) -> impl Iterator<Item = String> + use<'v> {
    let low = of(item, "min").filter_map(move |(name, bound)| least(&name, kind, bound, requests, limits));
    let high = of(item, "max").filter_map(move |(name, bound)| most(&name, kind, bound, requests, limits));
    let ratio = of(item, "maxLimitRequestRatio");
    low.chain(high).chain(ratio.filter_map(move |(name, bound)| most_ratio(&name, kind, bound, requests, limits)))
}

fn least(name: &str, kind: &str, bound: Quantity, requests: &Amounts, limits: &Amounts) -> Option<String> {
    let (request, limit) = (requests.get(name), limits.get(name));
    let or_none = |amount: Option<&Quantity>| amount.copied().unwrap_or(Quantity::ZERO);
    let [asked, limited, least] = comparable([or_none(request), or_none(limit), bound]);
    let what = format!("minimum {name} usage per {kind} is {bound}");
    match (request, limit) {
        (None, _) => Some(format!("{what}.  No request is specified")),
        (Some(request), _) if asked < least => Some(format!("{what}, but request is {request}")),
        (_, Some(limit)) if limited < least => Some(format!("{what}, but limit is {limit}")),
        _ => None,
    }
}

fn most(name: &str, kind: &str, bound: Quantity, requests: &Amounts, limits: &Amounts) -> Option<String> {
    let (request, limit) = (requests.get(name), limits.get(name));
    let or_none = |amount: Option<&Quantity>| amount.copied().unwrap_or(Quantity::ZERO);
    let [asked, limited, most] = comparable([or_none(request), or_none(limit), bound]);
    let what = format!("maximum {name} usage per {kind} is {bound}");
    match (limit, request) {
        (None, _) => Some(format!("{what}.  No limit is specified")),
        (Some(limit), _) if limited > most => Some(format!("{what}, but limit is {limit}")),
        (_, Some(request)) if asked > most => Some(format!("{what}, but request is {request}")),
        _ => None,
    }
}

/// A claim has no limits.
fn most_requested(name: &str, kind: &str, bound: Quantity, requests: &Amounts) -> Option<String> {
    let what = format!("maximum {name} usage per {kind} is {bound}");
    let Some(request) = requests.get(name) else { return Some(format!("{what}.  No request is specified")) };
    let [asked, most] = comparable([*request, bound]);
    (asked > most).then(|| format!("{what}, but request is {request}"))
}

#[expect(clippy::cast_precision_loss, reason = "the server divides floating-point numbers too")]
fn most_ratio(name: &str, kind: &str, bound: Quantity, requests: &Amounts, limits: &Amounts) -> Option<String> {
    let or_none = |amount: Option<&Quantity>| amount.copied().unwrap_or(Quantity::ZERO);
    let [asked, limited, _] = comparable([or_none(requests.get(name)), or_none(limits.get(name)), bound]);
    let what = format!("{name} max limit to request ratio per {kind} is {bound}");
    if asked == 0 {
        return Some(format!("{what}, but no request is specified or request is 0"));
    }
    if limited == 0 {
        return Some(format!("{what}, but no limit is specified or limit is 0"));
    }
    let ratio = limited as f64 / asked as f64;
    let [most] = comparable([bound]);
    let told = if bound.ceil() <= MOST_IN_MILLIS { ratio * 1000.0 } else { ratio };
    (told > most as f64).then(|| format!("{what}, but provided ratio is {ratio:.6}"))
}
