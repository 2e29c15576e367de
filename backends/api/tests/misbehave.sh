#!/bin/sh
# A backend process that describes itself properly and then misbehaves, in the way named by its argument. For exec.rs beside it.
description='{"lockstep_exec":1,"version":"1","summary":"misbehaves","levels":["none"],"default_level":"none"}'
artifact='{"lockstep_exec":1,"artifact":{"arch":"x86_64","code":"31c0c3","align":16,"functions":[0],"phases":[["work",0.5],["more",0.25]]}}'
described=no
while [ "$1" != deaf ] || [ "$described" = no ]; do
    read -r request || exit 0
    case "$request" in
    *'"request":"describe"'*)
        case "$1" in
        dies-at-once) exit 3 ;;
        other-version) echo '{"lockstep_exec":2,"version":"1","summary":"","levels":[],"default_level":"none"}' ;;
        *) echo "$description" ;;
        esac
        described=yes
        continue
        ;;
    esac
    case "$1" in
    behaves) echo "$artifact" ;;
    dies) exit 7 ;;
    is-killed) kill -9 $$ ;;
    # Started anew, it is not asked to describe itself again.
    dies-once) [ "$described" = no ] || exit 7; echo "$artifact" ;;
    noise) echo 'Segmentation fault (not really)' ;;
    noise-first) echo 'warning: something'; echo "$artifact" ;;
    version-changes) echo '{"lockstep_exec":9,"artifact":null}' ;;
    hangs) exec sleep 60 ;;
    closes) exec >&-; exec sleep 60 ;;
    no-hex) echo '{"lockstep_exec":1,"artifact":{"arch":"x86_64","code":"31c","align":16,"functions":[0]}}' ;;
    outside) echo '{"lockstep_exec":1,"artifact":{"arch":"x86_64","code":"31c0c3","align":16,"functions":[3]}}' ;;
    too-few) echo '{"lockstep_exec":1,"artifact":{"arch":"x86_64","code":"31c0c3","align":16,"functions":[]}}' ;;
    odd-alignment) echo '{"lockstep_exec":1,"artifact":{"arch":"x86_64","code":"31c0c3","align":24,"functions":[0]}}' ;;
    neither) echo '{"lockstep_exec":1}' ;;
    refuses) echo '{"lockstep_exec":1,"error":{"kind":"unsupported","op":"fmin","detail":"not today"}}' ;;
    refuses-nonsense) echo '{"lockstep_exec":1,"error":{"kind":"unsupported","op":"frobnicate","detail":"what?"}}' ;;
    complains) echo '{"lockstep_exec":1,"error":{"kind":"internal","detail":"a defect"}}' ;;
    esac
done
exec sleep 60
