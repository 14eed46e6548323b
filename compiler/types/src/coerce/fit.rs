//! Which types fit which.

use super::is_named_object;
use crate::Type;

/// Whether a value of type `found` is one of type `wanted`, whatever it is.
#[must_use]
pub(crate) fn fits(found: &Type, wanted: &Type) -> bool {
    match (found, wanted) {
        (a, b) if a == b => true,
        (Type::Error | Type::Never | Type::Any, _) | (_, Type::Error | Type::Any) => true,
        (Type::Optional(a), Type::Optional(b)) => fits(a, b),
        (Type::Optional(_), _) => false,
        (a, Type::Optional(b)) => fits(a, b),
        (Type::Int, Type::Float | Type::Quantity | Type::Port | Type::IntOrString) => true,
        (Type::Float, Type::Quantity) => true,
        (a, Type::String | Type::IntOrString | Type::Glob) if a.is_text() => true,
        (Type::Literals(a), Type::Literals(b)) => a.is_subset(b),
        (Type::List(a), Type::List(b)) => fits(a, b),
        (Type::Map(ka, a), Type::Map(kb, b)) => fits(ka, kb) && fits(a, b),
        (Type::Record(fields), Type::Map(_, of)) => fields.values().all(|ty| fits(ty.present().0, of)),
        (Type::Record(a), Type::Record(b)) => {
            b.iter().all(|(name, ty)| a.get(name).map_or(matches!(ty, Type::Optional(_)), |found| fits(found, ty)))
                && a.keys().all(|name| b.contains_key(name))
        }
        (Type::Entity(a), Type::Entity(b)) => a.fits(*b),
        (Type::Kube(a), Type::Kube(b)) => a.id == b.id,
        _ => false,
    }
}

/// As [`fits`], for a field of a Kubernetes object.
pub(super) fn fits_field(found: &Type, wanted: &Type) -> bool {
    match (found, wanted) {
        // A field that is absent is left out.
        (Type::Optional(inner), wanted) => fits(inner, wanted) || fits_field(inner, wanted),
        (found, Type::Optional(wanted)) => fits_field(found, wanted),
        (Type::Duration, Type::Int | Type::String) => true,
        (Type::Quantity | Type::Cidr | Type::Date, Type::String) | (Type::Date, Type::Time) => true,
        (Type::Entity(kind), Type::String) => is_named_object(*kind),
        (text, Type::Quantity | Type::Time) => text.is_text(),
        (Type::List(a), Type::List(b)) | (Type::Map(_, a), Type::Map(_, b)) => fits(a, b) || fits_field(a, b),
        (Type::Record(fields), Type::Map(_, of)) => {
            fields.values().all(|ty| fits(ty.present().0, of) || fits_field(ty, of))
        }
        _ => false,
    }
}
