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

// lastLines returns the last lines of a log that say something, indented for a
// message.
func lastLines(path string, count int) string {
	lines := withoutStacks(strings.Split(strings.TrimSpace(string(readTail(path, 64<<10))), "\n"))
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

// withoutStacks drops Go stack traces: after a panic they would push its
// message out of sight. A frame is two lines, the second indented.
func withoutStacks(lines []string) []string {
	var kept []string
	for i, line := range lines {
		frame := i+1 < len(lines) && strings.HasPrefix(lines[i+1], "\t") && !strings.HasPrefix(line, "{")
		if frame || strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "goroutine ") || line == "" {
			continue
		}
		kept = append(kept, line)
	}
	return kept
}
