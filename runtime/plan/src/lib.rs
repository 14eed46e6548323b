//! What would change: objects, access, connectivity, hosts.
