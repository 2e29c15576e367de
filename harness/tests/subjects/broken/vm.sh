#!/bin/sh
# A virtual machine for tests: vm.sh PROGRAM. A program is lines `FUNCTION NUMBER`; each prints what the function makes of the number.
#
# VM_JIT=1 "compiles" each function before its first call: five changes of the optimiser each. What is wrong on purpose:
# - compiled `square` is off by one; the third change made while it is compiled is to blame;
# - `pair` is wrong when both it and `double` are compiled;
# - with VM_CRASH=1, calling compiled `negate` is a segmentation fault, and compiled `spin` never returns.
# VM_ONLY is a comma-separated list of what may be compiled, VM_FUEL limits changes, VM_LOG and VM_COUNTERS name files.

[ "$1" = --version ] && { echo "broken vm 1.0"; exit 0; }
compiled=,
changes=0
native=0
interpreted=0
square_is_wrong=0
status=0

has() { case $1 in *,$2,*) true ;; *) false ;; esac; }

compile() {
  [ "${VM_JIT:-0}" = 1 ] || return 0
  has "$compiled" "$1" && return 0
  [ "${VM_ONLY+set}" = set ] && ! has ",$VM_ONLY," "$1" && return 0
  compiled=$compiled$1,
  [ -n "$VM_LOG" ] && echo "compiled $1 (5 changes)" >> "$VM_LOG"
  for change in 1 2 3 4 5; do
    [ "$changes" -ge "${VM_FUEL:-1000000}" ] && break
    changes=$((changes + 1))
    [ "$1" = square ] && [ "$change" = 3 ] && square_is_wrong=1
  done
}

[ -n "$VM_LOG" ] && : > "$VM_LOG"
while read -r function number; do
  compile "$function"
  if has "$compiled" "$function"; then native=$((native + 10)); else interpreted=$((interpreted + 10)); fi
  case $function in
    double) echo "double $((2 * number))" ;;
    triple) echo "triple $((3 * number))" ;;
    square) echo "square $((number * number + square_is_wrong))" ;;
    pair) if has "$compiled" pair && has "$compiled" double; then echo "pair 0"; else echo "pair $number $number"; fi ;;
    negate) if [ "$VM_CRASH" = 1 ] && has "$compiled" negate; then kill -SEGV $$; fi; echo "negate $((-number))" ;;
    spin) while [ "$VM_CRASH" = 1 ] && has "$compiled" spin; do :; done; echo "spin $number" ;;
    clock) date +%N ;;
    fail) echo "error: at line $number of $0" >&2; status=3 ;;
    *) echo "no function $function" >&2; status=2; break ;;
  esac
done < "$1"
[ -n "$VM_COUNTERS" ] && echo "{\"native\": $native, \"interpreted\": $interpreted}" > "$VM_COUNTERS"
echo "seconds 0.00$((1 + interpreted))"
exit "$status"
