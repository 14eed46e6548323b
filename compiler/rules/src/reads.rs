//! What rules read of an object, so that a request's reader can leave out the rest.
//!
//! A pod in a request is mostly what no rule asks about: managed fields, environment, status. Told by the names of fields,
//! wherever they stand: coarser than by path, and the same for a pod and for the template of a workload. A field that is only
//! stepped through ([`Depth::Part`]) keeps of its value what is read further on; of one that is compared, counted, gone over as
//! a map or handed to a method, everything is kept ([`Depth::Whole`]). Lists keep all their items. Of the request beside its
//! objects what is kept is what everyone reads, and the fields that rules name.

use std::fmt;
use std::sync::Arc;

use kspec_model::rules::{Arithmetic, Body, BoundRule, Const, Each, Expr, Method, Op, Root, Stmt, Ty, Var};
use rustc_hash::FxHashMap;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What is kept of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Depth {
    /// What is read further on.
    Part,
    /// Everything.
    Whole,
}

/// What rules read of an object, and of the one before.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    everything: bool,
    fields: FxHashMap<Box<str>, Depth>,
    request: FxHashMap<Box<str>, Depth>,
}

/// What everyone reads, whatever the rules: names, and the labels of a Namespace, which scopes ask for.
const ALWAYS: [(&str, Depth); 3] = [("metadata", Depth::Part), ("name", Depth::Whole), ("labels", Depth::Whole)];

/// What everyone reads of a request: what it is about, and who asks, by name. Its objects are read by what rules read of them.
const OF_REQUEST: [(&str, Depth); 7] = [
    ("uid", Depth::Whole),
    ("operation", Depth::Whole),
    ("resource", Depth::Whole),
    ("subResource", Depth::Whole),
    ("namespace", Depth::Whole),
    ("name", Depth::Whole),
    ("userInfo", Depth::Part),
];

/// What is read of `userInfo` where no rule reads it.
const USER: &str = "username";

impl Reads {
    /// All of it.
    #[must_use]
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// What rules read.
    pub fn of<'r>(rules: impl IntoIterator<Item = &'r BoundRule>) -> Self {
        let mut reads = Self::default();
        for (name, depth) in ALWAYS {
            read(&mut reads.fields, name, depth);
        }
        for (name, depth) in OF_REQUEST {
            read(&mut reads.request, name, depth);
        }
        for bound in rules {
            let mut reader = Reader { reads: &mut reads, names: FxHashMap::default() };
            for target in &bound.rule.targets {
                target.template.iter().for_each(|name| read(&mut reader.reads.fields, name, Depth::Part));
                if let Some(applies) = &target.applies {
                    reader.consume(applies);
                }
            }
            for body in &bound.rule.bodies {
                match body {
                    Body::Statements(statements) => reader.statements(statements),
                    Body::Rego { .. } => reader.reads.everything = true,
                }
            }
        }
        reads
    }

    /// Reads the JSON of an AdmissionReview: its request as far as rules, and those who ask about them, read it, all else as it is.
    ///
    /// # Errors
    ///
    /// Text that is no JSON.
    pub fn review(&self, json: &[u8]) -> Result<Value, serde_json::Error> {
        // Texts are then known to be UTF-8 one and all; of what is none, the reader of bytes says where.
        let Ok(text) = std::str::from_utf8(json) else { return serde_json::from_slice(json) };
        if self.everything {
            return serde_json::from_str(text);
        }
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Pruned { reads: self, part: Part::Review }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }
}

fn read(fields: &mut FxHashMap<Box<str>, Depth>, name: &str, depth: Depth) {
    match fields.get_mut(name) {
        Some(known) => *known = depth.max(*known),
        None => {
            fields.insert(name.into(), depth);
        }
    }
}

/// Where the value of an expression comes from: fields of the object, by name. None of them: from elsewhere.
#[derive(Debug, Clone, Default)]
struct Origins {
    fields: Vec<Arc<str>>,
    /// It is the object itself, or the request that holds it.
    object: bool,
}

impl Origins {
    fn and(mut self, other: Self) -> Self {
        self.fields.extend(other.fields);
        self.object |= other.object;
        self
    }

    fn is_elsewhere(&self) -> bool {
        self.fields.is_empty() && !self.object
    }
}

struct Reader<'r> {
    reads: &'r mut Reads,
    /// What names stand for. A compiler's are unique in their rule; of one that is bound twice, both.
    names: FxHashMap<Var, Origins>,
}

impl Reader<'_> {
    fn bind(&mut self, name: &Var, origins: Origins) {
        let known = self.names.entry(Arc::clone(name)).or_default();
        *known = std::mem::take(known).and(origins);
    }

    fn statements(&mut self, statements: &[Stmt]) {
        for statement in statements {
            match statement {
                Stmt::Let(name, value) => {
                    let origins = self.origins(value);
                    self.bind(name, origins);
                }
                Stmt::For { item, over, body } => {
                    let origins = over.iter().map(|list| self.items(list)).fold(Origins::default(), Origins::and);
                    self.bind(item, origins);
                    self.statements(body);
                }
                Stmt::Verdict(verdict) => {
                    self.consume(&verdict.when);
                    self.consume(&verdict.message);
                }
            }
        }
    }

    /// An expression of whose value everything may count.
    fn consume(&mut self, expr: &Expr) {
        let origins = self.origins(expr);
        self.whole(&origins);
    }

    fn whole(&mut self, origins: &Origins) {
        self.reads.everything |= origins.object;
        for name in &origins.fields {
            read(&mut self.reads.fields, name, Depth::Whole);
        }
    }

    /// Where the items of a list come from. A map's keys all count.
    fn items(&mut self, over: &Expr) -> Origins {
        let origins = self.origins(over);
        if matches!(over.ty.present(), Ty::List(_)) {
            return origins;
        }
        self.whole(&origins);
        Origins::default()
    }

    /// Where an expression's value comes from; what is read on the way is noted.
    fn origins(&mut self, expr: &Expr) -> Origins {
        match &expr.op {
            Op::Var(name) => self.names.get(name).cloned().unwrap_or_default(),
            Op::Root(Root::Object | Root::Old) => Origins { object: true, ..Origins::default() },
            // All of it: its fields are told one by one ([`Reader::step`]).
            Op::Root(Root::Request) => {
                self.reads.everything = true;
                Origins { object: true, ..Origins::default() }
            }
            Op::Field(base, name) => self.step(base, name),
            Op::Index(base, key) => match (base.ty.present(), &key.op) {
                (_, Op::Const(Const::Text(key))) => self.step(base, key),
                (Ty::List(_), _) => {
                    self.consume(key);
                    self.origins(base)
                }
                _ => {
                    self.consume(base);
                    self.consume(key);
                    Origins::default()
                }
            },
            Op::Exists(base) => {
                self.origins(base);
                Origins::default()
            }
            Op::Let(name, value, body) => {
                let origins = self.origins(value);
                self.bind(name, origins);
                self.origins(body)
            }
            Op::If(when, then, otherwise) => {
                self.consume(when);
                self.origins(then).and(self.origins(otherwise))
            }
            Op::Coalesce(a, b) => self.origins(a).and(self.origins(b)),
            // Lists joined.
            Op::Arithmetic(Arithmetic::Add, a, b) => self.origins(a).and(self.origins(b)),
            Op::List(parts) => parts.iter().map(|part| self.origins(part)).fold(Origins::default(), Origins::and),
            Op::Convert(base) => self.origins(base),
            Op::Each { what, over, item, value, body } => {
                let origins = self.items(over);
                self.bind(item, origins.clone());
                if let Some(value) = value {
                    self.bind(value, Origins::default());
                }
                match what {
                    Each::Map => self.origins(body),
                    Each::Filter => {
                        self.consume(body);
                        origins
                    }
                    Each::Any | Each::All | Each::None | Each::One | Each::Count => {
                        self.consume(body);
                        Origins::default()
                    }
                }
            }
            Op::Call(Method::Size | Method::IsEmpty, base, _) if matches!(base.ty.present(), Ty::List(_)) => {
                self.origins(base);
                Origins::default()
            }
            Op::Call(Method::First | Method::Last | Method::Reverse | Method::Flatten, base, _) => self.origins(base),
            Op::Const(_)
            | Op::Root(Root::Namespace)
            | Op::Not(_)
            | Op::Negate(_)
            | Op::Arithmetic(..)
            | Op::Compare(..)
            | Op::Equal(..)
            | Op::And(_)
            | Op::Or(_)
            | Op::In(..)
            | Op::InRange(..)
            | Op::Record(_)
            | Op::Call(..)
            | Op::Text(_)
            | Op::All(_) => {
                expr.op.for_each_child(&mut |child| self.consume(child));
                Origins::default()
            }
        }
    }

    /// A step to a field or a key.
    fn step(&mut self, base: &Expr, name: &Arc<str>) -> Origins {
        if matches!(base.op, Op::Root(Root::Request)) {
            if matches!(&**name, "object" | "oldObject") {
                return Origins { object: true, ..Origins::default() };
            }
            // Its other fields are read in full.
            read(&mut self.reads.request, name, Depth::Whole);
            return Origins::default();
        }
        if self.origins(base).is_elsewhere() {
            return Origins::default();
        }
        read(&mut self.reads.fields, name, Depth::Part);
        Origins { fields: vec![Arc::clone(name)], object: false }
    }
}

/// Which part of an AdmissionReview is read.
#[derive(Clone, Copy)]
enum Part {
    Review,
    Request,
    User,
    Object,
}

/// A value without what nobody reads.
struct Pruned<'r> {
    reads: &'r Reads,
    part: Part,
}

impl<'de> DeserializeSeed<'de> for Pruned<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pruned<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Pruned { reads: self.reads, part: self.part })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(kept) = fields.next_key_seed(Key { reads: self.reads, part: self.part })? {
            match kept {
                None => {
                    fields.next_value::<IgnoredAny>()?;
                }
                Some((name, None)) => {
                    map.insert(name, fields.next_value()?);
                }
                Some((name, Some(part))) => {
                    map.insert(name, fields.next_value_seed(Pruned { reads: self.reads, part })?);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

/// A field's name, and what is kept of its value: some part, or all of it. None: the field is left out.
struct Key<'r> {
    reads: &'r Reads,
    part: Part,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<(String, Option<Part>)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = Option<(String, Option<Part>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let part = match self.part {
            Part::Review => (name == "request").then_some(Part::Request),
            Part::Request if matches!(name, "object" | "oldObject") => Some(Part::Object),
            Part::Request => match self.reads.request.get(name) {
                None => return Ok(None),
                Some(Depth::Part) => Some(Part::User),
                Some(Depth::Whole) => None,
            },
            Part::User if name == USER => None,
            Part::User => return Ok(None),
            Part::Object => match self.reads.fields.get(name) {
                None => return Ok(None),
                Some(Depth::Part) => Some(Part::Object),
                Some(Depth::Whole) => None,
            },
        };
        Ok(Some((name.to_owned(), part)))
    }
}
