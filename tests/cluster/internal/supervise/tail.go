package supervise

import (
	"io"
	"os"
	"strings"
)

// readTail returns at most the last n bytes of a file, "" when unreadable.
func readTail(path string, n int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > n {
		if _, err := f.Seek(-n, io.SeekEnd); err != nil {
			return nil
		}
	}
	data, _ := io.ReadAll(f)
	return data
}

// lastLines returns the last lines of a log, indented for a message.
func lastLines(path string, count int) string {
	lines := strings.Split(strings.TrimSpace(string(readTail(path, 16<<10))), "\n")
	if len(lines) > count {
		lines = lines[len(lines)-count:]
	}
	for i, line := range lines {
		if len(line) > 400 {
			lines[i] = line[:400] + "…"
		}
	}
	return "    " + strings.Join(lines, "\n    ")
}
