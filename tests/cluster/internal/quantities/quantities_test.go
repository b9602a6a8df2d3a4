// Package quantities records how Kubernetes reads amounts; only its test is of use.
package quantities

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
)

// What Kubernetes makes of quantities; the Rust side reads the same file.
const quantitiesFile = "../../../../crd/tests/data/quantities.tsv"

var update = flag.Bool("update", false, "write "+quantitiesFile)

// Every number with every suffix, and what people also write.
func quantities() []string {
	numbers := []string{"0", "1", "5.", ".5", "0.1", "1.5", "7", "0.0000000001", "12.345678901", "999", "1000", "1023", "1024",
		"1536", "123456", "128974848", "9223372036854775807", "0.33333333333333333333"}
	suffixes := []string{"", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E3", "e+3", "e-3", "e0", "e18"}
	all := []string{".", "e3", "Gi", "+1", "-1Gi", "1e", "1E", "1.2.3", "1 Gi", " 1", "1K", "1g", "1GB", "1gi", "0x1", "1_000", "1e1.5", "NaN", "inf", "٣"}
	for _, number := range numbers {
		for _, suffix := range suffixes {
			all = append(all, number+suffix)
		}
	}
	return all
}

func TestQuantitiesAreWhatKubernetesReads(t *testing.T) {
	var lines strings.Builder
	for _, text := range quantities() {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			fmt.Fprintf(&lines, "%s\trefused\t\t\n", text)
			continue
		}
		// As it is written again: the parser alone keeps the text.
		shown, _ := quantity.CanonicalizeBytes(nil)
		_, suffix := quantity.CanonicalizeBytes(nil)
		fmt.Fprintf(&lines, "%s\t%s%s\t%d\t%d\n", text, shown, suffix, quantity.MilliValue(), quantity.Value())
	}
	if *update {
		if err := os.WriteFile(quantitiesFile, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	recorded, err := os.ReadFile(quantitiesFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(recorded) != lines.String() {
		t.Errorf("%s is out of date: run go test ./internal/quantities -update", quantitiesFile)
	}
}
