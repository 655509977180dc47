#!/bin/sh
# Copies what is new or changed in an environment since settle.sh was there:
#
#     sh added.sh PREFIX FOLDER
set -eu
mkdir -p "$2"
touch -d @999999999 "$2.before"
touch -d @1000000000 "$2.after"
cd "$1"
find . \( ! -type d -o -type d -empty \) \( ! -newer "$2.before" -o -newer "$2.after" \) -print0 |
    tar --create --null --no-recursion --files-from=- |
    tar --extract --directory "$2"
