//! What the transaction log will say.

use serde::{Deserialize, Serialize};

/// What the transaction log will say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Who.
    pub user: Option<String>,
    /// Why.
    pub comment: Option<String>,
}
