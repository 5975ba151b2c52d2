#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh TARGET...: make each target, go on after a failure, and end with a
# summary of what passed, what failed and how long each took. Fails if any did.
set -u

passed=0 failed=0 summary=
began=$SECONDS
for step; do
	echo "=== check: $step"
	start=$SECONDS
	if ${MAKE:-make} --no-print-directory "$step"; then
		result=passed passed=$((passed + 1))
	else
		result=FAILED failed=$((failed + 1))
	fi
	summary+=$(printf '  %-18s %-7s %5d s' "$step" $result $((SECONDS - start)))$'\n'
done
printf '=== check: summary, %d s in all\n%s' $((SECONDS - began)) "$summary"
echo "check: $passed passed, $failed failed"
[ $failed = 0 ]
