//! What may stand at a place: values that tell apart what rules ask about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use kspec_model::rules::{Const, Ty};
use kspec_rules::literal::Quantity;
use kspec_schema::Text;
use rustc_hash::FxHashSet;
use serde_json::{Value, json};

/// What is known of a place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// Whether it may be absent.
    pub(crate) optional: bool,
    /// What may stand there, most ordinary first.
    pub(crate) values: Vec<Value>,
    /// Whether it is asked for by itself, and not only on the way to what is in it.
    pub(crate) asked: bool,
    /// Parts of an image that are asked about: registry, repository, tag, digest; with what they are compared with.
    image: [Option<BTreeSet<Arc<str>>>; 4],
    pub(crate) is_image: bool,
    /// More images would tell outcomes apart than are tried.
    pub(crate) cut: bool,
}

/// How many images stand for all.
const IMAGES: usize = 128;
/// What is no reference to an image, though the API server takes it for one.
const NO_IMAGE: &str = "NO/IMAGE";

impl Place {
    pub(crate) fn offer(&mut self, values: impl IntoIterator<Item = Value>) {
        for value in values {
            if !self.values.contains(&value) {
                self.values.push(value);
            }
        }
    }

    /// The schema lists what may stand there: nothing else is tried, and all of it is.
    pub(crate) fn close(&mut self, values: &[Text]) {
        self.values.retain(|value| value.as_str().is_some_and(|text| values.iter().any(|known| known == text)));
        self.offer(values.iter().map(|text| json!(text)));
    }

    /// A value that is tried before others.
    pub(crate) fn ordinary(&mut self, value: Value) {
        self.values.retain(|known| *known != value);
        self.values.insert(0, value);
    }

    /// A part of the image is asked about.
    pub(crate) fn ask_part(&mut self, part: usize) {
        self.is_image = true;
        if let Some(texts) = self.image.get_mut(part) {
            texts.get_or_insert_default();
        }
    }

    /// A part of the image is compared with a text. None is empty: a part that is not there is told by images without it.
    pub(crate) fn offer_part(&mut self, part: usize, text: &Arc<str>) {
        self.ask_part(part);
        if let Some(texts) = self.image.get_mut(part).and_then(Option::as_mut).filter(|_| !text.is_empty()) {
            texts.insert(Arc::clone(text));
        }
    }

    /// What both know of one place.
    pub(crate) fn merge(&mut self, other: &Self) {
        *self = Self::union([&*self, other].into_iter());
    }

    /// What several know of one place.
    pub(crate) fn union<'p>(places: impl Iterator<Item = &'p Self>) -> Self {
        let mut all = Self::default();
        let mut known: FxHashSet<&Value> = FxHashSet::default();
        for place in places {
            all.optional |= place.optional;
            all.asked |= place.asked;
            all.is_image |= place.is_image;
            all.cut |= place.cut;
            all.values.extend(place.values.iter().filter(|value| known.insert(value)).cloned());
            for (own, more) in all.image.iter_mut().zip(&place.image) {
                if let Some(more) = more {
                    own.get_or_insert_default().extend(more.iter().cloned());
                }
            }
        }
        all.finish();
        all
    }

    /// Images of every combination of the parts that are asked about, and of others; and what is none.
    pub(crate) fn finish(&mut self) {
        if !self.is_image {
            return;
        }
        let digest = format!("sha256:{}", "0".repeat(64));
        let of = |part: usize| self.image.get(part).and_then(Option::as_ref);
        // What nobody asks about is one.
        let parts = |part: usize, other: &str, before: &str| -> Vec<String> {
            let known = of(part).into_iter().flatten().map(|text| format!("{before}{text}"));
            known.chain([format!("{before}{other}")]).collect()
        };
        let optional = |part: usize, other: &str, before: &str| -> Vec<String> {
            if of(part).is_none() {
                vec![String::new()]
            } else {
                [parts(part, other, before), vec![String::new()]].concat()
            }
        };
        let tags = if of(2).is_none() { vec![":1.0".to_owned()] } else { optional(2, "1.0", ":") };
        let mut texts = Vec::new();
        for registry in parts(0, "other.example.com", "") {
            for repository in parts(1, "app", "/") {
                for tag in &tags {
                    // None first: what names no digest is the ordinary.
                    texts.extend(
                        optional(3, &digest, "@")
                            .iter()
                            .rev()
                            .map(|digest| format!("{registry}{repository}{tag}{digest}")),
                    );
                }
            }
        }
        self.cut |= texts.len() > IMAGES;
        texts.truncate(IMAGES);
        texts.push(NO_IMAGE.to_owned());
        self.values.retain(|value| *value != json!("x"));
        self.offer(texts.into_iter().map(Value::String));
    }
}

/// Values that tell apart what a comparison with a constant tells apart.
pub(crate) fn values_about(constant: &Const, ty: &Ty) -> Vec<Value> {
    match (constant, ty.present()) {
        (Const::Int(at), Ty::Quantity) => amounts_about(Quantity::of_int(*at)),
        // Few fields take what is below zero, so that comes last.
        (Const::Int(at), _) => {
            let mut values = [at.saturating_sub(1), *at, at.saturating_add(1)];
            values.sort_by_key(|value| *value < 0);
            values.map(|value| json!(value)).to_vec()
        }
        (Const::Float(at), _) => vec![json!(at.next_down()), json!(at), json!(at.next_up())],
        (Const::Quantity(text), _) => Quantity::parse(text).map_or_else(|_| Vec::new(), amounts_about),
        // Another text than the ordinary one, where that is the constant.
        (Const::Text(text), _) if text.chars().all(|c| c == 'x') => vec![json!(&**text), json!(format!("{text}x"))],
        (Const::Text(text) | Const::Image(text), _) => vec![json!(&**text)],
        (Const::Bool(value), _) => vec![json!(value)],
        _ => Vec::new(),
    }
}

/// An amount and its neighbours: a whole one away, as most amounts are; and as near as amounts may be that the API server
/// takes everywhere, since another constant may be less than one away.
fn amounts_about(at: Quantity) -> Vec<Value> {
    let near = Quantity::parse("1m").unwrap_or(Quantity::of_int(1));
    let by = [Quantity::of_int(1), near];
    let about = by.into_iter().flat_map(|by| [at.checked_sub(by), at.checked_add(by)]);
    let all = [Some(at)].into_iter().chain(about).flatten();
    all.filter(|value| !value.is_negative()).map(|value| json!(value.to_string())).collect()
}
