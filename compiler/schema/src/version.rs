//! The Kubernetes versions that a project can target.

use std::fmt;
use std::str::FromStr;

/// A minor version of Kubernetes whose types are bundled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KubeVersion {
    /// 1.33
    V1_33,
    /// 1.34
    V1_34,
    /// 1.35
    V1_35,
    /// 1.36
    V1_36,
}

impl KubeVersion {
    /// The newest version that is bundled.
    pub const NEWEST: Self = Self::V1_36;

    const ALL: [Self; 4] = [Self::V1_33, Self::V1_34, Self::V1_35, Self::V1_36];

    /// Every bundled version, oldest first.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        &Self::ALL
    }

    /// Reads `1.34`, `v1.34`, or a patch release of it (`v1.34.4`). `None` for a version that is not bundled.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts = text.split('.');
        if parts.next()? != "1" {
            return None;
        }
        let minor: u8 = parts.next()?.parse().ok()?;
        let patch = parts.next();
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if parts.next().is_some() || patch.is_some_and(|patch| !is_number(patch)) {
            return None;
        }
        Self::ALL.into_iter().find(|version| version.minor() == minor)
    }

    /// The number after the dot.
    #[must_use]
    pub const fn minor(self) -> u8 {
        match self {
            Self::V1_33 => 33,
            Self::V1_34 => 34,
            Self::V1_35 => 35,
            Self::V1_36 => 36,
        }
    }
}

impl fmt::Display for KubeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor())
    }
}

impl FromStr for KubeVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

/// A version that is not bundled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVersion(
    /// What was written.
    pub String,
);

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kubernetes `{}` is not one of the bundled versions: ", self.0)?;
        for (index, version) in KubeVersion::all().iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{version}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownVersion {}
