//! Reads the tables under `data/`.
//!
//! A table is lines of tab-separated cells, sorted, so that what changes between two Kubernetes releases is a readable
//! diff, and so that reading borrows every text from the binary:
//!
//! ```text
//! kspec-schema 1 v1.36.3
//! group  NAME VERSION,…                                        the preferred version first
//! kind   GROUP VERSION KIND TYPE PLURAL SINGULAR ns|cluster SHORT,… CATEGORY,… VERB,…
//! sub    NAME GROUP VERSION KIND VERB,…                        of the kind above it
//! object GROUP VERSION KIND TYPE                               a kind that is no resource: lists, options
//! type   NAME FLAGS DOC                                        a: atomic, o: open
//!        FIELD TYPE FLAGS DEFAULT DOC                          of the type above it; r: required, a: atomic
//! ```
//!
//! A TYPE is a definition's name or one of the forms that [`Reader::express`] reads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use rustc_hash::FxHashMap;

use crate::kinds::{GroupInfo, KindInfo, Subresource};
use crate::types::{Field, ListMerge, ObjectType, Text, Type, TypeId};

/// The first cell of a table, and the format's version.
pub(crate) const HEADER: &str = "kspec-schema\t1";

/// What a table holds.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) types: Vec<Type>,
    pub(crate) named: FxHashMap<Text, TypeId>,
    pub(crate) kinds: Vec<KindInfo>,
    pub(crate) objects: BTreeMap<(Text, Text, Text), TypeId>,
    pub(crate) groups: Vec<GroupInfo>,
    /// The exact release that it was derived from: `v1.36.3`.
    pub(crate) release: Text,
}

/// A table that does not read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for TableError {}

struct Reader {
    /// A type is known by name before its line is reached: `None` until then.
    types: Vec<Option<Type>>,
    expressions: FxHashMap<&'static str, TypeId>,
    table: Table,
}

/// Reads a whole table.
pub(crate) fn read(source: &'static str) -> Result<Table, TableError> {
    let mut reader = Reader { types: Vec::new(), expressions: FxHashMap::default(), table: Table::default() };
    let mut open: Option<(TypeId, ObjectType)> = None;
    let mut count = 0;
    for (index, line) in source.lines().enumerate() {
        count = index + 1;
        let fail = |message: String| TableError { line: index + 1, message };
        if let Some(cells) = line.strip_prefix('\t') {
            let (name, field) = reader.field(cells).map_err(fail)?;
            match &mut open {
                Some((_, object)) => object.fields.push((name, field)),
                None => return Err(fail("a field outside a type".to_owned())),
            }
            continue;
        }
        if let Some((id, object)) = open.take() {
            reader.define(id, Type::Object(object));
        }
        open = reader.line(index, line).map_err(fail)?;
    }
    if let Some((id, object)) = open.take() {
        reader.define(id, Type::Object(object));
    }
    reader.finish().map_err(|message| TableError { line: count, message })
}

impl Reader {
    fn line(&mut self, index: usize, line: &'static str) -> Result<Option<(TypeId, ObjectType)>, String> {
        if index == 0 {
            let release = line.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\t'));
            self.table.release = Cow::Borrowed(release.ok_or("not a schema table of this format")?);
            return Ok(None);
        }
        let mut cells = Cells(line.split('\t'));
        match cells.next()? {
            "group" => {
                let name = cells.text()?;
                self.table.groups.push(GroupInfo { name, versions: cells.list()? });
            }
            "kind" => {
                let kind = KindInfo {
                    group: cells.text()?,
                    version: cells.text()?,
                    kind: cells.text()?,
                    ty: self.express(cells.next()?)?,
                    plural: cells.text()?,
                    singular: cells.text()?,
                    namespaced: cells.next()? == "ns",
                    short_names: cells.list()?,
                    categories: cells.list()?,
                    verbs: cells.list()?,
                    subresources: Vec::new(),
                    preferred: false,
                };
                self.table.kinds.push(kind);
            }
            "sub" => {
                let sub = Subresource {
                    name: cells.text()?,
                    group: cells.text()?,
                    version: cells.text()?,
                    kind: cells.text()?,
                    verbs: cells.list()?,
                };
                self.table.kinds.last_mut().ok_or("a subresource of nothing")?.subresources.push(sub);
            }
            "object" => {
                let key = (cells.text()?, cells.text()?, cells.text()?);
                let ty = self.express(cells.next()?)?;
                self.table.objects.insert(key, ty);
            }
            "type" => {
                let name = cells.next()?;
                let flags = cells.next()?;
                let object = ObjectType {
                    name: Cow::Borrowed(name),
                    doc: optional(cells.next()?),
                    atomic: flags.contains('a'),
                    open: flags.contains('o'),
                    embedded: false,
                    fields: Vec::new(),
                };
                return Ok(Some((self.express(name)?, object)));
            }
            other => return Err(format!("`{other}` begins no line")),
        }
        Ok(None)
    }

    fn field(&mut self, line: &'static str) -> Result<(Text, Field), String> {
        let mut cells = Cells(line.split('\t'));
        let name = cells.text()?;
        let ty = self.express(cells.next()?)?;
        let flags = cells.next()?;
        let default = match cells.next()? {
            "" => None,
            text => Some(serde_json::from_str(text).map_err(|error| error.to_string())?),
        };
        let field = Field {
            ty,
            required: flags.contains('r'),
            nullable: false,
            atomic: flags.contains('a'),
            default,
            doc: optional(cells.next()?),
        };
        Ok((name, field))
    }

    /// The type that a cell names. Each distinct form is read once.
    fn express(&mut self, text: &'static str) -> Result<TypeId, String> {
        if let Some(id) = self.expressions.get(text) {
            return Ok(*id);
        }
        let ty = match text.split_once('<').and_then(|(form, rest)| Some((form, rest.strip_suffix('>')?))) {
            Some(("list", item)) => Some(Type::List { item: self.express(item)?, merge: ListMerge::Atomic }),
            Some(("set", item)) => Some(Type::List { item: self.express(item)?, merge: ListMerge::Set }),
            Some(("keyed", rest)) => {
                let (keys, item) = rest.split_once('|').ok_or("a keyed list without keys")?;
                let keys = keys.split(',').map(Cow::Borrowed).collect();
                Some(Type::List { item: self.express(item)?, merge: ListMerge::Map(keys) })
            }
            Some(("map", value)) => Some(Type::Map { value: self.express(value)?, atomic: false }),
            Some(("atomicmap", value)) => Some(Type::Map { value: self.express(value)?, atomic: true }),
            Some((form, _)) => return Err(format!("`{form}<…>` is no type")),
            None => scalar(text),
        };
        let index = u32::try_from(self.types.len()).map_err(|error| error.to_string())?;
        let id = TypeId(index);
        if ty.is_none() {
            self.table.named.insert(Cow::Borrowed(text), id);
        }
        self.types.push(ty);
        self.expressions.insert(text, id);
        Ok(id)
    }

    fn define(&mut self, id: TypeId, ty: Type) {
        if let Some(slot) = self.types.get_mut(id.0 as usize) {
            *slot = Some(ty);
        }
    }

    fn finish(mut self) -> Result<Table, String> {
        let names: FxHashMap<TypeId, &Text> = self.table.named.iter().map(|(name, id)| (*id, name)).collect();
        let mut types = Vec::with_capacity(self.types.len());
        for (index, ty) in self.types.into_iter().enumerate() {
            let id = TypeId(u32::try_from(index).map_err(|error| error.to_string())?);
            types.push(ty.ok_or_else(|| format!("`{}` is used and not defined", names.get(&id).map_or("", |n| n)))?);
        }
        self.table.types = types;
        prefer(&mut self.table);
        Ok(self.table)
    }
}

/// Marks each resource's preferred version: the first of its group's versions that serves it.
fn prefer(table: &mut Table) {
    for group in &table.groups {
        let mut seen: Vec<Text> = Vec::new();
        for version in &group.versions {
            let here = table.kinds.iter_mut().filter(|kind| kind.group == group.name && kind.version == *version);
            for kind in here {
                if !seen.contains(&kind.plural) {
                    seen.push(kind.plural.clone());
                    kind.preferred = true;
                }
            }
        }
    }
}

fn scalar(text: &'static str) -> Option<Type> {
    Some(match text {
        "string" => Type::String { format: None, values: Vec::new() },
        "int" => Type::Integer { format: None },
        "number" => Type::Number,
        "bool" => Type::Boolean,
        "int-or-string" => Type::IntOrString,
        "quantity" => Type::Quantity,
        "time" => Type::Time,
        "any" => Type::Any,
        _ => match text.split_once(':')? {
            ("string", format) => Type::String { format: Some(Cow::Borrowed(format)), values: Vec::new() },
            ("int", format) => Type::Integer { format: Some(Cow::Borrowed(format)) },
            ("enum", values) => Type::String { format: None, values: values.split('|').map(Cow::Borrowed).collect() },
            _ => return None,
        },
    })
}

struct Cells(std::str::Split<'static, char>);

impl Cells {
    fn next(&mut self) -> Result<&'static str, &'static str> {
        self.0.next().ok_or("a cell is missing")
    }

    fn text(&mut self) -> Result<Text, &'static str> {
        self.next().map(Cow::Borrowed)
    }

    fn list(&mut self) -> Result<Vec<Text>, &'static str> {
        let cell = self.next()?;
        Ok(cell.split(',').filter(|part| !part.is_empty()).map(Cow::Borrowed).collect())
    }
}

fn optional(cell: &'static str) -> Option<Text> {
    (!cell.is_empty()).then_some(Cow::Borrowed(cell))
}
