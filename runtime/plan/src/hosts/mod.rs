//! Control-plane settings: what the program says against what runs.
//!
//! Nothing here is applied: hosts are not reached through the API. What was not seen is said to be so, and never taken for
//! "not set".

mod files;
mod flags;
mod plugins;

pub(crate) use self::files::running_encryption;

use kspec_diagnostics::Place;
use kspec_model::program::Origin;
use kspec_schema::KubeVersion;
use kspec_state::Flags;

use crate::{
    Inputs,
    document::{HostChange, Source},
};

/// Every setting that differs, admission plugins first, then flags, then files. Of several API servers each is compared, and a
/// difference that not all of them have names those that do.
pub(crate) fn hosts(inputs: &Inputs<'_>) -> Vec<HostChange> {
    let servers = &inputs.state.servers;
    if servers.len() < 2 {
        return compared(inputs, inputs.state.host.flags.as_ref());
    }
    let mut changes: Vec<HostChange> = Vec::new();
    for (server, flags) in servers {
        for change in compared(inputs, Some(flags)) {
            let same = |known: &&mut HostChange| HostChange { servers: Vec::new(), ..(**known).clone() } == change;
            match changes.iter_mut().find(same) {
                Some(known) => known.servers.push(server.clone()),
                None => changes.push(HostChange { servers: vec![server.clone()], ..change }),
            }
        }
    }
    for change in changes.iter_mut().filter(|change| change.servers.len() == servers.len()) {
        change.servers.clear();
    }
    changes.sort_by(|one, other| (one.setting, &one.name).cmp(&(other.setting, &other.name)));
    changes
}

/// Against one API server, of which the flags are seen or not.
fn compared(inputs: &Inputs<'_>, running: Option<&Flags>) -> Vec<HostChange> {
    let target = KubeVersion::parse(&inputs.program.project.kubernetes).unwrap_or(KubeVersion::NEWEST);
    let mut changes = Vec::new();
    changes.extend(plugins::plugins(inputs, running, target));
    changes.extend(flags::flags(inputs, running, target));
    changes.extend(files::files(inputs, running));
    changes
}

fn source(inputs: &Inputs<'_>, origin: Option<&Origin>) -> Option<Source> {
    let position = inputs.sources.position(&Place::Source(origin?.at))?;
    Some(Source { file: position.path.to_string(), line: position.line })
}

/// Where a flag is stated, else where the file that it names is declared.
fn flag_source(inputs: &Inputs<'_>, flag: &str) -> Option<Source> {
    let program = inputs.program;
    let stated = program.api_server.as_ref().and_then(|server| server.stated.get(flag));
    let declared = match flag {
        "encryption-provider-config" => program.encryption.as_ref().map(|encryption| &encryption.origin),
        "authentication-config" => program.authentication.as_ref().map(|authentication| &authentication.origin),
        flag if flag.starts_with("audit-") => program.audit.as_ref().map(|audit| &audit.origin),
        _ => None,
    };
    let server = program.api_server.as_ref().map(|server| &server.origin);
    source(inputs, stated.or(declared).or(server))
}
