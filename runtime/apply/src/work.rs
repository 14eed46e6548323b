//! What there is to do.

use std::{collections::BTreeSet, fmt};

use kspec_lower::{Inventory, Phase};
use kspec_model::{Object, ObjectKey};
use kspec_plan::{Action, Planned, RefusalKind};
use serde::{Deserialize, Serialize};

/// The annotation that a released object keeps: the project it belonged to, which may still delete it when asked by name.
pub const RELEASED: &str = "kspec.dev/released-by";

/// Everything that an apply does, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// The project's inventory.
    pub inventory: Inventory,
    /// Every object of the program.
    pub wanted: Vec<Wanted>,
    /// What left the program.
    pub removals: Vec<Removal>,
}

/// An object to be as the program says.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The fields that the program owns.
    pub object: Object,
    /// When.
    pub phase: Phase,
    /// What the plan found.
    pub intent: Intent,
}

impl Work {
    /// What a plan comes to.
    #[must_use]
    pub fn of(planned: &Planned) -> Self {
        let foreign: BTreeSet<ObjectKey> = planned
            .plan
            .refusals
            .iter()
            .filter(|refusal| refusal.kind == RefusalKind::ForeignOwner)
            .map(|refusal| refusal.object.key())
            .collect();
        let intent = |wanted: &kspec_plan::Wanted| match wanted.action {
            Action::Adopt => Intent::Adopt,
            // The plan leaves another project's object alone; what apply has to say of it is that it may not.
            Action::None if foreign.contains(&wanted.object.key()) => Intent::Write,
            Action::None => Intent::Keep,
            Action::Create | Action::Update | Action::Delete | Action::Release => Intent::Write,
        };
        let wanted = planned.wanted.iter().map(|wanted| Wanted {
            object: wanted.object.clone(),
            phase: wanted.phase,
            intent: intent(wanted),
        });
        let leaving = planned.plan.changes.get(planned.wanted.len()..).unwrap_or_default();
        let removals = planned.removals.iter().zip(leaving).map(|(object, change)| Removal {
            object: object.clone(),
            keep: (change.action != Action::Delete)
                .then(|| change.reason.clone().unwrap_or_else(|| "the plan releases it".to_owned())),
        });
        Self { inventory: planned.inventory.clone(), wanted: wanted.collect(), removals: removals.collect() }
    }
}

/// What the plan says of an object of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// It is ours, or not there yet: write it.
    Write,
    /// It is there and not ours.
    Adopt,
    /// It is as the program says already.
    Keep,
}

/// An object that left the program.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// The object as last read.
    pub object: Object,
    /// Why it is to be released and not deleted; whether or not there is a reason here, protected and adopted ones are.
    pub keep: Option<String>,
}

/// An object named for deletion: `KIND/NAME`, or `KIND/NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deletion {
    kind: String,
    group: Option<String>,
    namespace: Option<String>,
    name: String,
}

impl Deletion {
    /// Reads `KIND/NAME`, `KIND/NAMESPACE/NAME`; the kind in any case, with its group where that is needed
    /// (`Role.rbac.authorization.k8s.io/shop/viewer`).
    ///
    /// # Errors
    /// Says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, name] => (*kind, None, *name),
            [kind, namespace, name] => (*kind, Some(*namespace), *name),
            _ => return Err(format!("`{text}` is no KIND/NAME or KIND/NAMESPACE/NAME")),
        };
        if kind.is_empty() || name.is_empty() || namespace.is_some_and(str::is_empty) {
            return Err(format!("`{text}` is no KIND/NAME or KIND/NAMESPACE/NAME"));
        }
        let (kind, group) = match kind.split_once('.') {
            Some((kind, group)) => (kind, Some(group.to_owned())),
            None => (kind, None),
        };
        Ok(Self {
            kind: kind.to_ascii_lowercase(),
            group,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }

    /// Whether it means objects of this kind.
    pub(crate) fn is_of(&self, group: &str, kind: &str) -> bool {
        self.kind == kind.to_ascii_lowercase() && self.group.as_deref().is_none_or(|stated| stated == group)
    }

    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it means this object.
    #[must_use]
    pub fn names(&self, key: &ObjectKey) -> bool {
        self.is_of(&key.group, &key.kind)
            && self.name == key.name
            && (self.namespace.is_none() || self.namespace == key.namespace)
    }
}

impl fmt::Display for Deletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(group) = &self.group {
            write!(f, ".{group}")?;
        }
        if let Some(namespace) = &self.namespace {
            write!(f, "/{namespace}")?;
        }
        write!(f, "/{}", self.name)
    }
}

/// Kinds whose deletion takes more with it than the program ever declared: a namespace all that is in it, a definition all
/// its objects, a service account its tokens and whatever runs as it.
#[must_use]
pub fn is_protected(key: &ObjectKey) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("", "Namespace" | "ServiceAccount") | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}
