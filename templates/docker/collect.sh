#!/bin/sh
# Links what settle.sh settled into a tree that one COPY takes it from, with the folders around it:
#
#     sh collect.sh FOLDER TREE PREFIX
set -eu
mkdir -p "$2$3"
cp -al "$1/." "$2$3"
find "$2" -type d -exec chmod 755 {} + -exec touch -d @1000000000 {} +
