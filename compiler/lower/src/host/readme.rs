//! The README of the host folder: where each file goes, in which order, and how a key is rotated.

use std::fmt::Write;

use kspec_model::program::{EncryptionProvider, View};

use super::{
    FOLDER, HostSettings,
    encryption::keys,
    flags::{self, path},
};

/// The README. Writing to a String cannot fail, so results are dropped.
pub(super) fn readme(program: &View<'_>, settings: &HostSettings, kubernetes: &str) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "# Host files of {}\n\n\
         For every control-plane host of a Kubernetes {kubernetes} cluster. The files refer to each other by the paths below;\n\
         a server that finds a path missing does not start, so files come first and flags last.\n\n\
         ## Where each goes\n\n\
         | file | goes to | mode |\n| --- | --- | --- |",
        program.project.name
    );
    for (file, to, mode) in places(program, settings) {
        let _ = writeln!(text, "| `{file}` | {to} | {mode} |");
    }
    let _ = writeln!(text, "\n## In which order\n");
    for (number, step) in (1..).zip(steps(program, settings)) {
        let _ = writeln!(text, "{number}. {step}");
    }
    if let Some(server) = program.api_server.as_ref().filter(|server| !server.host_paths.is_empty()) {
        let _ = writeln!(
            text,
            "\n## What you bring\n\nThe flags name these; kspec does not write them.\n\n| path | is |\n| --- | --- |"
        );
        for (path, purpose) in &server.host_paths {
            let _ = writeln!(text, "| `{path}` | {purpose} |");
        }
    }
    if program.encryption.is_some() {
        text.push_str(&rotation(program, settings));
    }
    text
}

fn places(program: &View<'_>, settings: &HostSettings) -> Vec<(&'static str, String, &'static str)> {
    let mut places = Vec::new();
    if let Some(encryption) = &program.encryption {
        let output = path(&settings.flags, flags::ENCRYPTION);
        if keys(encryption).is_empty() {
            places.push(("encryption.yaml", format!("`{output}`"), "0600"));
        } else {
            places.push(("encryption.template.yaml", format!("`{FOLDER}/`"), "0600"));
            places.push(("render-encryption.sh", format!("`{FOLDER}/`; writes `{output}`"), "0700"));
        }
    }
    if settings.audit.is_some() {
        places.push(("audit-policy.yaml", format!("`{}`", path(&settings.flags, flags::AUDIT)), "0600"));
    }
    if settings.authentication.is_some() {
        places.push(("authentication.yaml", format!("`{}`", path(&settings.flags, flags::AUTHENTICATION)), "0600"));
    }
    places.push(("kube-apiserver-flags", "the command line of kube-apiserver, one flag a line".to_owned(), ""));
    places.push((
        "kubeadm.yaml",
        "with kubeadm: merged into its ClusterConfiguration, instead of `kube-apiserver-flags`".to_owned(),
        "",
    ));
    places
}

fn steps(program: &View<'_>, settings: &HostSettings) -> Vec<String> {
    let mut steps = vec![format!("On each host: `install -d -m 0700 {FOLDER} {FOLDER}/keys`.")];
    if let Some(encryption) = &program.encryption {
        let names: Vec<&str> = keys(encryption).into_keys().collect();
        if !names.is_empty() {
            let list = names.iter().map(|name| format!("`{FOLDER}/keys/{name}`")).collect::<Vec<_>>().join(", ");
            steps.push(format!(
                "Once, on one host, for each key that does not exist yet ({list}): `(umask 077; head -c 32 /dev/urandom | base64 > FILE)`. \
                 Copy the same files to the other hosts over a channel that you trust, and keep a copy where the etcd backups are not: \
                 without the keys what they encrypted is lost."
            ));
        }
        if encryption
            .rules
            .iter()
            .flat_map(|rule| &rule.providers)
            .any(|provider| matches!(provider, EncryptionProvider::Kms { .. }))
        {
            steps.push(
                "On each host: have the KMS plugin run and its socket exist before the API server starts.".to_owned(),
            );
        }
    }
    steps.push("On each host: put the files of the table in their places.".to_owned());
    if program.encryption.as_ref().is_some_and(|encryption| !keys(encryption).is_empty()) {
        steps.push(format!("On each host: `{FOLDER}/render-encryption.sh`. It refuses a key that others may read, or of a wrong length."));
    }
    if let Some((folder, _)) = settings
        .flags
        .get("audit-log-path")
        .and_then(|path| path.rsplit_once('/'))
        .filter(|(folder, _)| !folder.is_empty())
    {
        // A folder that is there may be others' too: `install -d` would take it from them.
        steps.push(format!("On each host, for the audit log: `[ -d {folder} ] || install -d -m 0700 {folder}`."));
    }
    let said: Vec<&str> = ["anonymous-auth", "oidc-issuer-url", "authorization-config"]
        .into_iter()
        .filter(|flag| settings.excludes(flag).is_some())
        .collect();
    if !said.is_empty() {
        let flags: Vec<String> = said
            .into_iter()
            .map(|flag| if flag == "oidc-issuer-url" { "`--oidc-…`".to_owned() } else { format!("`--{flag}`") })
            .collect();
        steps.push(format!(
            "With the flags of the next step, take these off the command line where they stand: {}. The API server does not start with both.",
            flags.join(", ")
        ));
    }
    steps.push("One host at a time: set the flags, let the API server restart, and wait until its `/readyz` answers `ok` before the next.".to_owned());
    if program.encryption.is_some() {
        steps.push("When every API server runs with the new encryption file: rewrite what is stored (below), since only what is written from then on is encrypted.".to_owned());
    }
    steps
}

fn rotation(program: &View<'_>, settings: &HostSettings) -> String {
    let mut text = String::from(
        "\n## Rewriting what is stored\n\nEach object is encrypted when it is written. Read and write all of them, once:\n\n```sh\n",
    );
    let resources = program.encryption.iter().flat_map(|encryption| &encryption.rules).flat_map(|rule| &rule.resources);
    let mut seen = Vec::new();
    for resource in resources {
        if seen.contains(&resource) {
            continue;
        }
        seen.push(resource);
        let _ = match resource.strip_prefix("*.") {
            None => writeln!(text, "kubectl get {resource} --all-namespaces -o json | kubectl replace -f -"),
            Some(group) => {
                let filter = match group {
                    "*" => String::new(),
                    group => format!(" --api-group={group}"),
                };
                writeln!(
                    text,
                    "kubectl api-resources{filter} --verbs=list,update -o name | while read -r resource; do\n  \
                     kubectl get \"$resource\" --all-namespaces -o json | kubectl replace -f -\ndone"
                )
            }
        };
    }
    text.push_str("```\n\nA conflict means that somebody wrote the object in between, and so encrypted it: run it again for what is left.\n");
    let names = program.encryption.map(keys).unwrap_or_default();
    if names.is_empty() {
        return text;
    }
    let _ = writeln!(
        text,
        "\n## Rotating a key\n\n\
         The first key of the first provider writes; all of them read. Every API server must be able to read what any other writes,\n\
         so a key arrives before it writes and leaves after nothing needs it. After each of these edits: `kspec compile`, copy the\n\
         template, run `render-encryption.sh` on every host (it writes `{}`), and restart every API server.\n\n\
         1. Add the new key *second*: `aescbc(\"old\", \"new\")`.\n\
         2. Only when all API servers run with it, make it first: `aescbc(\"new\", \"old\")`.\n\
         3. Rewrite what is stored, as above.\n\
         4. Only when that is done everywhere, and no backup that you may restore needs the old key, drop it: `aescbc(\"new\")`.\n\n\
         To change the provider rather than the key, do the same with providers: the new one second, then first, rewrite, drop the\n\
         old one. To begin with data in plain text, keep `identity` last until all of it has been rewritten.",
        path(&settings.flags, flags::ENCRYPTION)
    );
    text
}
