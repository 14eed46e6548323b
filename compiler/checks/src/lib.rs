//! What the model gets wrong: findings, a file a family.
