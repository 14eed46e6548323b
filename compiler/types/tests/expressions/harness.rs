//! A scope of `let`, `fn` and `param` declarations, and findings as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use kspec_diagnostics::{Edit, FileId, Finding, Fix, ItemId, Location, Place, SourceFile, SourceMap};
use kspec_schema::{KubeVersion, Schema};
use kspec_syntax::tree::{ItemKind, Path};
use kspec_types::{
    Cx, EntityKind, EntityRef, FnDef, FnParam, Lookup, Scope, Type, Value, check_fn, check_mutation, check_object,
    check_rule, eval, to_json, ty, type_of,
};

#[derive(Default)]
struct Names {
    values: BTreeMap<Arc<str>, (Value, Location)>,
    types: BTreeMap<Arc<str>, Type>,
}

#[derive(Default)]
struct World(Mutex<Names>);

impl Scope for World {
    fn lookup(&self, name: &str) -> Lookup {
        let names = self.0.lock().unwrap();
        names.values.get(name).map_or(Lookup::Unknown, |(value, _)| Lookup::Found(value.clone()))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.lock().unwrap().values.keys().cloned().collect()
    }

    fn declared(&self, name: &str) -> Option<Location> {
        self.0.lock().unwrap().values.get(name).map(|(_, at)| *at)
    }

    fn declared_type(&self, name: &str) -> Option<Type> {
        self.0.lock().unwrap().types.get(name).cloned()
    }
}

impl World {
    fn set(&self, name: &Arc<str>, value: Value, at: Location) {
        self.0.lock().unwrap().values.insert(Arc::clone(name), (value, at));
    }
}

/// Evaluates a module's declarations in their order: each `let`'s value, then the findings.
pub(crate) fn run(source: &str) -> String {
    let (values, findings) = run_both(source);
    format!("{values}{findings}")
}

/// The findings' text alone.
pub(crate) fn findings(source: &str) -> String {
    mends(source);
    run_both(source).1
}

fn run_both(source: &str) -> (String, String) {
    let (out, findings, sources) = evaluate(source);
    let mut text = String::new();
    for finding in &findings {
        render(finding, &sources, &mut text);
    }
    (out, text)
}

fn evaluate(source: &str) -> (String, Vec<Finding>, SourceMap) {
    let schema = Schema::bundled(KubeVersion::V1_36);
    let world = World::default();
    let mut sources = SourceMap::default();
    sources.set_file(FileId(0), SourceFile::new("test.kspec", source));
    let mut findings = Vec::new();
    let mut out = String::new();
    let module = kspec_syntax::parse_module(source);
    for (index, (offset, parsed)) in (0..).zip(&module.items) {
        let item = ItemId(index);
        sources.set_item(item, FileId(0), *offset);
        for error in &parsed.errors {
            findings.push(error.clone().into_finding(item));
        }
        let mut cx = Cx::new(&world, item, &schema, &mut findings);
        declare(&parsed.item.kind, &world, &mut cx, &mut out);
    }
    (out, findings, sources)
}

fn declare(kind: &ItemKind, world: &World, cx: &mut Cx<'_>, out: &mut String) {
    match kind {
        ItemKind::Let(node) => {
            let expected = node.ty.as_ref().map(|of| ty(of, cx));
            let value = eval(&node.value, expected.as_ref(), cx);
            writeln!(out, "{} = {} : {}", node.name.text, show(&value), type_of(&value)).unwrap();
            world.set(&node.name.text, value, cx.at(node.name.span));
        }
        // A parameter without a default is one of which only the type is known.
        ItemKind::Param(node) => {
            let of = ty(&node.ty, cx);
            let value = match &node.default {
                Some(default) => eval(default, Some(&of), cx),
                None => Value::Unknown(of.clone()),
            };
            world.set(&node.name.text, value, cx.at(node.name.span));
            world.0.lock().unwrap().types.insert(node.name.text.clone(), of);
        }
        ItemKind::Fn(node) => {
            let params = node.params.iter().map(|param| FnParam {
                name: param.name.text.clone(),
                ty: ty(&param.ty, cx),
                default: param.default.clone().map(Arc::new),
            });
            let params = params.collect();
            let def = FnDef {
                name: node.name.text.clone(),
                params,
                result: ty(&node.result, cx),
                body: Arc::new(node.body.clone()),
                item: cx.item,
                module: Arc::from("test"),
                decl: cx.at(node.name.span),
            };
            let at = cx.at(node.name.span);
            world.set(&node.name.text, Value::Function(Arc::new(def.clone())), at);
            check_fn(&def, cx);
        }
        ItemKind::Principal(node) => {
            let kind = if node.group { EntityKind::Group } else { EntityKind::User };
            entity(kind, None, &node.name.text, &node.value.value, cx.at(node.name.span), world);
        }
        ItemKind::Namespace(node) => {
            entity(EntityKind::Namespace, None, &node.name.text, &node.name.text, cx.at(node.name.span), world);
        }
        ItemKind::ServiceAccount(node) => {
            let namespace = last(&node.namespace);
            entity(
                EntityKind::ServiceAccount,
                Some(namespace),
                &node.name.text,
                &node.name.text,
                cx.at(node.name.span),
                world,
            );
        }
        ItemKind::Manifest(node) => {
            let object = check_object(&node.body, node.body.span, cx);
            if let Some(object) = object {
                writeln!(out, "{}", serde_json::to_string_pretty(&object).unwrap()).unwrap();
            }
        }
        ItemKind::Rule(node) => check_rule(node, cx),
        ItemKind::Mutation(node) => check_mutation(node, cx),
        _ => {}
    }
}

/// The findings' text, whatever their mends do.
pub(crate) fn reported(source: &str) -> String {
    run_both(source).1
}

/// Applies each finding's first mend on its own and evaluates again: what it said must be gone. (Something that it
/// silenced may be said instead.)
pub(crate) fn mends(source: &str) {
    let (_, findings, sources) = evaluate(source);
    let count = |findings: &[Finding], sources: &SourceMap, of: (&str, u32)| {
        let line = |finding: &Finding| sources.position(&finding.labels[0].place).unwrap().line;
        findings.iter().filter(|finding| (finding.message.as_str(), line(finding)) == of).count()
    };
    for finding in &findings {
        let Some(fix) = finding.fixes.first() else { continue };
        let of = (finding.message.as_str(), sources.position(&finding.labels[0].place).unwrap().line);
        let fixed = apply(fix, source, &sources);
        let (_, after, fixed_sources) = evaluate(&fixed);
        assert!(
            count(&after, &fixed_sources, of) < count(&findings, &sources, of),
            "`{}` mends nothing of `{}`:\n{fixed}\n{after:#?}",
            fix.title,
            finding.message
        );
    }
}

fn apply(fix: &Fix, source: &str, sources: &SourceMap) -> String {
    let range = |edit: &Edit| sources.absolute(edit.location).unwrap().2;
    let mut edits: Vec<_> = fix.edits.iter().map(|edit| (range(edit), &edit.text)).collect();
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut fixed = source.to_owned();
    for (range, text) in edits.iter().rev() {
        fixed.replace_range(range.start as usize..range.end as usize, text);
    }
    fixed
}

fn entity(kind: EntityKind, namespace: Option<Arc<str>>, name: &Arc<str>, kube: &str, at: Location, world: &World) {
    let name_in_kube = kube.replace('_', "-").into();
    let decl = Some(at);
    world.set(
        name,
        Value::Entity(EntityRef { kind, namespace, name: name_in_kube, decl, existing: false, members: None }),
        at,
    );
}

fn last(path: &Path) -> Arc<str> {
    path.segments.last().map(|segment| segment.text.clone()).unwrap_or_default()
}

/// A value as text: JSON where it has one.
fn show(value: &Value) -> String {
    match value {
        Value::Unknown(_) => "…".to_owned(),
        Value::Error => "(reported)".to_owned(),
        Value::Absent => "absent".to_owned(),
        Value::Entity(entity) => format!("{} {}", entity.kind.name(), entity.name),
        Value::Function(def) => format!("fn {}", def.name),
        Value::List(items) if to_json(value).is_none() => {
            let items: Vec<String> = items.iter().map(show).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Record(fields) | Value::Map(fields) | Value::Object(_, fields) if to_json(value).is_none() => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {}", show(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        value => to_json(value).unwrap().to_string(),
    }
}

fn render(finding: &Finding, sources: &SourceMap, out: &mut String) {
    writeln!(out, "{}: {}", finding.code, finding.message).unwrap();
    for label in &finding.labels {
        let Place::Source(at) = &label.place else { panic!("a finding outside the source") };
        let (_, file, range) = sources.absolute(*at).unwrap();
        let (line, _) = file.line_column(range.start);
        let underlined = &file.text[range.start as usize..range.end as usize];
        let text = if label.text.is_empty() { String::new() } else { format!(" -- {}", label.text) };
        writeln!(out, "  {line}: `{underlined}`{text}").unwrap();
    }
    if let Some(help) = &finding.help {
        writeln!(out, "  help: {help}").unwrap();
    }
    for fix in &finding.fixes {
        let source = &sources.files().next().unwrap().1.text;
        let fixed = apply(fix, source, sources);
        // A mend may stand elsewhere; show the line that it changes.
        let changed = fixed.lines().zip(source.lines()).find(|(new, old)| new != old);
        let line = changed.map(|(new, _)| new).unwrap_or_default();
        writeln!(out, "  fix: {}: {}", fix.title, line.trim()).unwrap();
    }
}
