//! What to remove: what left the program, and what the person names beside it.

use kspec_model::{Object, ObjectKey};
use kspec_plan::removal_rank;
use kspec_state::live::Connection;

use crate::{
    error::ApplyError,
    send::Target,
    work::{Deletion, RELEASED, Work},
    write::Managers,
};

/// An object to remove.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) object: Object,
    /// Why the plan releases it, where it does.
    pub(crate) keep: Option<String>,
    /// Whether the person named it for deletion.
    pub(crate) named: bool,
    /// When: ascending.
    pub(crate) rank: u8,
}

/// Matches the objects named for deletion with what leaves the program; one that left it in an earlier run carries its mark.
pub(crate) async fn resolve(
    connection: &Connection,
    work: &Work,
    deletions: &[Deletion],
    managers: &Managers,
) -> Result<Vec<Resolved>, ApplyError> {
    let mut resolved: Vec<Resolved> = work
        .removals
        .iter()
        .map(|removal| Resolved {
            rank: removal_rank(&removal.object),
            object: removal.object.clone(),
            keep: removal.keep.clone(),
            named: false,
        })
        .collect();
    for deletion in deletions {
        if let Some(declared) = work.wanted.iter().map(|wanted| wanted.object.key()).find(|key| deletion.names(key)) {
            return Err(ApplyError::StillDeclared { deletion: deletion.clone(), key: Box::new(declared) });
        }
        let keys: Vec<ObjectKey> =
            resolved.iter().map(|removal| removal.object.key()).filter(|key| deletion.names(key)).collect();
        match keys.as_slice() {
            [] => {
                let object = released(connection, deletion, managers).await?;
                resolved.push(Resolved { rank: removal_rank(&object), object, keep: None, named: true });
            }
            [one] => {
                for removal in resolved.iter_mut().filter(|removal| removal.object.key() == *one) {
                    removal.named = true;
                }
            }
            _ => return Err(ApplyError::Ambiguous { deletion: deletion.clone(), keys }),
        }
    }
    Ok(resolved)
}

/// An object that this project released before.
async fn released(connection: &Connection, deletion: &Deletion, managers: &Managers) -> Result<Object, ApplyError> {
    let candidates = connection.served().kinds().filter(|resource| deletion.is_of(&resource.group, &resource.kind));
    for resource in candidates {
        if resource.namespaced && deletion.namespace().is_none() {
            continue;
        }
        let key = ObjectKey {
            group: resource.group.clone(),
            kind: resource.kind.clone(),
            namespace: deletion.namespace().filter(|_| resource.namespaced).map(str::to_owned),
            name: deletion.name().to_owned(),
        };
        let target = Target { connection, resource, key: &key };
        let live = target
            .get()
            .await
            .map_err(|failure| ApplyError::Inventory { key: key.clone(), failure: Box::new(failure) })?;
        if let Some(live) = live.map(Object)
            && live.annotations().get(RELEASED) == Some(&managers.project)
        {
            return Ok(live);
        }
    }
    Err(ApplyError::NotOurs { deletion: deletion.clone() })
}
