//! Functions.

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
        cx.defining(def.decl, |cx| {
            cx.labelled(Some(def.decl), || format!("its result is `{}`", def.result), |cx| {
                eval(&def.body, Some(&def.result), cx)
            })
        });
    });
}
