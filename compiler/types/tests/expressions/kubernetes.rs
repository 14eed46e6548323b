//! Expressions over Kubernetes' types.

use crate::harness::{findings, run};

#[test]
fn a_rule_is_checked() {
    insta::assert_snapshot!(findings(
        r#"
let environment = "dev"
rule sound(allowed: List<String>, port: Int = 1024) on Pod {
  severity: high
  let hosts = allowed.map(a => a.lower())
  for c in all_containers {
    deny if c.ports.any(p => p.containerPort < port) because "{c.name} listens below {port}"
    deny if c.securityContext.privileged ?? false because "{c.name} in {object.metadata.name ?? object.metadata.generateName ?? namespace.metadata.name ?? environment}"
    deny unless image(c.image ?? "").registry in hosts
    deny if c.resources.limits.memory == 256Mi || (c.resources.limits["memory"] ?? 0) > 1Gi
    warn if c.imagePullPolicy != "Always"
  }
  deny if namespace.metadata.labels.environment == "prod" && request.operation == "CREATE"
  deny if old.spec.nodeName.exists() && request.userInfo.groups.any(g => g == "system:nodes")
  deny if object.spec.volumes.any(v => v.hostPath.exists())
  deny if cluster.all(Service).none(s => s.spec.selector.app == object.metadata.labels.app)
}
"#
    ));
    insta::assert_snapshot!(findings(
        r#"
rule wrong on Pod {
  severity: severe
  sevrity: high
  for c in all_containers {
    deny if c.securityContext.runAsNonRot != true
    deny if c.securityContext.privileged
    deny if c.ports.any(p => p.hostPort < 1024)
    deny if c.imagePullPolicy == "Allways"
    deny if c.resources.limits.memory == "1Gi"
    deny if c.resources.limits.memory > 1Gi because "{c.resources} of {c.name} {c.workingDir}"
    deny if c.readinessProbe
    deny if c.image.tag == "latest"
  }
  for x in object.metadata.labels { deny if x == "a" }
  deny if request.operation == "CREAT"
  deny if cluster.all(Servise).any(s => true)
  deny if object.specs.nodeName == "x"
}

rule nowhere on Pods, Deployment/scal { deny }

rule several on Deployment, Ingress {
  deny if object.spec.replicas == 1
  deny if object.metadta.name == "x"
  for c in containers { deny if c.name == "x" }
}
"#
    ));
}

#[test]
fn a_mutation_is_checked() {
    insta::assert_snapshot!(findings(
        r#"
mutation sound on Pod {
  for c in init_containers, containers {
    default c.resources.limits.memory: 256Mi
    default c.securityContext.readOnlyRootFilesystem: true
    append c.env: { name: "A", value: "b" }
    remove c.livenessProbe if c.name == "x"
  }
  set object.spec.automountServiceAccountToken: false
  default object.metadata.labels["a/b"]: "c"
  if object.spec.hostNetwork ?? false {
    append object.spec.tolerations: [{ key: "k", operator: "Exists" }]
  }
}

mutation wrong(n: Int) on Pod {
  for c in containers {
    default c.resources.limits.memory: 256m
    default c.resources.limits.cpu: 1Gi
    set c.securityContext.readOnlyRootFilesystem: "yes"
    set c.securityContext.readOnly: true
    append c.image: "x"
    append c.env: { nam: "A" }
    remove c.name
  }
  set n: 3
  set request.namespace: "x"
  for g in request.userInfo.groups { set g: "x" }
}
"#
    ));
}

#[test]
fn an_object_is_checked_and_written() {
    insta::assert_snapshot!(run(r#"
namespace card_data {}
service_account runner in card_data
let replicas = 3
let tier: Map<String, String> = {}
manifest {
  apiVersion: "apps/v1"
  kind: "Deployment"
  metadata: { name: "api", namespace: card_data, labels: { app: "api", "a.b/c": "d", tier: tier.none } }
  spec: {
    replicas: replicas
    selector: { matchLabels: { app: "api" } }
    strategy: { rollingUpdate: { maxSurge: "25%", maxUnavailable: 0 } }
    template: {
      metadata: { labels: { app: "api" } }
      spec: {
        serviceAccountName: runner
        terminationGracePeriodSeconds: 1min
        containers: [{
          name: "api"
          image: "registry.example.com/api:1"
          ports: [{ containerPort: 8080 }]
          resources: { limits: { cpu: 0.5, memory: "1024Mi" }, requests: { cpu: 100m } }
          readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 5 }
        }]
      }
    }
  }
}
"#));
    insta::assert_snapshot!(findings(
        r#"
manifest { kind: "Pod" }
manifest { apiVersion: "v1", kind: "Deployment", metadata: { name: "x" } }
manifest { apiVersion: "v1", kind: "Podd" }
manifest { apiVersion: "v1", kind: "ConfigMap", data: { a: "b" } }
manifest {
  apiVersion: "v1"
  kind: "Pod"
  metadata: { name: "x", lables: { a: "b" }, annotations: { n: 3 } }
  spec: {
    containers: [{ image: "x", imagePullPolicy: "Sometimes", resources: { limits: { memory: 512m } }, ports: [{ containerPort: "80" }] }]
    hostNetwork: "true"
    restartPolicy: never
  }
}
manifest {
  apiVersion: "v1"
  kind: "Service"
  metadata: { name: "x" }
  spec: { ports: [{ port: 80 }, { port: 80, name: "again" }, { port: 99999999999, name: "wide" }] }
}
manifest { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" }, binaryData: { a: "not base64!" } }
manifest { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "x" }, spec: { replicas: 1 } }
"#
    ));
}

#[test]
fn functions_take_kubernetes_types() {
    insta::assert_snapshot!(run(r#"
fn memory(c: Container) -> Quantity = c.resources.limits.memory ?? 0
fn pods(d: Deployment) -> Int = d.spec.replicas ?? 1
fn wrong(c: Container) -> String = c.imag ?? ""
let a = memory({ name: "a", resources: { limits: { memory: 1Gi } } })
let b = memory({ name: "a" })
let c = memory({ nam: "a" })
let d = [{ name: "a", image: "x" }].map(memory)
"#));
}
