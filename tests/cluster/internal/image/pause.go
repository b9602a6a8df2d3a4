package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"skytask.dev/tests/cluster/internal/layout"
)

// WritePause writes a docker archive whose image holds one program, the pod
// sandbox's pause.
func WritePause(archivePath, program string) error {
	binary, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("the pause program is missing (run tests/cluster/sky-cluster, which builds it): %w", err)
	}
	layer, err := tarball(file{"pause", 0o755, binary})
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": []string{"/pause"}, "User": "65535:65535"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return err
	}
	configName, layerName := digest(config)+".json", digest(layer)+"/layer.tar"
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{layout.PauseImage}, "Layers": []string{layerName},
	}})
	if err != nil {
		return err
	}
	image, err := tarball(file{configName, 0o644, config}, file{layerName, 0o644, layer}, file{manifestFile, 0o644, manifest})
	if err != nil {
		return err
	}
	return os.WriteFile(archivePath, image, 0o644)
}

type file struct {
	name string
	mode int64
	data []byte
}

// tarball has no times in it: equal content gives equal digests.
func tarball(files ...file) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), w.Close()
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
