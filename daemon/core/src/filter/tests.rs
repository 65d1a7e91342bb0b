//! Claims about who rings.

use proptest::prelude::*;

use super::*;
use crate::{
    call::{Marks, NameSource},
    id::ContactId,
};

const MINUTE: u64 = 60_000_000;

fn at(unix_us: u64) -> Now {
    Now { mono: Duration::ZERO, unix_us }
}

fn tel(value: &str) -> Handle {
    Handle::new("tel", value).unwrap()
}

fn stranger(value: &str) -> Party {
    let source = NameSource::None;
    let marks = Marks::default();
    Party { handle: tel(value), name: String::new(), source, contact: None, marks }
}

fn friend(value: &str, marks: Marks) -> Party {
    let contact = Some(ContactId("f".into()));
    Party { source: NameSource::Contact, contact, marks, ..stranger(value) }
}

const ALOUD: Verdict = Verdict::Ring(Ringing::Aloud);
const SILENT: Verdict = Verdict::Ring(Ringing::Silently);

#[test]
fn patterns_are_exact_or_begin_so_and_are_normalised() {
    let mut list = BlockList::default();
    for (scheme, pattern) in [("tel", "+49 (30) 1*"), ("TEL", "+491 23"), ("sip", "spam@*")] {
        list.block(Pattern::new(scheme, pattern).unwrap(), "").unwrap();
    }
    for value in ["+49301", "+4930199999", "+49123"] {
        assert!(list.contains(&tel(value)), "{value}");
    }
    for value in ["+4930", "+491234", "49301"] {
        assert!(!list.contains(&tel(value)), "{value}");
    }
    assert!(list.contains(&Handle::new("sip", "spam@example.org").unwrap()));
    let texts: Vec<String> = list.list().map(|(pattern, _)| pattern.text()).collect();
    assert_eq!(texts, ["spam@*", "+49123", "+49301*"]);
    list.unblock(&Pattern::new("tel", "+49301*").unwrap());
    assert!(!list.contains(&tel("+49301")));
}

#[test]
fn a_lone_star_blocks_its_scheme_and_no_other() {
    let mut list = BlockList::default();
    list.block(Pattern::new("sip", "*").unwrap(), "").unwrap();
    assert!(list.contains(&Handle::new("sip", "a@b").unwrap()) && !list.contains(&tel("1")));
}

#[test]
fn bad_patterns_and_too_many_are_refused() {
    for (scheme, pattern) in [("", "1"), ("tel", ""), ("tel", "abc"), ("t l", "*")] {
        let error = Pattern::new(scheme, pattern).unwrap_err();
        assert!(matches!(error, CommandError::InvalidArgument(_)), "{scheme} {pattern}");
    }
    let mut list = BlockList::default();
    for number in 0..MAX_BLOCKED {
        list.block(Pattern::new("tel", &number.to_string()).unwrap(), "").unwrap();
    }
    let over = list.block(Pattern::new("tel", "+1").unwrap(), "");
    assert_eq!(over, Err(CommandError::LimitReached("blocked addresses")));
    list.block(Pattern::new("tel", "0").unwrap(), "another reason").unwrap();
}

#[test]
fn unknown_callers_are_treated_as_the_policy_says_and_contacts_are_not() {
    let mut filter = Filter::default();
    assert_eq!(filter.judge(at(0), &stranger("1")), ALOUD);
    for (unknown, verdict) in [(Unknown::Silent, SILENT), (Unknown::Reject, Verdict::Blocked)] {
        filter.set_policy(Policy { unknown, ..Policy::default() });
        assert_eq!(filter.judge(at(0), &stranger("1")), verdict);
        assert_eq!(filter.judge(at(0), &friend("1", Marks::default())), ALOUD);
    }
}

#[test]
fn whom_the_user_called_lately_counts_as_known() {
    let mut filter = Filter::default();
    let called_within = Duration::from_secs(3600);
    let policy = Policy { unknown: Unknown::Reject, called_within, ..Policy::default() };
    filter.set_policy(policy);
    filter.remember_called(&tel("1"), 5 * MINUTE);
    assert_eq!(filter.judge(at(64 * MINUTE), &stranger("1")), ALOUD);
    assert_eq!(filter.judge(at(65 * MINUTE), &stranger("1")), Verdict::Blocked);
    filter.set_do_not_disturb(DoNotDisturb::Favourites, 0);
    assert_eq!(filter.judge(at(64 * MINUTE), &stranger("1")), ALOUD);
}

#[test]
fn do_not_disturb_lets_through_whom_its_mode_names() {
    let favourite = friend("1", Marks { favourite: true, ..Marks::default() });
    let other = friend("2", Marks::default());
    let mut filter = Filter::default();
    let expected = [
        (DoNotDisturb::Off, ALOUD, ALOUD),
        (DoNotDisturb::On, SILENT, SILENT),
        (DoNotDisturb::Favourites, ALOUD, SILENT),
    ];
    for (mode, first, second) in expected {
        filter.set_do_not_disturb(mode, 0);
        assert_eq!(filter.judge(at(0), &favourite), first);
        assert_eq!(filter.judge(at(0), &other), second);
    }
    let policy = Policy { do_not_disturb: Refusal::Reject, ..Policy::default() };
    filter.set_policy(policy);
    assert_eq!(filter.judge(at(0), &favourite), ALOUD);
    assert_eq!(filter.judge(at(0), &other), Verdict::DoNotDisturb);
}

#[test]
fn do_not_disturb_goes_off_at_its_time() {
    let mut filter = Filter::default();
    filter.set_do_not_disturb(DoNotDisturb::On, MINUTE);
    assert_eq!(filter.judge(at(MINUTE - 1), &stranger("1")), SILENT);
    assert_eq!(filter.judge(at(MINUTE), &stranger("1")), ALOUD);
    assert_eq!(filter.do_not_disturb(at(MINUTE)), DoNotDisturb::Off);
}

#[test]
fn who_calls_twice_within_a_quarter_of_an_hour_rings_beside_favourites() {
    let mut filter = Filter::default();
    filter.set_do_not_disturb(DoNotDisturb::Favourites, 0);
    filter.note_caller(at(0), &tel("1"));
    assert_eq!(filter.judge(at(14 * MINUTE), &stranger("1")), ALOUD);
    assert_eq!(filter.judge(at(14 * MINUTE), &stranger("2")), SILENT);
    assert_eq!(filter.judge(at(15 * MINUTE), &stranger("1")), SILENT);
    filter.set_policy(Policy { repeated: false, ..Policy::default() });
    assert_eq!(filter.judge(at(MINUTE), &stranger("1")), SILENT);
    filter.set_policy(Policy::default());
    let hidden = Party { handle: Handle::unknown(), ..stranger("1") };
    filter.note_caller(at(0), &hidden.handle);
    assert_eq!(filter.judge(at(MINUTE), &hidden), SILENT, "two strangers may hide");
}

#[test]
fn marks_of_the_address_book_count() {
    let filter = Filter::default();
    let marks = |muted, blocked| friend("1", Marks { favourite: true, muted, blocked });
    assert_eq!(filter.judge(at(0), &marks(true, false)), SILENT);
    assert_eq!(filter.judge(at(0), &marks(false, true)), Verdict::Blocked);
}

#[test]
fn what_the_user_blocked_never_rings_whatever_else_holds() {
    let mut filter = Filter::default();
    filter.blocked_mut().block(Pattern::new("tel", "1").unwrap(), "").unwrap();
    filter.remember_called(&tel("1"), 0);
    let favourite = friend("1", Marks { favourite: true, ..Marks::default() });
    assert_eq!(filter.judge(at(0), &favourite), Verdict::Blocked);
}

fn read(text: &[u8]) -> Loaded {
    let mut reader = DirectoryReader::default();
    reader.feed(text);
    reader.finish()
}

#[test]
fn a_directory_names_and_blocks_and_counts_what_it_cannot_read() {
    let text = b"+49 30-1\tBakery\r\n\n030\tWith zero\n30\tWithout\nno number\tX\n+1 no tab\n\
                 +2\t\n+3\t\xFF\n+4\t!block\n+49301\tNewer\n+5\tLast without an end";
    let loaded = read(text);
    let find = |value: &str| loaded.directory.find(&tel(value));
    assert_eq!(find("+49301"), Some(Entry::Label("Newer")), "the last line counts");
    assert_eq!(find("030"), Some(Entry::Label("With zero")));
    assert_eq!(find("30"), Some(Entry::Label("Without")));
    assert_eq!(find("+30"), None);
    assert_eq!(find("+4"), Some(Entry::Block));
    assert_eq!(find("+5"), Some(Entry::Label("Last without an end")));
    let lines: Vec<u64> = loaded.bad_lines.iter().map(|bad| bad.line).collect();
    assert_eq!((lines.as_slice(), loaded.bad), ([5, 6, 7, 8].as_slice(), 4));
    assert_eq!(loaded.directory.find(&Handle::new("sip", "30").unwrap()), None);
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let mut reader = DirectoryReader::default();
    for _ in 0..10_000 {
        reader.feed(&[b'1'; 1000]);
    }
    reader.feed(b"\n+1\tFine\n");
    let loaded = reader.finish();
    assert_eq!((loaded.bad, loaded.directory.len()), (1, 1));
    assert_eq!(loaded.bad_lines, [BadLine { line: 1, why: "it is too long" }]);
}

#[test]
fn a_contact_rings_whatever_a_directory_says() {
    let mut filter = Filter::default();
    filter.set_directory("spam", read(b"1\t!block\n").directory).unwrap();
    assert_eq!(filter.judge(at(0), &stranger("1")), Verdict::Blocked);
    assert_eq!(filter.judge(at(0), &friend("1", Marks::default())), ALOUD);
    assert!(!filter.is_blocked(&tel("1")), "no call that is on ends by a directory");
    filter.set_directory("spam", Directory::default()).unwrap();
    assert_eq!(filter.judge(at(0), &stranger("1")), ALOUD);
}

#[test]
fn directories_are_few_and_have_names() {
    let mut filter = Filter::default();
    let one = read(b"1\tA\n").directory;
    for number in 0..MAX_DIRECTORIES {
        filter.set_directory(&number.to_string(), one.clone()).unwrap();
    }
    let over = filter.set_directory("more", one.clone());
    assert_eq!(over, Err(CommandError::LimitReached("directories")));
    filter.set_directory("0", one.clone()).unwrap();
    assert!(matches!(filter.set_directory("", one), Err(CommandError::InvalidArgument(_))));
    assert_eq!(filter.directories().count(), MAX_DIRECTORIES);
}

#[test]
fn a_million_numbers_take_less_than_forty_megabytes() {
    let mut reader = DirectoryReader::default();
    let mut text = String::new();
    for number in 0..1_000_000_u64 {
        use std::fmt::Write as _;
        // Spread over the number space, no two labels alike, 20 bytes each.
        let spread = number.wrapping_mul(7_919_777) % 1_000_000_007;
        writeln!(text, "+49{spread:010}\tCompany no. {number:08}").unwrap();
        if text.len() > 60_000 {
            reader.feed(text.as_bytes());
            text.clear();
        }
    }
    reader.feed(text.as_bytes());
    reader.feed(b"+1\tOne too many\n");
    let loaded = reader.finish();
    assert_eq!((loaded.directory.len(), loaded.bad), (MAX_ENTRIES, 1));
    assert!(loaded.directory.size_bytes() < 40_000_000, "{}", loaded.directory.size_bytes());
    let number = 777_777_u64;
    let value = format!("+49{:010}", number.wrapping_mul(7_919_777) % 1_000_000_007);
    let label = format!("Company no. {number:08}");
    assert_eq!(loaded.directory.find(&tel(&value)), Some(Entry::Label(&label)));
}

proptest! {
    #[test]
    fn how_a_text_is_cut_makes_no_difference(
        text in proptest::collection::vec(prop_oneof![
            Just(b'\n'), Just(b'\t'), Just(b'+'), b'0'..=b'9', any::<u8>()
        ], 0..400),
        cut in 1_usize..60,
    ) {
        let whole = read(&text);
        let mut reader = DirectoryReader::default();
        for piece in text.chunks(cut) {
            reader.feed(piece);
        }
        let pieces = reader.finish();
        prop_assert_eq!(whole.directory, pieces.directory);
        prop_assert_eq!(whole.bad_lines, pieces.bad_lines);
    }
}
