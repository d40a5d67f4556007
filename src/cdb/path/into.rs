//! Paths from whatever callers have.

use super::parse::PathError;
use super::types::Path;

/// What can stand where a path is wanted: a [`Path`], or text that is parsed.
pub trait IntoPath {
    /// The path.
    ///
    /// # Errors
    /// [`PathError`] when the text is not a path.
    fn into_path(self) -> Result<Path, PathError>;
}

impl IntoPath for Path {
    fn into_path(self) -> Result<Path, PathError> {
        Ok(self)
    }
}

impl IntoPath for &Path {
    fn into_path(self) -> Result<Path, PathError> {
        Ok(self.clone())
    }
}

impl IntoPath for &str {
    fn into_path(self) -> Result<Path, PathError> {
        self.parse()
    }
}

impl IntoPath for &String {
    fn into_path(self) -> Result<Path, PathError> {
        self.parse()
    }
}
