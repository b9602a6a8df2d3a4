# shellcheck shell=bash
# What the scripts of tests/run and tests/demo share. Sourced, after `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export SKY_CACHE_DIR=${SKY_CACHE_DIR:-$HOME/.cache/skytask}
# The cluster that `sky-cluster` means.
export SKY_CLUSTER_NAME=${SKY_CLUSTER_NAME:-sky}
# Static programs: they run on an empty image and on any Linux.
static_target=$(uname -m)-unknown-linux-gnu
bin_dir=${CARGO_TARGET_DIR:-$root/target}/$static_target/${PROFILE:-image}
export bin_dir
# Where the demo and the tests install the product, as config/default says.
system_namespace=skytask-system

# With KUBECONFIG nothing is started: everything runs against that cluster.
external() { [[ -n ${KUBECONFIG:-} ]]; }

say() { printf '%s\n' "$*" >&2; }
die() {
  say "error: $1"
  shift
  for hint in "$@"; do say "  $hint"; done
  exit 1
}

sky_cluster() { "$root/tests/cluster/sky-cluster" "$@"; }
kubectl() {
  # For another cluster the user's own, unless there is none: then the one inside sky-cluster.
  if external && type -P kubectl > /dev/null; then command kubectl "$@"; else sky_cluster kubectl "$@"; fi
}

# The product's image is named by what is in it, so an unchanged program is an unchanged Deployment.
image_key() {
  cat "$root/Containerfile" "$bin_dir/sky-operator" "$bin_dir/sky-agent" "$bin_dir/sky-api-gateway" | sha256sum | cut -c1-12
}
image_repository() {
  if ! external; then
    echo localhost/sky
  elif [[ -n ${IMAGE_REGISTRY:-} ]]; then
    echo "$IMAGE_REGISTRY/sky"
  else
    die "KUBECONFIG is set, and that cluster cannot take an image from this machine" \
      "set IMAGE_REGISTRY to a registry and path that you may push to and the cluster may pull from" \
      "for example: IMAGE_REGISTRY=registry.example.com/team make $1"
  fi
}

# A directory for the script that is gone when it ends.
make_work() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
}
# buildah with storage of its own: nothing of the user's is touched, nothing stays behind.
buildah() {
  command buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"
}

# open_gateway PORT: makes the gateway reachable on this machine and sets `api_url`. An address that users were told
# stays; else it is the first free port from PORT on.
# In the embedded cluster its supervisor forwards, and goes on doing so; for another one, kubectl does as long as we run.
open_gateway() {
  local port=$1 last=$(($1 + 50)) target=$system_namespace/sky-api-gateway:8000 known problem
  if external; then
    open_port_forward "$port" "$last"
    return
  fi
  known=$(sky_cluster forward --list | sed -nE "s|^forward 127\.0\.0\.1:([0-9]+) -> $target\$|\1|p" | head -n 1)
  port=${known:-$port}
  until problem=$(sky_cluster forward "$port" "$target" 2>&1); do
    ((port++ < last)) || die "no way to the gateway: $problem" "see: tests/cluster/sky-cluster status"
  done
  export api_url=http://127.0.0.1:$port
}

open_port_forward() {
  local port=$1 last=$2 log
  log=$(mktemp)
  for (( ; port <= last; port++)); do
    kubectl --namespace "$system_namespace" port-forward service/sky-api-gateway "$port:8000" > "$log" 2>&1 &
    port_forward=$!
    for _ in {1..50}; do
      if grep -q '^Forwarding from' "$log"; then
        rm -f "$log"
        export api_url=http://127.0.0.1:$port
        return
      fi
      kill -0 "$port_forward" 2> /dev/null || break
      sleep 0.2
    done
    close_gateway
  done
  die "no way to the gateway: $(cat "$log")"
}

close_gateway() {
  [[ -z ${port_forward:-} ]] || { kill "$port_forward" 2> /dev/null && wait "$port_forward" 2> /dev/null; } || true
  port_forward=
}
