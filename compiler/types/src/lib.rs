//! Types and values of expressions: checking and evaluation.
