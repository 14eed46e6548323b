//! Names, expressions, types.

use std::fmt::Write as _;

use super::{Out, is_ident};
use crate::tree::{
    Arg, BinaryOp, Expr, ExprKind, Field, Key, Name, Param, Path, PortLit, Protocol, Record, Str, TypeExpr,
    TypeExprKind, UnaryOp,
};

/// How tightly an expression holds together: what stands in a place that wants more is parenthesised.
const WHOLE: u8 = 0;
const UNARY: u8 = 8;
const POSTFIX: u8 = 9;

impl Out {
    pub(super) fn name(&mut self, name: &Name) {
        self.ident(&name.text);
    }

    pub(super) fn path(&mut self, path: &Path) {
        for (at, name) in path.segments.iter().enumerate() {
            if at > 0 {
                self.put(".");
            }
            self.name(name);
        }
    }

    pub(super) fn str(&mut self, text: &Str) {
        if text.raw && !text.value.contains(['"', '\n', '\r']) {
            self.put("r\"").put(&text.value).put("\"");
        } else {
            self.quoted(&text.value);
        }
    }

    pub(super) fn expr(&mut self, e: &Expr) {
        self.at_least(e, WHOLE);
    }

    /// An expression where only a name, a literal, a call or the like may stand.
    pub(super) fn postfix(&mut self, e: &Expr) {
        self.at_least(e, POSTFIX);
    }

    /// An expression that a body may follow.
    pub(super) fn before_body(&mut self, e: &Expr) {
        if has_loose_record(e) {
            self.put("(");
            self.expr(e);
            self.put(")");
        } else {
            self.expr(e);
        }
    }

    fn at_least(&mut self, e: &Expr, wanted: u8) {
        if strength(&e.kind) < wanted {
            self.put("(");
            self.bare(&e.kind);
            self.put(")");
        } else {
            self.bare(&e.kind);
        }
    }

    fn bare(&mut self, kind: &ExprKind) {
        match kind {
            ExprKind::Bool(value) => {
                self.put(if *value { "true" } else { "false" });
            }
            ExprKind::Int(value) => self.show(value),
            ExprKind::Float(value) => {
                self.show(value);
                // Without a point it would be read as an integer.
                if value.fract() == 0.0 {
                    self.put(".0");
                }
            }
            ExprKind::Str(text) => self.str(text),
            ExprKind::Quantity(text) | ExprKind::Duration(text) | ExprKind::Date(text) | ExprKind::Cidr(text) => {
                self.put(text);
            }
            ExprKind::Port(port) => self.port(*port),
            ExprKind::Name(name) => self.name(name),
            ExprKind::Field(base, name) => {
                self.postfix(base);
                self.put(".");
                self.name(name);
            }
            ExprKind::Index(base, index) => {
                self.postfix(base);
                self.put("[");
                self.expr(index);
                self.put("]");
            }
            ExprKind::Call(callee, args) => {
                self.postfix(callee);
                self.put("(");
                self.list(args, Self::arg);
                self.put(")");
            }
            ExprKind::List(items) => {
                self.put("[");
                self.list(items, Self::expr);
                self.put("]");
            }
            ExprKind::Record(fields) => self.fields(fields),
            ExprKind::Lambda(params, body) => {
                match params.as_slice() {
                    [one] => self.name(one),
                    many => {
                        self.put("(");
                        self.list(many, Self::name);
                        self.put(")");
                    }
                }
                self.put(" => ");
                self.expr(body);
            }
            ExprKind::Unary(op, e) => {
                self.put(match op {
                    UnaryOp::Not => "!",
                    UnaryOp::Negate => "-",
                });
                self.at_least(e, UNARY);
            }
            ExprKind::Binary(op, left, right) => {
                let (text, strength) = operator(*op);
                self.at_least(left, strength);
                self.put(" ").put(text).put(" ");
                // In a scope's condition only a bracket tells the operator `in` from the scope's.
                if *op == BinaryOp::In && !matches!(right.kind, ExprKind::List(_)) {
                    self.put("(");
                    self.expr(right);
                    self.put(")");
                } else {
                    self.at_least(right, strength + 1);
                }
            }
            ExprKind::Range(first, last) => {
                self.at_least(first, 5);
                self.put("..");
                self.at_least(last, 6);
            }
            ExprKind::If(condition, then, otherwise) => {
                self.put("if ");
                self.expr(condition);
                self.put(" then ");
                self.expr(then);
                self.put(" else ");
                self.expr(otherwise);
            }
            ExprKind::Error => {
                self.put("_");
            }
        }
    }

    fn show(&mut self, value: &impl std::fmt::Display) {
        let _ = write!(self.text, "{value}");
    }

    pub(super) fn port(&mut self, port: PortLit) {
        self.show(&port.first);
        if port.first != port.last || port.protocol.is_none() {
            self.put("..");
            self.show(&port.last);
        }
        self.put(match port.protocol {
            Some(Protocol::Tcp) => "/tcp",
            Some(Protocol::Udp) => "/udp",
            Some(Protocol::Sctp) => "/sctp",
            None => "",
        });
    }

    fn arg(&mut self, arg: &Arg) {
        if let Some(name) = &arg.name {
            self.name(name);
            self.put(": ");
        }
        self.expr(&arg.value);
    }

    pub(super) fn key(&mut self, key: &Key) {
        if !key.quoted && key.text.split('.').all(is_ident) {
            self.put(&key.text);
        } else {
            self.quoted(&key.text);
        }
    }

    pub(super) fn field(&mut self, field: &Field) {
        self.key(&field.key);
        self.put(": ");
        self.expr(&field.value);
    }

    fn fields(&mut self, fields: &[Field]) {
        if fields.is_empty() {
            self.put("{}");
            return;
        }
        self.put("{ ");
        self.list(fields, Self::field);
        self.put(" }");
    }

    pub(super) fn record(&mut self, record: &Record) {
        self.fields(&record.fields);
    }

    pub(super) fn body(&mut self, record: Option<&Record>) {
        if let Some(record) = record {
            self.put(" ");
            self.record(record);
        }
    }

    pub(super) fn type_expr(&mut self, ty: &TypeExpr) {
        match &ty.kind {
            TypeExprKind::Named(path, args) => {
                self.path(path);
                if !args.is_empty() {
                    self.put("<");
                    self.list(args, Self::type_expr);
                    self.put(">");
                }
            }
            TypeExprKind::Literals(texts) => {
                for (at, text) in texts.iter().enumerate() {
                    if at > 0 {
                        self.put(" | ");
                    }
                    self.str(text);
                }
            }
            TypeExprKind::Record(fields) => {
                self.put("{ ");
                self.list(fields, |out, (name, ty)| {
                    out.name(name);
                    out.put(": ");
                    out.type_expr(ty);
                });
                self.put(" }");
            }
            TypeExprKind::Optional(inner) => {
                let literals = matches!(inner.kind, TypeExprKind::Literals(_));
                self.put(if literals { "(" } else { "" });
                self.type_expr(inner);
                self.put(if literals { ")?" } else { "?" });
            }
            TypeExprKind::Error => {
                self.put("_");
            }
        }
    }

    pub(super) fn param(&mut self, param: &Param) {
        self.name(&param.name);
        self.put(": ");
        self.type_expr(&param.ty);
        if let Some(value) = &param.default {
            self.put(" = ");
            self.expr(value);
        }
    }

    pub(super) fn params(&mut self, params: &[Param]) {
        if !params.is_empty() {
            self.put("(");
            self.list(params, Self::param);
            self.put(")");
        }
    }
}

fn operator(op: BinaryOp) -> (&'static str, u8) {
    match op {
        BinaryOp::Mul => ("*", 7),
        BinaryOp::Div => ("/", 7),
        BinaryOp::Rem => ("%", 7),
        BinaryOp::Add => ("+", 6),
        BinaryOp::Sub => ("-", 6),
        BinaryOp::Eq => ("==", 4),
        BinaryOp::Ne => ("!=", 4),
        BinaryOp::Lt => ("<", 4),
        BinaryOp::Le => ("<=", 4),
        BinaryOp::Gt => (">", 4),
        BinaryOp::Ge => (">=", 4),
        BinaryOp::In => ("in", 4),
        BinaryOp::And => ("&&", 3),
        BinaryOp::Or => ("||", 2),
        BinaryOp::Coalesce => ("??", 1),
    }
}

fn strength(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Lambda(..) | ExprKind::If(..) => WHOLE,
        ExprKind::Binary(op, ..) => operator(*op).1,
        ExprKind::Range(..) => 5,
        ExprKind::Unary(..) => UNARY,
        ExprKind::Int(value) if *value < 0 => UNARY,
        ExprKind::Float(value) if value.is_sign_negative() => UNARY,
        _ => POSTFIX,
    }
}

/// Whether a record stands outside all brackets, where it could be taken for a body.
fn has_loose_record(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Record(_) => true,
        ExprKind::Field(base, _) | ExprKind::Index(base, _) | ExprKind::Call(base, _) => has_loose_record(base),
        ExprKind::Unary(_, e) | ExprKind::Lambda(_, e) => has_loose_record(e),
        ExprKind::Binary(_, a, b) | ExprKind::Range(a, b) => has_loose_record(a) || has_loose_record(b),
        ExprKind::If(a, b, c) => [a, b, c].into_iter().any(|e| has_loose_record(e)),
        _ => false,
    }
}
