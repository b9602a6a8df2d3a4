#!/usr/bin/env bash
# leftovers.sh NAME: lists whatever of a cluster is still on this machine, and
# exits with 1 when there is anything. Run it after `sky-cluster down`.
set -uo pipefail
shopt -s lastpipe # so that report can set found

name=${1:?usage: leftovers.sh NAME}
netns=sky-$name
state=${SKY_CACHE_DIR:-$HOME/.cache/skytask}/clusters/$name
run=/run/skytask/$name
found=0
report() { # KIND, then lines on stdin
	while IFS= read -r line; do
		[ -z "$line" ] && continue
		printf '%-10s %s\n' "$1" "$line"
		found=1
	done
}

# Processes: ours by program and a path of the cluster, or by its cgroup.
ours() {
	local pid exe args
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		exe=$(readlink "$dir/exe" 2>/dev/null) || continue
		case ${exe##*/} in
		sky-cluster* | containerd* | runc* | ctr*) ;;
		*) grep -qs "[:/]$netns/" "$dir/cgroup" && echo "$pid $exe (in the cgroup)"; continue ;;
		esac
		args=$(tr '\0' ' ' 2>/dev/null <"$dir/cmdline")
		case "$args " in
		*"$state/"* | *"$state "* | *"$run/"*) echo "$pid ${args:0:120}" ;;
		esac
	done
}
ours | report process
# In every mount namespace, not just in this one.
cat /proc/[0-9]*/mountinfo 2>/dev/null | cut -d' ' -f4,5 | grep -E "($state|$run)(/| |\$)|/run/netns/$netns\$" |
	sort -u | report mount
for path in "$state" "$run" "/run/skytask/.$name.lock"; do [ -e "$path" ] && echo "$path"; done | report file
[ -e "/run/netns/$netns" ] && echo "$netns" | report netns
find /sys/fs/cgroup -maxdepth 2 -type d -name "$netns" 2>/dev/null | report cgroup

# On the host itself a cluster has no interface and no rule; with other
# clusters up this still holds, since theirs are in their own namespaces.
ip -o link 2>/dev/null | grep -oE '(node|pods)[0-9]+: ' | report interface
for tool in iptables ip6tables; do
	"$tool-save" 2>/dev/null | grep -E '^:(KUBE|CNI)-' | sed "s/^/$tool /" | report rule
done
# Only the last cluster's end removes what all clusters share.
if [ -z "$(find /run/skytask -mindepth 1 -maxdepth 1 -type d 2>/dev/null)" ]; then
	find /run/skytask 2>/dev/null | report file
fi

[ $found = 0 ] && echo "nothing is left of cluster $name"
exit $found
