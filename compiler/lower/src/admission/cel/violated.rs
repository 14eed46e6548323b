//! Whether a rule's statements find a violation at all: what its messages say is not asked.

use kspec_model::rules::{Expr, Stmt, Var};

use super::piece::{Kind, Piece, binds};
use super::{Printer, Unsaid, Verdicts};

impl Printer<'_> {
    /// Whether statements find one of the violations: a `bool` that `&&` may stand before. None where they hold none.
    pub(in crate::admission) fn violation(
        &mut self,
        statements: &[Stmt],
        verdicts: Verdicts,
    ) -> Result<Option<String>, Unsaid> {
        Ok(self.violated(statements, verdicts)?.map(|piece| piece.at(binds::AND)))
    }

    fn violated(&mut self, statements: &[Stmt], verdicts: Verdicts) -> Result<Option<Piece>, Unsaid> {
        let mut parts: Vec<Piece> = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            match statement {
                Stmt::Let(var, value) => {
                    let rest = statements.get(at + 1..).unwrap_or_default();
                    if !verdicts.any(rest) {
                        break;
                    }
                    let (name, value) = self.bind_local(var, value)?;
                    let body = self.violated(rest, verdicts);
                    self.unbind();
                    if let Some(body) = body? {
                        parts.push(exists(&format!("[{value}]"), &name, &body));
                    }
                    break;
                }
                Stmt::For { item, over, body } if verdicts.any(body) => {
                    for list in over {
                        let some = self.violated_in(item, list, body, verdicts);
                        let each = |printer: &mut Self| printer.violated(body, verdicts);
                        parts.extend(self.or_each_constant(some, item, list, each)?);
                    }
                }
                Stmt::Verdict(verdict) if verdicts.include(verdict.warn) => parts.push(self.holds(&verdict.when)?),
                Stmt::For { .. } | Stmt::Verdict(_) => {}
            }
        }
        Ok(match parts.as_slice() {
            [] => None,
            [_] => parts.pop(),
            several => {
                let texts: Vec<String> = several.iter().map(|part| part.at(binds::AND)).collect();
                Some(Piece::new(texts.join(" || "), binds::OR, Kind::Bool))
            }
        })
    }

    /// Whether an item of a list is guilty.
    fn violated_in(
        &mut self,
        item: &Var,
        list: &Expr,
        body: &[Stmt],
        verdicts: Verdicts,
    ) -> Result<Option<Piece>, Unsaid> {
        let list = self.list(list)?;
        let name = self.bind_item(item, list.kind == Kind::Dyn);
        let violated = self.violated(body, verdicts);
        self.unbind();
        Ok(violated?.map(|violated| exists(&list.at(binds::PRIMARY), &name, &violated)))
    }
}

fn exists(list: &str, name: &str, body: &Piece) -> Piece {
    Piece::new(format!("{list}.exists({name}, {})", body.text), binds::PRIMARY, Kind::Bool)
}
