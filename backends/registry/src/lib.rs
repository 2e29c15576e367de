//! The backends of this build, gathered into one Registry.
