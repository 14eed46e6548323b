//! The terminals of the grammar: tokens whose role in their statement is known.

/// A terminal; text is a slice of the source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum T<'a> {
    /// What the chunk is, always first.
    Mark(Mark),
    /// A word in the place of a keyword.
    Kw(Kw),
    Name(&'a str),
    /// A record's key before its colon, dots included.
    Key(&'a str),
    /// A resource, or a kind.
    Res(&'a str),
    Str(&'a str),
    Int(&'a str),
    Float(&'a str),
    Quantity(&'a str),
    Duration(&'a str),
    Date(&'a str),
    Cidr(&'a str),
    Port(&'a str),
    /// What a test may expect of a request: `denied`, `allowed`, …
    Verdict(&'a str),
    /// Stands before what a test expects, if that is a claim and no expression.
    Claim,
    /// A literal already reported.
    BadValue,
    /// A whole `{ … }`, by the index of its opening token.
    Braces(u32),
    /// The `{ … }` that ends its statement as its body.
    Body(u32),
    LParen,
    /// The parenthesis of `(x, y) =>`.
    LambdaParen,
    RParen,
    LBracket,
    RBracket,
    Comma,
    /// A comma between the blocks after `except`.
    ExceptComma,
    Colon,
    Dot,
    DotDot,
    Eq,
    FatArrow,
    Arrow,
    EqEq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Not,
    AndAnd,
    Or,
    OrOr,
    Question,
    Coalesce,
    /// `in` as an operator.
    OpIn,
}

/// What a chunk of tokens is to be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    Item,
    /// A template's stamp.
    Stamp,
    Field,
    /// `name: Type` of a record type.
    TypeField,
    /// `name [as alias]` in the braces of `use`.
    UseName,
    Expr,
    Namespace,
    Role,
    Network,
    NetRule,
    Encryption,
    Audit,
    Rule,
    Mutation,
    Runtime,
    Test,
}

impl Mark {
    /// Whether such chunks are separated by commas rather than semicolons.
    pub(crate) fn by_comma(self) -> bool {
        matches!(self, Self::Field | Self::TypeField | Self::UseName)
    }
}

macro_rules! keywords {
    ($($name:ident $text:literal)*) => {
        /// The words that are keywords somewhere.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub(crate) enum Kw { $($name),* }

        impl Kw {
            /// The keyword that a word spells.
            pub(crate) fn of(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }

            /// Its spelling.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

keywords! {
    Accept "accept" All "all" Allow "allow" Always "always" And "and" Any "any" Apiserver "apiserver" Append "append"
    As "as" Audit "audit" Audited "audited" Authentication "authentication" Because "because" Both "both"
    BreakGlass "break_glass" By "by" Can "can" Cidr "cidr" Cluster "cluster" Container "container" Default "default"
    Deny "deny" Dns "dns" Egress "egress" Else "else" Encrypt "encrypt" Encryption "encryption" Enforce "enforce"
    Except "except" Exempt "exempt" Existing "existing" Expect "expect" False "false" Fn "fn" For "for" From "from"
    Given "given" Grant "grant" Group "group" If "if" In "in" Ingress "ingress" Internet "internet" Let "let"
    Limits "limits" Manifest "manifest" Metadata "metadata" Moved "moved" Mutation "mutation" Named "named"
    Namespace "namespace" Namespaces "namespaces" Network "network" Never "never" None "none" NotWord "not" Omit "omit"
    On "on" Otherwise "otherwise" Param "param" Path "path" Pods "pods" Policy "policy" Protect "protect" Quota "quota"
    Reaches "reaches" Remove "remove" Request "request" RequestResponse "request_response" Role "role" Rule "rule"
    Runtime "runtime" ServiceAccount "service_account" Set "set" Template "template" Test "test" Then "then"
    Through "through" To "to" True "true" Unless "unless" Until "until" Url "url" Use "use" User "user"
    Verbs "verbs" Warn "warn" Where "where" With "with" Workload "workload"
}

/// A set of keywords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KwSet(u128);

impl KwSet {
    /// The set of these.
    pub(crate) const fn of(words: &[Kw]) -> Self {
        let mut bits = 0;
        let mut rest = words;
        while let [first, others @ ..] = rest {
            bits |= 1 << (*first as u8);
            rest = others;
        }
        Self(bits)
    }

    /// Whether it holds `word`.
    pub(crate) const fn has(self, word: Kw) -> bool {
        self.0 & (1 << (word as u8)) != 0
    }
}
