# What contrib/run, tests/run and .ci/run share: steps with progress, packages, the Rust toolchain,
# and the Vosk library from its wheel. Sourced by bash with `set -euo pipefail`.
#
# Owns: how a step is shown and logged. Does not own: which steps there are. Invariant: asks nothing,
# and changes nothing outside of target/ except packages and, where there is none, a Rust toolchain.
# shellcheck shell=bash

# The newest features the code uses; the same number stands in Cargo.toml.
readonly RUST_NEEDED=1.95.0
# PipeWire and GStreamer of Debian 12; the crates are built for these interfaces.
readonly PIPEWIRE_NEEDED=0.3.65 GSTREAMER_NEEDED=1.22

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# A container may leave HOME out; cargo, pip and XDG defaults all want one.
if [ -z "${HOME-}" ]; then
    HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
    export HOME
fi
target=${CARGO_TARGET_DIR:-$root/target}
[[ $target == /* ]] || target=$root/$target
export CARGO_TARGET_DIR=$target
log=
step_number=0 steps=0 step_code=0 dry=
exec </dev/null

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# open_log NAME: everything that steps print goes to target/NAME.log.
open_log() {
    mkdir -p "$target"
    log=$target/$1.log
    : >"$log"
}

# step TITLE COMMAND...: runs a command with its output in the log; on a terminal the last line of it
# is shown while it runs, elsewhere a sign of life every 30 s. Leaves the command's code in step_code
# and succeeds itself: called in a condition, bash would not stop the command at its first error.
step() {
    local title=$1 start=$SECONDS shown=$SECONDS job seen
    shift
    step_code=0
    step_number=$((step_number + 1))
    if [ -n "$dry" ]; then
        say "[$step_number/$steps] $title: $*"
        return 0
    fi
    printf '[%d/%d] %s ...' "$step_number" "$steps" "$title"
    [ -t 1 ] || echo
    printf '\n=== [%d/%d] %s: %s\n' "$step_number" "$steps" "$title" "$*" >>"$log"
    ("$@") >>"$log" 2>&1 &
    job=$!
    # shellcheck disable=SC2064 # this very job
    trap "kill $job 2>/dev/null; exit 130" INT TERM
    while kill -0 "$job" 2>/dev/null; do
        seen=$(tail -c 400 "$log" | tr '\r' '\n' | tr -d '\000-\011\013-\037' | tail -n 1)
        if [ -t 1 ]; then
            printf '\r\033[K[%d/%d] %s ... %d s  %.60s' \
                "$step_number" "$steps" "$title" $((SECONDS - start)) "$seen"
        elif ((SECONDS - shown >= 30)); then
            printf '      %d s: %.90s\n' $((SECONDS - start)) "$seen"
            shown=$SECONDS
        fi
        # Short looks at first, so that short steps stay short.
        if ((SECONDS - start < 2)); then sleep 0.1; else sleep 1; fi
    done
    wait "$job" || step_code=$?
    trap - INT TERM
    [ ! -t 1 ] || printf '\r\033[K'
    if ((step_code == 0)); then
        printf '[%d/%d] %s: done in %d s\n' "$step_number" "$steps" "$title" $((SECONDS - start))
    else
        printf '[%d/%d] %s: FAILED (exit code %d) after %d s\n' \
            "$step_number" "$steps" "$title" "$step_code" $((SECONDS - start))
    fi
}

# must TITLE COMMAND...: a step without which nothing after it makes sense.
must() {
    step "$@"
    if ((step_code != 0)); then
        printf '%s\n' "--- the end of $log" >&2
        tail -n 25 "$log" >&2
        exit "$step_code"
    fi
}

# --- packages ----------------------------------------------------------------------------------------

# check_system: ends with a clear message where the packages have other names or are too old.
check_system() {
    local ID='' ID_LIKE='' VERSION_ID='' PRETTY_NAME='this system'
    # shellcheck disable=SC1091
    [ ! -r /etc/os-release ] || . /etc/os-release
    local oldest=
    case $ID in
    debian) oldest=12 ;;
    ubuntu) oldest=24.04 ;;
    *)
        if [[ " $ID_LIKE " == *" debian "* || " $ID_LIKE " == *" ubuntu "* ]]; then
            return # too old ones are found out by the versions of their libraries
        fi
        ;;
    esac
    if [ -z "$oldest" ] || ! command -v apt-get >/dev/null; then
        fail "packages can only be installed on Debian 12 or newer and Ubuntu 24.04 or newer, and this is $PRETTY_NAME.
Install what contrib/packages lists under the names used here, then run this again with --no-packages."
    fi
    # Testing and unstable have no number.
    if [ -n "$VERSION_ID" ] && dpkg --compare-versions "$VERSION_ID" lt "$oldest"; then
        fail "$PRETTY_NAME is too old: PipeWire $PIPEWIRE_NEEDED and GStreamer $GSTREAMER_NEEDED are needed, which $ID has from $oldest on."
    fi
}

# packages GROUP...: the names in these groups of contrib/packages.
packages() {
    local group name _
    while read -r group name _; do
        [[ " $* " != *" $group "* ]] || printf '%s\n' "$name"
    done < <(sed 's/#.*//' "$root/contrib/packages")
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# missing_packages GROUP...: those of them that are not installed.
missing_packages() {
    local name
    for name in $(packages "$@"); do
        # An own Python with pip does as well as the distribution's.
        [[ $name != python3 && $name != python3-pip ]] || ! has_pip || continue
        is_installed "$name" || printf '%s\n' "$name"
    done
}

has_pip() { python3 -m pip --version >/dev/null 2>&1; }

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=120 "$@"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif ! command -v sudo >/dev/null; then
        echo "neither root nor sudo: as root, run: apt-get install --no-install-recommends $(packages build run | xargs)"
        return 1
    elif ! sudo -n "$@"; then
        # -n: a password cannot be typed into a step that runs in the background.
        echo "sudo did not do it without a password; run \`sudo -v\` first, then this again"
        return 1
    fi
}

# install_packages NAME...
install_packages() {
    apt update || echo "the lists of packages could not be renewed; trying with those that are there"
    apt install --no-install-recommends "$@"
}

# packages_step GROUP...: one step, and nothing where nothing is missing.
packages_step() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    if ((${#missing[@]} == 0)); then
        step "Packages: all there" true
        return
    fi
    if [ -z "$dry" ] && [ "$(id -u)" != 0 ] && [ -t 2 ] && command -v sudo >/dev/null; then
        # The only question there may be is sudo's own, for the password, before anything starts.
        # shellcheck disable=SC2024 # the terminal is the user's
        sudo -v </dev/tty || fail "without root rights, install these packages by hand: ${missing[*]}"
    fi
    must "Packages: ${#missing[@]} to install" install_packages "${missing[@]}"
}

check_libraries() {
    if ! pkg-config --print-errors --atleast-version="$PIPEWIRE_NEEDED" libpipewire-0.3 ||
        ! pkg-config --print-errors --atleast-version="$GSTREAMER_NEEDED" gstreamer-1.0; then
        fail "PipeWire $PIPEWIRE_NEEDED and GStreamer $GSTREAMER_NEEDED or newer are needed, with their development files"
    fi
}

# --- Rust ----------------------------------------------------------------------------------------------

# version_at_least HAVE WANT
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

rust_version() { rustc --version 2>/dev/null | cut -d' ' -f2 | cut -d- -f1; }

rust_is_new_enough() {
    local version
    version=$(rust_version) && [ -n "$version" ] && cargo --version >/dev/null 2>&1 &&
        version_at_least "$version" "$RUST_NEEDED"
}

# find_rust: the toolchain that is there, also where rustup's programs lie beside a home directory
# that is not HOME (they look for their toolchains in HOME).
find_rust() {
    local dir home
    home=$(getent passwd "$(id -u)" | cut -d: -f6)
    for dir in "${CARGO_HOME:-$HOME/.cargo}/bin" "$HOME/.cargo/bin" "$home/.cargo/bin"; do
        if ! command -v cargo >/dev/null && [ -x "$dir/cargo" ]; then
            PATH=$dir:$PATH
        fi
    done
    export PATH
    ! rust_is_new_enough || return 0
    # `.cargo/bin/cargo` and `.rustup` lie side by side.
    dir=$(command -v cargo) || return 1
    dir=${dir%/*/*/*}/.rustup
    if [ -z "${RUSTUP_HOME-}" ] && [ -d "$dir/toolchains" ]; then
        export RUSTUP_HOME=$dir
        ! rust_is_new_enough || return 0
    fi
    return 1
}

get_rust() {
    if command -v rustup >/dev/null; then
        rustup toolchain install stable --profile minimal --no-self-update
    else
        command -v curl >/dev/null || install_packages curl ca-certificates
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
            sh -s -- -y --no-modify-path --profile minimal --default-toolchain stable
    fi
}

# rust_step: after it, `cargo` is one that can build this.
rust_step() {
    if find_rust; then
        step "Rust $(rust_version), which is here" true
        return
    fi
    local have
    have=$(rust_version) || true
    say "Rust $RUST_NEEDED or newer is needed, and here is ${have:-none}: getting the stable one with rustup, for this user."
    must "Rust with rustup" get_rust
    [ -z "$dry" ] || return 0
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    export PATH RUSTUP_TOOLCHAIN=stable
    rust_is_new_enough || fail "rustup is through, but there is still no Rust $RUST_NEEDED: see $log"
}

# --- wheels --------------------------------------------------------------------------------------------

# fetch_wheel REQUIREMENT SHA256 DIR: downloads a wheel with pip, which checks it, and unpacks it.
fetch_wheel() {
    local wheels=$target/wheels
    mkdir -p "$wheels" "$3"
    printf '%s --hash=sha256:%s\n' "$1" "$2" >"$wheels/${1%%=*}.txt"
    python3 -m pip --disable-pip-version-check --no-input --retries 2 download --quiet \
        --no-deps --only-binary=:all: --require-hashes --dest "$wheels" \
        --requirement "$wheels/${1%%=*}.txt"
    local name=${1%%=*}
    local found=("$wheels/${name//-/_}"-[0-9]*.whl)
    python3 -m zipfile -e "${found[0]}" "$3"
}

# Apache-2.0, by its makers; the library inside is all that is used. There is a wheel for each of
# these processors and no others.
vosk_sha256() {
    case $(uname -m) in
    x86_64) echo 25e025093c4399d7278f543568ed8cc5460ac3a4bf48c23673ace1e25d26619f ;;
    aarch64) echo 54efb47dd890e544e9e20f0316413acec7f8680d04ec095c6140ab4e70262704 ;;
    *) return 1 ;;
    esac
}

# fetch_vosk DIR: puts vosk/libvosk.so into DIR, unless it is there.
fetch_vosk() {
    [ ! -s "$1/vosk/libvosk.so" ] || return 0
    local sha256
    sha256=$(vosk_sha256) || {
        echo "there is no Vosk library for $(uname -m)"
        return 1
    }
    rm -rf "$1.part"
    fetch_wheel vosk==0.3.45 "$sha256" "$1.part"
    mkdir -p "$1"
    rm -rf "$1/vosk"
    mv "$1.part/vosk" "$1/vosk"
    rm -rf "$1.part"
}
