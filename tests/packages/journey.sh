#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# journey.sh NESTVEC MODEL [STEP...]: what a user does first with an installed command. Prints
# "ok STEP" or "failed STEP" for each, and what a failed one said.
nestvec=$1 model=$2
shift 2
steps=${*:-"version tokenize embed serve compile bulk errors"}
work=$(mktemp -d)
cd "$work" || exit 1

# has FILE TEXT...
has() {
  file=$1
  shift
  for text in "$@"; do
    grep -q -- "$text" "$file" || { echo "no $text in:"; head -c 2000 "$file"; return 1; }
  done
}

version() {
  "$nestvec" --version >said && has said '^nestvec [0-9]'
}

tokenize() {
  echo 'Hello, world!' | "$nestvec" tokenize -m "$model" >said && has said '"ids":\['
}

embed() {
  "$nestvec" embed -q -m "$model" --format jsonl 'A cat sleeps.' 'Ein Hund.' >said &&
    has said '"index":0' '"index":1' '"embedding":\[-\{0,1\}0\.'
}

serve() {
  mkfifo ready
  "$nestvec" serve -m "$model" --http 127.0.0.1:0 >ready 2>log &
  server=$!
  read -r _ _ url _ <ready || { cat log; return 1; }
  curl -sS --fail "$url/health" >said && "$nestvec" health "$url" &&
    curl -sS --fail -H 'Content-Type: application/json' -d '{"inputs":["A cat.","A dog."]}' "$url/embed" >said &&
    has said '^\[\[-\{0,1\}[0-9]'
  well=$?
  kill -TERM $server
  wait $server
  code=$?
  [ $code = 0 ] || { echo "SIGTERM: exit code $code"; cat log; return 1; }
  return $well
}

compile() {
  "$nestvec" compile -q "$model" -o compiled && "$nestvec" embed -q -m compiled --format jsonl 'A cat.' >said &&
    has said '"embedding":\['
}

bulk() {
  printf '{"text":"A cat."}\n{"text":"A dog."}\n' >texts.jsonl
  "$nestvec" embed -q -m "$model" --input texts.jsonl -o vectors.npy && has vectors.npy NUMPY
}

errors() {
  "$nestvec" embed -m /nowhere 'A cat.' >said 2>&1
  code=$?
  [ $code = 3 ] && has said '^nestvec: error: ' || { echo "exit code $code"; return 1; }
}

all=0
for step in $steps; do
  if "$step" >"$work/told" 2>&1; then
    echo "ok $step"
  else
    all=1
    echo "failed $step"
    head -c 3000 "$work/told" | sed 's/^/  /'
  fi
done
cd / && rm -rf "$work"
exit $all
