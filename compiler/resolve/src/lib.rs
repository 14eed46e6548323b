//! Projects, modules, names: source to model.
