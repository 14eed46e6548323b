//! The one committed table of codes.
//!
//! A code is declared here once; its page under `pages/` is what `kspec explain` prints, and runs as a test: every
//! ```` ```kspec fails ```` block of page `Kxxxx` yields `Kxxxx`, every ```` ```kspec ```` block yields no error; every
//! ```` ```yaml fails ```` block yields `Kxxxx` as the objects of a cluster, and a ```` ```yaml ```` block beside it does not.

use serde::{Serialize, Serializer};

use crate::Severity;

/// A stable finding code such as `K0102`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u16);

/// What the catalogue knows of a code.
#[derive(Debug, Clone, Copy)]
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// Severity unless a check lowers it.
    pub severity: Severity,
    /// A few words, lower case.
    pub title: &'static str,
    /// Markdown page.
    pub page: &'static str,
}

impl Code {
    /// The catalogue's row.
    #[must_use]
    pub fn info(self) -> &'static CodeInfo {
        // Codes are only constructed by the table below, and a test keeps the table sorted.
        CATALOGUE.iter().find(|info| info.code == self).unwrap_or(&codes::UNKNOWN_INFO)
    }

    /// Looks a code up by its text, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['K', 'k'])?;
        let code = Self(digits.parse().ok()?);
        (digits.len() == 4 && CATALOGUE.iter().any(|info| info.code == code)).then_some(code)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "K{:04}", self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! catalogue {
    ($($name:ident = $number:literal $severity:ident $title:literal $page:literal;)*) => {
        /// Every code by name.
        pub mod codes {
            use super::{Code, CodeInfo, Severity};
            pub(super) const UNKNOWN_INFO: CodeInfo =
                CodeInfo { code: Code(0), severity: Severity::Error, title: "unknown", page: "" };
            $(#[doc = $title] pub const $name: Code = Code($number);)*
        }

        /// Every code, ascending.
        pub const CATALOGUE: &[CodeInfo] = &[
            $(CodeInfo { code: codes::$name, severity: Severity::$severity, title: $title, page: include_str!(concat!("../pages/", $page, ".md")) },)*
        ];
    };
}

catalogue! {
    // K00xx: text, tokens, grammar.
    UNEXPECTED_TOKEN = 1 Error "unexpected token" "K0001";
    UNCLOSED_BRACKET = 2 Error "unclosed or unmatched bracket" "K0002";
    BAD_CHARACTER = 3 Error "a character that begins no token" "K0003";
    BAD_LITERAL = 4 Error "malformed literal" "K0004";
    UNREADABLE_SOURCE = 5 Error "source that cannot be read" "K0005";
    INDENTED_DECLARATION = 6 Error "a declaration that does not start at column 0" "K0006";
    NESTED_TOO_DEEPLY = 7 Error "nesting beyond the parser's bound" "K0007";
    ORPHAN_DOC = 8 Warning "a doc comment that documents nothing" "K0008";
    // K01xx: names and types.
    UNKNOWN_NAME = 101 Error "unknown name" "K0101";
    UNKNOWN_FIELD = 102 Error "unknown field" "K0102";
    WRONG_TYPE = 103 Error "wrong type" "K0103";
    WRONG_UNIT = 104 Error "wrong unit" "K0104";
    DUPLICATE_DECLARATION = 105 Error "declared twice" "K0105";
    DUPLICATE_OBJECT = 106 Error "two declarations of one Kubernetes object" "K0106";
    UNUSED_DECLARATION = 107 Warning "unused declaration" "K0107";
    DEPENDENCY_CYCLE = 108 Error "dependency cycle" "K0108";
    EXPIRED = 109 Error "past its end date" "K0109";
    UNKNOWN_RESOURCE = 110 Error "unknown resource" "K0110";
    UNKNOWN_VERB = 111 Error "unknown verb" "K0111";
    MISSING_FIELD = 112 Error "missing field" "K0112";
    WRONG_KIND = 113 Error "a name of the wrong kind" "K0113";
    WRONG_ARITY = 114 Error "wrong arguments" "K0114";
    BAD_VALUE = 115 Error "a value that Kubernetes refuses" "K0115";
    NOT_BUILT_YET = 116 Information "recognised, not carried out by this version" "K0116";
    UNKNOWN_MODULE = 117 Error "unknown module" "K0117";
    RESERVED_NAME = 118 Error "reserved name" "K0118";
    DUPLICATE_FIELD = 119 Error "field given twice" "K0119";
    UNBOUND_WORKLOAD = 120 Error "workload that matches no manifest" "K0120";
    AMBIGUOUS_WORKLOAD = 121 Error "workload that matches several manifests" "K0121";
    UNKNOWN_PORT = 122 Error "unknown port" "K0122";
    PROJECT_FILE = 123 Error "kspec.toml cannot be used" "K0123";
    LOCK_MISMATCH = 124 Error "kspec.lock differs from what is built in" "K0124";
    BAD_MANIFEST = 125 Error "a manifest that cannot be read" "K0125";
    NO_PURPOSE = 126 Information "a role or grant without a stated purpose" "K0126";
    RECURSION = 127 Error "recursion" "K0127";
    PARAMETER_VALUE = 128 Error "parameter value missing or wrong" "K0128";
    OPTIONAL_VALUE = 129 Error "a value that may be absent" "K0129";
    BROKEN_ACCEPT = 131 Information "an accepted finding that does not occur" "K0131";
    TOO_LARGE = 132 Error "expands beyond the compiler's bound" "K0132";
    MISSING_REASON = 133 Error "an exception without reason, owner or end date" "K0133";
    EMPTY_PROMISE = 134 Error "a promise that nothing could keep" "K0134";
    // K02xx: access.
    WILDCARD = 201 Warning "wildcard verb or resource" "K0201";
    ESCALATING_VERB = 202 Warning "escalate, bind or impersonate" "K0202";
    GUARANTEE_NOT_DECIDED = 203 Information "a guarantee that is not decided" "K0203";
    DYNAMIC_SCOPE_LABELS = 204 Information "whoever may label namespaces gains this" "K0204";
    DYNAMIC_SCOPE_NO_RECONCILER = 205 Information "namespaces that appear later are not covered until the next apply" "K0205";
    EXPIRY_NOT_ENFORCED = 206 Information "Kubernetes does not end this grant by itself" "K0206";
    NEVER_CAN_VIOLATED = 211 Error "what `never … can` forbids is allowed" "K0211";
    ALWAYS_CAN_VIOLATED = 212 Error "what `always … can` promises is not allowed" "K0212";
    NEVER_BY_ANY_PATH_VIOLATED = 213 Error "what `never … by any path` forbids is within reach" "K0213";
    NEVER_BOTH_VIOLATED = 214 Error "one subject holds two roles that `never both` keeps apart" "K0214";
    PATH_TO_CLUSTER_ADMIN = 221 Warning "a way to become cluster-admin" "K0221";
    PATH_TO_ALL_SECRETS = 222 Warning "a way to every secret" "K0222";
    PATH_TO_NODE = 223 Warning "a way to root on a node" "K0223";
    READS_ALL_SECRETS = 224 Warning "every secret of a namespace is readable" "K0224";
    READS_UNUSED_SECRETS = 225 Information "an account reads secrets that it does not use" "K0225";
    NEEDLESS_TOKEN = 226 Information "a token that may do nothing" "K0226";
    SHARED_ACCOUNT = 227 Warning "applications share a service account" "K0227";
    UNUSED_ACCOUNT = 228 Information "an account that is granted something and used by nothing" "K0228";
    DEPLOYS_AND_KEEPS_SECRETS = 229 Warning "the same subject deploys and writes secrets" "K0229";
    WIDER_THAN_NEEDED = 230 Warning "a grant over the cluster that one in a namespace would serve" "K0230";
    SINGLE_USER = 231 Information "a grant to a single user" "K0231";
    NO_ISSUER = 232 Warning "a user or group that no issuer yields" "K0232";
    SUBSUMED_ROLE = 233 Information "a role subsumed by another" "K0233";
    GRANT_CHANGES_NOTHING = 234 Information "a grant that changes nothing" "K0234";
    NO_SUCH_ROLE = 235 Warning "a binding of a role that is not there" "K0235";
    // K03xx: pod security.
    NO_POD_SECURITY = 301 Information "namespace without a Pod Security level" "K0301";
    VIOLATES_LEVEL = 302 Error "manifest that its namespace's Pod Security refuses" "K0302";
    // K04xx: network.
    EDGE_WITHOUT_DEFAULT_DENY = 401 Error "edge without default deny" "K0401";
    ONE_SIDED_EDGE = 402 Information "edge whose far end is not ours" "K0402";
    REDUNDANT_EDGE = 403 Warning "redundant edge" "K0403";
    OVERLAPPING_SELECTORS = 404 Warning "selectors that overlap" "K0404";
    EMPTY_SELECTOR = 405 Warning "selector that matches nothing" "K0405";
    DNS_FORGOTTEN = 406 Warning "default deny without DNS" "K0406";
    INTERNET_WITHOUT_RANGES = 407 Error "internet needs the cluster's ranges" "K0407";
    ONE_SIDED_RULE = 408 Warning "a rule whose other end refuses" "K0408";
    SHADOWED_RULE = 409 Warning "an administrators' rule that is never asked" "K0409";
    SUPERFLUOUS_POLICY = 410 Warning "a policy or rule that changes nothing beside others" "K0410";
    VACUOUS_POLICY = 411 Warning "a policy that isolates and allows everything" "K0411";
    NO_DEFAULT_DENY = 412 Warning "namespace without default deny" "K0412";
    UNKNOWN_PORT_NAME = 413 Warning "a port's name that no pod has" "K0413";
    AMBIGUOUS_PRIORITY = 414 Warning "administrators' policies whose order is not defined" "K0414";
    NEVER_REACHES_VIOLATED = 421 Error "what `never … reaches` forbids is let through" "K0421";
    ALWAYS_REACHES_VIOLATED = 422 Error "what `always … reaches` promises is not let through" "K0422";
    // K05xx: admission.
    REFUSES_EVERYTHING = 501 Error "rules that together refuse every object" "K0501";
    NEVER_FIRES = 502 Warning "a rule that can never refuse" "K0502";
    IMPLIED_RULE = 503 Information "a rule that another implies" "K0503";
    ORDER_DEPENDENT = 504 Error "mutations that depend on their order" "K0504";
    MUTATION_REFUSED = 505 Error "a mutation whose result is refused" "K0505";
    BLOCKS_RECOVERY = 506 Error "a binding that can block recovery" "K0506";
    WIDE_EXEMPTION = 507 Warning "an exemption wider than it need be" "K0507";
    EXEMPT_FROM_NOTHING = 508 Warning "an exemption from nothing" "K0508";
    ADMISSION_NOT_DECIDED = 509 Information "what admission rules mean for each other, not decided in full" "K0509";
    IGNORED_GUARD = 511 Warning "a webhook or policy that is passed by while it is down" "K0511";
    SLOW_GUARD = 512 Warning "a webhook that is waited for too long" "K0512";
    GUARD_OVER_RECOVERY = 513 Warning "a webhook that can block recovery" "K0513";
    GUARD_WITH_SIDE_EFFECTS = 514 Warning "a webhook with side effects" "K0514";
    GUARD_ON_READS = 515 Warning "a webhook that is asked about what changes nothing" "K0515";
    ADMISSION_NEVER_ASKED = 516 Warning "a webhook or policy that is never asked" "K0516";
    NOT_IN_CEL = 517 Error "a rule that the API server cannot decide" "K0517";
    UNTRUSTED_WEBHOOK = 518 Warning "a webhook that the API server does not trust" "K0518";
    BUNDLE_TOO_LARGE = 519 Error "rules that do not fit into the webhook's ConfigMap" "K0519";
    NOT_IDEMPOTENT = 520 Error "a mutation that changes more when it runs again" "K0520";
    CONTAINERS_ALONE = 521 Warning "a rule that looks at ordinary containers alone" "K0521";
    STAGE_OVER = 522 Information "a stage that is over" "K0522";
    NO_ADMISSION_RULES = 523 Warning "a cluster without admission rules" "K0523";
    NOTHING_SCANS_IMAGES = 524 Information "a cluster in which nothing scans images" "K0524";
    // K06xx: keys.
    IDENTITY_FIRST = 601 Error "identity first writes in the clear" "K0601";
    SECRETS_NOT_COVERED = 602 Warning "secrets are not encrypted" "K0602";
    LITERAL_KEY = 603 Error "key material in source" "K0603";
    WEAK_PROVIDER = 604 Warning "weak provider" "K0604";
    KEY_IN_USE_REMOVED = 605 Error "a key that still encrypts data is removed" "K0605";
    WRONG_KEY_LENGTH = 606 Error "a key of the wrong length" "K0606";
    // K07xx: quota and limits.
    DEFAULT_BELOW_REQUEST = 701 Error "default limit below default request" "K0701";
    DEFAULT_ABOVE_MAX = 702 Error "default above maximum or below minimum" "K0702";
    UNSET_UNDER_QUOTA = 703 Warning "a quota on what pods need not set" "K0703";
    UNBOUNDED_NAMESPACE = 704 Information "a namespace without quota or limit range" "K0704";
    REQUEST_ABOVE_DEFAULT_LIMIT = 705 Error "a request above the default limit" "K0705";
    BEYOND_QUOTA = 706 Error "pods that do not fit their quota" "K0706";
    QUOTA_WITHOUT_LIMITS = 707 Information "a quota on requests and none on limits" "K0707";
    // K08xx: audit and API server.
    UNREACHABLE_AUDIT_RULE = 801 Warning "audit rule made unreachable by an earlier one" "K0801";
    SECRET_BODIES_RECORDED = 802 Warning "secrets' bodies recorded" "K0802";
    REFUSED_FLAG = 803 Error "an API server setting that kspec refuses" "K0803";
    WEAK_FLAG = 804 Warning "an API server setting weaker than recommended" "K0804";
    NO_AUDIT_POLICY = 805 Warning "a cluster without an audit log" "K0805";
    AUDITED_VIOLATED = 811 Error "requests are recorded otherwise than `audited` says" "K0811";
    // K09xx: run time.
    NOTHING_WATCHES_RUN_TIME = 901 Information "a cluster in which nothing watches run time" "K0901";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_have_pages() {
        assert!(CATALOGUE.windows(2).all(|pair| pair[0].code < pair[1].code));
        for info in CATALOGUE {
            assert!(
                info.page.starts_with(&format!("# {}: {}\n", info.code, info.title)),
                "{} has the wrong heading",
                info.code
            );
        }
    }
}
