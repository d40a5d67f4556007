use super::*;

#[test]
fn a_file_that_is_too_short_is_refused_at_open() {
    let written = write(&numbered(1000, 50), Compression::None);
    let len = usize::try_from(written.summary.end()).unwrap() - 1;
    let short = written.with_bytes(written.bytes()[..len].to_vec());
    for read in READS {
        let cache = BlockCache::new(1 << 20);
        let opened = Image::open(short.file(), FILE_ID, short.summary, read, &cache);
        assert!(matches!(opened, Err(ReadError::Corrupt { position: START, .. })));
    }
}

#[test]
fn a_wrong_root_or_count_never_gives_a_value() {
    let entries = numbered(1000, 50);
    let written = write(&entries, Compression::None);
    let root = written.summary.root.unwrap();
    let with_root = |position, len| Some(BlockPointer { position, len });
    let wrong = [
        ImageSummary { root: with_root(root.position, root.len - 1), ..written.summary },
        ImageSummary { root: with_root(root.position, u32::MAX), ..written.summary },
        ImageSummary { root: with_root(root.position, 0), ..written.summary },
        ImageSummary { root: with_root(START, 4096), ..written.summary },
        ImageSummary { root: with_root(0, 100), ..written.summary },
        ImageSummary { root: with_root(u64::MAX, 100), ..written.summary },
        ImageSummary { height: written.summary.height - 1, ..written.summary },
        ImageSummary { height: written.summary.height + 1, ..written.summary },
    ];
    for absurd in [
        ImageSummary { height: 0, ..written.summary },
        ImageSummary { height: u8::MAX, ..written.summary },
        ImageSummary { entries: 0, ..written.summary },
        ImageSummary { root: None, ..written.summary },
    ] {
        let cache = BlockCache::new(1 << 20);
        let opened = Image::open(written.file(), FILE_ID, absurd, ImageRead::Mapped, &cache);
        assert!(matches!(opened, Err(ReadError::Corrupt { position: START, .. })), "{absurd:?}");
    }
    for summary in wrong {
        for read in READS {
            let wrong = Written { vfs: written.vfs.clone(), summary };
            let image = wrong.open(read);
            for key in entries.keys() {
                assert!(image.get(key).is_err(), "{summary:?}");
            }
            assert!(all_forward(&image).is_err());
            assert!(image.count_range(Bound::Included(b"a"), Bound::Unbounded).is_err());
            assert!(image.verify(&mut |_| ()).is_err());
        }
    }
    let counts = ImageSummary { entries: 999, ..written.summary };
    let found =
        Written { vfs: written.vfs, summary: counts }.open(ImageRead::Mapped).verify(&mut |_| ());
    let Err(ReadError::Corrupt { damage, .. }) = found else { panic!("{found:?}") };
    assert_eq!(damage, Damage::Count { what: "entries", found: 1000, expected: 999 });
}

#[test]
fn the_check_tells_how_far_it_is_every_few_megabytes_and_at_the_end() {
    let written = write(&numbered(3_000, 2_000), Compression::None);
    let mut told = vec![0];
    written.open(ImageRead::Mapped).verify(&mut |done| told.push(done)).unwrap();
    let (end, before) = told.split_last().unwrap();
    assert_eq!(*end, written.summary.len);
    assert!(before.len() > 2, "{told:?}");
    assert!(before.windows(2).all(|pair| pair[1] - pair[0] >= verify::PROGRESS_BYTES), "{told:?}");
    assert!(before.len() as u64 <= written.summary.len / verify::PROGRESS_BYTES + 1);
}

/// A count, a length or a key of a child changed, and the block's checksums put right.
#[test]
fn an_index_that_says_of_a_block_what_is_not_so_is_found_by_the_check() {
    let written = write(&numbered(1000, 50), Compression::None);
    let root = written.summary.root.unwrap();
    let whole = written.bytes();
    let position = usize::try_from(root.position).unwrap();
    let payload = position + header::HEADER_BYTES..position + root.len as usize;
    let forge = |at: usize, change: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= change;
        reseal(&mut bytes, FILE_ID, position);
        written.with_bytes(bytes).open(ImageRead::Mapped).verify(&mut |_| ())
    };
    forge(payload.start, 0).unwrap();
    for at in payload {
        for bit in 0..8 {
            assert!(forge(at, 1 << bit).is_err(), "bit {bit} of byte {at}");
        }
    }
}

/// Every answer of a damaged image is an error or right.
fn check_damaged(damaged: &Written, entries: &Map, read: ImageRead) -> bool {
    let image = damaged.open(read);
    let mut all_right = true;
    for (key, value) in entries {
        match image.get(key) {
            Ok(found) => assert_eq!(found.as_deref(), Some(value.as_slice())),
            Err(ReadError::Corrupt { .. }) => all_right = false,
            Err(error) => panic!("{error}"),
        }
    }
    let expected: Vec<_> = entries.clone().into_iter().collect();
    for found in [all_forward(&image), all_backward(&image)] {
        match found {
            Ok(found) => assert_eq!(found, expected),
            Err(ReadError::Corrupt { .. }) => all_right = false,
            Err(error) => panic!("{error}"),
        }
    }
    all_right
}

#[test]
fn every_flipped_bit_is_found_and_named_and_gives_no_wrong_value() {
    for (compression, value_len) in [(Compression::None, 20), (Compression::Lz4, 60)] {
        let entries = numbered(170, value_len);
        let written = write(&entries, compression);
        assert!(written.summary.height > 1);
        let blocks = written.blocks();
        let bytes = written.bytes();
        let whole =
            usize::try_from(START).unwrap()..usize::try_from(written.summary.end()).unwrap();
        for at in whole {
            let position = at as u64;
            let holder = blocks.iter().rfind(|block| block.position <= position).unwrap();
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                let damaged = written.with_bytes(bytes);
                let verified = damaged.open(ImageRead::Cached).verify(&mut |_| ());
                let Err(ReadError::Corrupt { position, .. }) = verified else {
                    panic!("byte {at} bit {bit}: {verified:?}");
                };
                assert_eq!(position, holder.position, "byte {at} bit {bit}");
                // Reading all of it is slow: one bit a byte, the two ways in turn.
                if bit == at % 8 && at % 5 == 0 {
                    assert!(!check_damaged(&damaged, &entries, READS[at / 5 % 2]));
                }
            }
        }
    }
}

#[test]
fn swapped_duplicated_and_foreign_blocks_are_found() {
    // Values of one length in keys of one length: blocks of equal length.
    let entries: Map = (0..2000_u32).map(|n| (n.to_be_bytes().to_vec(), vec![9; 100])).collect();
    let written = write(&entries, Compression::None);
    let blocks = written.blocks();
    let same = blocks.windows(2).skip(2).find(|pair| pair[0].len == pair[1].len).unwrap();
    let range = |block: &BlockPointer| {
        let start = usize::try_from(block.position).unwrap();
        start..start + block.len as usize
    };
    let good = written.bytes();
    let (first, second) = (good[range(&same[0])].to_vec(), good[range(&same[1])].to_vec());

    let mut swapped = good.clone();
    swapped[range(&same[0])].copy_from_slice(&second);
    swapped[range(&same[1])].copy_from_slice(&first);
    let mut duplicated = good.clone();
    duplicated[range(&same[1])].copy_from_slice(&first);
    for (bytes, position) in [(swapped, same[0].position), (duplicated, same[1].position)] {
        let damaged = written.with_bytes(bytes);
        for read in READS {
            assert!(!check_damaged(&damaged, &entries, read));
        }
        let verified = damaged.open(ImageRead::Mapped).verify(&mut |_| ());
        let Err(ReadError::Corrupt { position: found, damage, .. }) = verified else { panic!() };
        assert_eq!((found, damage), (position, Damage::Header));
    }

    let cache = BlockCache::new(1 << 20);
    let foreign =
        Image::open(written.file(), FILE_ID + 1, written.summary, ImageRead::Mapped, &cache);
    assert!(matches!(foreign.unwrap().get(b"k"), Err(ReadError::Corrupt { .. })));
}

#[test]
fn an_error_names_the_file_and_the_position() {
    let written = write(&numbered(10, 10), Compression::None);
    let mut bytes = written.bytes();
    bytes[4096 + 20] ^= 1;
    let error = written.with_bytes(bytes).open(ImageRead::Mapped).get(b"x").unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("A.cdb is damaged at byte 4096: the checksum of the block is "),
        "{text}"
    );
}
