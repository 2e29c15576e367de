//! What an author of a backend depends on: Backend, Artifact, Target, Registry.
