//! The evaluation of what is known.

use std::sync::Arc;

use kspec_model::rules::{Arithmetic, Comparison, Const, Each, Expr, Method, Op, Root, Stmt, Ty, Var};

use super::{Known, Part};

/// Steps that one question may take: expressions of a state are anyone's.
const STEPS: u32 = 50_000;

/// A question on its way.
pub(super) struct Asked<'p> {
    known: Known<'p>,
    /// As CEL has it: what is not there is a fault, and `null` a value that equals itself.
    cel: bool,
    bound: Vec<(Var, Part)>,
    left: u32,
}

impl<'p> Asked<'p> {
    pub(super) const fn new(known: Known<'p>, cel: bool) -> Self {
        Self { known, cel, bound: Vec::new(), left: STEPS }
    }

    pub(super) fn bind(&mut self, name: &Var, value: Part) {
        self.bound.push((Arc::clone(name), value));
    }

    pub(super) fn unbind(&mut self) {
        self.bound.pop();
    }

    /// Whether it holds, where that is certain.
    pub(super) fn holds(&mut self, expr: &Expr) -> Option<bool> {
        match self.value(expr) {
            Part::Bool(holds) => Some(holds),
            _ => None,
        }
    }

    pub(super) fn violates(&mut self, statements: &[Stmt]) -> bool {
        let depth = self.bound.len();
        let mut found = false;
        for statement in statements {
            match statement {
                Stmt::Let(name, value) => {
                    let value = self.value(value);
                    self.bind(name, value);
                }
                Stmt::For { item, over, body } => {
                    for list in over {
                        let items = self.value(list).items(true).unwrap_or_default().0;
                        for value in items {
                            self.bind(item, value);
                            found |= self.violates(body);
                            self.unbind();
                        }
                    }
                }
                Stmt::Verdict(verdict) => found |= !verdict.warn && self.holds(&verdict.when) == Some(true),
            }
            if found {
                break;
            }
        }
        self.bound.truncate(depth);
        found
    }

    /// What is known of the value of an expression that is a place, without a copy.
    fn place(&self, expr: &Expr) -> Option<&Part> {
        match &expr.op {
            Op::Root(root) => {
                let known = match root {
                    Root::Object => self.known.object,
                    Root::Old => self.known.old,
                    Root::Request => self.known.request,
                    Root::Namespace => self.known.namespace,
                };
                // What there is not, the API server says as `null`.
                Some(if self.cel && *known == Part::Absent { &Part::Null } else { known })
            }
            Op::Var(name) => self.bound.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value),
            Op::Field(base, name) => match self.place(base)? {
                Part::Map { fields, .. } => fields.get(name),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn value(&mut self, expr: &Expr) -> Part {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return Part::Unknown;
        }
        if let Some(place) = self.place(expr) {
            return place.clone();
        }
        match &expr.op {
            Op::Const(Const::Absent) if self.cel && !expr.ty.is_optional() => Part::Null,
            Op::Const(value) => Part::of_const(value),
            Op::Field(base, name) => {
                let base = self.value(base);
                self.field(base, name, false)
            }
            Op::Index(base, key) => {
                let (base, key) = (self.value(base), self.value(key));
                self.index(base, key)
            }
            Op::Not(a) => Part::truth(self.holds(a).map(|holds| !holds)),
            Op::And(parts) => Part::truth(self.joined(parts, false)),
            Op::Or(parts) => Part::truth(self.joined(parts, true)),
            Op::Equal(a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                Part::truth(self.equal(&a, &b))
            }
            Op::Compare(how, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                Part::truth(compared(*how, &a, &b))
            }
            Op::If(when, then, otherwise) => match self.holds(when) {
                Some(true) => self.value(then),
                Some(false) => self.value(otherwise),
                None => Part::Unknown,
            },
            Op::Coalesce(a, b) => match self.optional(a) {
                Part::Absent => self.value(b),
                value => value,
            },
            Op::In(a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                Part::truth(self.is_in(&a, b))
            }
            Op::List(items) => Part::List { items: items.iter().map(|item| self.value(item)).collect(), open: false },
            Op::Record(fields) => {
                let fields = fields.iter().map(|(name, value)| (Arc::clone(name), self.value(value))).collect();
                Part::Map { fields, open: false }
            }
            Op::Each { what, over, item, value: None, body } => self.each(*what, over, item, body),
            Op::Call(method, base, arguments) => self.call(*method, base, arguments),
            Op::Convert(value) => {
                let value = self.value(value);
                self.converted(value, &expr.ty)
            }
            Op::Exists(value) => Part::truth(self.exists(value)),
            Op::Let(name, value, body) => {
                let value = self.value(value);
                self.bind(name, value);
                let value = self.value(body);
                self.unbind();
                value
            }
            Op::Arithmetic(Arithmetic::Add, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.sum(a, b)
            }
            Op::Root(_)
            | Op::Var(_)
            | Op::Negate(_)
            | Op::Arithmetic(..)
            | Op::InRange(..)
            | Op::Each { .. }
            | Op::Text(_)
            | Op::All(_) => Part::Unknown,
        }
    }

    /// A field; `optional` where one that is not there is no fault.
    fn field(&self, base: Part, name: &str, optional: bool) -> Part {
        let missing = if self.cel && !optional { Part::Unknown } else { Part::Absent };
        match base {
            Part::Map { mut fields, open } => fields.remove(name).unwrap_or(if open { Part::Unknown } else { missing }),
            Part::Absent | Part::Null => missing,
            _ => Part::Unknown,
        }
    }

    fn index(&self, base: Part, key: Part) -> Part {
        let missing = if self.cel { Part::Unknown } else { Part::Absent };
        match (base, key) {
            (base @ (Part::Map { .. } | Part::Absent | Part::Null), Part::Text(name)) => self.field(base, &name, false),
            // Where more items may be, nobody knows which is where.
            (Part::List { items, open: false }, Part::Int(at)) => {
                usize::try_from(at).ok().and_then(|at| items.into_iter().nth(at)).unwrap_or(missing)
            }
            _ => Part::Unknown,
        }
    }

    /// Left of `??`, and CEL's `a.?b`.
    fn optional(&mut self, expr: &Expr) -> Part {
        match &expr.op {
            Op::Field(base, name) => {
                let base = self.value(base);
                self.field(base, name, true)
            }
            _ => self.value(expr),
        }
    }

    /// Conditions of which `decisive` settles the whole.
    fn joined(&mut self, parts: &[Expr], decisive: bool) -> Option<bool> {
        let mut whole = Some(!decisive);
        for part in parts {
            match self.holds(part) {
                Some(holds) if holds == decisive => return Some(decisive),
                Some(_) => {}
                None => whole = None,
            }
        }
        whole
    }

    fn equal(&self, a: &Part, b: &Part) -> Option<bool> {
        match (a, b) {
            (Part::Unknown, _) | (_, Part::Unknown) if self.cel => None,
            (Part::Absent, Part::Absent) => Some(self.cel),
            (Part::Null, Part::Null) => Some(true),
            (Part::Absent | Part::Null, _) | (_, Part::Absent | Part::Null) => Some(false),
            (Part::Unknown, _) | (_, Part::Unknown) => None,
            (Part::AtLeast(least), Part::Int(exact)) | (Part::Int(exact), Part::AtLeast(least)) => {
                (exact < least).then_some(false)
            }
            (Part::Bool(a), Part::Bool(b)) => Some(a == b),
            (Part::Int(a), Part::Int(b)) => Some(a == b),
            (Part::Text(a), Part::Text(b)) => Some(a == b),
            (Part::Text(text), Part::OtherText(other)) | (Part::OtherText(other), Part::Text(text)) => {
                (text == other).then_some(false)
            }
            (Part::Text(text), Part::SomeText) | (Part::SomeText, Part::Text(text)) => text.is_empty().then_some(false),
            _ => None,
        }
    }

    fn is_in(&self, a: &Part, b: Part) -> Option<bool> {
        if *a == Part::Absent {
            return (!self.cel).then_some(false);
        }
        let (items, open) = b.items(!self.cel)?;
        let equal: Vec<_> = items.iter().map(|item| self.equal(a, item)).collect();
        any(&equal, open)
    }

    /// Lists and texts joined.
    fn sum(&self, a: Part, b: Part) -> Part {
        match (a, b) {
            (Part::List { items: mut all, open }, Part::List { items, open: other }) => {
                all.extend(items);
                Part::List { items: all, open: open || other }
            }
            // Whatever the other is: a list, or a fault.
            (list @ Part::List { open: true, .. }, Part::Unknown)
            | (Part::Unknown, list @ Part::List { open: true, .. }) => list,
            (list @ Part::List { .. }, Part::Absent) | (Part::Absent, list @ Part::List { .. }) if !self.cel => list,
            (Part::Text(a), Part::Text(b)) => Part::Text(format!("{a}{b}").into()),
            // Whatever the other is: a text, or a fault.
            (a, b) if is_some_text(&a) || is_some_text(&b) => Part::SomeText,
            _ => Part::Unknown,
        }
    }

    fn exists(&mut self, expr: &Expr) -> Option<bool> {
        if let (true, Op::Field(base, name)) = (self.cel, &expr.op) {
            return match self.value(base) {
                Part::Map { fields, open } => match fields.get(name) {
                    Some(Part::Absent) => None,
                    Some(_) => Some(true),
                    None => (!open).then_some(false),
                },
                _ => None,
            };
        }
        match self.value(expr) {
            Part::Unknown => None,
            Part::Absent => Some(false),
            _ => Some(true),
        }
    }

    fn each(&mut self, what: Each, over: &Expr, item: &Var, body: &Expr) -> Part {
        let cel = self.cel;
        let quantifies = matches!(what, Each::Any | Each::None | Each::All);
        let (items, mut open) = match self.value(over) {
            // Whatever items it has.
            Part::Unknown if quantifies => (Vec::new(), true),
            value => match value.items(!cel) {
                Some(items) => items,
                None => return Part::Unknown,
            },
        };
        // Items that nobody knows of change nothing where the condition says the same of any.
        if open && quantifies {
            self.bind(item, Part::Unknown);
            open = self.holds(body) != Some(what == Each::All);
            self.unbind();
        }
        let mut results = Vec::with_capacity(items.len());
        for value in &items {
            self.bind(item, value.clone());
            results.push(self.value(body));
            self.unbind();
        }
        let holds: Vec<Option<bool>> =
            results.iter().map(|result| if let Part::Bool(holds) = result { Some(*holds) } else { None }).collect();
        let negated = |holds: Option<bool>| holds.map(|holds| !holds);
        let certain = holds.iter().filter(|holds| **holds == Some(true)).count();
        let doubt = holds.contains(&None);
        match what {
            Each::Any => Part::truth(any(&holds, open)),
            Each::None => Part::truth(negated(any(&holds, open))),
            Each::All => {
                let fails: Vec<_> = holds.iter().copied().map(negated).collect();
                Part::truth(negated(any(&fails, open)))
            }
            // A fault of one item is the whole list's.
            Each::One | Each::Count | Each::Filter | Each::Map if cel && !open && results.contains(&Part::Unknown) => {
                Part::Unknown
            }
            Each::One if certain > 1 => Part::Bool(false),
            Each::One => Part::truth((!open && !doubt).then_some(certain == 1)),
            Each::Count => Part::count(certain, open || doubt),
            Each::Filter => {
                let kept = items.into_iter().zip(&holds).filter(|(_, holds)| **holds == Some(true));
                Part::List { items: kept.map(|(item, _)| item).collect(), open: open || doubt }
            }
            Each::Map => Part::List { items: results, open },
        }
    }

    fn call(&mut self, method: Method, base: &Expr, arguments: &[Expr]) -> Part {
        let base = self.value(base);
        let argument = arguments.first().map(|argument| self.value(argument));
        let text = |how: fn(&str, &str) -> bool| match (&base, &argument) {
            (Part::Text(text), Some(Part::Text(part))) => Part::Bool(how(text, part)),
            _ => Part::Unknown,
        };
        match (method, &base) {
            (Method::Size, Part::Absent) if !self.cel => Part::Int(0),
            (Method::Size, _) => base.size(),
            (Method::IsEmpty, Part::Absent) if !self.cel => Part::Bool(true),
            (Method::IsEmpty, _) => match base.size() {
                Part::Int(count) => Part::Bool(count == 0),
                Part::AtLeast(count) if count > 0 => Part::Bool(false),
                _ => Part::Unknown,
            },
            (Method::Contains, Part::List { .. }) => {
                let held = argument.and_then(|argument| self.is_in(&argument, base));
                Part::truth(held)
            }
            (Method::Contains, _) => text(|text, part| text.contains(part)),
            (Method::StartsWith, _) => text(|text, part| text.starts_with(part)),
            (Method::EndsWith, _) => text(|text, part| text.ends_with(part)),
            (Method::Join, Part::List { items, .. }) if items.iter().any(is_some_text) => Part::SomeText,
            (Method::Join, Part::List { items, open: false }) if items.is_empty() => Part::Text("".into()),
            (Method::Lower, Part::Text(text)) if text.is_ascii() => Part::Text(text.to_ascii_lowercase().into()),
            (Method::Upper, Part::Text(text)) if text.is_ascii() => Part::Text(text.to_ascii_uppercase().into()),
            _ => Part::Unknown,
        }
    }

    fn converted(&self, value: Part, ty: &Ty) -> Part {
        // CEL's `optional.of`: an optional within one is a value even where it has none.
        if let (true, Ty::Optional(of)) = (self.cel, ty)
            && of.is_optional()
        {
            return if value == Part::Absent { Part::Unknown } else { value };
        }
        // CEL's `optional.ofNonZeroValue`.
        if self.cel && ty.is_optional() {
            let zero = match &value {
                Part::Null => true,
                Part::Bool(value) => !value,
                Part::Int(value) => *value == 0,
                Part::Text(text) => text.is_empty(),
                Part::List { items, open } => match (items.is_empty(), open) {
                    (true, true) => return Part::Unknown,
                    (empty, _) => empty,
                },
                Part::Map { fields, open } => match (fields.is_empty(), open) {
                    (true, true) => return Part::Unknown,
                    (empty, _) => empty,
                },
                _ => false,
            };
            return if zero { Part::Absent } else { value };
        }
        match (ty.present(), value) {
            (_, Part::Absent) if !self.cel => Part::Absent,
            (Ty::Text, value @ (Part::Text(_) | Part::SomeText | Part::OtherText(_)))
            | (Ty::Bool, value @ Part::Bool(_))
            | (Ty::Int, value @ Part::Int(_))
            | (Ty::List(_), value @ Part::List { .. })
            | (Ty::Map(_) | Ty::Object, value @ Part::Map { .. })
            | (Ty::Any, value) => value,
            _ => Part::Unknown,
        }
    }
}

fn is_some_text(part: &Part) -> bool {
    match part {
        Part::Text(text) => !text.is_empty(),
        part => *part == Part::SomeText,
    }
}

/// Whether one holds of those that there are.
fn any(holds: &[Option<bool>], open: bool) -> Option<bool> {
    if holds.contains(&Some(true)) {
        return Some(true);
    }
    (!open && !holds.contains(&None)).then_some(false)
}

fn compared(how: Comparison, a: &Part, b: &Part) -> Option<bool> {
    let mirrored = |how| match how {
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
    };
    match (a, b) {
        (Part::Int(a), Part::Int(b)) => Some(match how {
            Comparison::Lt => a < b,
            Comparison::Le => a <= b,
            Comparison::Gt => a > b,
            Comparison::Ge => a >= b,
        }),
        (Part::AtLeast(least), Part::Int(b)) => match how {
            Comparison::Gt => (least > b).then_some(true),
            Comparison::Ge => (least >= b).then_some(true),
            Comparison::Lt => (least >= b).then_some(false),
            Comparison::Le => (least > b).then_some(false),
        },
        (Part::Int(_), Part::AtLeast(_)) => compared(mirrored(how), b, a),
        _ => None,
    }
}
