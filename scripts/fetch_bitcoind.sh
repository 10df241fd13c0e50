#!/bin/sh
# Put a bitcoind into .tools/bitcoind of this project, from Debian's signed packages, unless one is there already.
#
# A bitcoind named by ZAKHIRA_BITCOIND or found on PATH comes first and nothing is fetched. Otherwise Debian's package
# bitcoin-knots (unstable) and the libraries that it needs (trixie) are downloaded with apt from the mirror that this machine
# uses already, with apt's signature checks on, and unpacked into a folder of their own. Nothing is installed into the system
# and no right of root is needed.
set -eu

LIBRARIES="libc6 libstdc++6 libgcc-s1 libevent-core-2.1-7t64 libevent-extra-2.1-7t64 libevent-pthreads-2.1-7t64
libsqlite3-0 libzmq5 libbsd0 libmd0 libnorm1t64 libpgm-5.3-0t64 libsodium23 libgssapi-krb5-2 libkrb5-3 libk5crypto3
libcom-err2 libkrb5support0 libkeyutils1 libssl3t64 zlib1g libzstd1"
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
BY_HAND="Install bitcoind (Bitcoin Core 28 or later, or Knots) yourself and set ZAKHIRA_BITCOIND to its path."

project=$(cd "$(dirname "$0")/.." && pwd)
tools=${ZAKHIRA_TOOLS:-$project/.tools}
target=$tools/bitcoind
apt_root=${ZAKHIRA_APT_ETC:-/etc/apt}

fail() {
    echo "fetch_bitcoind: $1" >&2
    shift
    for line in "$@"; do echo "  $line" >&2; done
    exit 3
}

say_version() {
    version=$("$1" --version 2>/dev/null | head -n 1) || version=
    [ -n "$version" ] || fail "$1 does not run." "$BY_HAND"
    echo "$version ($1)"
}

# The mirror of this machine's own Debian sources: classic lines first, then deb822 stanzas.
mirror_from_lists() {
    cat "$apt_root/sources.list" "$apt_root"/sources.list.d/*.list 2>/dev/null | awk -v suite="$1" '
        $1 == "deb" {
            sub(/\[[^]]*\]/, "")
            if ($3 == suite) for (i = 4; i <= NF; i++) if ($i == "main") { print $2; exit }
        }'
}

mirror_from_stanzas() {
    for file in "$apt_root"/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        cat "$file"
        echo
    done | awk -v suite="$1" '
        function finish(   i, n, parts, has_suite, has_main) {
            n = split(field["suites"], parts, " ")
            for (i = 1; i <= n; i++) if (parts[i] == suite) has_suite = 1
            n = split(field["components"], parts, " ")
            for (i = 1; i <= n; i++) if (parts[i] == "main") has_main = 1
            if (!found && has_suite && has_main && field["enabled"] != "no" && (" " field["types"] " ") ~ / deb /) {
                split(field["uris"], parts, " ")
                print parts[1]
                found = 1
            }
            split("", field)
            key = ""
        }
        /^#/ { next }
        /^[ \t]*$/ { finish(); next }
        /^[ \t]/ { if (key != "") field[key] = field[key] " " $0; next }
        { key = tolower(substr($0, 1, index($0, ":") - 1)); field[key] = substr($0, index($0, ":") + 1)
          gsub(/^[ \t]+|[ \t]+$/, "", field[key]) }
        END { finish() }'
}

find_mirror() {
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    for suite in "$codename" stable oldstable testing unstable sid; do
        [ -n "$suite" ] || continue
        found=$(mirror_from_lists "$suite")
        [ -n "$found" ] || found=$(mirror_from_stanzas "$suite")
        [ -z "$found" ] || { echo "$found"; return; }
    done
}

private_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=- \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o Acquire::Languages=none \
        -o APT::Update::Error-Mode=any -o Acquire::PDiffs=false -o Acquire::Retries=3 -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User="" "$@"
}

unpack() {
    for package in "$work"/debs/*.deb; do
        dpkg -x "$package" "$work/new/prefix" || fail "cannot unpack $(basename "$package")." "Is the disk full?"
    done
    mkdir -p "$work/new/bin"
    for program in bitcoind bitcoin-cli; do
        cat > "$work/new/bin/$program" <<WRAPPER
#!/bin/sh
# Runs Debian's $program with its own C library; written by scripts/fetch_bitcoind.sh.
prefix=\$(cd "\$(dirname "\$0")/../prefix" && pwd)
exec "\$prefix/$loader" --library-path "\$prefix/usr/lib/$triple" "\$prefix/usr/bin/$program" "\$@"
WRAPPER
        chmod 755 "$work/new/bin/$program"
    done
}

if [ -n "${ZAKHIRA_BITCOIND:-}" ]; then
    [ -x "$ZAKHIRA_BITCOIND" ] || fail "ZAKHIRA_BITCOIND names $ZAKHIRA_BITCOIND, which is no program." "Mend or unset it."
    say_version "$ZAKHIRA_BITCOIND"
    exit 0
fi
if on_path=$(command -v bitcoind); then
    say_version "$on_path"
    exit 0
fi
if [ -x "$target/bin/bitcoind" ] && "$target/bin/bitcoind" --version >/dev/null 2>&1; then
    say_version "$target/bin/bitcoind"
    exit 0
fi

for program in apt-get dpkg dpkg-deb awk; do
    command -v "$program" >/dev/null || fail "$program is missing: this works on Debian only." "$BY_HAND"
done
machine=$(dpkg --print-architecture)
case $machine in
    amd64) triple=x86_64-linux-gnu loader=usr/lib64/ld-linux-x86-64.so.2 ;;
    arm64) triple=aarch64-linux-gnu loader=usr/lib/ld-linux-aarch64.so.1 ;;
    *) fail "no recipe for the machine type $machine." "$BY_HAND" ;;
esac
[ -r "$KEYRING" ] || fail "$KEYRING is missing, so packages could not be checked." \
    "Install the package debian-archive-keyring." "$BY_HAND"
mirror=$(find_mirror)
[ -n "$mirror" ] || fail "no Debian mirror found in $apt_root." \
    "A line 'deb MIRROR SUITE main' or a .sources file for Debian is needed there." "$BY_HAND"

mkdir -p "$tools" || fail "cannot write to $tools." "Make it writable, or free some space."
work=$(mktemp -d "$tools/fetch.XXXXXX") || fail "cannot write to $tools." "Make it writable, or free some space."
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs" "$work/new/prefix"
for suite in sid trixie; do
    echo "deb [arch=$machine signed-by=$KEYRING] $mirror $suite main"
done > "$work/sources.list"

echo "fetching bitcoind from this machine's Debian mirror ..."
private_apt update > "$work/log" 2>&1 || fail "apt cannot read the mirror:" "$(tail -n 5 "$work/log")" "$BY_HAND"
wanted="bitcoin-knots/sid"
for library in $LIBRARIES; do wanted="$wanted $library/trixie"; done
# shellcheck disable=SC2086  # the list is meant to be split
(cd "$work/debs" && private_apt download $wanted) > "$work/log" 2>&1 ||
    fail "apt cannot download the packages:" "$(tail -n 5 "$work/log")" "$BY_HAND"
unpack
"$work/new/bin/bitcoind" --version > "$work/log" 2>&1 ||
    fail "the bitcoind that was fetched does not run:" "$(tail -n 5 "$work/log")" "$BY_HAND"
rm -rf "$target"
mv "$work/new" "$target"
say_version "$target/bin/bitcoind"
