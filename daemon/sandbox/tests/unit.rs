//! The unit `systemd/ahoyd.service.in`: each switch that takes something away is tried in a real
//! unit of a real user's systemd: without the switch the attempt must work (else it proves
//! nothing), with that switch alone and with all of them it must be refused.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the test; skips are counted"
)]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

use ahoy_trial::systemd::Manager;

/// Keys that make a mount, user, network, IPC or host name namespace in a user's systemd
/// (systemd.exec(5)), all of which close `/proc/PID/root` or change what paths mean.
const NAMESPACES: &[&str] = &[
    "BindPaths",
    "BindReadOnlyPaths",
    "DynamicUser",
    "ExecPaths",
    "ExtensionImages",
    "InaccessiblePaths",
    "IPCNamespacePath",
    "MountAPIVFS",
    "MountImages",
    "NetworkNamespacePath",
    "NoExecPaths",
    "PrivateBPF",
    "PrivateDevices",
    "PrivateIPC",
    "PrivateMounts",
    "PrivateNetwork",
    "PrivatePIDs",
    "PrivateTmp",
    "PrivateUsers",
    "ProcSubset",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectProc",
    "ProtectSystem",
    "ReadOnlyPaths",
    "ReadWritePaths",
    "RootDirectory",
    "RootHash",
    "RootImage",
    "TemporaryFileSystem",
];

fn template(name: &str) -> String {
    let systemd = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systemd");
    fs::read_to_string(systemd.join(format!("{name}.service.in"))).unwrap()
}

fn unit() -> String {
    template("ahoyd")
}

/// The lines `Key=value` below the mark "What is taken away".
fn switches() -> Vec<String> {
    let unit = unit();
    let (_, hardening) = unit.split_once("# --- What is taken away").unwrap();
    let (hardening, _) = hardening.split_once("# --- Left out").unwrap();
    let lines = hardening.lines().filter(|line| !line.starts_with('#') && line.contains('='));
    lines.map(str::to_owned).collect()
}

fn key(line: &str) -> &str {
    line.split_once('=').map_or(line, |(key, _)| key)
}

/// An attempt: a command that prints `ok` or `refused`.
struct Attempt {
    /// The key whose lines forbid it.
    switch: &'static str,
    what: &'static str,
    command: Vec<String>,
}

fn attempt(switch: &'static str, what: &'static str, command: &[&str]) -> Attempt {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    Attempt { switch, what, command }
}

/// A raw call by perl, which every Debian has; refused = EPERM, whatever else the kernel says is ok.
fn call(
    switch: &'static str,
    what: &'static str,
    number: libc::c_long,
    arguments: &str,
) -> Attempt {
    let script = format!(
        "$r = syscall({number}, {arguments}); print $r == -1 && $! == 1 ? 'refused' : 'ok'"
    );
    attempt(switch, what, &["perl", "-e", &script])
}

fn attempts(dir: &Path) -> Vec<Attempt> {
    let filter = "SystemCallFilter";
    let at = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    // AF_VSOCK, AF_ALG, AF_PACKET: whichever this kernel has.
    let families = format!(
        "for ([40, 1], [38, 5], [17, 3]) {{ $ok |= syscall({}, @$_, 0) != -1 }} print $ok ? 'ok' : 'refused'",
        libc::SYS_socket
    );
    let mut all = vec![
        attempt(
            "RestrictAddressFamilies",
            "a socket of another family",
            &["perl", "-e", &families],
        ),
        call("RestrictNamespaces", "a user namespace", libc::SYS_unshare, "0x10000000"),
        call("LockPersonality", "address randomisation off", libc::SYS_personality, "0x40000"),
        call(filter, "reading the keyring", libc::SYS_keyctl, "0, -3, 0"),
        call(filter, "io_uring", libc::SYS_io_uring_setup, "1, 0"),
        call(filter, "user faults", libc::SYS_userfaultfd, "1"),
        call(filter, "comparing processes", libc::SYS_kcmp, "$$, $$, 0, 0, 0"),
        call(filter, "another's memory", libc::SYS_process_vm_readv, "$$, 0, 0, 0, 0, 0"),
        call(filter, "handles instead of paths", libc::SYS_name_to_handle_at, "-1, 0, 0, 0, 0"),
        call(filter, "being traced", libc::SYS_ptrace, "0, 0, 0, 0"),
        call(filter, "performance counters", libc::SYS_perf_event_open, "0, 0, -1, -1, 0"),
        call(filter, "another identity", libc::SYS_setuid, "$<"),
        attempt(
            "UMask",
            "a file for all to read",
            &[
                "sh",
                "-c",
                "rm -f $0; : > $0; test $(stat -c %a $0) = 600 && echo refused || echo ok",
                &at("mask"),
            ],
        ),
        attempt(
            "LimitCORE",
            "a core dump",
            &["sh", "-c", "test $(ulimit -H -c) = 0 && echo refused || echo ok"],
        ),
        attempt(
            "RestrictSUIDSGID",
            "a setuid file",
            &[
                "sh",
                "-c",
                ": > $0; chmod u+s $0 2>/dev/null && echo ok || echo refused",
                &at("suid"),
            ],
        ),
        attempt(
            "TasksMax",
            "six hundred processes",
            &[
                "perl",
                "-e",
                "for (1..600) { $p = fork; defined $p or do { print 'refused'; exit }; $p or sleep } print 'ok'",
            ],
        ),
    ];
    if rustix::process::geteuid().is_root() {
        let id = at("setuid-id");
        assert!(Command::new("cp").args(["/usr/bin/id", &id]).status().unwrap().success());
        chown(&id, Some(65534), None).unwrap();
        fs::set_permissions(&id, fs::Permissions::from_mode(0o4755)).unwrap();
        let changed = "test $($0 -u) = 65534 && echo ok || echo refused";
        all.push(attempt("NoNewPrivileges", "a setuid program", &["sh", "-c", changed, &id]));
    }
    if cfg!(target_arch = "x86_64") {
        let program = at("thirty-two-bits");
        fs::write(&program, elf32()).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let ended = "$0 2>/dev/null; test $? = 7 && echo ok || echo refused";
        all.push(attempt(
            "SystemCallArchitectures",
            "a 32-bit call",
            &["sh", "-c", ended, &program],
        ));
    }
    all
}

/// A 32-bit program that ends with code 7: file header, one segment, `exit(7)` by `int 0x80`.
fn elf32() -> Vec<u8> {
    const BASE: u32 = 0x0804_8000;
    const CODE: [u8; 12] = [0xb8, 1, 0, 0, 0, 0xbb, 7, 0, 0, 0, 0xcd, 0x80];
    let size = 52 + 32 + u32::try_from(CODE.len()).unwrap();
    let mut elf = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0];
    for word in [1, BASE + 84, 52, 0, 0] {
        elf.extend(u32::to_le_bytes(word));
    }
    for half in [52, 32, 1, 0, 0, 0] {
        elf.extend(u16::to_le_bytes(half));
    }
    for word in [1, 0, BASE, BASE, size, size, 5, 0x1000] {
        elf.extend(u32::to_le_bytes(word));
    }
    elf.extend(CODE);
    elf
}

fn groups_of_process_one() -> String {
    fs::read_to_string("/proc/1/cgroup").unwrap()
}

/// Runs `test` with a systemd, or says why not.
fn with_manager(test: impl FnOnce(&Manager)) {
    let before = groups_of_process_one();
    match Manager::start() {
        Ok(manager) => test(&manager),
        Err(why) => println!("SKIPPED: attempts in a real unit: {why}"),
    }
    assert_eq!(groups_of_process_one(), before, "a test must not move other processes");
}

#[test]
fn no_switch_makes_a_namespace() {
    let unit = unit();
    let keys = unit.lines().filter(|line| !line.starts_with('#')).map(key);
    let found: Vec<&str> = keys.filter(|key| NAMESPACES.contains(key)).collect();
    assert_eq!(found, Vec::<&str>::new());
}

#[test]
fn every_switch_has_its_reason_above_it() {
    let unit = unit();
    let lines: Vec<&str> = unit.lines().collect();
    let (start, _) = lines.iter().enumerate().find(|(_, l)| l.starts_with("ExecStart=")).unwrap();
    let mut bare = Vec::new();
    for pair in lines[start + 1..].windows(2) {
        // `Restart=` explains itself with the line below it.
        if pair[1].contains('=') && !pair[1].starts_with('#') && !pair[0].starts_with('#') {
            bare.push(pair[1]);
        }
    }
    bare.retain(|line| !line.starts_with("WantedBy="));
    assert_eq!(bare, Vec::<&str>::new());
}

#[test]
fn every_switch_has_an_attempt() {
    let dir = std::env::temp_dir().join(format!("ahoy-unit-list-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let tried: BTreeSet<&str> = attempts(&dir).iter().map(|attempt| attempt.switch).collect();
    fs::remove_dir_all(dir).unwrap();
    let mut untried: Vec<String> = switches();
    untried.retain(|line| !tried.contains(key(line)));
    // Says how a refusal looks; the attempts at SystemCallFilter would die without it.
    untried.retain(|line| key(line) != "SystemCallErrorNumber");
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: the attempt at NoNewPrivileges needs root to make a setuid program");
        untried.retain(|line| key(line) != "NoNewPrivileges");
    }
    if cfg!(not(target_arch = "x86_64")) {
        println!("SKIPPED: the attempt at SystemCallArchitectures is written for x86_64");
        untried.retain(|line| key(line) != "SystemCallArchitectures");
    }
    assert_eq!(untried, Vec::<String>::new());
}

#[test]
fn each_switch_refuses_what_it_forbids_in_a_real_unit() {
    with_manager(|manager| {
        let all = switches();
        for Attempt { switch, what, command } in attempts(&manager.dir) {
            let alone =
                |line: &&String| key(line) == switch || key(line) == "SystemCallErrorNumber";
            let only: Vec<String> = all.iter().filter(alone).cloned().collect();
            let free = manager.output(&[], &command);
            let alone = manager.output(&only, &command);
            let together = manager.output(&all, &command);
            if free == "refused" || (switch == "TasksMax" && alone == "ok") {
                println!("SKIPPED: {switch}: {what} is refused here anyway, or cannot be limited");
                continue;
            }
            assert_eq!(free, "ok", "{what} without {switch}");
            assert_eq!(alone, "refused", "{what} with {switch} alone");
            assert_eq!(together, "refused", "{what} with all switches");
        }
    });
}

#[test]
fn what_ahoyd_needs_still_works_behind_all_switches() {
    with_manager(|manager| {
        let all = switches();
        let sockets = format!(
            "for ([1, 1], [1, 5], [2, 1], [2, 2], [10, 2], [16, 3]) {{ syscall({}, @$_, 0) == -1 and print \"@$_: $!\" }} print 'ok'",
            libc::SYS_socket
        );
        assert_eq!(manager.output(&all, &["perl", "-e", &sockets]), "ok");
        // Whose call is it? As design and rules of the bus demand of every caller.
        let root = format!("/proc/{}/root/etc", std::process::id());
        let read = ["sh", "-c", "test -r \"$0\" && ls \"$0\" > /dev/null && echo ok", &root];
        assert_eq!(manager.output(&all, &read), "ok");
        let namespaces = ["sh", "-c", "readlink /proc/self/ns/*"];
        assert_eq!(manager.output(&all, &namespaces), manager.output(&[], &namespaces));
        // gst-plugin-scanner and speech programs are started from here.
        assert_eq!(manager.output(&all, &["sh", "-c", "sh -c 'echo ok' | cat"]), "ok");
    });
}

#[test]
fn a_worker_locks_itself_in_behind_all_switches() {
    with_manager(|manager| {
        for part in ["home", "models"] {
            fs::create_dir_all(manager.dir.join(part)).unwrap();
        }
        fs::write(manager.dir.join("home/key"), "secret").unwrap();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_ahoy-sandbox-attempt"));
        let run = |switches: &[String], what: &str| {
            let dir = manager.dir.to_str().unwrap();
            manager.output(switches, &[program.to_str().unwrap(), what, "locked", dir])
        };
        for what in ["read-key", "tcp-listen", "exec", "talk-to-parent", "start-thread"] {
            // The same answers, and the same Landlock, as without the unit's own filters.
            assert_eq!(run(&switches(), what), run(&[], what), "{what}");
        }
        assert!(run(&switches(), "talk-to-parent").ends_with("ok"));
        assert!(run(&switches(), "tcp-listen").ends_with("refused 1"));
    });
}

#[test]
fn the_watchdog_and_readiness_reach_the_daemon() {
    with_manager(|manager| {
        let watchdog = unit().lines().find(|l| l.starts_with("WatchdogSec=")).unwrap().to_owned();
        let environment = manager.output(&[watchdog], &["env"]);
        assert!(environment.contains("WATCHDOG_USEC=30000000"), "{environment}");
        assert!(environment.contains("NOTIFY_SOCKET="), "{environment}");
    });
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let dir = std::env::temp_dir().join(format!("ahoy-verify-{}", std::process::id()));
    fs::create_dir_all(dir.join("runtime")).unwrap();
    let names = ["ahoyd", "ahoy-window"];
    for name in names {
        let unit = template(name);
        // Any program that exists: this is about the unit.
        let unit = unit.replace(&format!("@bindir@/{name}"), "/bin/true");
        fs::write(dir.join(format!("{name}.service")), unit).unwrap();
    }
    let output = Command::new("systemd-analyze")
        .args(["verify", "--user", "--man=no"])
        .args(names.map(|name| dir.join(format!("{name}.service"))))
        .env("XDG_RUNTIME_DIR", dir.join("runtime"))
        // The user's own units are none of this test's business.
        .env("HOME", &dir)
        .output();
    fs::remove_dir_all(&dir).unwrap();
    let Ok(output) = output else {
        println!("SKIPPED: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_windows_come_and_go_with_the_session_as_the_daemon_does() {
    let (daemon, windows) = (template("ahoyd"), template("ahoy-window"));
    for line in [
        "PartOf=graphical-session.target",
        "After=graphical-session.target",
        "WantedBy=graphical-session.target",
    ] {
        for unit in [&daemon, &windows] {
            assert!(unit.lines().any(|one| one == line), "{line}");
        }
    }
    // A press in the menu while they wait must find them, not a second process.
    assert!(windows.lines().any(|one| one == "ExecStart=@bindir@/ahoy-window --background"));
}
