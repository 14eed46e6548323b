#!/bin/sh
# Fills encryption keys into encryption.template.yaml, on the control-plane host.
#
#   render-encryption.sh [KEYS [OUTPUT [TEMPLATE]]]
#
# KEYS is a folder with one file a key, named as the key, mode 0600, holding the key in base64. OUTPUT is written with mode
# 0600, whole or not at all. Keys are never printed, and never stand in the arguments of another process.
set +x
set -eu
umask 077
LC_ALL=C
export LC_ALL

keys=${1:-@KEYS@}
output=${2:-@OUTPUT@}
template=${3:-$(dirname -- "$0")/encryption.template.yaml}

fail() {
    printf 'render-encryption: %s\n' "$1" >&2
    exit 1
}

# The lengths in bytes that a key may have; nothing for a key that the configuration does not name.
lengths_of() {
    case $1 in
        @CASES@
    esac
}

# Reads one key into $key, or ends the script.
read_key() {
    case $1 in
        '' | .* | -* | *[!A-Za-z0-9._-]*) fail "not a name for a key: $1" ;;
    esac
    file=$keys/$1
    lengths=$(lengths_of "$1")
    [ -n "$lengths" ] || fail "the template names a key that this script does not know: $1"
    [ ! -L "$file" ] || fail "$file is a symbolic link"
    [ -f "$file" ] || fail "$file is missing; make it with: (umask 077; head -c 32 /dev/urandom | base64 > $file)"
    # `ls` prints the mode, with + behind it where an access list widens it.
    mode=$(ls -ld -- "$file") || fail "$file cannot be looked at"
    case $mode in
        '-rw-------+'*) fail "$file has an access list; only its owner may read it" ;;
        '-rw-------'*) ;;
        *) fail "$file must have mode 0600" ;;
    esac
    key=$(tr -d ' \t\r\n' <"$file") || fail "$file cannot be read"
    case $key in
        '') fail "$file is empty" ;;
        *[!A-Za-z0-9+/=]*) fail "$file is not base64" ;;
    esac
    printf '%s' "$key" | base64 -d >/dev/null 2>&1 || fail "$file is not base64"
    length=$(printf '%s' "$key" | base64 -d | wc -c | tr -d ' ')
    for allowed in $lengths; do
        [ "$length" -ne "$allowed" ] || return 0
    done
    fail "$file holds $length bytes; allowed: $lengths"
}

[ -f "$template" ] || fail "$template is missing"
[ -d "$keys" ] || fail "$keys is not a folder"
case $output in
    */*) [ -d "${output%/*}/" ] || fail "${output%/*} is not a folder" ;;
esac
[ ! -d "$output" ] || fail "$output is a folder"

next=$output.new.$$
trap 'rm -f -- "$next"' EXIT
trap 'exit 1' HUP INT TERM
# Never writes into a file that somebody else has put there.
set -C
: >"$next" || fail "$next exists already or cannot be written"
set +C

while IFS= read -r line || [ -n "$line" ]; do
    case $line in
        *__KSPEC_KEY_*__*)
            rest=${line#*__KSPEC_KEY_}
            name=${rest%__*}
            read_key "$name"
            printf '%s%s%s\n' "${line%%__KSPEC_KEY_*}" "$key" "${rest##*__}"
            ;;
        *) printf '%s\n' "$line" ;;
    esac
done <"$template" >>"$next"
key=

mv -f -- "$next" "$output"
printf 'render-encryption: wrote %s\n' "$output" >&2
