# Waits for the end of the process that owns the bed "$1", however it ends, then removes what is
# left: statics are never dropped, and a killed process drops nothing at all.
cat >/dev/null
attempt=0
while [ -d "$1" ] && [ "$attempt" -lt 100 ]; do
	for process in /proc/[0-9]*; do
		if [ "$(readlink "$process/cwd")" = "$1/postgres/data" ] ||
			grep -qzxF "TESTBED_DIRECTORY=$1" "$process/environ"; then
			kill -KILL "${process#/proc/}"
		fi
	done
	segment=$(sed -n '7s/^ *[0-9]* *//p' "$1/postgres/data/postmaster.pid")
	[ -z "$segment" ] || ipcrm -m "$segment"
	rm -rf "$1"
	attempt=$((attempt + 1))
	[ ! -d "$1" ] || sleep 0.1
done
