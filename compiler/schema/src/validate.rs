//! What is wrong with an object's fields.
//!
//! The answer is that of an API server with strict field validation: unknown fields, wrong types, malformed values. It also
//! names what the published schema requires and which values it lists, which a server checks later and in code.

mod format;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::schema::{Schema, split_api_version};
use crate::suggest::closest;
use crate::types::{ListMerge, ObjectType, Text, Type, TypeId};
use crate::walk::Path;

/// Something wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where. For a field that is missing, the object that misses it.
    pub path: Path,
    /// What.
    pub kind: ProblemKind,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// It is no object with `apiVersion` and `kind`.
    NotAnObject,
    /// The version does not serve this kind.
    UnknownKind {
        /// As written.
        api_version: String,
        /// As written.
        kind: String,
        /// `apiVersion` and `kind` of what was likely meant.
        suggestion: Option<(String, String)>,
    },
    /// There is no such field; the path leads to it.
    UnknownField {
        /// A field that there is.
        suggestion: Option<String>,
    },
    /// A value of another type.
    WrongType {
        /// `a string`
        expected: &'static str,
        /// `a list`
        found: &'static str,
    },
    /// Text or a number that is not written as its type demands.
    Malformed {
        /// `a quantity`, `base64`, `a 32-bit integer`
        expected: &'static str,
        /// As written.
        found: String,
    },
    /// A field that must be there is not.
    MissingRequired {
        /// Its name.
        field: String,
    },
    /// Text that is none of those allowed.
    NotInEnum {
        /// As written.
        found: String,
        /// Those allowed.
        allowed: Vec<String>,
        /// The closest of them.
        suggestion: Option<String>,
    },
    /// An item that has the same key as an earlier one.
    DuplicateItem {
        /// The key fields and their values, as JSON; for a set, the item.
        key: String,
    },
}

impl Schema {
    /// Everything that is wrong with the fields of an object that says its `apiVersion` and `kind`. The items of a `List`
    /// are objects each.
    #[must_use]
    pub fn validate(&self, object: &Value) -> Vec<Problem> {
        let mut check = Check { schema: self, problems: Vec::new() };
        check.whole(object, &Path::default());
        check.problems
    }

    /// Everything that is wrong with a value that should be of this type.
    #[must_use]
    pub fn validate_as(&self, ty: TypeId, value: &Value) -> Vec<Problem> {
        let mut check = Check { schema: self, problems: Vec::new() };
        check.value(ty, value, &Path::default());
        check.problems
    }

    /// What was likely meant by a kind that is not served: the same kind elsewhere, else the closest name.
    fn suggest_object(&self, group: &str, kind: &str) -> Option<(String, String)> {
        let name = if self.kinds_named(kind).next().is_some() { kind } else { self.suggest_kind(kind)? };
        let same_group = self.kinds_named(name).find(|info| info.group == group);
        let info = same_group.or_else(|| self.kinds_named(name).next())?;
        Some((info.api_version(), info.kind.to_string()))
    }
}

struct Check<'a> {
    schema: &'a Schema,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn report(&mut self, path: &Path, kind: ProblemKind) {
        self.problems.push(Problem { path: path.clone(), kind });
    }

    fn whole(&mut self, object: &Value, path: &Path) {
        let text = |field: &str| object.get(field).and_then(Value::as_str);
        let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
            self.report(path, ProblemKind::NotAnObject);
            return;
        };
        if (api_version, kind) == ("v1", "List") {
            for (index, item) in object.get("items").and_then(Value::as_array).into_iter().flatten().enumerate() {
                self.whole(item, &path.field("items").index(index));
            }
            return;
        }
        let (group, version) = split_api_version(api_version);
        match self.schema.object_type(group, version, kind) {
            Some(ty) => self.value(ty, object, path),
            None => {
                let suggestion = self.schema.suggest_object(group, kind);
                let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
                self.report(path, ProblemKind::UnknownKind { api_version, kind, suggestion });
            }
        }
    }

    fn value(&mut self, ty: TypeId, value: &Value, path: &Path) {
        let expected = self.schema.ty(ty);
        match (expected, value) {
            // The server takes null for absence: Go decodes it so, and custom objects are rid of it first.
            (_, Value::Null) | (Type::Any, _) => {}
            (Type::Object(object), Value::Object(fields)) => self.object(ty, object, fields, path),
            (Type::Map { value, .. }, Value::Object(entries)) => {
                for (key, entry) in entries {
                    self.value(*value, entry, &path.field(key));
                }
            }
            (Type::List { item, merge }, Value::Array(items)) => {
                for (index, each) in items.iter().enumerate() {
                    self.value(*item, each, &path.index(index));
                }
                self.duplicates(ty, merge, items, path);
            }
            (Type::String { format, values }, Value::String(text)) => {
                self.text(format.as_deref(), values, text, path);
            }
            (Type::Integer { format }, Value::Number(number)) => {
                if !number.is_i64() && !number.is_u64() {
                    self.report(path, ProblemKind::WrongType { expected: expected.noun(), found: "a number" });
                } else if !format::fits(number, format.as_deref()) {
                    let expected =
                        if format.as_deref() == Some("int32") { "a 32-bit integer" } else { "a 64-bit integer" };
                    self.report(path, ProblemKind::Malformed { expected, found: number.to_string() });
                }
            }
            (Type::Number | Type::Quantity, Value::Number(_))
            | (Type::Boolean, Value::Bool(_))
            | (Type::IntOrString, Value::String(_)) => {}
            (Type::IntOrString, Value::Number(number)) if number.is_i64() || number.is_u64() => {}
            (Type::Quantity, Value::String(text)) => {
                if !format::is_quantity(text) {
                    self.report(path, ProblemKind::Malformed { expected: "a quantity", found: text.clone() });
                }
            }
            (Type::Time, Value::String(text)) => {
                if !format::is_time(text) {
                    self.report(path, ProblemKind::Malformed { expected: "an RFC 3339 time", found: text.clone() });
                }
            }
            _ => self.report(path, ProblemKind::WrongType { expected: expected.noun(), found: noun(value) }),
        }
    }

    fn object(&mut self, ty: TypeId, object: &ObjectType, fields: &Map<String, Value>, path: &Path) {
        for (name, value) in fields {
            match object.field(name) {
                Some(field) => self.value(field.ty, value, &path.field(name)),
                None if object.open => {}
                None => {
                    let suggestion = closest(name, object.fields().map(|(name, _)| name)).map(str::to_owned);
                    self.report(&path.field(name), ProblemKind::UnknownField { suggestion });
                }
            }
        }
        let custom = self.schema.is_custom(ty);
        for (name, field) in object.fields().filter(|(_, field)| field.required) {
            let there = fields.get(name).is_some_and(|value| !value.is_null() || (custom && field.nullable));
            // The default of a custom field is filled in before anything is checked; in built-in types, what is published
            // as a required field's default is Go's zero value.
            let filled_in = custom && field.default.is_some();
            if !there && !filled_in {
                self.report(path, ProblemKind::MissingRequired { field: name.to_owned() });
            }
        }
    }

    fn text(&mut self, format: Option<&str>, values: &[Text], text: &str, path: &Path) {
        // An empty text is what Go's zero value looks like, which the server takes for an absent one.
        if !values.is_empty() && !text.is_empty() && values.iter().all(|value| value != text) {
            let kind = ProblemKind::NotInEnum {
                found: text.to_owned(),
                allowed: values.iter().map(ToString::to_string).collect(),
                suggestion: closest(text, values.iter().map(AsRef::as_ref)).map(str::to_owned),
            };
            self.report(path, kind);
        }
        let expected = match format {
            Some("byte") if !format::is_base64(text) => "base64",
            Some("micro-time") if !format::is_micro_time(text) => "an RFC 3339 time with microseconds",
            _ => return,
        };
        self.report(path, ProblemKind::Malformed { expected, found: text.to_owned() });
    }

    fn duplicates(&mut self, ty: TypeId, merge: &ListMerge, items: &[Value], path: &Path) {
        let mut seen: BTreeMap<String, ()> = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let key = match merge {
                ListMerge::Atomic => return,
                ListMerge::Set => Some(item.to_string()),
                ListMerge::Map(_) => self.schema.item_key(ty, item).map(|key| {
                    Value::from_iter(key.into_iter().map(|(name, value)| (name.to_owned(), value))).to_string()
                }),
            };
            if let Some(key) = key
                && seen.insert(key.clone(), ()).is_some()
            {
                self.report(&path.index(index), ProblemKind::DuplicateItem { key });
            }
        }
    }
}

const fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// One line, in the words of a message: `unknown field, did you mean …`.
impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = |f: &mut fmt::Formatter<'_>, suggestion: &Option<String>| match suggestion {
            Some(name) => write!(f, ", did you mean `{name}`"),
            None => Ok(()),
        };
        match self {
            Self::NotAnObject => write!(f, "no object with `apiVersion` and `kind`"),
            Self::UnknownKind { api_version, kind, suggestion } => {
                write!(f, "no kind `{kind}` in `{api_version}`")?;
                hint(f, &suggestion.as_ref().map(|(api_version, kind)| format!("{api_version} {kind}")))
            }
            Self::UnknownField { suggestion } => {
                write!(f, "unknown field")?;
                hint(f, suggestion)
            }
            Self::WrongType { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::Malformed { expected, found } => write!(f, "`{found}` is not {expected}"),
            Self::MissingRequired { field } => write!(f, "`{field}` is missing"),
            Self::NotInEnum { found, allowed, suggestion } => {
                write!(f, "`{found}` is none of {}", allowed.join(", "))?;
                hint(f, suggestion)
            }
            Self::DuplicateItem { key } => write!(f, "a second item with {key}"),
        }
    }
}

/// The path and what is wrong there.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.0.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.kind.fmt(f)
    }
}
