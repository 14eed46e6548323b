//! What is reported about expressions that are wrong.

use crate::harness::findings;

#[test]
fn names_and_fields() {
    insta::assert_snapshot!(findings(
        r#"
let environment = "prod"
let team = { name: "a", size: 3 }
let a = enviroment
let b = team.nam
let c = environment.size
let d = environment.length()
let e = team.keys().lenght()
let f = imag("x")
let g = nobody(enviroment)
let h = team["nmae"]
let i = a + 1
let j: Strng = "x"
let k: List = []
let l: Map<Int, Int> = {}
let m = image
let n = 3.x
"#
    ));
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(findings(
        r#"
param environment: "dev" | "staging" | "prod"
let a: Int = "3"
let b: String = 3
let c: Bool = "true"
let d = 1 + "a"
let e = 1 < "a"
let f = 1 == "a"
let g = environment == "stagin"
let h: "dev" | "prod" = "prd"
let i: List<String> = "a"
let j: List<String> = ["a", 1]
let k = [1, "a"]
let l = if true then 1 else "a"
let m = if 1 then 2 else 3
let n = 1 && true
let o = -"x"
let p = "a" in "abc"
let q = "a" in [1, 2]
let r = x => x
let s: { name: String, size: Int? } = { name: "a", sise: 2 }
let t: { name: String, size: Int } = { name: "a" }
let u = { a: 1, a: 2 }
let v = [1].map(x => x.y)
let w = [1].map(3)
let x = [1].any(x => x)
let y = "prod".matches("(")
let z: Regex = "(?=x)"
let ab: "dev" | "prod" = prod
let ac = { a: 1, b: "x" }.values()
let ad = "nginx:1".tag
let aa: Image = "Nginx:latest"
"#
    ));
}

#[test]
fn wrong_units() {
    insta::assert_snapshot!(findings(
        r#"
let a: Duration = 5m
let b: Duration = 5
let c: Quantity = 5min
let d: Quantity = "512Mi"
let e: Int = 512Mi
let f: Duration = "five"
let g: Map<String, Quantity> = { cpu: 2Gi, memory: 10m, pods: 1.5, requests.cpu: 0.0001, limits.memory: -1, "requests.nvidia.com/gpu": 500m }
let h = 512MB
let i = 5secs
let j = 3 < 5m && 5min < 5m
let k: Duration = 5Gi
"#
    ));
}

#[test]
fn bad_values() {
    insta::assert_snapshot!(findings(
        r#"
let a = 2027-02-30
let b = 10.20.5.1/16
let c: Cidr = "fd00::1/8"
let d: Cidr = "10.0.0.1"
let e = 10.0.0.0/33
let f: Port = 70000
let g: Port = 0
let h = 8100..8000/tcp
let i = 0/udp
let j = 1 / 0
let k = 9223372036854775807 + 1
let l = 1..100000
let m = int("x")
let n = 99999999999Ei
"#
    ));
}

#[test]
fn absent_values() {
    insta::assert_snapshot!(findings(
        r#"
param t: String?
param n: Int?
param b: Bool?
param l: List<String>?
let a = n < 3
let c = n + 1
let d: String = t
let e = if b then 1 else 2
let f = !b && true
let ff = b || (t.starts_with("x"))
let g = t.size() > 3
let h = l.any(x => x == "a")
let i = [1].filter(x => b)
let j = n == 1 && t != "x"
let k = { x: n }.x + 1
let m = "x".exists()
let o = 3.size()
let p: Map<String, String> = {}
let q = p.a + "x"
"#
    ));
}

#[test]
fn calls() {
    insta::assert_snapshot!(findings(
        r#"
group devs = "devs"
user ann = "ann"
fn double(x: Int) -> Int = x * 2
fn greet(name: String, group: Group) -> String = name + group.name
fn bad(x: Int) -> String = x
fn loop(x: Int) -> Int = loop(x)
fn half(x: Int) -> Int = 10 / x
fn late(x: Int, y: Int = "z") -> Int = x + y
let a = double()
let b = double(1, 2)
let c = double("1")
let d = double(y: 1)
let e = double(1, x: 2)
let f = greet("a", ann)
let g = greet(grup: devs, name: "x")
let h = bad(1)
let i = half(0)
let j = devs("x")
let k = [1, 2].map(greet)
let l = [1].any()
let m = { a: 1 }.any(x => x > 0)
let n = "a".contains(text: "b")
let o = 3("x")
let p = "x".replace("a")
"#
    ));
}

#[test]
fn an_error_is_reported_once() {
    insta::assert_snapshot!(findings(
        r#"
fn f(x: String) -> String = x.uper()
let a = missing
let b = a + 1
let c = [a, 1].map(x => x + 1)
let d = f("x") + f("y") + 1
let e = { x: a }.x.y
let g = if a then 1 else 2
let h = [1, 2, 3].map(x => x.y)
"#
    ));
}
