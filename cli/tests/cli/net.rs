//! Questions about connectivity.

use crate::support::{DAY, Place};

const STATE: [&str; 2] = ["--state", "examples/shop/state"];

fn ask(place: &Place, arguments: &[&str]) -> crate::support::Done {
    let all: Vec<&str> = ["net"].iter().chain(arguments).chain(&STATE).copied().collect();
    place.kspec(&all)
}

/// One pod in each of two namespaces, and what else is given.
fn two(more: &str) -> Place {
    let pod = |namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: p, namespace: {namespace} }}\nspec: {{ containers: [{{ name: c, image: i }}] }}\n---\n"
        )
    };
    Place::with(&[("state/all.yaml", &format!("{}{}{}{more}", pod("a"), pod("b"), pod("c")))])
}

#[test]
fn rows_as_netpol_analyzer_writes_them() {
    let place = Place::with_examples();
    let done = ask(&place, &["reach", "-o", "csv"]).ends(0);
    insta::assert_snapshot!(done.out);
    let document = ask(&place, &["reach", "-o", "json"]).ends(0).json();
    let rows = document["rows"].as_array().expect("rows");
    assert_eq!(rows.len() + 1, done.out.lines().count());
    let row = rows.iter().find(|row| row["dst"] == "shop/cart[Deployment]").expect("a row");
    assert_eq!(row["because"], serde_json::json!(["NetworkPolicy shop/allow-same-namespace"]));
    assert_eq!(document["internet"][0]["because"], serde_json::json!(["Service edge/gateway", "Ingress edge/shop"]));
    ask(&place, &["reach"]).ends(0).says(&["internet → edge/gateway[Deployment] : TCP 8443"]);
}

#[test]
fn ports_with_commas_are_quoted() {
    let place = two(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: one, namespace: b }\nspec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }, { port: 443, endPort: 445 }, { port: 53, protocol: UDP }] }] }\n",
    );
    let done = place.kspec(&["net", "reach", "-o", "csv", "--state", "state"]).ends(0);
    done.says(&["a/p[Pod],b/p[Pod],\"TCP 80,443-445,UDP 53\"\n", "b/p[Pod],a/p[Pod],All Connections\n"]);
}

#[test]
fn a_probe_says_who_denies() {
    let place = Place::with_examples();
    let denied = ["--from", "shop/frontend", "--to", "payments/ledger-db[StatefulSet]", "--port", "5432"];
    let done = ask(&place, &[&["probe", "-o", "json"][..], &denied].concat()).ends(1).json();
    assert_eq!((&done["allowed"], &done["protocol"], &done["port"]), (&false.into(), &"TCP".into(), &5432.into()));
    let because = serde_json::json!([{ "side": "ingress", "effect": "denies", "why": "no_rule", "object": "NetworkPolicy payments/default-deny" }]);
    assert_eq!(done["because"], because);
    ask(&place, &["probe", "--from", "shop/frontend", "--to", "shop/cart", "--port", "80/tcp"]).ends(0).says(&["yes"]);
    ask(&place, &["probe", "--from", "internet", "--to", "edge/gateway", "--port", "8443"]).ends(0);
    ask(&place, &["probe", "--from", "internet", "--to", "edge/gateway", "--port", "22"]).ends(1);
    ask(&place, &["probe", "--from", "203.0.113.9", "--to", "shop/cart", "--port", "80"]).ends(1);
    ask(&place, &["probe", "--from", "edge/gateway", "--to", "internet", "--port", "443"]).ends(0);
}

#[test]
fn an_explanation_tells_both_sides_and_what_would_turn_it_round() {
    let place = Place::with_examples();
    let denied =
        ask(&place, &["explain", "--from", "shop/frontend", "--to", "payments/ledger-db", "--port", "5432"]).ends(1);
    let allowed = ask(&place, &["explain", "--from", "shop/frontend", "--to", "shop/cart", "--port", "80"]).ends(0);
    let open = ask(&place, &["explain", "--from", "edge/gateway", "--to", "platform/metrics", "--port", "80"]).ends(0);
    insta::assert_snapshot!([denied.out, allowed.out, open.out].join("\n"));
}

#[test]
fn a_batch_is_answered_line_by_line() {
    let place = Place::with_examples();
    let questions = "{\"src\": \"shop/frontend\", \"dst\": \"shop/cart\", \"port\": 80}\n\n{\"src\": \"shop/frontend\", \"dst\": \"payments/fraud\", \"protocol\": \"udp\", \"port\": 53}\n";
    let done = place.kspec_reading(&["net", "probe", "--batch", "-", STATE[0], STATE[1]], questions).ends(0);
    let answers: Vec<serde_json::Value> =
        done.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let allowed: Vec<_> = answers.iter().map(|answer| answer["allowed"].as_bool()).collect();
    assert_eq!(allowed, [Some(true), Some(false)]);
    let wrong = "{\"src\": \"shop/frontend\"}\n";
    place
        .kspec_reading(&["net", "probe", "--batch", "-", STATE[0], STATE[1]], wrong)
        .ends(6)
        .says(&["-:1: missing field `dst`"]);
}

#[test]
fn what_is_not_evaluated_is_unknown_where_it_may_matter() {
    let scoped =
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: { name: one, namespace: b }\nspec: {}\n";
    let place = two(scoped);
    let probe = |place: &Place, to: &str| {
        place.kspec(&["net", "probe", "--from", "a/p", "--to", to, "--port", "80", "--state", "state"])
    };
    probe(&place, "b/p").ends(6).says(&["unknown", "CiliumNetworkPolicy b/one is not evaluated"]);
    probe(&place, "c/p").ends(0).says(&["yes"]);
    let done = place.kspec(&["net", "reach", "-o", "csv", "--state", "state"]).ends(6);
    assert!(done.out.contains("a/p[Pod],c/p[Pod]"), "{}", done.out);
    assert!(!done.out.contains("b/p"), "{}", done.out);
    let everywhere = "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: { name: one }\nspec: {}\n";
    probe(&two(everywhere), "c/p").ends(6);
}

#[test]
fn who_cannot_be_found_is_named() {
    let place = Place::with_examples();
    let probe = |from: &str| ask(&place, &["probe", "--from", from, "--to", "shop/cart", "--port", "80"]);
    probe("shop/nobody").ends(6).says(&["there is no workload shop/nobody"]);
    probe("payments/frontend").ends(6).says(&["there is shop/frontend[Deployment]"]);
    probe("node/absent").ends(6).says(&["node absent is no end of a connection", "no node is known"]);
    let to = ask(&place, &["explain", "--from", "shop/cart", "--to", "node/worker-1", "--port", "80"]);
    to.ends(6).says(&["node worker-1 is no end of a connection", "name one of its addresses"]);
    probe("frontend").ends(6).says(&["neither NAMESPACE/NAME[Kind], nor an address, nor internet"]);
    let port = ask(&place, &["probe", "--from", "shop/cart", "--to", "shop/frontend", "--port", "80/icmp"]);
    port.ends(64).says(&["`icmp` is none of the protocols TCP, UDP and SCTP"]);
    ask(&place, &["probe", "--from", "10.0.0.1", "--to", "internet", "--port", "80"]).ends(64).says(&["outside"]);
}

#[test]
fn two_states_or_a_program_are_compared() {
    let place = Place::with_examples();
    place.write("other/none.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n");
    ask(&place, &["diff", "--to", "examples/shop/state"]).ends(0).says(&["no difference in connectivity"]);
    ask(&place, &["diff", "--to", "other"]).ends(0).says(&["- closes"]);
    let project = ["diff", "--project", "examples/shop", "--env", "prod", "--as-of", DAY];
    let document = ask(&place, &[&project[..], &["-o", "json"]].concat()).ends(0).json();
    let plan = place.kspec(&["plan", "examples/shop", "--env", "prod", "--as-of", DAY, "-o", "json"]).ends(0).json();
    for side in ["opened", "closed"] {
        assert_eq!(document[side], plan["connectivity"][side]);
    }
    ask(&place, &["diff"]).ends(64).says(&["to which state?"]);
}

/// A ClusterNetworkPolicy for the pods of a namespace, with its egress rules.
fn of_admins(name: &str, tier: &str, priority: u16, egress: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{ name: {name} }}\nspec: {{ tier: {tier}, priority: {priority}, subject: {{ namespaces: {{ matchLabels: {{ kubernetes.io/metadata.name: a }} }} }}, egress: [{egress}] }}\n---\n"
    )
}

const TO_B: &str = "to: [{ namespaces: { matchLabels: { kubernetes.io/metadata.name: b } } }]";

#[test]
fn administrators_policies_come_before_and_after() {
    let deny = of_admins(
        "deny-b",
        "Admin",
        5,
        &format!("{{ action: Deny, {TO_B}, protocols: [{{ tcp: {{ destinationPort: {{ number: 80 }} }} }}] }}"),
    );
    let pass = of_admins("pass-b", "Admin", 3, &format!("{{ action: Pass, {TO_B} }}"));
    let baseline = of_admins("closed", "Baseline", 0, "{ action: Deny, to: [{ networks: [0.0.0.0/0, \"::/0\"] }] }");
    let explain = |more: &[&str], port: &str, code: i32| {
        let place = two(&more.concat());
        let done = place.kspec(&["net", "explain", "--from", "a/p", "--to", "b/p", "--port", port, "--state", "state"]);
        done.ends(code).out
    };
    let texts = [
        explain(&[&deny], "80", 1),
        explain(&[&deny], "81", 0),
        explain(&[&deny, &pass], "80", 0),
        explain(&[&deny, &pass, &baseline], "80", 1),
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn what_is_not_defined_is_unknown() {
    let one = of_admins("one", "Admin", 5, &format!("{{ action: Deny, {TO_B} }}"));
    let other = of_admins("other", "Admin", 5, &format!("{{ action: Accept, {TO_B} }}"));
    let some = of_admins("some", "Admin", 5, "{ action: Deny, to: [{ networks: [10.0.0.0/8] }] }");
    let probe = |place: &Place, to: &str| {
        place.kspec(&["net", "explain", "--from", "a/p", "--to", to, "--port", "80", "--state", "state"])
    };
    let place = two(&[one.as_str(), &other].concat());
    probe(&place, "c/p").ends(0);
    let tied = probe(&place, "b/p").ends(6);
    let reach = place.kspec(&["net", "reach", "--state", "state"]).ends(6);
    let document = place.kspec(&["net", "reach", "-o", "json", "--state", "state"]).ends(6).json();
    let row = serde_json::json!({ "src": "a/p[Pod]", "dst": "b/p[Pod]", "conn": "All Connections", "because": ["ClusterNetworkPolicy one", "ClusterNetworkPolicy other"] });
    assert_eq!(document["ambiguous"], serde_json::json!([row]));
    // Whether a pod has an address there nobody knows; an address itself is known.
    let place = two(&some);
    let vague = probe(&place, "b/p").ends(6);
    probe(&place, "10.1.2.3").ends(1);
    probe(&place, "11.1.2.3").ends(0);
    insta::assert_snapshot!([tied.out, tied.err, reach.out, vague.out].join("\n"));
}

#[test]
fn a_difference_says_what_is_not_defined_in_it() {
    let one = of_admins("one", "Admin", 5, &format!("{{ action: Deny, {TO_B} }}"));
    let other = of_admins("other", "Admin", 5, &format!("{{ action: Accept, {TO_B} }}"));
    let place = two(&one);
    place.write("later/all.yaml", place.read("state/all.yaml") + &other);
    let done = place.kspec(&["net", "diff", "--state", "later", "--to", "state"]).ends(6);
    let done = done.says(&["what ClusterNetworkPolicy other makes of some connections is not defined"]);
    assert!(!done.out.contains("not evaluated") && !done.err.contains("not evaluated"), "{}{}", done.out, done.err);
    let document = place.kspec(&["net", "diff", "-o", "json", "--state", "later", "--to", "state"]).ends(6).json();
    let tied = serde_json::json!(["ClusterNetworkPolicy one", "ClusterNetworkPolicy other"]);
    assert_eq!((&document["ambiguous_because"], &document["unknown_because"]), (&tied, &tied));
}

#[test]
fn a_pod_reaches_itself_and_two_pods_of_a_workload_as_policies_allow() {
    const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: closed, namespace: b }\nspec: { podSelector: {} }\n---\n";
    const WEB: &str = "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: { name: web, namespace: b, uid: u }\nspec: { selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } } } }\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: web-x, namespace: b, labels: { app: web }, ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true }] }\n";
    let place = two(&[POLICY, WEB].concat());
    let explain = |end: &str, code: i32| {
        let ends = ["--from", end, "--to", end, "--port", "80", "--state", "state"];
        place.kspec(&[&["net", "explain"][..], &ends].concat()).ends(code).out
    };
    insta::assert_snapshot!([explain("b/p", 0), explain("b/web-x", 0), explain("b/web", 1)].join("\n"));
}

#[test]
fn classes_of_alike_ends_are_told_instead_of_pairs() {
    let place = Place::with_examples();
    insta::assert_snapshot!(ask(&place, &["reach", "--summary"]).ends(0).out);
    let document = ask(&place, &["reach", "--summary", "-o", "json"]).ends(0).json();
    let classes = document["classes"].as_array().expect("classes");
    let rows = ask(&place, &["reach", "-o", "json"]).ends(0).json();
    // Each row is of one pair of classes, and each pair of classes stands for all its rows.
    let class = |end: &serde_json::Value| {
        classes.iter().position(|class| class["members"].as_array().expect("members").contains(end))
    };
    let holds = |classes: &serde_json::Value, class: Option<usize>| {
        classes.as_array().expect("places").contains(&serde_json::json!(class))
    };
    for row in rows["rows"].as_array().expect("rows") {
        let (src, dst) = (class(&row["src"]), class(&row["dst"]));
        let edges = document["edges"].as_array().expect("edges").iter();
        let found: Vec<_> = edges.filter(|edge| holds(&edge["src"], src) && holds(&edge["dst"], dst)).collect();
        assert_eq!(found.len(), 1, "{row}");
        assert_eq!(found[0]["conn"], row["conn"], "{row}");
    }
    ask(&place, &["reach", "--summary", "-o", "csv"]).ends(64).says(&["--summary has no csv"]);
}

#[test]
fn drawings_are_the_same_each_time_and_a_page_needs_nothing_else() {
    let place = Place::with_examples();
    let dot = ask(&place, &["graph"]).ends(0).out;
    insta::assert_snapshot!(dot);
    assert_eq!(dot, ask(&place, &["graph", "-o", "dot"]).ends(0).out);
    let svg = ask(&place, &["graph", "-o", "svg"]).ends(0).out;
    assert_eq!(svg, ask(&place, &["graph", "-o", "svg"]).ends(0).out);
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"), "{svg}");
    assert_eq!(svg.matches("marker-end").count(), dot.matches(" -> ").count());
    assert_eq!(ask(&place, &["graph", "-o", "html", "--out", "page.html"]).ends(0).out, "");
    let page = place.read("page.html");
    assert!(page.contains("default-src 'none'"), "{page}");
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn blocks_hold_for_pods_only_where_that_is_asked_for() {
    let pod = |namespace: &str, name: &str, status: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{ name: {name}, namespace: {namespace}, labels: {{ app: {name} }} }}\nspec: {{ containers: [{{ name: c, image: i }}] }}\nstatus: {{ phase: Running{status} }}\n"
        )
    };
    let policy = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: blocks, namespace: b }\nspec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.1.0.0/16 } }] }] }\n";
    let state = [
        pod("a", "in", ", podIPs: [{ ip: 10.1.0.5 }]"),
        pod("a", "out", ", podIPs: [{ ip: 10.2.0.5 }]"),
        pod("a", "pending", ""),
        pod("b", "server", ", podIPs: [{ ip: 10.1.0.6 }]"),
        policy.to_owned(),
    ];
    let place = Place::with(&[("state/all.yaml", &state.concat())]);
    let probe = |from: &str, blocks: &str, code: i32| {
        place
            .kspec(&[
                "net",
                "probe",
                "--state",
                "state",
                "--from",
                from,
                "--to",
                "b/server",
                "--port",
                "80",
                "--ip-blocks",
                blocks,
            ])
            .ends(code)
    };
    probe("a/in", "outside", 1);
    probe("a/in", "pods", 0);
    probe("a/out", "pods", 1);
    probe("a/pending", "pods", 6).says(&["unknown"]);
    let reach = |blocks: &str, code: i32| {
        let done = place.kspec(&["net", "reach", "--state", "state", "-o", "json", "--ip-blocks", blocks]).ends(code);
        let rows = done.json()["rows"].as_array().expect("rows").clone();
        rows.iter().filter(|row| row["dst"] == "b/server[Pod]" && row["src"] == "a/in[Pod]").count()
    };
    assert_eq!((reach("outside", 0), reach("pods", 6)), (0, 1));
    // A snapshot keeps the addresses that this needs.
    place.kspec(&["snapshot", "--state", "state", "--out", "s.json"]).ends(0);
    place
        .kspec(&[
            "net",
            "probe",
            "--state",
            "s.json",
            "--from",
            "a/in",
            "--to",
            "b/server",
            "--port",
            "80",
            "--ip-blocks",
            "pods",
        ])
        .ends(0);
}

#[test]
fn what_is_odd_about_a_states_policies_is_told_by_check() {
    let place = two(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: open, namespace: b }\nspec: { podSelector: {}, ingress: [{}] }\n",
    );
    let done = place.kspec(&["check", "--state", "state"]).ends(0);
    done.says(&[
        "K0411",
        "NetworkPolicy b/open isolates and allows everything",
        "K0412",
        "namespace `a` does not deny ingress and egress by default",
    ]);
    let document = place.kspec(&["check", "--state", "state", "-o", "json"]).ends(0).json();
    let found = document["findings"].as_array().expect("findings");
    let vacuous = found.iter().find(|finding| finding["code"] == "K0411").expect("it is told");
    assert_eq!(vacuous["labels"][0]["file"], "state/all.yaml");
}

#[test]
fn what_no_server_would_hold_leaves_answers_open() {
    let place = Place::with(&[(
        "state/objects.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: db, namespace: b, labels: { version: \"1\" } }\nspec: { containers: [{ name: c, image: c }] }\n\
         ---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: closed, namespace: b }\nspec: { podSelector: { matchLabels: { version: 1 } } }\n\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: { name: look, namespace: b }\nrules: [{ apiGroups: [\"\"], resources: [pods], verbs: get }]\n",
    )]);
    place
        .kspec(&["net", "reach", "--state", "state"])
        .ends(6)
        .says(&["networkpolicies: NetworkPolicy.networking.k8s.io b/closed", "matchLabels"]);
    place
        .kspec(&["access", "can-i", "get", "pods", "-n", "b", "--as", "ann", "--state", "state"])
        .ends(6)
        .says(&["roles: Role.rbac.authorization.k8s.io b/look", "verbs"]);
}

/// More connections than arrows can show are squares: of classes, and of more of these than fit a screen, of namespaces.
#[test]
fn a_picture_of_many_connections_is_a_matrix() {
    let pods = |namespaces: usize| {
        let pod = |number: usize| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{ name: p, namespace: n{number} }}\nspec: {{ containers: [{{ name: c, image: i }}] }}\n---\n"
            )
        };
        let closed = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: closed, namespace: n1 }\nspec: { podSelector: {} }\n---\n";
        let http = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: http, namespace: n2 }\nspec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] }\n";
        Place::with(&[("state/all.yaml", &format!("{}{closed}{http}", (0..namespaces).map(pod).collect::<String>()))])
    };
    let draw = |namespaces| pods(namespaces).kspec(&["net", "graph", "-o", "svg", "--state", "state"]).ends(0).out;
    let few = draw(12);
    assert!(few.contains("marker-end"), "{few}");
    let classes = draw(40);
    assert!(classes.contains("Rows reach columns, by class of alike ends") && !classes.contains("marker-end"));
    assert!(classes.contains("<title>n0/p[Pod] → n2/p[Pod]\nTCP 80</title>"), "{classes}");
    assert!(classes.contains("<title>n2/p[Pod] → n0/p[Pod]\nAll Connections</title>"), "{classes}");
    assert!(!classes.contains("→ n1/p[Pod]"), "{classes}");
    let namespaces = draw(200);
    assert!(namespaces.contains("Rows reach columns, by namespace"), "{namespaces}");
    assert!(namespaces.contains("<title>n0 → n2\nTCP 80</title>") && !namespaces.contains("→ n1\n"), "{namespaces}");
}
