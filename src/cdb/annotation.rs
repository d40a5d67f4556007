//! What every transaction says about itself in the tail.
//!
//! bincode 2, standard configuration, of `(version = 1, wall time in microseconds, user, comment, nodes more or fewer, nodes
//! touched)`. Records without an annotation (or with one of another version) read as an empty one.

/// Who, when, why, and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub wall_micros: u64,
    pub user: Option<String>,
    pub comment: Option<String>,
    pub node_delta: i64,
    pub nodes_touched: u64,
}

type Row = (u8, u64, Option<String>, Option<String>, i64, u64);

impl Annotation {
    pub fn encode(&self) -> Vec<u8> {
        let row: Row = (
            1,
            self.wall_micros,
            self.user.clone(),
            self.comment.clone(),
            self.node_delta,
            self.nodes_touched,
        );
        // Encoding into memory fails only for types that refuse to be encoded; these do not.
        bincode::encode_to_vec(row, bincode::config::standard()).unwrap_or_default()
    }

    pub fn decode(bytes: &[u8]) -> Self {
        let config = bincode::config::standard().with_limit::<1_048_576>();
        match bincode::decode_from_slice::<Row, _>(bytes, config) {
            Ok(((1, wall_micros, user, comment, node_delta, nodes_touched), _)) => {
                Self { wall_micros, user, comment, node_delta, nodes_touched }
            }
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_decodes_to_itself_and_anything_else_to_an_empty_one() {
        let annotation = Annotation {
            wall_micros: 1_790_000_000_000_000,
            user: Some("alice".into()),
            comment: Some("load devices.xml".into()),
            node_delta: -3,
            nodes_touched: 7,
        };
        assert_eq!(Annotation::decode(&annotation.encode()), annotation);
        for bytes in [&b""[..], b"\x02", b"\xff\xff\xff\xff\xff"] {
            assert_eq!(Annotation::decode(bytes), Annotation::default());
        }
    }
}
