//! A structural schema to types.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::derive::first_sentence;
use crate::schema::Schema;
use crate::types::{Field, ListMerge, ObjectType, Text, Type, TypeId};
use crate::walk::Path;

/// How deep a schema may nest. The server refuses deeper ones too, by their size.
const DEPTH: usize = 100;

/// The pattern that generators of CRDs write for a quantity, which OpenAPI has no type for.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

pub(super) struct Converter<'a> {
    pub(super) schema: &'a mut Schema,
    pub(super) problems: Vec<(Path, &'static str)>,
}

impl Converter<'_> {
    /// The type of a whole custom object: what its schema says, with the metadata that every object has.
    pub(super) fn root(&mut self, schema: &Value, name: &str, path: &Path) -> TypeId {
        let mut object = match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.object(schema, name, path),
            _ => {
                self.problems.push((path.clone(), "the whole object's `type` must be `object`"));
                ObjectType { open: true, ..empty(name) }
            }
        };
        self.add_metadata(&mut object, true);
        self.push(Type::Object(object))
    }

    /// The type of a list of such objects, as `list` answers it.
    pub(super) fn list_of(&mut self, item: TypeId, name: &str) -> TypeId {
        let items = self.push(Type::List { item, merge: ListMerge::Atomic });
        let list_meta = self.schema.named_type("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta");
        let mut object = empty(&format!("{name}List"));
        self.add_metadata(&mut object, false);
        set(&mut object, "items", Field { required: true, ..plain(items) });
        if let Some(ty) = list_meta {
            set(&mut object, "metadata", plain(ty));
        }
        self.push(Type::Object(object))
    }

    fn add_metadata(&mut self, object: &mut ObjectType, required: bool) {
        let text = self.push(Type::String { format: None, values: Vec::new() });
        let any = self.push(Type::Any);
        let meta = self.schema.named_type("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").unwrap_or(any);
        set(object, "apiVersion", Field { required, ..plain(text) });
        set(object, "kind", Field { required, ..plain(text) });
        set(object, "metadata", plain(meta));
    }

    fn push(&mut self, ty: Type) -> TypeId {
        let index = self.schema.types.len() + self.schema.custom.len();
        self.schema.custom.push(ty);
        // A table of four thousand million types does not fit in memory.
        TypeId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn object(&mut self, schema: &Value, name: &str, path: &Path) -> ObjectType {
        let required: BTreeSet<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
        let mut object = empty(name);
        object.doc = doc(schema);
        object.atomic = text(schema, "x-kubernetes-map-type") == "atomic";
        object.open = flag(schema, "x-kubernetes-preserve-unknown-fields");
        for (field, part) in properties(schema).into_iter().flatten() {
            let ty = self.convert(part, &format!("{name}.{field}"), &path.field("properties").field(field));
            let field_type = Field {
                ty,
                required: required.contains(field.as_str()),
                nullable: flag(part, "nullable"),
                atomic: false,
                default: part.get("default").cloned(),
                doc: doc(part),
            };
            set(&mut object, field, field_type);
        }
        if flag(schema, "x-kubernetes-embedded-resource") {
            object.embedded = true;
            self.add_metadata(&mut object, true);
        }
        object
    }

    fn convert(&mut self, schema: &Value, name: &str, path: &Path) -> TypeId {
        if path.0.len() > DEPTH * 2 {
            self.problems.push((path.clone(), "it nests too deep"));
            return self.push(Type::Any);
        }
        let ty = self.shape(schema, name, path);
        self.push(ty)
    }

    fn shape(&mut self, schema: &Value, name: &str, path: &Path) -> Type {
        let open = flag(schema, "x-kubernetes-preserve-unknown-fields");
        if flag(schema, "x-kubernetes-int-or-string") {
            return if text(schema, "pattern") == QUANTITY { Type::Quantity } else { Type::IntOrString };
        }
        let format = Some(text(schema, "format")).filter(|format| !format.is_empty()).map(owned);
        match text(schema, "type") {
            "object" => match schema.get("additionalProperties") {
                None | Some(Value::Bool(false)) => {
                    let bare = properties(schema).is_none_or(Map::is_empty);
                    if bare && open && !flag(schema, "x-kubernetes-embedded-resource") {
                        return Type::Any;
                    }
                    Type::Object(self.object(schema, name, path))
                }
                Some(_) if properties(schema).is_some_and(|fields| !fields.is_empty()) => {
                    self.problems.push((path.clone(), "`properties` and `additionalProperties` exclude each other"));
                    Type::Any
                }
                Some(value) => {
                    let atomic = text(schema, "x-kubernetes-map-type") == "atomic";
                    let value = match value {
                        Value::Bool(_) => self.push(Type::Any),
                        value => self.convert(value, name, &path.field("additionalProperties")),
                    };
                    Type::Map { value, atomic }
                }
            },
            "array" => {
                let Some(items) = schema.get("items") else {
                    self.problems.push((path.clone(), "an array must say its `items`"));
                    return Type::Any;
                };
                let item = self.convert(items, name, &path.field("items"));
                Type::List { item, merge: self.merge(schema, item, path) }
            }
            "string" if format.as_deref() == Some("date-time") => Type::Time,
            "string" => {
                let values = list(schema, "enum").iter().filter_map(Value::as_str).map(owned).collect();
                Type::String { format, values }
            }
            "integer" => Type::Integer { format },
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            "" if open => Type::Any,
            "" => {
                self.problems.push((path.clone(), "it must say its `type`"));
                Type::Any
            }
            _ => {
                self.problems.push((path.clone(), "there is no such `type`"));
                Type::Any
            }
        }
    }

    fn merge(&mut self, schema: &Value, item: TypeId, path: &Path) -> ListMerge {
        match text(schema, "x-kubernetes-list-type") {
            "set" => ListMerge::Set,
            "map" => {
                let keys: Vec<Text> =
                    list(schema, "x-kubernetes-list-map-keys").iter().filter_map(Value::as_str).map(owned).collect();
                let has = |key: &Text| self.schema.object(item).is_some_and(|object| object.field(key).is_some());
                if keys.is_empty() || !keys.iter().all(has) {
                    self.problems
                        .push((path.clone(), "each `x-kubernetes-list-map-keys` must be a field of the items"));
                    return ListMerge::Atomic;
                }
                ListMerge::Map(keys)
            }
            _ => ListMerge::Atomic,
        }
    }
}

fn empty(name: &str) -> ObjectType {
    ObjectType { name: owned(name), doc: None, atomic: false, open: false, embedded: false, fields: Vec::new() }
}

fn plain(ty: TypeId) -> Field {
    Field { ty, required: false, nullable: false, atomic: false, default: None, doc: None }
}

/// Puts a field where its name belongs, in the place of one that has the name.
fn set(object: &mut ObjectType, name: &str, field: Field) {
    match object.fields.binary_search_by(|(have, _)| have.as_ref().cmp(name)) {
        Ok(at) => {
            if let Some((_, old)) = object.fields.get_mut(at) {
                *old = field;
            }
        }
        Err(at) => object.fields.insert(at, (owned(name), field)),
    }
}

fn owned(text: &str) -> Text {
    Text::Owned(text.to_owned())
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn flag(value: &Value, field: &str) -> bool {
    value.get(field) == Some(&Value::Bool(true))
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

fn doc(schema: &Value) -> Option<Text> {
    Some(first_sentence(text(schema, "description"))).filter(|doc| !doc.is_empty()).map(Text::Owned)
}
