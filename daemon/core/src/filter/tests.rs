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
fn who_calls_twice_within_three_minutes_rings_beside_favourites() {
    let mut filter = Filter::default();
    filter.set_do_not_disturb(DoNotDisturb::Favourites, 0);
    filter.note_caller(at(0), &tel("1"));
    assert_eq!(filter.judge(at(3 * MINUTE - 1), &stranger("1")), ALOUD);
    assert_eq!(filter.judge(at(3 * MINUTE - 1), &stranger("2")), SILENT);
    assert_eq!(filter.judge(at(3 * MINUTE), &stranger("1")), SILENT);
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

fn entry(name: &str, spam: bool) -> Option<Entry<'_>> {
    Some(Entry { name, spam })
}

#[test]
fn a_directory_names_and_warns_and_counts_what_it_cannot_read() {
    let text =
        b"\xEF\xBB\xBFscheme,value,name,spam\r\ntel,+49 30-1,\"Bakery, \"\"Zum Korn\"\"\",0\r\n\n\
                 tel,030,With zero,0\nTEL,30,Without,1\ntel,no number,X,0\ntel,+1,no spam\n\
                 tel,+2,,0\ntel,+3,\xFF,0\ntel,+4,,1\nsip,a@B.example,Ann,0\n\
                 tel,+5,\"open,0\ntel,+5,x,2\ntel,+5,a\rb,0\ntel,+5,x,0,0\nscheme,value,name,spam\n\
                 tel,*100#,Credit,0\ntel,+49301,Newer,0\nsip,a@b.example,Anna,0\ntel,+5,Last,0";
    let loaded = read(text);
    let find = |value: &str| loaded.directory.find(&tel(value));
    assert_eq!(find("+49301"), entry("Newer", false), "the last line counts");
    assert_eq!(find("030"), entry("With zero", false));
    assert_eq!(find("30"), entry("Without", true));
    assert_eq!(find("+30"), None);
    assert_eq!(find("+4"), entry("", true));
    assert_eq!(find("*100#"), entry("Credit", false));
    assert_eq!(find("+5"), entry("Last", false));
    let sip = Handle::new("sip", "a@b.EXAMPLE").unwrap();
    assert_eq!(loaded.directory.find(&sip), entry("Anna", false));
    assert_eq!(loaded.directory.find(&Handle::new("sip", "30").unwrap()), None);
    let lines: Vec<u64> = loaded.bad_lines.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [6, 7, 8, 9, 12, 13, 14, 15, 16]);
    assert_eq!((loaded.bad, loaded.is_full, loaded.directory.len()), (9, false, 7));
}

#[test]
fn a_comma_and_a_quote_in_a_name_are_read() {
    let loaded = read(b"tel,1,\"Bakery, \"\"Zum Korn\"\"\",0");
    assert_eq!(loaded.directory.find(&tel("1")), entry("Bakery, \"Zum Korn\"", false));
    let line: Vec<String> = loaded.directory.lines().collect();
    assert_eq!(line, ["tel,1,\"Bakery, \"\"Zum Korn\"\"\",0\n"]);
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let mut reader = DirectoryReader::default();
    for _ in 0..10_000 {
        reader.feed(&[b'1'; 1000]);
    }
    reader.feed(b"\ntel,+1,Fine,0\n");
    let loaded = reader.finish();
    assert_eq!((loaded.bad, loaded.directory.len()), (1, 1));
    assert_eq!(loaded.bad_lines, [BadLine { line: 1, why: "it is too long" }]);
}

#[test]
fn spam_is_refused_or_silent_as_the_policy_says_and_contacts_ring() {
    let mut filter = Filter::default();
    filter.set_directory("spam", read(b"tel,1,Lottery,1\n").directory).unwrap();
    assert_eq!(filter.judge(at(0), &stranger("1")), Verdict::Blocked);
    filter.set_policy(Policy { spam: Refusal::Silent, ..Policy::default() });
    assert_eq!(filter.judge(at(0), &stranger("1")), SILENT);
    assert_eq!(filter.judge(at(0), &friend("1", Marks::default())), ALOUD);
    assert_eq!(filter.label(&tel("1")), Some("Lottery"));
    assert!(!filter.is_blocked(&tel("1")), "no call that is on ends by a directory");
    filter.set_directory("spam", Directory::default()).unwrap();
    assert_eq!(filter.judge(at(0), &stranger("1")), ALOUD);
}

#[test]
fn directories_are_few_and_have_names() {
    let mut filter = Filter::default();
    let one = read(b"tel,1,A,0\n").directory;
    for number in 0..MAX_DIRECTORIES {
        filter.set_directory(&number.to_string(), one.clone()).unwrap();
    }
    let over = filter.set_directory("more", one.clone());
    assert_eq!(over, Err(CommandError::LimitReached("directories")));
    filter.set_directory("0", one.clone()).unwrap();
    assert!(matches!(filter.set_directory("", one), Err(CommandError::InvalidArgument(_))));
    assert_eq!(filter.directories().count(), MAX_DIRECTORIES);
}

/// Address no. `number`: spread over the number space.
fn spread(number: u64) -> String {
    format!("+49{:010}", number.wrapping_mul(7_919_777) % 1_000_000_007)
}

/// Reads lines until nothing more fits in.
fn read_lines(line: impl Fn(u64) -> String, count: u64) -> Loaded {
    let mut reader = DirectoryReader::default();
    for number in 0..count {
        reader.feed(line(number).as_bytes());
        if reader.is_full() {
            break;
        }
    }
    reader.finish()
}

#[test]
fn a_million_numbers_take_less_than_forty_megabytes_and_one_more_is_told() {
    // No two names alike, 20 bytes each.
    let name = |number: u64| format!("Company no. {number:08}");
    let line = |number| format!("tel,{},{},{}\n", spread(number), name(number), number % 2);
    let loaded = read_lines(line, 1_000_000);
    let directory = &loaded.directory;
    assert_eq!((directory.len(), loaded.bad, loaded.is_full), (MAX_ENTRIES, 0, false));
    assert!(directory.size_bytes() < MAX_SIZE, "{}", directory.size_bytes());
    assert_eq!(directory.find(&tel(&spread(777_777))), entry(&name(777_777), true));
    assert!(read_lines(line, 1_000_001).is_full);
}

#[test]
fn long_names_and_addresses_fill_a_directory_at_its_size() {
    let line = |number: u64| format!("sip,{number:0100}@x,{number:0100},0\n");
    let loaded = read_lines(line, 1_000_000);
    assert!(loaded.is_full && loaded.directory.len() > 150_000);
    assert!(loaded.directory.size_bytes() <= MAX_SIZE);
}

proptest! {
    #[test]
    fn how_a_text_is_cut_makes_no_difference_and_what_is_kept_is_read_the_same(
        lines in proptest::collection::vec(prop_oneof![
            "(tel|sip|x),[+0-9a@]{0,4},[a,\"]{0,4},[01]",
            "(tel|sip),\\+?[0-9]{1,2},(\"[a,]{1,3}\"\"\"|[a ]{0,3}),[01]",
            "[a-z,\"\r]{0,8}",
        ], 0..40),
        cut in 1_usize..60,
    ) {
        let text = lines.join("\n");
        let whole = read(text.as_bytes());
        let mut reader = DirectoryReader::default();
        for piece in text.as_bytes().chunks(cut) {
            reader.feed(piece);
        }
        let pieces = reader.finish();
        let kept = |loaded: &Loaded| loaded.directory.lines().collect::<String>();
        prop_assert_eq!(kept(&whole), kept(&pieces));
        prop_assert_eq!(&whole.bad_lines, &pieces.bad_lines);
        let again = read(kept(&pieces).as_bytes());
        prop_assert_eq!((kept(&again), again.bad), (kept(&pieces), 0));
        prop_assert_eq!(again.directory.len(), pieces.directory.len());
    }
}

#[test]
fn of_our_do_not_disturb_and_the_desktops_the_stricter_one_counts() {
    use DoNotDisturb::{Favourites, Off, On};
    let favourite = friend("1", Marks { favourite: true, ..Marks::default() });
    let other = friend("2", Marks::default());
    for (own, desktop, of_favourite, of_other) in [
        (Off, Off, ALOUD, ALOUD),
        (Off, Favourites, ALOUD, SILENT),
        (Favourites, Off, ALOUD, SILENT),
        (Favourites, On, SILENT, SILENT),
        (On, Favourites, SILENT, SILENT),
        (On, Off, SILENT, SILENT),
    ] {
        let mut filter = Filter::default();
        filter.set_do_not_disturb(own, 0);
        filter.set_desktop(desktop);
        assert_eq!(filter.judge(at(0), &favourite), of_favourite, "{own:?} {desktop:?}");
        assert_eq!(filter.judge(at(0), &other), of_other, "{own:?} {desktop:?}");
        assert_eq!(filter.do_not_disturb(at(0)), own, "what is told is our own");
    }
}
