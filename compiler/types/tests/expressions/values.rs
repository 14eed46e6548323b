//! What expressions evaluate to.

use crate::harness::run;

#[test]
fn literals() {
    insta::assert_snapshot!(run(r#"
let a = 42
let b = 0.5
let c = "text"
let d = 500m
let e = 1536Mi
let f = 2Gi
let g = 30s
let h = 90min
let i = 2027-01-31
let j = 10.20.0.0/16
let k: Cidr = "fd00::/8"
let l = 443/tcp
let m = 8000..8100/udp
let n: Port = 443
let o: Port = 8000..8100
let p: Image = "registry.example.com:5000/team/app:1.2"
let q: Duration = "1h30m"
let r: Quantity = 20
let s: "dev" | "prod" = "prod"
let t = 1..4
let u = r"a{b}\d"
"#));
}

#[test]
fn records_lists_and_maps() {
    insta::assert_snapshot!(run(r#"
let teams = [{ name: "alpha", size: 3 }, { name: "beta" }]
let first = teams.first()
let sizes = teams.map(t => t.size ?? 0)
let typed: List<{ name: String, size: Int? }> = [{ name: "gamma" }]
let labels: Map<String, String> = { app: "api", "app.kubernetes.io/part-of": "shop", requests.cpu: "x" }
let app = labels.app
let part = labels["app.kubernetes.io/part-of"]
let none = labels.tier
let tier = labels.tier ?? "backend"
let merged = labels.merge({ app: "web" }).keys()
let nested = { a: { b: [1, 2.5] } }
let b = nested.a.b[1]
let beyond = nested.a.b[7]
"#));
}

#[test]
fn operators() {
    insta::assert_snapshot!(run(r#"
param environment: "dev" | "staging" | "prod" = "prod"
let a = 1 + 2 * 3 - 7 % 4
let b = 7 / 2 == 3 && 1 < 2
let c = 1Gi > 1G && 500m < 1 && 1000m == 1
let d = 256Mi * 4 == 1Gi
let e = 7 * 1min - 30s
let f = 90min == 1h + 30min
let g = if environment == "prod" then 3 else 1
let h = !(environment in ["dev", "staging"])
let i = "a" + "b" < "b"
let j = "app" in { app: "x" }
let k = 10.20.5.0/24 in 10.20.0.0/16
let l = 443 in 1..1023
let m = [1] + [2, 3]
let n = 1Gi + 256Mi
let o = -500m
let p = 443 == 443/tcp
let q = 0.1 + 1
let r = if g > 2 then "big" else "small"
"#));
}

#[test]
fn absent_values_equal_nothing() {
    insta::assert_snapshot!(run(r#"
let m: Map<String, String> = { a: "x" }
let a = m.b == "x"
let b = m.b != "x"
let c = m.b == m.c
let d = m.b != m.c
let e = m.b.exists()
let f = m.a.exists()
let g = m.b ?? m.c ?? "z"
let h = m.b in ["x"]
let i = m.b.size() ?? 0
"#));
}

#[test]
fn methods() {
    insta::assert_snapshot!(run(r#"
let n = [3, 1, 2, 3]
let a = n.any(x => x > 2) && n.all(x => x > 0) && n.none(x => x > 5) && n.one(x => x == 1)
let b = n.filter(x => x > 1).map(x => x * 2)
let c = n.count(x => x == 3) + n.count() + n.size() + n.sum()
let d = [n.first(), n.last(), n.min(), n.max()]
let e = [n.sort(), n.distinct(), n.reverse()]
let f = [["a"], ["b", "c"]].flatten().join("-")
let g = n.contains(2) && !n.is_empty()
let h = [256Mi, 1Gi].sum()
let i = [30s, 5min].max()
let s = "Registry.example.com/App"
let j = s.lower().starts_with("registry") && s.ends_with("App") && s.contains("example")
let k = s.like("Registry.*/A?p") && s.matches("^Reg.*pp$")
let l = s.split("/").map(x => x.upper())
let m = " x ".trim() + "v1".trim_prefix("v") + "a.b".replace(".", "-") + "x-y".trim_suffix("-y")
let o = { a: 1, b: 2 }.map((k, v) => "{k}" + k).join(",")
let p = { a: 1, b: 2 }.filter((k, v) => v > 1)
let q = { a: 1 }.has("a") && { a: 1 }.any((k, v) => v == 1)
let r = { b: 1, a: 2 }.values()
let i1 = image("nginx")
let t = [i1.registry, i1.repository, i1.tag ?? "latest"]
let u = image("r.example.com/a@sha256:0000000000000000000000000000000000000000000000000000000000000000").digest.exists()
let v = [string(1), string(500m), string(1min), string(true)].join(" ")
let w = int("42") + 1
let x = quantity("1Gi") == 1024Mi
let y = cidr("fd00::/8").contains(cidr("fd00:1::/32"))
"#));
}

#[test]
fn functions() {
    insta::assert_snapshot!(run(r#"
fn double(x: Int) -> Int = x * 2
fn name_of(team: String, suffix: String = "devs", upper: Bool = false) -> String =
  if upper then team.upper() + "-" + suffix else team + "-" + suffix
fn maybe(x: Int?) -> Int = x ?? 7
fn shared(teams: List<{ name: String, size: Int? }>) -> Int = teams.map(t => t.size ?? 1).sum()
let a = double(21)
let b = name_of("a")
let c = name_of("a", upper: true, suffix: "ops")
let d = [1, 2].map(double)
let e = maybe()
let f = maybe(1)
let g = shared([{ name: "a", size: 2 }, { name: "b" }])
let h = double(double(1)) in 1..4
"#));
}

#[test]
fn entities() {
    insta::assert_snapshot!(run(r#"
namespace card_data {}
service_account runner in card_data
group devs = "oidc:devs"
user oncall = "oncall@example.com"
fn subject(s: Subject) -> String = s.name
fn home(n: Namespace, s: ServiceAccount) -> String = s.namespace + "/" + s.name + "/" + n.name
let a = card_data.name
let b = runner.namespace
let c = subject(devs)
let d = subject(runner)
let e = home(card_data, runner)
let f = [devs, oncall]
let g = devs == devs
let h = [{ name: "a", devs: devs }].map(t => t.devs.name)
"#));
}

#[test]
fn unknown_values_keep_their_types() {
    insta::assert_snapshot!(run(r#"
param n: Int
param s: String
param t: String?
param l: List<Int>
param e: "dev" | "prod"
param i: Image
let a = n + 1
let b = n < 3
let c = s + "x"
let d = t ?? "x"
let f = t == s
let g = l.map(x => x * 2).sum()
let h = l.first()
let j = if e == "dev" then 1 else 0.5
let k = { a: n }
let m = [n, 1]
let o = t.starts_with("x")
let p = i.tag
let q = l.any(x => x > n)
let r = s.split(",").size()
let u: Quantity = n
let v = string(n)
let w: String? = t
"#));
}
