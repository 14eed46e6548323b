//! Cluster state from a live API, a directory, or a snapshot.
