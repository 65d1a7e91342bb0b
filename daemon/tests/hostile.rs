//! Bad input over a real bus: every method of every interface, with arguments that are missing, of
//! wrong types, huge, odd or dead. Only typed errors come back, and nobody else notices.
//!
//! Deterministic: the arguments of a method depend on its name and the round alone.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a failed step fails the test, and a type that the contract does not have is one"
)]

mod common;

use std::{collections::BTreeMap, fs::File, time::Duration};

use common::{
    NAME, QUIET,
    caller::Calling,
    calls::{Options, ROOT, error_name, property, proxy},
    connect,
    contract::contract,
    start,
};
use zbus::{
    Array, Connection, Dict, Fd, ObjectPath, Signature, Structure, Variant, connection::Builder,
};

const ROUNDS: u64 = 12;
/// Longer than any method may wait for a user or an app.
const PATIENCE: Duration = Duration::from_secs(30);

/// xorshift64*, from a method's name.
struct Chance(u64);

impl Chance {
    fn new(name: &str, round: u64) -> Self {
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self((seed ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % end
    }

    fn text(&mut self) -> String {
        match self.below(12) {
            0 => String::new(),
            1 => "x".repeat(1 << 20),
            2 => "\u{1}\n\t\u{7f}".to_owned(),
            3 => "\u{202e}moc.elpmaxe\u{2066}".to_owned(),
            4 => "../../../etc/passwd".to_owned(),
            5 => "sip".to_owned(),
            6 => "*".to_owned(),
            7 => "9".repeat(600),
            8 => "ahoy:ybndr#v1.AAAA".to_owned(),
            9 => "';DROP TABLE history;--".to_owned(),
            10 => "\u{1F4DE}\u{0301}\u{feff}".to_owned(),
            _ => "org.example.Caller".to_owned(),
        }
    }

    fn path(&mut self) -> ObjectPath<'static> {
        let path = match self.below(4) {
            0 => "/".to_owned(),
            1 => format!("{ROOT}/call/00000000_0000_4000_8000_00000000dead"),
            2 => format!("{ROOT}/provider/_zz"),
            _ => format!("/{}", "a/".repeat(2000)).trim_end_matches('/').to_owned(),
        };
        ObjectPath::try_from(path).unwrap()
    }

    fn number(&mut self) -> u64 {
        [0, 1, u64::from(u32::MAX), u64::MAX][self.below(4)]
    }

    fn any(&mut self) -> Variant<'static> {
        match self.below(7) {
            0 => self.text().into(),
            1 => self.number().into(),
            2 => f64::NAN.into(),
            3 => vec![self.text(), self.text()].into(),
            4 => self.path().into(),
            5 => (self.text(), self.text()).into(),
            _ => (0..20).fold(Variant::from(1u8), |inner, _| Variant::Variant(Box::new(inner))),
        }
    }

    /// A value of this type.
    fn value(&mut self, of: &Signature) -> Variant<'static> {
        match of {
            Signature::Bool => (self.below(2) == 0).into(),
            Signature::U32 => u32::try_from(self.number() & 0xffff_ffff).unwrap().into(),
            Signature::U64 => self.number().into(),
            Signature::Str => self.text().into(),
            Signature::ObjectPath => self.path().into(),
            Signature::Variant => Variant::Variant(Box::new(self.any())),
            Signature::Fd => {
                let path = ["/", "/dev/null", "/proc/self/mem"][self.below(3)];
                Fd::from(std::os::fd::OwnedFd::from(File::open(path).unwrap())).into()
            }
            Signature::Array(child) => {
                let mut array = Array::new(child.signature());
                for _ in 0..self.below(3) {
                    array.append(self.value(child)).unwrap();
                }
                array.into()
            }
            Signature::Dict { key, value } => {
                let mut dict = Dict::new(key.signature(), value.signature());
                let keys = ["video", "uuid", "remote", "name", "unknown", "id", "text", "state"];
                for _ in 0..self.below(4) {
                    let key =
                        if self.below(4) == 0 { self.text() } else { keys[self.below(8)].into() };
                    dict.append(key.into(), self.value(value)).unwrap();
                }
                dict.into()
            }
            Signature::Structure(fields) => {
                let fields: Vec<_> = fields.iter().map(|field| self.value(field)).collect();
                structure(fields).into()
            }
            other => panic!("the contract has no {other}"),
        }
    }
}

fn structure(fields: Vec<Variant<'static>>) -> Structure<'static> {
    let builder = Structure::builder();
    fields.into_iter().fold(builder, |all, field| all.append_field(field)).build().unwrap()
}

/// Interface, method, types of its arguments.
fn methods() -> Vec<(String, String, Vec<Signature>)> {
    let mut all = Vec::new();
    for (interface, members) in contract() {
        if interface.ends_with("ProviderApp") {
            continue;
        }
        for member in members {
            let Some(text) = member.strip_prefix("method ") else { continue };
            let (name, types) = text.split_once(' ').unwrap();
            let types = types.split(" -> ").next().unwrap().trim();
            let whole: Signature = format!("({types})").parse().unwrap_or(Signature::Unit);
            let types = match &whole {
                Signature::Structure(fields) => fields.iter().cloned().collect(),
                _ => Vec::new(),
            };
            all.push((interface.clone(), name.to_owned(), types));
        }
    }
    all
}

/// Calls, and checks that an error is one of the contract's or the bus's own.
async fn call<B>(connection: &Connection, place: (&str, &str, &str), body: &B) -> Option<String>
where
    B: serde::Serialize + zbus::DynamicType,
{
    let (path, interface, method) = place;
    let asked = connection.call_method(Some(NAME), path, Some(interface), method, body);
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    match answer.unwrap_or_else(|_| panic!("{interface}.{method} does not answer")) {
        Ok(_) => None,
        Err(zbus::Error::MethodError(name, ..)) => {
            let typed = name.starts_with("org.ahoycall.Calls1.Error.");
            assert!(typed, "{interface}.{method}: {name}");
            Some(name.to_string())
        }
        // Of the bus's own: the arguments, or no such object or interface there.
        Err(zbus::Error::FDO(error)) => {
            use zbus::fdo::Error::{InvalidArgs, UnknownInterface, UnknownMethod, UnknownObject};
            let fits = matches!(
                *error,
                InvalidArgs(_) | UnknownInterface(_) | UnknownMethod(_) | UnknownObject(_)
            );
            assert!(fits, "{interface}.{method}: {error}");
            Some("bus".to_owned())
        }
        Err(other) => panic!("{interface}.{method}: {other}"),
    }
}

/// What ends or answers calls by its very meaning: it takes no argument to be wrong.
const ENDS_CALLS: [&str; 3] = ["EndAll", "PressPrimary", "PressSecondary"];

#[tokio::test]
async fn bad_input_gets_typed_errors_and_disturbs_nobody() {
    let Some(daemon) = start(QUIET) else { return };
    let watcher = connect(&daemon).await;
    let hostile = Builder::address(daemon.bus.address.as_str()).build().await.unwrap();
    let calling = Calling::register(&daemon).await;
    let (live, _) = calling.rings("tel", "+49301").await.unwrap();
    let object = proxy(&watcher, &live, "Call").await;
    object.call::<_, _, ()>("Answer", &(Options::new(),)).await.unwrap();
    let dead = format!("{ROOT}/call/00000000_0000_4000_8000_00000000dead");
    let (group, elsewhere) = (format!("{ROOT}/group/4711"), "/org/ahoycall");
    let provider = calling.provider.to_string();
    let (mut answers, mut count) = (BTreeMap::<String, u32>::new(), 0);
    for (interface, method, types) in methods() {
        if ENDS_CALLS.contains(&method.as_str()) {
            continue;
        }
        let place = match interface.strip_prefix("org.ahoycall.Calls1.").unwrap() {
            "Provider" => provider.as_str(),
            "Group" => &group,
            name if name.starts_with("Call") => &dead,
            _ => ROOT,
        };
        // What takes nothing takes no wrong arguments either, and does what it is for.
        let wrong =
            [structure(vec![Variant::from(7i16)]), structure(vec![vec![1u8; 1 << 20].into()])];
        for body in wrong.iter().filter(|_| !types.is_empty()) {
            for path in [place, &live] {
                let error = call(&hostile, (path, &interface, &method), body).await;
                assert!(error.is_some(), "{interface}.{method}: wrong types are taken");
            }
        }
        for round in 0..ROUNDS {
            let mut chance = Chance::new(&method, round);
            let path = if round % 4 == 3 { elsewhere } else { place };
            let place = (path, interface.as_str(), method.as_str());
            let values: Vec<_> = types.iter().map(|one| chance.value(one)).collect();
            let error = match values.is_empty() {
                true => call(&hostile, place, &()).await,
                false => call(&hostile, place, &structure(values)).await,
            };
            count += 1;
            *answers.entry(error.unwrap_or_default()).or_default() += 1;
        }
    }
    assert!(count > 500, "{count}");
    println!("{count} calls: {answers:?}");
    for wanted in ["InvalidArgument", "NotAuthorized"] {
        let name = format!("org.ahoycall.Calls1.Error.{wanted}");
        assert!(answers.contains_key(&name), "{answers:?}");
    }
    // The call is on, the app is there, and everybody is served.
    assert_eq!(property(&watcher, &live, "State").await.as_deref(), Some("active"));
    let (other, _) = calling.rings("tel", "+49302").await.unwrap();
    assert_eq!(property(&hostile, &other, "State").await.as_deref(), Some("ringing"));
    let foreign = proxy(&hostile, &provider, "Provider").await;
    let ended = foreign.call::<_, _, ()>("ReportEnded", &(&live, "failed", "", 0u64)).await;
    assert_eq!(error_name(ended.unwrap_err()), "NotAuthorized");
}
