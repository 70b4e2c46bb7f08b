//! What a journal is found to be, after cuts, changes and crashes.

use proptest::prelude::*;

use super::*;
use crate::testing::{Disk, frame, texts};

const FIRST: &str = "0000000000000000.log";

/// A journal of appends, each flushed; a small segment size makes it several files.
fn written(appends: &[Vec<&str>], segment_bytes: u64) -> Disk {
    let disk = Disk::default();
    let (mut writer, _) = disk.open_with(|config| config.segment_bytes = segment_bytes).unwrap();
    for append in appends {
        writer.put(&append.iter().map(|text| frame(text)).collect::<Vec<_>>());
        writer.flush().unwrap();
    }
    disk
}

fn read_texts(disk: &Disk) -> Result<(Vec<String>, Tail), OpenError> {
    let (_, recovered) = disk.open_journal()?;
    Ok((texts(&recovered.frames), recovered.tail))
}

#[test]
fn everything_that_was_flushed_is_found_in_order() {
    let disk = written(&[vec!["a", "b"], vec![""], vec!["c"]], 1 << 20);
    assert_eq!(
        read_texts(&disk.crash(0)).unwrap(),
        (vec!["a".into(), "b".into(), String::new(), "c".into()], Tail::Clean)
    );
    let many = written(&[vec!["a"], vec!["b"], vec!["c"]], 1);
    assert_eq!(many.names().len(), 4);
    assert_eq!(read_texts(&many.crash(0)).unwrap().0, ["a", "b", "c"]);
}

#[test]
fn a_journal_cut_anywhere_holds_whole_appends_only_and_can_be_written_on() {
    let appends = [vec!["first"], vec!["second", "third"], vec!["fourth, which is longer than the others"]];
    let disk = written(&appends, 1 << 20);
    let bytes = disk.bytes(FIRST);
    let wholes = [vec![], vec!["first"], vec!["first", "second", "third"], appends.concat()];
    // The header is durable before the file has its name.
    for cut in HEADER..bytes.len() {
        let torn = disk.with(FIRST, &bytes[..cut]);
        let (mut writer, recovered) = torn.open_journal().unwrap();
        let found = texts(&recovered.frames);
        assert!(wholes.iter().any(|whole| *whole == found), "cut at {cut}: {found:?}");

        writer.put(&[frame("later")]);
        writer.flush().unwrap();
        let (again, tail) = read_texts(&torn.crash(0)).unwrap();
        assert_eq!(again, [found, vec!["later".to_owned()]].concat(), "cut at {cut}");
        assert_eq!(tail, Tail::Clean, "cut at {cut}");
    }
}

#[test]
fn a_byte_changed_anywhere_is_never_taken_for_something_else() {
    let appends = [vec!["first"], vec!["second", "third"], vec!["fourth"]];
    let disk = written(&appends, 1 << 20);
    let bytes = disk.bytes(FIRST);
    let all = appends.concat();
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            match read_texts(&disk.with(FIRST, &changed)) {
                // Only the last append may go, since a torn write looks the same.
                Ok((found, tail)) => {
                    assert_eq!(found, all[..3], "changed at {at}");
                    assert!(matches!(tail, Tail::Torn { .. }), "changed at {at}");
                }
                Err(OpenError::Damaged { file, offset, .. }) => {
                    assert!(
                        file.ends_with(FIRST) && offset <= at as u64,
                        "changed at {at}, found at {offset}"
                    );
                }
                // The byte that says so.
                Err(OpenError::Newer { .. }) if at == 7 => {}
                Err(other) => panic!("changed at {at}: {other}"),
            }
        }
    }
}

/// A journal as format 1 wrote it: one append of `first` and `second`.
const FORMAT_1: &str = "484a6c6f6700000100000000000000000700000000000000ee9a74e100000000050000008b2052a20101000066697273740000000000000006000000e3eecebd010101007365636f6e64000000000000";
/// The same as format 2 writes it.
const FORMAT_2: &str = "484a6c6f6700000200000000000000009364097b1254845300000000000000000000000000000000000000000000000000000000acf63b6a000000000000000005000000cfb31552acf63b6a01010000666972737400000006000000c8ffb157acf63b6a010101007365636f6e640000";

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|two| str::from_utf8(two).unwrap());
    digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
}

#[test]
fn every_format_is_read_and_the_present_one_written() {
    for (format, tail) in [(FORMAT_1, &[][..]), (FORMAT_1, &[1, 2]), (FORMAT_2, &[])] {
        let disk = Disk::default().with(FIRST, &[&unhex(format), tail].concat());
        let (mut writer, recovered) = disk.open_journal().unwrap();
        assert_eq!(texts(&recovered.frames), ["first", "second"]);
        writer.put(&[frame("third")]);
        writer.flush().unwrap();
        // What was there is as it was.
        assert!(disk.bytes(FIRST).starts_with(&unhex(format)));
        let (found, tail) = read_texts(&disk.crash(0)).unwrap();
        assert_eq!((found.concat(), tail), ("firstsecondthird".to_owned(), Tail::Clean));
    }
    assert_eq!(written(&[vec!["first", "second"]], 1 << 20).bytes(FIRST), unhex(FORMAT_2));
}

#[test]
fn what_a_later_version_or_another_owner_wrote_is_refused_and_left_alone() {
    let disk = written(&[vec!["a"]], 1 << 20);
    let Err(error) = disk.open_with(|config| config.owner = 0xabc) else { panic!("it was opened") };
    assert_eq!(
        error.to_string(),
        "/j/0000000000000000.log was written by another owner (0, not abc): it was copied here"
    );
    let mut bytes = disk.bytes(FIRST);
    bytes[7] = 3;
    let later = disk.with(FIRST, &bytes);
    let Err(error) = later.open_journal() else { panic!("it was opened") };
    assert_eq!(
        error.to_string(),
        "/j/0000000000000000.log has format 3, this version reads up to 2: start the version that wrote it, or one \
         after it"
    );
    assert_eq!(later.bytes(FIRST), bytes);
}

#[test]
fn sectors_of_the_last_group_kept_in_any_order_are_a_torn_end_and_those_of_two_groups_damage() {
    let disk = written(&[vec!["a"], vec!["b", "c", "d"]], 1 << 20);
    let bytes = disk.bytes(FIRST);
    let without = |text: u8| {
        let mut bytes = bytes.clone();
        let at = bytes.iter().rposition(|byte| *byte == text).unwrap();
        bytes[at] = 0;
        read_texts(&disk.with(FIRST, &bytes))
    };
    assert_eq!(without(b'b').unwrap().0, ["a"]);
    assert_eq!(without(b'd').unwrap().0, ["a"]);
    assert!(matches!(without(b'a'), Err(OpenError::Damaged { offset: 64, .. })));
}

#[test]
fn zeros_at_the_end_are_room_to_write_into() {
    let disk = written(&[vec!["a"]], 1 << 20);
    let roomy = disk.with(FIRST, &[disk.bytes(FIRST), vec![0; 4096]].concat());
    let (mut writer, recovered) = roomy.open_journal().unwrap();
    assert_eq!(recovered.tail, Tail::Clean);
    writer.put(&[frame("b")]);
    writer.flush().unwrap();
    assert_eq!(roomy.names(), [FIRST]);
    assert_eq!(read_texts(&roomy.crash(0)).unwrap().0, ["a", "b"]);
}

#[test]
fn a_torn_end_is_only_forgiven_in_the_last_segment() {
    let disk = written(&[vec!["a"], vec!["b"]], 1);
    let bytes = disk.bytes(FIRST);
    let damaged = disk.with(FIRST, &bytes[..bytes.len() - 1]);
    assert!(matches!(read_texts(&damaged), Err(OpenError::Damaged { .. })));
}

#[test]
fn a_missing_segment_is_damage() {
    let disk = written(&[vec!["a"], vec!["b"], vec!["c"]], 1);
    disk.storage().remove(Path::new("/j/0000000000000001.log")).unwrap();
    let Err(OpenError::Damaged { file, .. }) = read_texts(&disk) else { panic!("it was read") };
    assert!(file.ends_with("0000000000000001.log"));
}

#[test]
fn damage_that_is_accepted_costs_what_is_damaged_and_no_more() {
    let disk = written(&[vec!["first"], vec!["second"], vec!["third"]], 1 << 20);
    let mut bytes = disk.bytes(FIRST);
    let at = bytes.windows(6).position(|window| window == b"second").unwrap();
    bytes[at] = b'S';
    let damaged = disk.with(FIRST, &bytes);
    assert!(damaged.open_journal().is_err());

    let (mut writer, recovered) = damaged.open_with(|config| config.accept_damage = true).unwrap();
    assert_eq!(texts(&recovered.frames), ["first", "third"]);
    assert!(matches!(recovered.tail, Tail::Damaged { .. }));

    // The owner writes down what it makes of that; the damage is gone with the segment.
    writer.compact(b"first, third").unwrap();
    let (_, recovered) = damaged.open_journal().unwrap();
    assert_eq!(recovered.snapshot.as_deref(), Some(&b"first, third"[..]));
}

proptest! {
    #[test]
    fn no_bytes_make_a_journal_panic(junk in prop::collection::vec(any::<u8>(), 0..300), whole_header in any::<bool>()) {
        let disk = written(&[], 1 << 20);
        let mut bytes = if whole_header { disk.bytes(FIRST) } else { Vec::new() };
        bytes.extend(junk);
        let _ = read_texts(&disk.with(FIRST, &bytes));
        let _ = disk.with(FIRST, &bytes).open_with(|config| config.accept_damage = true);
    }

    #[test]
    fn what_was_flushed_survives_a_crash_and_what_was_not_is_whole_or_absent(
        groups in prop::collection::vec(prop::collection::vec("[a-z]{0,20}", 1..4), 1..8),
        kept in 0..200usize,
        segment_bytes in 1..400u64,
    ) {
        let disk = Disk::default();
        let (mut writer, _) = disk.open_with(|config| config.segment_bytes = segment_bytes).unwrap();
        let (last, earlier) = groups.split_last().unwrap();
        for group in earlier {
            writer.put(&group.iter().map(|text| frame(text)).collect::<Vec<_>>());
            writer.flush().unwrap();
        }
        // The last is written and the power goes before the flush.
        disk.fail_from(1);
        writer.put(&last.iter().map(|text| frame(text)).collect::<Vec<_>>());
        prop_assert!(writer.flush().is_err());
        prop_assert!(writer.flush().is_err());

        let (found, _) = read_texts(&disk.crash(kept)).unwrap();
        let kept_all = earlier.concat();
        prop_assert!(found == kept_all || found == groups.concat(), "{found:?}");
    }
}
