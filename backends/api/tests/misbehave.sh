#!/bin/sh
# A backend process that describes itself properly and then misbehaves, in the way named by its argument. For exec.rs beside it.
described=no
while [ "$1" != deaf ] || [ "$described" = no ]; do
    read -r request || exit 0
    id=${request#*'"id":'}
    head='{"lockstep_exec":1,"id":'${id%%[!0-9]*}
    description=$head',"description":{"version":"1","summary":"misbehaves","levels":["none"],"default_level":"none"}}'
    artifact=$head',"artifact":{"arch":"x86_64","code":"31c0c3","align":16,"functions":[0],"phases":[["work",0.5],["more",0.25]]}}'
    case "$request" in
    *'"request":"describe"'*)
        case "$1" in
        dies-at-once) exit 3 ;;
        other-version) echo '{"lockstep_exec":2,"id":1,"description":{"version":"1","summary":"","levels":[],"default_level":"none"}}' ;;
        no-levels) echo "$head"',"description":{"version":"1","summary":"","levels":[],"default_level":"none"}}' ;;
        lacks-nonsense) echo "$head"',"description":{"version":"1","summary":"","levels":["none"],"default_level":"none","unsupported":["poll"]}}' ;;
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
    # What is printed too much must never be taken for the answer to the next request.
    noise-after) printf '%s\n%s\n' "$artifact" "$artifact" ;;
    other-id) echo '{"lockstep_exec":1,"id":99,"artifact":{"arch":"x86_64","code":"31c0c3","align":16,"functions":[0]}}' ;;
    no-id) echo '{"lockstep_exec":1,"artifact":{"arch":"x86_64","code":"31c0c3","align":16,"functions":[0]}}' ;;
    version-changes) echo '{"lockstep_exec":9,"artifact":null}' ;;
    hangs) exec sleep 60 ;;
    closes) exec >&-; exec sleep 60 ;;
    no-hex) echo "$head"',"artifact":{"arch":"x86_64","code":"31c","align":16,"functions":[0]}}' ;;
    outside) echo "$head"',"artifact":{"arch":"x86_64","code":"31c0c3","align":16,"functions":[3]}}' ;;
    too-few) echo "$head"',"artifact":{"arch":"x86_64","code":"31c0c3","align":16,"functions":[]}}' ;;
    odd-alignment) echo "$head"',"artifact":{"arch":"x86_64","code":"31c0c3","align":24,"functions":[0]}}' ;;
    neither) echo "$head"'}' ;;
    refuses) echo "$head"',"error":{"kind":"unsupported","op":"fmin","detail":"not today"}}' ;;
    refuses-nonsense) echo "$head"',"error":{"kind":"unsupported","op":"frobnicate","detail":"what?"}}' ;;
    refuses-nothing) echo "$head"',"error":{"kind":"unsupported","detail":"guess"}}' ;;
    odd-kind) echo "$head"',"error":{"kind":"mood","detail":"bad"}}' ;;
    complains) echo "$head"',"error":{"kind":"internal","detail":"a defect"}}' ;;
    too-large) echo "$head"',"error":{"kind":"too_large","detail":"1 function"}}' ;;
    esac
done
exec sleep 60
