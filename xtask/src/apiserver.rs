//! The flags and admission plugins of kube-apiserver by version, read from its Go source.

use std::collections::BTreeMap;

use regex::Regex;

use crate::kubernetes::{Module, RELEASES};

/// Where each module defines flags of kube-apiserver.
const FOLDERS: &[(&str, &[&str])] = &[
    (
        "kubernetes",
        &[
            "cmd/kube-apiserver/app/options",
            "pkg/controlplane/apiserver/options",
            "pkg/kubeapiserver/options",
            "plugin/pkg/admission/defaulttolerationseconds",
        ],
    ),
    ("apiserver", &["pkg/server/options", "pkg/server/options/encryptionconfig"]),
    ("component-base", &["compatibility", "featuregate", "logs/api/v1", "metrics"]),
];

/// Flags in those folders that only other servers take.
const OTHERS: &[&str] = &[
    "authentication-kubeconfig",
    "authentication-skip-lookup",
    "authentication-tolerate-lookup-failure",
    "authorization-always-allow-paths",
    "authorization-kubeconfig",
    "kubeconfig",
    "log-json-info-buffer-size",
    "log-json-split-stream",
];

/// Flags whose name or type is not in a call that names it.
const SPECIAL: &[(&str, &str)] = &[
    ("feature-gates", "map"),
    ("help", "bool"),
    ("log-flush-frequency", "duration"),
    ("log-text-info-buffer-size", "string"),
    ("oidc-required-claim", "list"),
    ("runtime-config", "map"),
    ("service-node-port-range", "string"),
    ("tls-sni-cert-key", "list"),
    ("v", "int"),
    ("version", "string"),
    ("vmodule", "string"),
];

/// The whole table: a row for each flag and plugin, with the first and the last version that has it so.
pub(crate) fn table() -> Result<String, String> {
    let mut rows: BTreeMap<[String; 3], Vec<&str>> = BTreeMap::new();
    for (version, release) in RELEASES {
        let mut here = flags(release)?;
        here.extend(plugins(&Module::fetch("kubernetes", release)?)?);
        for row in here {
            rows.entry(row).or_default().push(version);
        }
    }
    let mut lines = vec!["kspec-apiserver\t1".to_owned()];
    for (row, versions) in rows {
        let (first, last) = (versions.first().unwrap_or(&""), versions.last().unwrap_or(&""));
        lines.push(format!("{}\t{first}\t{last}", row.join("\t")));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

fn flags(release: &str) -> Result<Vec<[String; 3]>, String> {
    let call =
        pattern(r"\b\w+\.(\w*)VarP?\(\s*(?:[^,()]|\([^()]*(?:\([^()]*\)[^()]*)*\))*,\s*(?:fmt\.Sprintf\()?([^,\s)]+)")?;
    let direct = pattern(r#"\b(?:fs|flags?)\.(Bool|Int|Int64|String|Duration)P?\(("[^"]+")"#)?;
    let constant = pattern(r#"(?m)^\s*(?:const\s+)?(\w+)\s*=\s*"([^"]+)"$"#)?;
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for (module, folders) in FOLDERS {
        let module = Module::fetch(module, release)?;
        for folder in *folders {
            let sources = module.go_files(folder)?;
            let constants: BTreeMap<&str, &str> = sources
                .iter()
                .flat_map(|source| constant.captures_iter(source))
                .map(|captures| captures.extract())
                .map(|(_, [name, value])| (name, value))
                .collect();
            for source in &sources {
                for captures in call.captures_iter(source).chain(direct.captures_iter(source)) {
                    let (_, [method, name]) = captures.extract();
                    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
                    let Some(name) = quoted.or_else(|| constants.get(name).copied()) else {
                        continue;
                    };
                    for name in spelled_out(name) {
                        found.insert(name, kind(method).to_owned());
                    }
                }
            }
        }
    }
    found.extend(SPECIAL.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())));
    found.retain(|name, _| !OTHERS.contains(&name.as_str()));
    if let Some((name, _)) = found.iter().find(|(_, kind)| kind.is_empty()) {
        return Err(format!("{release}: the type of --{name} is not in its call; name it in SPECIAL"));
    }
    Ok(found.into_iter().map(|(name, kind)| ["flag".to_owned(), name, kind]).collect())
}

/// The audit backends share the code that defines their flags.
fn spelled_out(name: &str) -> Vec<String> {
    if name.contains("%s") {
        return ["log", "webhook"].iter().map(|backend| name.replace("%s", backend)).collect();
    }
    vec![name.to_owned()]
}

fn kind(method: &str) -> &'static str {
    match method {
        "Bool" => "bool",
        "Int" | "Int64" | "Uint" => "int",
        "Float32" | "Float64" => "float",
        "String" => "string",
        "StringSlice" | "Int32Slice" => "commas",
        "StringArray" => "list",
        "StringToString" => "map",
        "Duration" => "duration",
        "IP" => "ip",
        _ => "",
    }
}

fn plugins(module: &Module) -> Result<Vec<[String; 3]>, String> {
    let source = module.text("pkg/kubeapiserver/options/plugins.go")?;
    let named = pattern(r"PluginName,\s*// (\w+)")?;
    let names = |start: &str, end: &str| -> Vec<String> {
        let part = source.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map_or("", |(part, _)| part);
        named.captures_iter(part).filter_map(|captures| Some(captures.get(1)?.as_str().to_owned())).collect()
    };
    let on: Vec<String> = names("defaultOnPlugins := ", "\n\t)").iter().map(|name| name.to_lowercase()).collect();
    let all = names("var AllOrderedPlugins", "\n}");
    if on.is_empty() || all.is_empty() {
        return Err("plugins.go does not list its plugins where it did".to_owned());
    }
    let state = |name: &str| if on.contains(&name.to_lowercase()) { "on" } else { "off" };
    Ok(all.into_iter().map(|name| ["plugin".to_owned(), name.clone(), state(&name).to_owned()]).collect())
}

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}
