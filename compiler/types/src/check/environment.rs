//! What a rule's or mutation's body can name.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::rules::{Operation, Root, Target};
use kspec_schema::{KindInfo, Type as Shape, TypeId};
use kspec_syntax::tree::{KindRef, Param};

use crate::{Cx, EntityKind, KubeType, Type, Value, eval, ty};

/// A kind that a rule or mutation is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnKind {
    /// The type of the object in a request.
    pub ty: KubeType,
    /// API group of the resource; empty for the core group.
    pub group: Arc<str>,
    /// API version of the resource.
    pub version: Arc<str>,
    /// Plural name of the resource.
    pub resource: Arc<str>,
    /// Subresource, where one is named.
    pub subresource: Option<Arc<str>>,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Where it is named.
    pub span: Span,
}

impl OnKind {
    /// The target of this kind as it is named: its object is the request's, and each is judged.
    #[must_use]
    pub fn target(&self, operations: BTreeSet<Operation>, body: usize) -> Target {
        Target {
            group: self.group.to_string(),
            version: self.version.to_string(),
            resource: self.resource.to_string(),
            subresource: self.subresource.as_deref().map(str::to_owned),
            kind: self.ty.name.to_string(),
            namespaced: self.namespaced,
            operations,
            template: Vec::new(),
            advisory: false,
            applies: None,
            body,
        }
    }

    /// The creation of its objects.
    pub(crate) fn creation(&self) -> Target {
        self.target([Operation::Create].into(), 0)
    }
}

/// The kinds of `on Pod, Ingress`; reports those that the server does not know.
pub fn on_kinds(on: &[KindRef], cx: &mut Cx<'_>) -> Vec<OnKind> {
    on.iter().filter_map(|kind| resolve(kind, cx)).collect()
}

/// As [`on_kinds`], for checks.
pub(super) fn kinds(on: &[KindRef], cx: &mut Cx<'_>) -> Vec<OnKind> {
    on_kinds(on, cx)
}

fn resolve(kind: &KindRef, cx: &mut Cx<'_>) -> Option<OnKind> {
    let schema = cx.schema;
    let (whole, subresource) = match kind.text.split_once('/') {
        Some((whole, subresource)) => (whole, Some(subresource)),
        None => (&*kind.text, None),
    };
    let (name, group) = match whole.split_once('.') {
        Some((name, group)) => (name, Some(group)),
        None => (whole, None),
    };
    let fits = |info: &&KindInfo| info.preferred && group.is_none_or(|group| info.group == group);
    let found: Vec<&KindInfo> = schema.kinds_named(name).filter(fits).collect();
    let info = match found.as_slice() {
        [] => {
            let mut finding =
                Finding::new(codes::UNKNOWN_RESOURCE, format!("there is no kind `{whole}`"), cx.at(kind.span));
            if let Some(meant) = schema.suggest_kind(name) {
                finding = finding.because(format!("did you mean `{meant}`?")).fix(
                    format!("write `{meant}`"),
                    cx.at(kind.span),
                    meant,
                );
            }
            cx.report(finding);
            return None;
        }
        // What is in the core group and another one as well (events) is meant as everybody means it.
        [first, ..] if found.len() == 1 || first.group.is_empty() => *first,
        several => {
            let names: Vec<String> = several.iter().map(|info| format!("\"{}.{}\"", info.kind, info.group)).collect();
            let finding = Finding::new(
                codes::UNKNOWN_RESOURCE,
                format!("`{name}` is a kind of several groups"),
                cx.at(kind.span),
            )
            .help(format!("say which: {}", names.join(", ")));
            cx.report(finding);
            return None;
        }
    };
    let Some(subresource) = subresource else {
        return Some(on_kind(info, None, KubeType { id: info.ty, name: name.into() }, kind.span));
    };
    let Some(part) = info.subresource(subresource) else {
        let names: Vec<&str> = info.subresources.iter().map(|part| part.name.as_ref()).collect();
        let message = format!("`{name}` has no subresource `{subresource}`");
        let mut finding = Finding::new(codes::UNKNOWN_RESOURCE, message, cx.at(kind.span));
        if !names.is_empty() {
            finding = finding.help(format!("there is {}", crate::report::listing(&names)));
        }
        cx.report(finding);
        return None;
    };
    let id = schema.object_type(&part.group, &part.version, &part.kind).unwrap_or(info.ty);
    Some(on_kind(info, Some(subresource), KubeType { id, name: part.kind.as_ref().into() }, kind.span))
}

fn on_kind(info: &KindInfo, subresource: Option<&str>, ty: KubeType, span: Span) -> OnKind {
    OnKind {
        ty,
        group: Arc::from(&*info.group),
        version: Arc::from(&*info.version),
        resource: Arc::from(&*info.plural),
        subresource: subresource.map(Arc::from),
        namespaced: info.namespaced,
        span,
    }
}

/// Checks a body once for each kind; what is found for several is reported once. `containers` and its like are bound for
/// kinds that have a pod's template.
pub(super) fn for_each_kind(kinds: &[OnKind], params: &[Param], cx: &mut Cx<'_>, mut body: impl FnMut(&mut Cx<'_>)) {
    let bound = cx.bound();
    for param in params {
        let of = ty(&param.ty, cx);
        if let Some(default) = &param.default {
            eval(default, Some(&of), cx);
        }
        let at = cx.at(param.name.span);
        cx.bind(&param.name.text, Value::Unknown(of), Some(at));
    }
    let before = cx.findings.len();
    let bound_params = cx.bound();
    for kind in kinds {
        let seen = cx.findings.len();
        bind(kind, cx);
        body(cx);
        cx.unbind(bound_params);
        let new = cx.findings.split_off(seen);
        for finding in new {
            let place = |finding: &Finding| finding.labels.first().map(|label| label.place.clone());
            let known =
                cx.findings.iter().skip(before).any(|old| old.code == finding.code && place(old) == place(&finding));
            if !known {
                cx.findings.push(finding);
            }
        }
    }
    cx.unbind(bound);
}

fn bind(kind: &OnKind, cx: &mut Cx<'_>) {
    for (name, ty, _) in kind.roots(cx) {
        cx.bind(&Arc::from(name), Value::Unknown(ty), None);
    }
    for (name, ty) in kind.lists(cx) {
        cx.bind(&Arc::from(name), Value::Unknown(ty), None);
    }
}

impl OnKind {
    /// What every body can name, and the part of the request that it is; `cluster` is none.
    pub(crate) fn roots(&self, cx: &Cx<'_>) -> Vec<(&'static str, Type, Option<Root>)> {
        let object = self.object();
        let mut roots = vec![
            ("object", object.clone(), Some(Root::Object)),
            ("old", object.optional(), Some(Root::Old)),
            ("request", REQUEST.clone(), Some(Root::Request)),
            ("cluster", Type::Entity(EntityKind::Cluster), None),
        ];
        if let Some(id) = cx.schema.object_type("", "v1", "Namespace") {
            let ty = Type::Kube(KubeType { id, name: "Namespace".into() });
            roots.push(("namespace", if self.namespaced { ty } else { ty.optional() }, Some(Root::Namespace)));
        }
        roots
    }

    /// The type of the object in a request.
    fn object(&self) -> Type {
        connect_options(&self.ty.name).unwrap_or_else(|| Type::Kube(self.ty.clone()))
    }

    /// The lists of containers, for kinds that have a pod's specification.
    pub(crate) fn lists(&self, cx: &Cx<'_>) -> Vec<(&'static str, Type)> {
        // Who connects to a pod says options, and no pod.
        if options(&self.ty.name).is_some() {
            return Vec::new();
        }
        let Some((spec, _)) = pod_spec(self.ty.id, cx) else { return Vec::new() };
        let item = |field: &str| {
            let found = cx.schema.object(spec)?.field(field)?.ty;
            match Type::of_schema(cx.schema, found) {
                Type::List(item) => Some(*item),
                _ => None,
            }
        };
        let (container, ephemeral) = (item("containers"), item("ephemeralContainers"));
        let lists = [
            ("containers", container.clone()),
            ("init_containers", container.clone()),
            ("ephemeral_containers", ephemeral),
            // Ephemeral containers have an ordinary one's fields, and one more.
            ("all_containers", container),
        ];
        lists.into_iter().filter_map(|(name, item)| Some((name, Type::list(item?)))).collect()
    }

    /// The path to the pod's specification; empty for kinds that have none.
    pub(crate) fn pod_path(&self, cx: &Cx<'_>) -> &'static [&'static str] {
        pod_spec(self.ty.id, cx).map(|(_, path)| path).unwrap_or_default()
    }
}

/// The type of what a CONNECT says, by the kind of its object: `PodExecOptions`; none for what is no such kind.
#[must_use]
pub fn connect_options(kind: &str) -> Option<Type> {
    let fields = options(kind)?.iter().map(|(name, ty)| (Arc::from(*name), ty().optional()));
    Some(Type::record(fields))
}

/// A field's name and type.
type OptionField = (&'static str, fn() -> Type);

/// What a CONNECT says, by kind: query parameters, which OpenAPI has no types of.
/// Source: k8s.io/api v0.36, `core/v1/types.go`.
fn options(kind: &str) -> Option<&'static [OptionField]> {
    const EXEC: [OptionField; 6] = [
        ("stdin", || Type::Bool),
        ("stdout", || Type::Bool),
        ("stderr", || Type::Bool),
        ("tty", || Type::Bool),
        ("container", || Type::String),
        ("command", || Type::list(Type::String)),
    ];
    match kind {
        "PodExecOptions" => Some(&EXEC),
        "PodAttachOptions" => EXEC.get(..5),
        "PodPortForwardOptions" => Some(&[("ports", || Type::list(Type::Int))]),
        "PodProxyOptions" | "ServiceProxyOptions" | "NodeProxyOptions" => Some(&[("path", || Type::String)]),
        _ => None,
    }
}

/// The pod's specification inside a kind, and the path to it: its own, its template's, or its job's.
fn pod_spec(id: TypeId, cx: &Cx<'_>) -> Option<(TypeId, &'static [&'static str])> {
    const PATHS: [&[&str]; 4] = [
        &["spec"],
        &["spec", "template", "spec"],
        &["template", "spec"],
        &["spec", "jobTemplate", "spec", "template", "spec"],
    ];
    let field = |id: TypeId, path: &[&str]| {
        path.iter().try_fold(id, |id, name| match cx.schema.ty(id) {
            Shape::Object(object) => object.field(name).map(|field| field.ty),
            _ => None,
        })
    };
    PATHS
        .into_iter()
        .filter_map(|path| Some((field(id, path)?, path)))
        .find(|(spec, _)| field(*spec, &["ephemeralContainers"]).is_some())
}

/// The type of the request, the same for every body.
static REQUEST: LazyLock<Type> = LazyLock::new(request);

/// What the API server says of the request: `AdmissionRequest`'s fields, as CEL has them.
fn request() -> Type {
    let record = |fields: &[(&str, Type)]| Type::record(fields.iter().map(|(name, ty)| (Arc::from(*name), ty.clone())));
    let named = |part: &str| record(&[("group", Type::String), ("version", Type::String), (part, Type::String)]);
    let user = record(&[
        ("username", Type::String),
        ("uid", Type::String.optional()),
        ("groups", Type::list(Type::String).optional()),
        ("extra", Type::map(Type::list(Type::String)).optional()),
    ]);
    record(&[
        ("operation", Type::literals(["CREATE", "UPDATE", "DELETE", "CONNECT"])),
        ("userInfo", user),
        ("name", Type::String.optional()),
        ("namespace", Type::String.optional()),
        ("kind", named("kind")),
        // What the client wrote, before it was converted to what the rule is on.
        ("requestKind", named("kind").optional()),
        ("resource", named("resource")),
        ("subResource", Type::String.optional()),
        ("dryRun", Type::Bool.optional()),
    ])
}
