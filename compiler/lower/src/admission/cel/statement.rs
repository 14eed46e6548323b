//! A rule's statements as a list of messages.

use kspec_model::rules::{Const, Expr, Op, Stmt, Var};

use super::piece::{Kind, Piece, binds, quote};
use super::{Bound, Printer, Unsaid};

/// Lists of constants up to this long are written out where CEL cannot go through them.
const WRITTEN_OUT: usize = 16;

/// Which verdicts of a rule are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admission) enum Verdicts {
    /// `deny`.
    Deny,
    /// `warn`.
    Warn,
    /// Both.
    All,
}

impl Verdicts {
    pub(super) const fn include(self, warn: bool) -> bool {
        match self {
            Self::Deny => !warn,
            Self::Warn => warn,
            Self::All => true,
        }
    }

    /// Whether all verdicts of statements are among them.
    pub(in crate::admission) fn are_all(self, statements: &[Stmt]) -> bool {
        match self {
            Self::Deny => !Self::Warn.any(statements),
            Self::Warn => !Self::Deny.any(statements),
            Self::All => true,
        }
    }

    /// Whether statements hold one of them.
    pub(in crate::admission) fn any(self, statements: &[Stmt]) -> bool {
        statements.iter().any(|statement| match statement {
            Stmt::Let(..) => false,
            Stmt::For { body, .. } => self.any(body),
            Stmt::Verdict(verdict) => self.include(verdict.warn),
        })
    }
}

impl Printer<'_> {
    /// The messages of the violations that statements find, each behind `prefix`: a `list(string)`. Several that one item
    /// of a list is guilty of stand in one text, `; ` between them.
    pub(in crate::admission) fn messages(
        &mut self,
        statements: &[Stmt],
        verdicts: Verdicts,
        prefix: &str,
    ) -> Result<String, Unsaid> {
        Ok(self.lists(statements, verdicts, prefix)?.unwrap_or_else(none).text)
    }

    /// A piece of the type `list(string)`; `None` where there is nothing to say.
    fn lists(&mut self, statements: &[Stmt], verdicts: Verdicts, prefix: &str) -> Result<Option<Piece>, Unsaid> {
        let mut parts: Vec<Piece> = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            match statement {
                Stmt::Let(var, value) => {
                    let rest = statements.get(at + 1..).unwrap_or_default();
                    if !verdicts.any(rest) {
                        break;
                    }
                    let (name, value) = self.bind_local(var, value)?;
                    let body = self.lists(rest, verdicts, prefix);
                    self.unbind();
                    if let Some(body) = body? {
                        let text = format!("[{value}].map({name}, {})[0]", body.text);
                        parts.push(Piece::new(text, binds::PRIMARY, Kind::Other));
                    }
                    break;
                }
                Stmt::For { item, over, body } => {
                    for list in over {
                        parts.extend(self.over(item, list, body, verdicts, prefix)?);
                    }
                }
                Stmt::Verdict(verdict) if verdicts.include(verdict.warn) => {
                    let when = self.holds(&verdict.when)?;
                    let message = self.said(&verdict.message, prefix)?;
                    let text = format!("{} ? [{message}] : []", when.at(binds::OR));
                    parts.push(Piece::new(text, binds::TERNARY, Kind::Other));
                }
                Stmt::Verdict(_) => {}
            }
        }
        Ok(match parts.as_slice() {
            [] => None,
            [_] => parts.pop(),
            several => {
                let texts: Vec<String> = several.iter().map(|part| part.at(binds::MULTIPLY)).collect();
                Some(Piece::new(texts.join(" + "), binds::ADD, Kind::Other))
            }
        })
    }

    fn over(
        &mut self,
        item: &Var,
        list: &Expr,
        body: &[Stmt],
        verdicts: Verdicts,
        prefix: &str,
    ) -> Result<Vec<Piece>, Unsaid> {
        if !verdicts.any(body) {
            return Ok(Vec::new());
        }
        let said = self.over_items(item, list, body, verdicts, prefix).map(Some);
        self.or_each_constant(said, item, list, |printer| printer.lists(body, verdicts, prefix))
    }

    /// What is said of a list as a whole; where CEL cannot go through a list of constants, of each of them.
    pub(super) fn or_each_constant(
        &mut self,
        whole: Result<Option<Piece>, Unsaid>,
        item: &Var,
        list: &Expr,
        say: impl Fn(&mut Self) -> Result<Option<Piece>, Unsaid>,
    ) -> Result<Vec<Piece>, Unsaid> {
        match (whole, &list.op) {
            (Err(_), Op::Const(Const::List(constants))) if constants.len() <= WRITTEN_OUT => {
                let mut parts = Vec::with_capacity(constants.len());
                for constant in constants {
                    self.bind(item, Bound::Const(constant.clone()));
                    let said = say(self);
                    self.unbind();
                    parts.extend(said?);
                }
                Ok(parts)
            }
            (whole, _) => whole.map(|piece| piece.into_iter().collect()),
        }
    }

    fn over_items(
        &mut self,
        item: &Var,
        list: &Expr,
        body: &[Stmt],
        verdicts: Verdicts,
        prefix: &str,
    ) -> Result<Piece, Unsaid> {
        let list = self.list(list)?;
        let at = list.at(binds::PRIMARY);
        let name = self.bind_item(item, list.kind == Kind::Dyn);
        let said = self.of_item(&at, &name, body, verdicts, prefix);
        self.unbind();
        said
    }

    fn of_item(
        &mut self,
        list: &str,
        name: &str,
        body: &[Stmt],
        verdicts: Verdicts,
        prefix: &str,
    ) -> Result<Piece, Unsaid> {
        if let [Stmt::Verdict(verdict)] = body {
            let (when, message) = (self.holds(&verdict.when)?, self.said(&verdict.message, prefix)?);
            let text = format!("{list}.map({name}, {}, {message})", when.text);
            return Ok(Piece::new(text, binds::PRIMARY, Kind::Other));
        }
        let inner = self.lists(body, verdicts, prefix)?.unwrap_or_else(none);
        let joined = self.fresh();
        let text =
            format!("{list}.map({name}, {}.join('; ')).filter({joined}, {joined} != '')", inner.at(binds::PRIMARY));
        Ok(Piece::new(text, binds::PRIMARY, Kind::Other))
    }

    /// A message, a `string`, behind the rule's name.
    fn said(&mut self, message: &Expr, prefix: &str) -> Result<String, Unsaid> {
        let message = match &message.op {
            Op::Const(Const::Text(text)) => return Ok(quote(&format!("{prefix}{text}"))),
            Op::Text(parts) => self.joined(parts)?,
            _ => self.joined(std::slice::from_ref(message))?,
        };
        Ok(format!("{} + {}", quote(prefix), message.at(binds::MULTIPLY)))
    }
}

/// No message.
fn none() -> Piece {
    Piece::new("[]", binds::PRIMARY, Kind::Other)
}
