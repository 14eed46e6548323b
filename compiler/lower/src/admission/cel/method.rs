//! Methods.

use kspec_model::rules::{Const, Each, Expr, Method, Op, Ty};

use super::piece::{Kind, Piece, binds, quote};
use super::{Bound, Printer, Unsaid, pattern};

impl Printer<'_> {
    pub(super) fn call(&mut self, method: Method, base: &Expr, arguments: &[Expr], ty: &Ty) -> Result<Piece, Unsaid> {
        match base.ty.present() {
            Ty::List(item) => self.of_list(method, base, arguments, item, ty),
            Ty::Map(_) | Ty::Object => self.of_map(method, base, arguments),
            Ty::Cidr => self.of_block(method, base, arguments),
            Ty::Text | Ty::Image | Ty::IntOrString => self.of_text(method, base, arguments),
            _ => Err(Unsaid::because("CEL has no such method")),
        }
    }

    fn of_text(&mut self, method: Method, base: &Expr, arguments: &[Expr]) -> Result<Piece, Unsaid> {
        let text = self.value(base)?.present();
        // Of text that CEL knows to be text, or else `dyn`, which it looks at when it evaluates.
        let at = text.at(binds::PRIMARY);
        let under = |text: String, kind| Piece::new(text, binds::PRIMARY, kind);
        let mut guards = text.guards.clone();
        let mut argument = |this: &mut Self, at: usize| -> Result<String, Unsaid> {
            let argument = arguments.get(at).ok_or_else(|| Unsaid::because("an argument is missing"))?;
            let piece = this.value(argument)?.present();
            guards.extend(piece.guards.iter().cloned());
            Ok(piece.text)
        };
        let piece = match method {
            Method::Size => under(format!("size({})", text.text), Kind::Int),
            Method::IsEmpty => Piece::bool(format!("{} == ''", text.at(binds::ADD)), binds::RELATION),
            Method::Contains => under(format!("{at}.contains({})", argument(self, 0)?), Kind::Bool),
            Method::StartsWith => under(format!("{at}.startsWith({})", argument(self, 0)?), Kind::Bool),
            Method::EndsWith => under(format!("{at}.endsWith({})", argument(self, 0)?), Kind::Bool),
            Method::Matches => {
                let pattern = self.constant_text(arguments.first())?;
                under(format!("{at}.matches({})", quote(&pattern::regex(&pattern)?)), Kind::Bool)
            }
            Method::Like => {
                let glob = self.constant_text(arguments.first())?;
                let condition = pattern::glob(&at, &glob);
                let binds = if condition.contains(" == ") { binds::RELATION } else { binds::PRIMARY };
                Piece::bool(condition, binds)
            }
            Method::Lower | Method::Upper => {
                return Err(Unsaid::because("CEL changes the case of ASCII letters only"));
            }
            Method::Trim => under(format!("{at}.trim()"), Kind::Text),
            Method::TrimPrefix => {
                let prefix = argument(self, 0)?;
                let cut = format!("{at}.startsWith({prefix}) ? {at}.substring(size({prefix})) : string({})", text.text);
                Piece::new(cut, binds::TERNARY, Kind::Text)
            }
            Method::TrimSuffix => {
                let suffix = argument(self, 0)?;
                let cut = format!(
                    "{at}.endsWith({suffix}) ? {at}.substring(0, size({at}) - size({suffix})) : string({})",
                    text.text
                );
                Piece::new(cut, binds::TERNARY, Kind::Text)
            }
            Method::Replace => {
                let (of, by) = (argument(self, 0)?, argument(self, 1)?);
                under(format!("{at}.replace({of}, {by})"), Kind::Text)
            }
            Method::Split => {
                let separator = self.constant_text(arguments.first())?;
                if separator.is_empty() {
                    return Err(Unsaid::because("CEL splits a text into its characters differently"));
                }
                under(format!("{at}.split({})", quote(&separator)), Kind::Other)
            }
            _ => return Err(Unsaid::because("CEL has no such method of texts")),
        };
        Ok(Piece { guards, ..piece })
    }

    /// A text that is known when the policy is written.
    fn constant_text(&self, expr: Option<&Expr>) -> Result<String, Unsaid> {
        let expr = expr.ok_or_else(|| Unsaid::because("an argument is missing"))?;
        self.known_text(expr).ok_or_else(|| Unsaid::because("a pattern is put together when the rule runs"))
    }

    fn known_text(&self, expr: &Expr) -> Option<String> {
        let of = |value: &Const| match value {
            Const::Text(text) | Const::Image(text) | Const::Quantity(text) => Some(text.to_string()),
            Const::Int(value) => Some(value.to_string()),
            Const::Bool(value) => Some(value.to_string()),
            _ => None,
        };
        match &expr.op {
            Op::Const(value) => of(value),
            Op::Var(var) => match self.bound(var) {
                Ok(Bound::Const(value)) => of(value),
                _ => None,
            },
            Op::Text(parts) => parts.iter().map(|part| self.known_text(part)).collect(),
            Op::Convert(inner) if *expr.ty.present() == Ty::Text => self.known_text(inner),
            Op::Arithmetic(kspec_model::rules::Arithmetic::Add, a, b) if *expr.ty.present() == Ty::Text => {
                Some(self.known_text(a)? + &self.known_text(b)?)
            }
            _ => None,
        }
    }

    fn of_map(&mut self, method: Method, base: &Expr, arguments: &[Expr]) -> Result<Piece, Unsaid> {
        let map = self.map(base)?;
        match method {
            Method::Size => Ok(Piece::new(format!("size({})", map.text), binds::PRIMARY, Kind::Int)),
            Method::IsEmpty => Ok(Piece::bool(format!("size({}) == 0", map.text), binds::RELATION)),
            Method::Has | Method::Contains => {
                let key = arguments.first().ok_or_else(|| Unsaid::because("an argument is missing"))?;
                let key = self.value(key)?.present();
                let text = format!("{} in {}", key.at(binds::ADD), map.at(binds::ADD));
                Ok(Piece::under(&key.guards, &Piece::bool(text, binds::RELATION)))
            }
            Method::Keys => Ok(Piece::new(self.keys(&map)?, binds::PRIMARY, Kind::Other)),
            Method::Values => {
                let (keys, key) = (self.keys(&map)?, self.fresh());
                let text = format!("{keys}.map({key}, {}[{key}])", map.at(binds::PRIMARY));
                Ok(Piece::new(text, binds::PRIMARY, if map.kind == Kind::Dyn { Kind::Dyn } else { Kind::Other }))
            }
            _ => Err(Unsaid::because("CEL does not merge maps")),
        }
    }

    /// A map's keys in order: CEL goes through a map in none.
    pub(super) fn keys(&mut self, map: &Piece) -> Result<String, Unsaid> {
        if self.environment < 34 {
            return Err(Unsaid::because("CEL goes through a map in no order, and sorts from Kubernetes 1.35 only"));
        }
        let key = self.fresh();
        Ok(format!("{}.map({key}, string({key})).sort()", map.at(binds::PRIMARY)))
    }

    fn of_block(&mut self, method: Method, base: &Expr, arguments: &[Expr]) -> Result<Piece, Unsaid> {
        match (method, arguments) {
            (Method::Contains, [inner]) => self.within(inner, base),
            _ => Err(Unsaid::because("CEL does not tell whether address blocks overlap")),
        }
    }

    fn of_list(
        &mut self,
        method: Method,
        base: &Expr,
        arguments: &[Expr],
        item: &Ty,
        ty: &Ty,
    ) -> Result<Piece, Unsaid> {
        if method == Method::Contains {
            let needle = arguments.first().ok_or_else(|| Unsaid::because("an argument is missing"))?;
            return self.among(needle, base);
        }
        if method == Method::Size
            && let Some(count) = self.entries_counted(base)?
        {
            return Ok(count);
        }
        let list = self.list(base)?;
        let at = list.at(binds::PRIMARY);
        let primary = |text: String, kind| Piece::new(text, binds::PRIMARY, kind);
        let element = |text: String| Piece { nullable: true, ..Piece::new(text, binds::PRIMARY, Kind::Dyn) };
        let newer = |this: &Self, what: &str| {
            if this.environment >= 34 {
                Ok(())
            } else {
                Err(Unsaid::because(format!("CEL has `{what}` from Kubernetes 1.35 only")))
            }
        };
        Ok(match method {
            Method::Size => primary(format!("size({})", list.text), Kind::Int),
            Method::IsEmpty => Piece::bool(format!("size({}) == 0", list.text), binds::RELATION),
            Method::First => element(format!("dyn({})[?0].orValue(dyn(null))", list.text)),
            Method::Last => {
                let name = self.fresh();
                element(format!("[dyn({})].map({name}, {name}[?size({name}) - 1].orValue(dyn(null)))[0]", list.text))
            }
            Method::Min | Method::Max if matches!(item.present(), Ty::Int | Ty::Text | Ty::Float) => {
                let (name, function) = (self.fresh(), if method == Method::Min { "min" } else { "max" });
                element(format!(
                    "[dyn({})].map({name}, size({name}) == 0 ? dyn(null) : dyn({name}.{function}()))[0]",
                    list.text
                ))
            }
            Method::Sum if matches!(ty.present(), Ty::Int) => {
                let name = self.fresh();
                primary(
                    format!("[dyn({})].map({name}, size({name}) == 0 ? 0 : int({name}.sum()))[0]", list.text),
                    Kind::Int,
                )
            }
            Method::Reverse => {
                newer(self, "reverse")?;
                primary(format!("{at}.reverse()"), list.kind)
            }
            Method::Distinct if matches!(item.present(), Ty::Int | Ty::Text | Ty::Bool) => {
                newer(self, "distinct")?;
                primary(format!("{at}.distinct()"), list.kind)
            }
            Method::Flatten => {
                newer(self, "flatten")?;
                primary(format!("{at}.flatten()"), list.kind)
            }
            Method::Join if matches!(item.present(), Ty::Text | Ty::Image) => {
                let separator = arguments.first().ok_or_else(|| Unsaid::because("an argument is missing"))?;
                let separator = self.value(separator)?.present();
                Piece { guards: separator.guards, ..primary(format!("{at}.join({})", separator.text), Kind::Text) }
            }
            _ => return Err(Unsaid::because(format!("CEL has no `{method:?}` of such lists").to_lowercase())),
        })
    }

    /// How many a map's mapped entries are: the order does not matter then.
    fn entries_counted(&mut self, base: &Expr) -> Result<Option<Piece>, Unsaid> {
        let counted = match &base.op {
            Op::Call(Method::Keys | Method::Values, map, _) => map,
            Op::Each { what: Each::Map, over, value: Some(_), .. } => over,
            _ => return Ok(None),
        };
        let map = self.map(counted)?;
        Ok(Some(Piece::new(format!("size({})", map.text), binds::PRIMARY, Kind::Int)))
    }
}
