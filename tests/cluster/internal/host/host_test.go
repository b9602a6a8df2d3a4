package host

import (
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestMissingPackagesAreNamedOnce(t *testing.T) {
	all := Packages()
	if !slices.Contains(all, "containerd") || !slices.Contains(all, "containernetworking-plugins") {
		t.Error(all)
	}
	slices.Sort(all)
	if len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Error("a package twice:", all)
	}
}

func TestParseMountinfo(t *testing.T) {
	got := parseMountinfo("36 35 98:0 / /a\\040b rw - ext4 /dev/x rw\n37 36 98:0 / /c rw - ext4 /dev/x rw\n")
	if !slices.Equal(got, []string{"/a b", "/c"}) {
		t.Error(got)
	}
}

func TestLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Lock(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path, 100*time.Millisecond); err == nil {
		t.Fatal("locked twice")
	}
	release()
	release, err = Lock(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	release()
}
