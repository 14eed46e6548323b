//! CEL over a pod of which a part is known: what is certain, and what nobody can tell.

use kspec_rules::{
    cel,
    partial::{Known, Part},
};
use proptest::{prelude::*, sample::select};
use serde_json::json;

/// What a policy would make of a pod with a privileged container, everything else unknown; `null` is what is not certain.
fn of(expression: &str) -> Option<bool> {
    let spec = json!({
        "containers": [{ "securityContext": { "privileged": true, "capabilities": { "add": ["SYS_ADMIN"] } } }], "hostPID": true,
    });
    let object = Part::open(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec }));
    let request = Part::open(&json!({ "operation": "CREATE" })).with("name", Part::OtherText("web".into()));
    let namespace = Part::closed(&json!({ "metadata": { "name": "shop", "labels": { "tier": "gold" } } }));
    let known = Known { object: &object, old: &Part::Absent, request: &request, namespace: &namespace };
    known.holds(&[], &cel::read(expression)?)
}

#[test]
fn what_is_known_decides() {
    for (expression, expected) in [
        ("true", Some(true)),
        ("object.spec.hostPID", Some(true)),
        ("object.spec.hostPID == false || false", Some(false)),
        ("object.spec.hostIPC", None),
        ("object.spec.hostIPC && !object.spec.hostPID", Some(false)),
        ("object.spec.hostIPC || object.spec.hostPID", Some(true)),
        ("has(object.spec.hostPID)", Some(true)),
        ("has(object.spec.hostIPC)", None),
        ("object.spec.containers.all(c, !c.securityContext.privileged)", Some(false)),
        ("object.spec.containers.all(c, c.securityContext.privileged)", None),
        ("object.spec.containers.exists(c, c.securityContext.privileged)", Some(true)),
        ("object.spec.containers.exists(c, c.tty)", None),
        ("size(object.spec.containers) > 0", Some(true)),
        ("size(object.spec.containers) == 1", None),
        ("0 == object.spec.containers.filter(c, c.securityContext.privileged).size()", Some(false)),
        ("object.spec.containers.exists_one(c, c.securityContext.privileged)", None),
        ("object.spec.containers[0].securityContext.privileged", None),
        ("'SYS_ADMIN' in object.spec.containers.map(c, c.securityContext.capabilities.add).map(l, l[0])", None),
        ("object.spec.containers.exists(c, 'SYS_ADMIN' in c.securityContext.capabilities.add)", Some(true)),
        ("object.spec.?containers.orValue([]).all(c, c.?tty.orValue(false))", None),
        // What no item changes.
        ("object.spec.containers.exists(c, c.name in [])", Some(false)),
        ("object.spec.containers.all(c, !(c.name in []))", Some(true)),
        ("object.spec.volumes.exists(v, v.name in [])", Some(false)),
        ("object.spec.volumes.all(v, !(v.name in []))", Some(true)),
        ("object.spec.volumes.exists(v, !(v.name in []))", None),
        ("object.spec.volumes.all(v, v.name in [])", None),
        ("object.spec.volumes.filter(v, v.name in []).size() == 0", None),
        // A text that is known by what it is not.
        ("request.name == 'web'", Some(false)),
        ("'web' != request.name", Some(true)),
        ("request.name in ['web']", Some(false)),
        ("request.name == 'db'", None),
        ("request.name != 'db'", None),
        ("request.name in ['web', 'db']", None),
        ("request.name == ''", None),
        ("request.name.startsWith('w')", None),
        ("size(request.name) == 3", None),
        ("string(request.name) == 'web'", Some(false)),
        ("oldObject == null", Some(true)),
        ("oldObject.?spec.hasValue()", Some(false)),
        // What an optional holds may be `null`, or an optional that holds nothing.
        ("optional.of(null).hasValue()", Some(true)),
        ("{'a': null}.?a.hasValue()", Some(true)),
        ("{'a': null}.?b.hasValue()", Some(false)),
        ("has({'a': null}.a)", Some(true)),
        ("optional.of(null).orValue('x') == null", Some(true)),
        ("{'a': null}.?a.orValue('x') == 'x'", Some(false)),
        ("optional.ofNonZeroValue(null).hasValue()", Some(false)),
        ("optional.none().hasValue()", Some(false)),
        ("optional.none() == optional.none()", Some(true)),
        ("optional.of(optional.none()).hasValue()", None),
        ("optional.of('').hasValue()", Some(true)),
        ("object.spec.hostPID == null", Some(false)),
        ("null in [null]", Some(true)),
        ("request.operation in ['CREATE', \"UPDATE\"]", Some(true)),
        ("request.operation == 'DELETE' ? true : object.kind != r'Pod'", Some(false)),
        ("namespaceObject.metadata.labels.tier == 'gold'", Some(true)),
        ("'other' in namespaceObject.metadata.labels", Some(false)),
        // A fault in the cluster.
        ("namespaceObject.metadata.labels.other == 'gold'", None),
        ("namespaceObject.metadata.labels[?'other'].orValue('none') == 'none'", Some(true)),
        ("cel.bind(x, object.spec.hostPID, x && x)", Some(true)),
        ("params.hostPID == object.spec.hostPID", None),
        ("[1, 2].map(i, i > 1, 'a').join(', ') == ''", Some(false)),
        ("object.metadata.name.matches('^a')", None),
        ("-1 < 2 && 0x10 != 3u", None),
        ("{'a': object.spec.hostPID}.a // a comment", Some(true)),
        // No CEL.
        ("object.spec.", None),
        ("a b", None),
        ("'open", None),
    ] {
        assert_eq!(of(expression), expected, "{expression}");
    }
}

#[test]
fn what_is_too_deep_is_not_read() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("a(", ")"), ("a.all(b, ", ")"), ("{'a': ", "}")]
    {
        assert_eq!(cel::read(&format!("{}true{}", open.repeat(20_000), close.repeat(20_000))), None, "{open}");
    }
    for link in [".a", "[0]", " == a", " + a", ".?a", ".filter(x, x)"] {
        assert_eq!(cel::read(&format!("a{}", link.repeat(20_000))), None, "{link}");
        assert!(cel::read(&format!("a{}", link.repeat(5))).is_some(), "{link}");
    }
    // A list of many is not deep.
    assert!(cel::read(&format!("true{}", " || a.b == 'c'".repeat(1_000))).is_some());
}

#[test]
fn a_question_ends() {
    let list = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]";
    let nested = (0..12).fold("false".to_owned(), |inside, at| format!("{list}.exists(x{at}, {inside})"));
    assert_eq!(of(&nested), None);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(words in prop::collection::vec(select(WORDS), 0..40)) {
        let text = words.concat();
        let _ = of(&text);
    }

    #[test]
    fn any_characters_are(text in ".{0,40}") {
        let _ = of(&text);
    }
}

const WORDS: &[&str] = &[
    "object",
    ".spec",
    ".containers",
    ".all(",
    "c, ",
    "c",
    ")",
    "(",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "?",
    ".?",
    "[?",
    "!",
    "-",
    "+",
    "==",
    "!=",
    "<",
    " in ",
    "&&",
    "||",
    "'a'",
    "\"",
    "'''",
    "r'",
    "b'",
    "1",
    "0x",
    "1.5e-3",
    "has(",
    "size(",
    "true",
    "null",
    ".map(c,",
    "cel.bind(x,",
    "//",
    "\n",
    "\\",
    "é",
];

/// What an expression takes from outside, as `name` or `name.field`.
fn drawn(expression: &str) -> Option<Vec<String>> {
    let text = |cel::Drawn { name, field, ranged }: cel::Drawn| {
        let name = field.map_or(name.clone(), |field| format!("{name}.{field}"));
        if ranged { format!("{name}[]") } else { name }
    };
    Some(cel::drawn(expression)?.into_iter().map(text).collect())
}

#[test]
fn variables_are_told_from_what_macros_bind() {
    for (expression, expected) in [
        ("claims.email", Some(vec!["claims.email"])),
        ("claims.?email.orValue('') + claims[\"sub\"]", Some(vec!["claims", "claims.email"])),
        ("has(claims.email) && size(x) > 1", Some(vec!["claims.email", "x"])),
        ("user.groups.all(g, !g.startsWith('system:'))", Some(vec!["user.groups[]"])),
        ("user.extra.all(k, v, v.size() > 0 && k != other)", Some(vec!["other", "user.extra[]"])),
        ("cel.bind(x, claims.a, x + x)", Some(vec!["cel", "claims.a"])),
        ("claims.email.split('@')[0] == 'caf\\u00e9'", Some(vec!["claims.email"])),
        ("r'\\d' == '\\x41\\101'", Some(vec![])),
        (
            "claims['a'].b.map(x, x) == dyn(claims.c).map(x, x) && claims.all(k, k != '')",
            Some(vec!["claims", "claims[]", "claims.c"]),
        ),
        ("claims.sub + ", None),
        ("'\\u00'", None),
        ("claims..email", None),
    ] {
        let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect());
        assert_eq!(drawn(expression), expected, "{expression}");
    }
}
