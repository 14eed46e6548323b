//! Making a value of one type out of a value of another.

use kspec_diagnostics::Span;

use crate::{Cx, Type, Value};

/// The value as one of type `ty`; reports at `span` what is none.
pub fn coerce(_value: Value, _ty: &Type, _span: Span, _cx: &mut Cx<'_>) -> Value {
    Value::Error
}
