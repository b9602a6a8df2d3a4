package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"skytask.dev/tests/cluster/internal/layout"
)

// Result says what a load did.
type Result struct {
	Names   []string
	Skipped bool
}

// loaded remembers which archive stands behind an image name of a node.
type loaded map[string]struct{ Key, Digest string }

// Load imports an archive into a node's runtime, under its own names and the
// extra one when that is not empty. It does nothing when the very content is
// there already.
func Load(ctx context.Context, n layout.Node, path, extra string) (Result, error) {
	a, err := inspect(path)
	if err != nil {
		return Result{}, err
	}
	names := slices.Clone(a.names)
	if tag := Normalize(extra); tag != "" && !slices.Contains(names, tag) {
		names = append(names, tag)
	}
	if len(names) == 0 {
		return Result{}, fmt.Errorf("%s does not name its image: give a name with --tag", path)
	}
	record := readLoaded(n)
	present, err := list(ctx, n)
	if err != nil {
		return Result{}, err
	}
	same := func(name string) bool {
		return record[name].Key == a.key() && record[name].Digest == present[name] && present[name] != ""
	}
	if !slices.ContainsFunc(names, func(name string) bool { return !same(name) }) {
		return Result{Names: names, Skipped: true}, nil
	}
	if err := dropOlder(ctx, n, present, names); err != nil {
		return Result{}, err
	}
	if err := importArchive(ctx, n, a, names); err != nil {
		return Result{}, err
	}
	if present, err = awaitRuntime(ctx, n, names); err != nil {
		return Result{}, err
	}
	for _, name := range names {
		record[name] = struct{ Key, Digest string }{a.key(), present[name]}
	}
	return Result{Names: names}, writeLoaded(n, record)
}

// dropOlder removes the references that are about to get other content: the
// kubelet's side of the runtime gives an image its id when a reference comes,
// not when one changes. Containers that run keep what they run from.
func dropOlder(ctx context.Context, n layout.Node, present map[string]string, names []string) error {
	for _, name := range names {
		if present[name] == "" {
			continue
		}
		if _, err := ctr(ctx, n, nil, "images", "rm", name); err != nil {
			return err
		}
	}
	return nil
}

func importArchive(ctx context.Context, n layout.Node, a archive, names []string) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(stream(w, a, names)) }()
	defer r.Close()
	if _, err := ctr(ctx, n, r, "images", "import", "-"); err != nil {
		return fmt.Errorf("import %s: %w", a.path, err)
	}
	if a.oci || len(a.names) == 0 {
		return nil
	}
	for _, name := range names {
		if slices.Contains(a.names, name) {
			continue
		}
		if _, err := ctr(ctx, n, nil, "images", "tag", "--force", a.names[0], name); err != nil {
			return err
		}
	}
	return nil
}

func stream(w io.Writer, a archive, names []string) error {
	if a.oci {
		return writeRenamed(w, a, names)
	}
	if len(a.names) == 0 {
		return fmt.Errorf("a docker archive without a name: save it by its name")
	}
	r, err := openTar(a.path)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

// awaitRuntime waits until the kubelet's side of the runtime knows the images:
// it learns of an import by an event, and a pod that comes first would try to
// pull. It shows by a second reference, the image's id, to the same content.
func awaitRuntime(ctx context.Context, n layout.Node, names []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		present, err := list(ctx, n)
		if err != nil {
			return nil, err
		}
		ids := map[string]bool{}
		for ref, digest := range present {
			ids[digest] = ids[digest] || strings.HasPrefix(ref, "sha256:")
		}
		if !slices.ContainsFunc(names, func(name string) bool { return !ids[present[name]] }) {
			return present, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the container runtime does not show %s 30 s after the import", strings.Join(names, ", "))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// list maps image references to digests.
func list(ctx context.Context, n layout.Node) (map[string]string, error) {
	out, err := ctr(ctx, n, nil, "images", "ls")
	if err != nil {
		return nil, err
	}
	return parseList(out), nil
}

func parseList(out []byte) map[string]string {
	refs := map[string]string{}
	for i, line := range strings.Split(string(out), "\n") {
		if fields := strings.Fields(line); i > 0 && len(fields) > 2 {
			refs[fields[0]] = fields[2]
		}
	}
	return refs
}

func ctr(ctx context.Context, n layout.Node, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "ctr", append([]string{"--address", n.ContainerdSocket(), "--namespace", "k8s.io"}, args...)...)
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

func readLoaded(n layout.Node) loaded {
	record := loaded{}
	if data, err := os.ReadFile(n.Path("images.json")); err == nil {
		if json.Unmarshal(data, &record) != nil {
			return loaded{} // only a memory of what can be skipped
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return loaded{}
	}
	return record
}

func writeLoaded(n layout.Node, record loaded) error {
	data, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	tmp := n.Path("images.json.new")
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, n.Path("images.json"))
}
