use super::*;

/// What salvage gives: the entries, and the damaged places.
fn salvage(written: &Written) -> (Map, Vec<(u64, u64, bool)>) {
    let summary = written.summary;
    let mut salvage = ImageSalvage::new(written.file(), FILE_ID, summary.start, summary.end());
    let (mut entries, mut damage) = (Map::new(), Vec::new());
    while let Some(piece) = salvage.next().unwrap() {
        match piece {
            Salvaged::Data(mut block) => {
                while let Some((key, value)) = block.next().unwrap() {
                    assert!(entries.last_key_value().is_none_or(|(last, _)| last.as_slice() < key));
                    entries.insert(key.to_vec(), value.to_vec());
                }
            }
            Salvaged::Damaged { position, len, data, .. } => damage.push((position, len, data)),
        }
    }
    (entries, damage)
}

#[test]
fn salvage_reads_all_of_a_good_image() {
    let entries = numbered(5000, 100);
    for compression in COMPRESSIONS {
        assert_eq!(salvage(&write(&entries, compression)), (entries.clone(), Vec::new()));
    }
}

#[test]
fn salvage_loses_only_the_damaged_block() {
    let entries = numbered(5000, 100);
    for compression in COMPRESSIONS {
        let written = write(&entries, compression);
        let good = written.bytes();
        let blocks = written.blocks();
        for (index, block) in blocks.iter().enumerate().step_by(3) {
            // In its header, then in its payload.
            for at in [8, 40] {
                let mut bytes = good.clone();
                let position = usize::try_from(block.position).unwrap();
                bytes[position + at] ^= 0x10;
                let level = bytes[position + 12];
                let (found, damage) = salvage(&written.with_bytes(bytes));
                let data = level == 0 || at == 8;
                assert_eq!(damage, [(block.position, u64::from(block.len), data)], "block {index}");
                let lost = entries.len() - found.len();
                assert_eq!(lost == 0, level > 0, "block {index}");
                assert!(found.iter().all(|(key, value)| entries.get(key) == Some(value)));
                assert!(lost < 400);
            }
        }
    }
}

#[test]
fn salvage_goes_on_after_a_hole_of_many_blocks() {
    let entries = numbered(5000, 100);
    let written = write(&entries, Compression::None);
    let mut bytes = written.bytes();
    bytes[50_000..200_000].fill(0);
    let (found, damage) = salvage(&written.with_bytes(bytes));
    assert_eq!(damage.iter().filter(|(.., data)| *data).count(), damage.len());
    assert!(found.len() > 3000 && found.len() < 5000);
    assert!(found.iter().all(|(key, value)| entries.get(key) == Some(value)));
}
