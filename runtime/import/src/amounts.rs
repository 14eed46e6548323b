//! Quotas and limits: as declarations where the language takes their amounts, else as they are.

use std::collections::BTreeMap;

use kspec_model::{Object, ObjectKey};
use serde_json::Value;

use crate::{
    Import,
    probe::complaints,
    text::{key, quantity, quantity_record, quoted, string_list, strings, value},
    verbatim::manifest,
};

/// How an object of this family is written.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// As statements of its namespace.
    Declared(Vec<String>),
    /// Whole, and why.
    Verbatim(String),
    /// Not at all, and why.
    LeftOut(String),
}

impl Import<'_> {
    /// Settles how every quota and limit range is written, asking the compiler about all of them at once.
    pub(crate) fn settle_amounts(&mut self) {
        let mut said: BTreeMap<ObjectKey, Said> = BTreeMap::new();
        let mut pieces = BTreeMap::new();
        let mut asked: BTreeMap<String, (ObjectKey, bool)> = BTreeMap::new();
        let objects = self.objects("", "ResourceQuota").into_iter().chain(self.objects("", "LimitRange"));
        for (number, object) in objects.enumerate() {
            let statements = if object.kind() == "ResourceQuota" { quota(&object) } else { limits(&object) };
            let whole = format!("whole_{number}");
            pieces.insert(whole.clone(), manifest(&object));
            asked.insert(whole, (object.key(), true));
            match statements {
                Ok(statements) => {
                    let piece = format!("said_{number}");
                    pieces.insert(
                        piece.clone(),
                        format!("namespace probe_{number} = \"probe-{number}\" {{\n{}\n}}\n", statements.join("\n")),
                    );
                    asked.insert(piece, (object.key(), false));
                    said.insert(object.key(), Said::Declared(statements));
                }
                Err(nothing @ "it limits nothing") => {
                    said.insert(object.key(), Said::LeftOut(nothing.to_owned()));
                }
                Err(reason) => {
                    said.insert(object.key(), Said::Verbatim(reason.to_owned()));
                }
            }
        }
        let complaints = complaints(self.kubernetes, &pieces);
        let (complaints, asked) = (&complaints, &asked);
        let of = |whole: bool| {
            complaints.iter().filter_map(move |complaint| {
                asked.get(&complaint.piece).filter(|asked| asked.1 == whole).map(|asked| (&asked.0, &complaint.message))
            })
        };
        for (key, message) in of(false) {
            said.insert(key.clone(), Said::Verbatim(message.clone()));
        }
        for (key, message) in of(true) {
            if matches!(said.get(key), Some(Said::Verbatim(_))) {
                said.insert(key.clone(), Said::LeftOut(message.clone()));
            }
        }
        self.amounts = said;
    }

    /// Statements for the quotas and limits of a namespace; what is not said so is written whole beside it.
    pub(crate) fn amounts_in(&mut self, namespace: &str, module: &str) -> Vec<String> {
        let mut out = Vec::new();
        for kind in ["ResourceQuota", "LimitRange"] {
            for object in self.objects_in("", kind, namespace) {
                match self.amounts.get(&object.key()).cloned() {
                    Some(Said::Declared(statements)) => {
                        out.extend(statements);
                        self.declared();
                    }
                    Some(Said::LeftOut(reason)) => self.left_out(&object.key(), &reason),
                    Some(Said::Verbatim(reason)) => self.verbatim(module, &object, &reason),
                    None => {}
                }
            }
        }
        out
    }

    /// Quotas and limits of a namespace that the state does not hold stay as objects: there is no declaration to put them
    /// in.
    pub(crate) fn amounts_elsewhere(&mut self, namespace: &str, module: &str) {
        for kind in ["ResourceQuota", "LimitRange"] {
            for object in self.objects_in("", kind, namespace) {
                match self.amounts.get(&object.key()).cloned() {
                    Some(Said::LeftOut(reason)) => self.left_out(&object.key(), &reason),
                    _ => self.verbatim(module, &object, "its namespace is not in the state"),
                }
            }
        }
    }
}

fn quota(object: &Object) -> Result<Vec<String>, &'static str> {
    let mut fields = Vec::new();
    for (name, amount) in object.0.pointer("/spec/hard").and_then(Value::as_object).into_iter().flatten() {
        let amount = quantity(amount).ok_or("an amount that is neither a number nor a text")?;
        fields.push(format!("{}: {amount}", key(name)));
    }
    let scopes = strings(object.0.pointer("/spec/scopes"));
    if !scopes.is_empty() {
        fields.push(format!("scopes: {}", string_list(scopes.iter().map(String::as_str))));
    }
    if let Some(selector) = object.0.pointer("/spec/scopeSelector") {
        fields.push(format!("scope_selector: {}", value(selector)));
    }
    Ok(vec![format!("quota {} {{ {} }}", quoted(object.name()), fields.join(", "))])
}

fn limits(object: &Object) -> Result<Vec<String>, &'static str> {
    let limits = object.0.pointer("/spec/limits").and_then(Value::as_array);
    let Some(limits) = limits.filter(|limits| !limits.is_empty()) else { return Err("it limits nothing") };
    let mut out = Vec::new();
    for limit in limits {
        let word = match limit.get("type").and_then(Value::as_str) {
            Some("Container") => "container",
            Some("Pod") => "pod",
            Some("PersistentVolumeClaim") => "persistent_volume_claim",
            _ => return Err("a limit of a type that Kubernetes does not enforce"),
        };
        let mut fields = Vec::new();
        for (name, kube) in [
            ("default", "default"),
            ("default_request", "defaultRequest"),
            ("min", "min"),
            ("max", "max"),
            ("max_limit_request_ratio", "maxLimitRequestRatio"),
        ] {
            if let Some(amounts) = limit.get(kube).filter(|amounts| !amounts.is_null()) {
                let amounts = quantity_record(amounts).ok_or("an amount that is neither a number nor a text")?;
                fields.push(format!("{name}: {amounts}"));
            }
        }
        out.push(format!("limits {word} {} {{ {} }}", quoted(object.name()), fields.join(", ")));
    }
    Ok(out)
}
