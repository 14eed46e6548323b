//! Pieces of CEL, and what they say of themselves.

/// How tightly an operator binds; what binds less is put in parentheses.
pub(super) mod binds {
    pub(in crate::admission::cel) const TERNARY: u8 = 1;
    pub(in crate::admission::cel) const OR: u8 = 2;
    pub(in crate::admission::cel) const AND: u8 = 3;
    pub(in crate::admission::cel) const RELATION: u8 = 4;
    pub(in crate::admission::cel) const ADD: u8 = 5;
    pub(in crate::admission::cel) const MULTIPLY: u8 = 6;
    pub(in crate::admission::cel) const UNARY: u8 = 7;
    pub(in crate::admission::cel) const PRIMARY: u8 = 8;
}

/// What CEL's checker knows of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: it comes from an object.
    Dyn,
    Bool,
    Int,
    Double,
    Text,
    /// A type that has no literal, or one that need not be told apart.
    Other,
}

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) binds: u8,
    pub(super) kind: Kind,
    /// Whether it may be `null`.
    pub(super) nullable: bool,
    /// What must hold for it to be there; where one does not, the value is absent.
    pub(super) guards: Vec<String>,
    /// A quantity of CEL's own, not the text of one.
    pub(super) native: bool,
}

impl Piece {
    pub(super) fn new(text: impl Into<String>, binds: u8, kind: Kind) -> Self {
        Self { text: text.into(), binds, kind, nullable: false, guards: Vec::new(), native: false }
    }

    pub(super) fn bool(text: impl Into<String>, binds: u8) -> Self {
        Self::new(text, binds, Kind::Bool)
    }

    /// Its text where what is around binds so.
    pub(super) fn at(&self, binds: u8) -> String {
        if self.binds < binds { format!("({})", self.text) } else { self.text.clone() }
    }

    /// Its text as `dyn`: where branches of several types meet.
    pub(super) fn dynamic(&self) -> String {
        if self.kind == Kind::Dyn { self.text.clone() } else { format!("dyn({})", self.text) }
    }

    /// Its text as `dyn`, as the first branch of a condition, which may hold no other.
    pub(super) fn branch(&self) -> String {
        if self.kind == Kind::Dyn { self.at(binds::OR) } else { self.dynamic() }
    }

    /// The same, never `null` where its guards hold.
    pub(super) fn present(mut self) -> Self {
        if self.nullable {
            self.guards.push(format!("{} != null", self.at(binds::RELATION)));
            self.nullable = false;
        }
        self
    }

    /// The same without guards: `null` where one does not hold.
    pub(super) fn or_null(self) -> Self {
        if self.guards.is_empty() {
            return self;
        }
        let text = format!("{} ? {} : dyn(null)", self.guards.join(" && "), self.branch());
        Self { nullable: true, ..Self::new(text, binds::TERNARY, Kind::Dyn) }
    }

    /// The same, and something else where it is absent.
    pub(super) fn or(self, otherwise: &Self) -> Self {
        let this = self.present();
        if this.guards.is_empty() {
            return this;
        }
        let guards = this.guards.join(" && ");
        let same = this.kind == otherwise.kind && this.kind != Kind::Other && !otherwise.nullable;
        let text = if same {
            format!("{guards} ? {} : {}", this.at(binds::OR), otherwise.text)
        } else {
            format!("{guards} ? {} : {}", this.branch(), otherwise.dynamic())
        };
        let kind = if same { this.kind } else { Kind::Dyn };
        Self { nullable: otherwise.nullable, ..Self::new(text, binds::TERNARY, kind) }
    }

    /// Guards of pieces that meet in one.
    pub(super) fn guards_of<'p>(pieces: impl IntoIterator<Item = &'p Self>) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for guard in pieces.into_iter().flat_map(|piece| &piece.guards) {
            if !all.contains(guard) {
                all.push(guard.clone());
            }
        }
        all
    }

    /// A condition under guards, false where one does not hold.
    pub(super) fn under(guards: &[String], condition: &Self) -> Self {
        if guards.is_empty() {
            return condition.clone();
        }
        Self::bool(format!("{} && {}", guards.join(" && "), condition.at(binds::AND)), binds::AND)
    }
}

/// A text literal.
pub(in crate::admission) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}
