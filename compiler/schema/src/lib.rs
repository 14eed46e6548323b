//! Kubernetes' types and resources by version, and custom ones from their CRDs.
