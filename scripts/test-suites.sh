#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test-suites.sh [NAME...]: the test suites in Python, or those named, with the command of the release
# build; as many at a time as there are cores, the longest first. Of one that passes the last lines are
# shown, of one that fails all. Their environments must be there (make test).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

logs=$build_dir/test-logs
rm -rf "$logs"
mkdir -p "$logs"

scaleout() { NESTVEC_WHEEL=$(ls "$build_dir"/wheels/nestvec-*.whl) scripts/test-scaleout.sh "$@"; }

suite() {
  case $1 in
    ray) scaleout -k ray ;;
    spark) scaleout -k "not ray" ;;
    python) scripts/test-python.sh ;;
    clarifai-*) scripts/pytest.sh "$1" tests/clarifai ;;
    e2e | server) scripts/pytest.sh test "tests/$1" ;;
    clients)
      scripts/pytest.sh clients tests/clients --ignore=tests/clients/test_schemathesis.py \
        --ignore=tests/clients/test_rankers.py --ignore=tests/clients/test_infinity.py
      ;;
    rankers) scripts/pytest.sh rankers tests/clients/test_rankers.py ;;
    infinity) scripts/pytest.sh infinity tests/clients/test_infinity.py ;;
    schemathesis) scripts/pytest.sh schemathesis tests/clients/test_schemathesis.py ;;
    deploy) scripts/pytest.sh deploy tests/deploy ;;
    *) die "there is no suite $1" ;;
  esac
}

left=("$@")
if ((${#left[@]} == 0)); then
  left=(ray e2e spark server python schemathesis)
  for requirements in tests/clarifai/requirements-*.txt; do
    left+=("clarifai-$(basename "${requirements#*requirements-}" .txt)")
  done
  left+=(clients rankers infinity deploy)
fi

# The suites that need the wheel find it made.
for name in "${left[@]}"; do
  if [[ $name == ray || $name == spark || $name == python ]]; then
    scripts/make-wheel.sh --if-changed
    break
  fi
done

# Each suite is a process group of its own, in which signals are as on a command line.
set -m
declare -A names=() begun=()
failed=()
end_all() {
  local pid
  for pid in "${!names[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
}
trap end_all EXIT
finish_one() {
  local code=0 pid
  wait -n -p pid "${!names[@]}" || code=$?
  local name=${names[$pid]}
  printf '\n== %s: %s, %d seconds\n' "$name" "$( ((code == 0)) && echo passed || echo FAILED)" \
    $((SECONDS - ${begun[$pid]}))
  if ((code == 0)); then
    tail -n 2 "$logs/$name"
  else
    cat "$logs/$name"
    failed+=("$name")
  fi
  unset "names[$pid]"
}

for name in "${left[@]}"; do
  while ((${#names[@]} >= $(nproc))); do finish_one; done
  suite "$name" >"$logs/$name" 2>&1 &
  names[$!]=$name begun[$!]=$SECONDS
done
while ((${#names[@]} > 0)); do finish_one; done
((${#failed[@]} == 0)) || die "failed: ${failed[*]}; build/test-logs has what they say"
