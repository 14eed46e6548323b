//! What is asked of a list's or a map's items.

use kspec_model::rules::{Const, Each, Expr, Op, Var};

use super::piece::{Kind, Piece, binds};
use super::print::json_form;
use super::{Bound, Printer, Unsaid};

/// Lists of constants up to this long are written out where CEL cannot ask it of a variable.
const WRITTEN_OUT: usize = 24;

impl Printer<'_> {
    pub(super) fn each(
        &mut self,
        what: Each,
        over: &Expr,
        item: &Var,
        value: Option<&Var>,
        body: &Expr,
    ) -> Result<Piece, Unsaid> {
        if let Some(value) = value {
            return self.each_entry(what, over, (item, value), body);
        }
        match self.each_item(what, over, item, body) {
            Err(why) => self.written_out(what, over, item, body).unwrap_or(Err(why)),
            said => said,
        }
    }

    fn each_item(&mut self, what: Each, over: &Expr, item: &Var, body: &Expr) -> Result<Piece, Unsaid> {
        let list = self.list(over)?;
        let dynamic = list.kind == Kind::Dyn;
        let text = list.at(binds::PRIMARY);
        let name = self.bind_item(item, dynamic);
        let said =
            if what == Each::Map { self.value(body).map(Piece::or_null).and_then(json_form) } else { self.holds(body) };
        self.unbind();
        let body = said?.text;
        let primary = |text: String, kind| Piece::new(text, binds::PRIMARY, kind);
        Ok(match what {
            Each::Any => primary(format!("{text}.exists({name}, {body})"), Kind::Bool),
            Each::All => primary(format!("{text}.all({name}, {body})"), Kind::Bool),
            Each::None => Piece::bool(format!("!{text}.exists({name}, {body})"), binds::UNARY),
            Each::One => primary(format!("{text}.exists_one({name}, {body})"), Kind::Bool),
            Each::Count => primary(format!("{text}.filter({name}, {body}).size()"), Kind::Int),
            Each::Filter => primary(format!("{text}.filter({name}, {body})"), list.kind),
            Each::Map => primary(format!("{text}.map({name}, {body})"), Kind::Other),
        })
    }

    /// A condition on constants, one by one: patterns, for one, must be constants themselves.
    fn written_out(&mut self, what: Each, over: &Expr, item: &Var, body: &Expr) -> Option<Result<Piece, Unsaid>> {
        let Op::Const(Const::List(constants)) = &over.op else { return None };
        if constants.len() > WRITTEN_OUT || !matches!(what, Each::Any | Each::All | Each::None) {
            return None;
        }
        let mut conditions = Vec::with_capacity(constants.len());
        for constant in constants {
            self.bind(item, Bound::Const(constant.clone()));
            let said = self.holds(body);
            self.unbind();
            match said {
                Ok(piece) => conditions.push(piece),
                Err(why) => return Some(Err(why)),
            }
        }
        let (with, binds, none) =
            if what == Each::All { (" && ", binds::AND, "true") } else { (" || ", binds::OR, "false") };
        let joined = match conditions.as_slice() {
            [] => Piece::bool(none, binds::PRIMARY),
            [one] => one.clone(),
            several => {
                let texts: Vec<String> = several.iter().map(|piece| piece.at(binds)).collect();
                Piece::bool(texts.join(with), binds)
            }
        };
        Some(Ok(if what == Each::None {
            Piece::bool(format!("!{}", joined.at(binds::PRIMARY)), binds::UNARY)
        } else {
            joined
        }))
    }

    fn each_entry(
        &mut self,
        what: Each,
        over: &Expr,
        (key, value): (&Var, &Var),
        body: &Expr,
    ) -> Result<Piece, Unsaid> {
        if self.environment < 32 {
            return Err(Unsaid::because("CEL has comprehensions over maps from Kubernetes 1.33 only"));
        }
        let map = self.map(over)?;
        let dynamic = map.kind == Kind::Dyn;
        let text = map.at(binds::PRIMARY);
        let key = self.bind_item(key, dynamic);
        let value = self.bind_item(value, dynamic);
        let said =
            if what == Each::Map { self.value(body).map(Piece::or_null).and_then(json_form) } else { self.holds(body) };
        self.unbind();
        self.unbind();
        let body = said?.text;
        let primary = |text: String, kind| Piece::new(text, binds::PRIMARY, kind);
        Ok(match what {
            Each::Any => primary(format!("{text}.exists({key}, {value}, {body})"), Kind::Bool),
            Each::All => primary(format!("{text}.all({key}, {value}, {body})"), Kind::Bool),
            Each::None => Piece::bool(format!("!{text}.exists({key}, {value}, {body})"), binds::UNARY),
            Each::One => primary(format!("{text}.existsOne({key}, {value}, {body})"), Kind::Bool),
            Each::Count => primary(format!("{text}.transformList({key}, {value}, {body}, {key}).size()"), Kind::Int),
            Each::Map => {
                let keys = self.keys(&map)?;
                primary(format!("{keys}.map({key}, [{text}[{key}]].map({value}, {body})[0])"), Kind::Other)
            }
            Each::Filter => primary(format!("{text}.transformMap({key}, {value}, {body}, {value})"), map.kind),
        })
    }
}
