//! Makes a plan so: server-side apply, inventory, pruning.
