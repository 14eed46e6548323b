//! Network policies.

use kspec_model::{LabelSelector, Labels, Object, Operator};
use serde_json::Value;

use crate::{
    Import,
    names::WORKLOADS,
    text::{is_identifier, quoted, string_list, string_record},
};

const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Import<'_> {
    pub(crate) fn network_policies(&mut self) {
        for (namespace, known) in self.names.all_namespaces() {
            let module = self.names.module_of(&namespace);
            let mut stmts: Vec<String> = Vec::new();
            let mut denies: Vec<String> = Vec::new();
            for object in self.objects_in("networking.k8s.io", "NetworkPolicy", &namespace) {
                match self.policy(&object, &namespace, &module) {
                    Ok(Stmt::Deny(text)) => denies.push(text),
                    Ok(Stmt::Policy(text)) => stmts.push(text),
                    Err(reason) => {
                        self.verbatim(&module, &object, reason);
                        continue;
                    }
                }
                self.declared();
            }
            denies.extend(stmts);
            if !denies.is_empty() {
                let place = self.refer(&module, &known);
                self.add(&module, format!("network in {place} {{\n{}\n}}", denies.join("\n")));
            }
        }
    }

    fn policy(&mut self, object: &Object, namespace: &str, module: &str) -> Result<Stmt, &'static str> {
        let spec = object.0.get("spec").cloned().unwrap_or_default();
        let ingress = spec.get("ingress").and_then(Value::as_array).cloned();
        let egress = spec.get("egress").and_then(Value::as_array).cloned();
        let types = crate::text::strings(spec.get("policyTypes"));
        // As the API server defaults them: Ingress always, Egress where there are egress rules.
        let isolates = |kind: &str, default: bool| {
            if types.is_empty() { default } else { types.iter().any(|stated| stated == kind) }
        };
        let (ingress_on, egress_on) =
            (isolates("Ingress", true), isolates("Egress", egress.as_ref().is_some_and(|rules| !rules.is_empty())));
        let pods = selector(spec.get("podSelector"))?;
        let rules = |list: &Option<Vec<Value>>| list.as_ref().is_none_or(Vec::is_empty);
        if pods.is_empty() && rules(&ingress) && rules(&egress) && (ingress_on || egress_on) {
            let word = match (ingress_on, egress_on) {
                (true, true) => "",
                (true, false) => " ingress",
                (false, _) => " egress",
            };
            return Ok(Stmt::Deny(format!("default deny{word} = {}", quoted(object.name()))));
        }
        let mut lines = Vec::new();
        for (on, list, word, far, field) in
            [(ingress_on, &ingress, "ingress", "from", "from"), (egress_on, &egress, "egress", "to", "to")]
        {
            if !on {
                continue;
            }
            let list = list.clone().unwrap_or_default();
            if list.is_empty() {
                lines.push(format!("{word} deny"));
            }
            for rule in list {
                let peers = self.peers(rule.get(field), namespace, module)?;
                let ports = ports(rule.get("ports"))?;
                lines.push(format!("{word} {far} {peers}{ports}"));
            }
        }
        if lines.is_empty() {
            return Err("it isolates nothing in either direction");
        }
        let pods = if pods.is_empty() { "all".to_owned() } else { self.pods(&pods, namespace, module)? };
        let ident = self.names.ident(object.name(), namespace);
        Ok(Stmt::Policy(format!("policy {ident} = {} for {pods} {{\n{}\n}}", quoted(object.name()), lines.join("\n"))))
    }

    fn peers(&mut self, list: Option<&Value>, namespace: &str, module: &str) -> Result<String, &'static str> {
        let list = list.and_then(Value::as_array).cloned().unwrap_or_default();
        if list.is_empty() {
            return Ok("any".to_owned());
        }
        let mut out = Vec::new();
        for peer in list {
            out.push(self.peer(&peer, namespace, module)?);
        }
        Ok(out.join(", "))
    }

    fn peer(&mut self, peer: &Value, namespace: &str, module: &str) -> Result<String, &'static str> {
        if let Some(block) = peer.get("ipBlock") {
            let cidr = block.get("cidr").and_then(Value::as_str).unwrap_or_default();
            if !std::iter::once(cidr)
                .chain(crate::text::strings(block.get("except")).iter().map(String::as_str))
                .all(is_block)
            {
                return Err(
                    "a block of addresses that is not written as its network, which Kubernetes 1.36 and newer take no more",
                );
            }
            let written = |cidr: &str| if cidr.contains(':') { quoted(cidr) } else { cidr.to_owned() };
            let except: Vec<String> =
                crate::text::strings(block.get("except")).iter().map(|cidr| written(cidr)).collect();
            let except = if except.is_empty() { String::new() } else { format!(" except {}", except.join(", ")) };
            return Ok(format!("cidr {}{except}", written(cidr)));
        }
        let pods = peer.get("podSelector").map(|value| selector(Some(value))).transpose()?;
        let Some(namespaces) = peer.get("namespaceSelector") else {
            let pods = pods.unwrap_or_default();
            return if pods.is_empty() { Ok("all".to_owned()) } else { self.pods(&pods, namespace, module) };
        };
        let namespaces = selector(Some(namespaces))?;
        let named = namespace_name(&namespaces);
        let pods = pods.filter(|pods| !pods.is_empty());
        match (named.and_then(|name| self.names.namespace(&name).cloned().map(|known| (name, known))), pods) {
            (Some((_, known)), None) => Ok(self.refer(module, &known)),
            (Some((name, known)), Some(pods)) => {
                if name != namespace
                    && let Some(workload) = self.workload(&pods, &name, module)
                {
                    return Ok(workload);
                }
                let place = self.refer(module, &known);
                Ok(format!("pods where ({}) in {place}", condition(&pods)))
            }
            (None, None) => Ok(format!("namespaces where ({})", condition(&namespaces))),
            (None, Some(pods)) => {
                Ok(format!("pods where ({}) in namespaces where ({})", condition(&pods), condition(&namespaces)))
            }
        }
    }

    /// Pods of one namespace: a workload's name where one has just these labels, else by label.
    fn pods(&mut self, pods: &LabelSelector, of: &str, module: &str) -> Result<String, &'static str> {
        if let Some(workload) = self.workload(pods, of, module) {
            return Ok(workload);
        }
        Ok(format!("pods where ({})", condition(pods)))
    }

    fn workload(&mut self, pods: &LabelSelector, namespace: &str, module: &str) -> Option<String> {
        if !pods.match_expressions.is_empty() {
            return None;
        }
        let labels: Labels = pods.match_labels.clone();
        let (known, controller, fresh) = self.names.workload(namespace, &labels)?;
        if fresh {
            let namespace = self.names.namespace(namespace)?.clone();
            let place = self.refer(WORKLOADS, &namespace);
            self.add(
                WORKLOADS,
                format!("workload {} in {place} {{ pods: {} }}", known.ident, string_record(&controller.labels)),
            );
        }
        Some(self.refer(module, &known))
    }
}

enum Stmt {
    Deny(String),
    Policy(String),
}

fn selector(value: Option<&Value>) -> Result<LabelSelector, &'static str> {
    match value {
        None | Some(Value::Null) => Ok(LabelSelector::default()),
        Some(value) => serde_json::from_value(value.clone()).map_err(|_| "a selector that Kubernetes would refuse"),
    }
}

/// Whether a block of addresses is written as its network is: a program says it in no other way.
fn is_block(text: &str) -> bool {
    let mapped =
        |block: &ipnet::IpNet| matches!(block, ipnet::IpNet::V6(block) if block.addr().to_ipv4_mapped().is_some());
    text.parse::<ipnet::IpNet>().is_ok_and(|block| block.trunc().to_string() == text && !mapped(&block))
}

/// The one namespace that a selector names by the label that Kubernetes keeps itself.
fn namespace_name(selector: &LabelSelector) -> Option<String> {
    (selector.match_expressions.is_empty() && selector.match_labels.len() == 1)
        .then(|| selector.match_labels.get(NAME_LABEL).cloned())
        .flatten()
}

/// A selector as a condition over `labels`.
fn condition(selector: &LabelSelector) -> String {
    let label =
        |key: &str| if is_identifier(key) { format!("labels.{key}") } else { format!("labels[{}]", quoted(key)) };
    let exact = selector.match_labels.iter().map(|(key, value)| format!("{} == {}", label(key), quoted(value)));
    let by_set = selector.match_expressions.iter().map(|requirement| {
        let key = &requirement.key;
        let values = string_list(requirement.values.iter().map(String::as_str));
        match requirement.operator {
            Operator::In => format!("{} in {values}", label(key)),
            Operator::NotIn => format!("!({} in {values})", label(key)),
            Operator::Exists => format!("{} in labels", quoted(key)),
            Operator::DoesNotExist => format!("!({} in labels)", quoted(key)),
        }
    });
    let parts: Vec<String> = exact.chain(by_set).collect();
    if parts.is_empty() { "true".to_owned() } else { parts.join(" && ") }
}

/// ` : 443/tcp, 8000..8100/udp`, or nothing for all ports.
fn ports(list: Option<&Value>) -> Result<String, &'static str> {
    let mut out = Vec::new();
    for port in list.and_then(Value::as_array).into_iter().flatten() {
        let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP").to_lowercase();
        out.push(match (port.get("port"), port.get("endPort").and_then(Value::as_u64)) {
            (None | Some(Value::Null), _) => protocol,
            (Some(Value::Number(first)), None) => format!("{first}/{protocol}"),
            (Some(Value::Number(first)), Some(last)) => format!("{first}..{last}/{protocol}"),
            (Some(Value::String(name)), None) if protocol == "tcp" => quoted(name),
            (Some(Value::String(name)), None) => quoted(&format!("{name}/{protocol}")),
            (Some(_), _) => return Err("a range of ports that begins with a name"),
        });
    }
    Ok(if out.is_empty() { String::new() } else { format!(" : {}", out.join(", ")) })
}
