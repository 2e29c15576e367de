#!/usr/bin/env bash
# The step of action.yml: parity with the inputs given, results as a file, a summary on the job's page, the exit status of parity.
set -uo pipefail
lockstep="${LOCKSTEP:-$RUNNER_TEMP/lockstep/release/lockstep}"
results="$RUNNER_TEMP/lockstep-parity.json"
echo "results=$results" >> "$GITHUB_OUTPUT"

args=(parity --quiet --results "$results" --corpus "${CORPUS:-$GITHUB_ACTION_PATH/corpus}")
if [ -n "${BACKEND:-}" ]; then args+=(--backend "$BACKEND"); fi
if [ -n "${LEVEL:-}" ]; then args+=(--level "$LEVEL"); fi
if [ -n "${FILTER:-}" ]; then args+=("$FILTER"); fi
# Split at blanks on purpose: these are several arguments.
# shellcheck disable=SC2206
args+=(${ARGUMENTS:-})

"$lockstep" "${args[@]}" 2>&1 | tee "$RUNNER_TEMP/lockstep-parity.log"
status=${PIPESTATUS[0]}
{
    if [ "$status" -eq 0 ]; then echo "### Lockstep: agrees with the reference"; else echo "### Lockstep: does not agree with the reference"; fi
    echo
    echo '```'
    tail -n 40 "$RUNNER_TEMP/lockstep-parity.log" | cut -c1-300
    echo '```'
} >> "$GITHUB_STEP_SUMMARY"
exit "$status"
