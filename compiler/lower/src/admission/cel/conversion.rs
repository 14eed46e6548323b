//! One type's values as another's.

use kspec_model::rules::{Const, Expr, Op, Ty};

use super::piece::{Kind, Piece, binds, quote};
use super::{Printer, Unsaid, image};

impl Printer<'_> {
    /// A value as one of another type.
    pub(super) fn convert(&mut self, base: &Expr, to: &Ty) -> Result<Piece, Unsaid> {
        let (from, wanted) = (base.ty.present(), to.present());
        if *from == Ty::Any {
            return self.stated(base, wanted);
        }
        if from == wanted {
            return self.value(base);
        }
        match (from, wanted) {
            (_, Ty::Text) => self.printed(base),
            (Ty::Text, Ty::Image) => {
                let text = self.value(base)?.present();
                let valid = format!("{}.matches({})", text.at(binds::PRIMARY), quote(image::REFERENCE));
                self.read(text, valid, to)
            }
            (Ty::Text, Ty::Quantity) => {
                let text = self.value(base)?.present();
                let valid = format!("isQuantity({})", text.text);
                self.read(text, valid, to)
            }
            (Ty::Text, Ty::Int) => {
                let text = self.value(base)?.present();
                let valid = format!("{}.matches('^[+-]?[0-9]{{1,18}}$')", text.at(binds::PRIMARY));
                let read = self.read(text, valid, to)?;
                Ok(Piece { text: format!("int({})", read.text), binds: binds::PRIMARY, kind: Kind::Int, ..read })
            }
            (Ty::Text, Ty::Cidr) => {
                let text = self.value(base)?.present();
                let valid = format!("(isIP({0}) || isCIDR({0}))", text.text);
                self.read(text, valid, to)
            }
            (Ty::Int, Ty::Float) => {
                let value = self.value(base)?.present();
                Ok(Piece {
                    text: format!("double({})", value.text),
                    binds: binds::PRIMARY,
                    kind: Kind::Double,
                    ..value
                })
            }
            (Ty::Int | Ty::Text, Ty::IntOrString) | (Ty::Object, Ty::Map(_)) => self.value(base),
            (Ty::Int, Ty::Quantity) => {
                let value = self.value(base)?.present();
                Ok(Piece { text: format!("string({})", value.text), binds: binds::PRIMARY, kind: Kind::Text, ..value })
            }
            (Ty::IntOrString, Ty::Quantity) => self.value(base),
            (Ty::List(_), Ty::List(_)) | (Ty::Map(_), Ty::Map(_)) => self.value(base),
            (from, wanted) => Err(Unsaid::because(format!("CEL cannot read {from:?} as {wanted:?}").to_lowercase())),
        }
    }

    /// A text that can be read; one that cannot is absent where that is allowed for, else a fault.
    #[expect(clippy::unused_self, reason = "reads as the others do")]
    fn read(&self, text: Piece, valid: String, to: &Ty) -> Result<Piece, Unsaid> {
        if matches!(text.kind, Kind::Text) && text.guards.is_empty() && text.text.starts_with('\'') {
            // A literal was read when the rule was compiled.
            return Ok(text);
        }
        if to.is_optional() {
            let mut text = text;
            text.guards.push(valid);
            return Ok(text);
        }
        // There is no item: evaluation fails, as it does in the other engines.
        let failing = format!("{valid} ? {} : dyn(['cannot be read'][1])", text.branch());
        Ok(Piece { guards: text.guards, ..Piece::new(failing, binds::TERNARY, Kind::Dyn) })
    }

    /// What a free-form field holds, if it is what it is stated to be.
    fn stated(&mut self, base: &Expr, wanted: &Ty) -> Result<Piece, Unsaid> {
        let name = match wanted {
            Ty::Text => "string",
            Ty::Int => "int",
            Ty::Bool => "bool",
            Ty::List(_) => "list",
            Ty::Map(_) | Ty::Object => "map",
            Ty::Any => return self.value(base),
            _ => return Err(Unsaid::because("a free-form field is read as such a type")),
        };
        let value = self.value(base)?;
        let mut guards = value.guards.clone();
        guards.push(format!("type({}) == {name}", value.text));
        Ok(Piece { nullable: false, guards, ..value })
    }

    /// A value as the text that is printed of it.
    pub(super) fn printed(&mut self, expr: &Expr) -> Result<Piece, Unsaid> {
        if let Op::Const(constant) = &expr.op
            && !matches!(constant, Const::Absent)
        {
            return match constant {
                Const::Text(text)
                | Const::Image(text)
                | Const::Quantity(text)
                | Const::Port(text)
                | Const::Date(text) => Ok(Piece::new(quote(text), binds::PRIMARY, Kind::Text)),
                Const::Bool(value) => Ok(Piece::new(quote(&value.to_string()), binds::PRIMARY, Kind::Text)),
                Const::Int(value) => Ok(Piece::new(quote(&value.to_string()), binds::PRIMARY, Kind::Text)),
                Const::Float(value) => Ok(Piece::new(quote(&value.to_string()), binds::PRIMARY, Kind::Text)),
                Const::Cidr(block) => Ok(Piece::new(quote(&block.to_string()), binds::PRIMARY, Kind::Text)),
                Const::Duration(nanos) => {
                    let text = kspec_rules::literal::Duration { nanos: *nanos }.to_string();
                    Ok(Piece::new(quote(&text), binds::PRIMARY, Kind::Text))
                }
                _ => Err(Unsaid::because("CEL cannot print such a value")),
            };
        }
        match expr.ty.present() {
            Ty::Text | Ty::Image | Ty::Int | Ty::Bool | Ty::IntOrString | Ty::Quantity => {
                let value = self.value(expr)?.present();
                if value.native {
                    return Err(Unsaid::because("it prints a reckoned quantity"));
                }
                if value.kind == Kind::Text {
                    return Ok(value);
                }
                Ok(Piece { text: format!("string({})", value.text), binds: binds::PRIMARY, kind: Kind::Text, ..value })
            }
            Ty::Any => Err(Unsaid::because("it prints what a free-form field holds")),
            Ty::Cidr => Err(Unsaid::because("it prints an address block")),
            _ => Err(Unsaid::because("CEL prints such a value in another form")),
        }
    }
}
