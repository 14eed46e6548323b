//! The model as Kubernetes objects and host files, a folder a target.
