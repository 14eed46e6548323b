//! Functions.

use kspec_diagnostics::{Finding, Label, Place, codes};

use crate::{Cx, FnDef, Value, eval};

/// Checks a function's body against its parameters' and result's types, and its parameters' defaults.
pub fn check_fn(def: &FnDef, cx: &mut Cx<'_>) {
    cx.in_module(Some(&def.module), def.item, None, |cx| {
        for param in &def.params {
            if let Some(default) = &param.default {
                eval(default, Some(&param.ty), cx);
            }
        }
        for param in &def.params {
            cx.bind(&param.name, Value::Unknown(param.ty.clone()), Some(def.decl));
        }
        let before = cx.findings.len();
        cx.defining(def.decl, |cx| eval(&def.body, Some(&def.result), cx));
        // A result of the wrong type concerns the type that is stated, too.
        let body = Place::from(cx.at(def.body.span));
        let of_body = |finding: &&mut Finding| {
            matches!(finding.code, codes::WRONG_TYPE | codes::WRONG_KIND | codes::WRONG_UNIT | codes::OPTIONAL_VALUE)
                && finding.labels.first().is_some_and(|label| label.place == body)
        };
        for finding in cx.findings.iter_mut().skip(before).filter(of_body) {
            let text = format!("its result is `{}`", def.result);
            let place = Place::from(def.decl);
            finding.labels.retain(|label| label.place != place);
            finding.labels.push(Label { place, text });
        }
    });
}
