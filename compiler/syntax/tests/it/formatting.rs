//! The canonical layout, on texts that are anything but.

use kspec_syntax::{format, format_lossy};

const MESSY: &str = include_str!("../fixtures/messy.kspec");

#[test]
fn of_a_messy_text() {
    let formatted = format(MESSY).unwrap();
    insta::assert_snapshot!(formatted);
    assert_eq!(format(&formatted).unwrap(), formatted);
}

#[test]
fn of_all_other_forms() {
    insta::assert_snapshot!(format(crate::example::FORMS).unwrap());
}

#[test]
fn what_cannot_be_read_stays_as_it_is() {
    let text = "namespace   a\nrole r in a {\n   alow get   on pods\n}\n\n\n\nnamespace   b\n";
    assert_eq!(format_lossy(text), "namespace a\nrole r in a {\n   alow get   on pods\n}\n\nnamespace b\n");
    let errors = format(text).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(&text[errors[0].span.start as usize..errors[0].span.end as usize], "alow");
}

#[test]
fn an_indented_declaration_moves_to_column_0() {
    assert_eq!(
        format("namespace a\n  namespace b {\n    automount_token: false\n  }\n").unwrap(),
        "namespace a\nnamespace b {\n  automount_token: false\n}\n"
    );
}

#[test]
fn nothing_stays_nothing() {
    assert_eq!(format("").unwrap(), "");
    assert_eq!(format("\n\n").unwrap(), "");
    assert_eq!(format("// only\n\n\n// comments").unwrap(), "// only\n\n// comments\n");
}

#[test]
fn a_line_never_ends_inside_a_resource() {
    let text = "role r {\n  allow get, list, watch on pods/attach, pods/exec, pods/portforward, pods/proxy, secrets, services/proxy, persistentvolumeclaims/status\n}\n";
    let formatted = kspec_syntax::format(text).expect("it is well formed");
    assert!(formatted.lines().all(|line| !line.ends_with('/')), "{formatted}");
    assert_eq!(kspec_syntax::format(&formatted).as_deref().ok(), Some(formatted.as_str()));
}
