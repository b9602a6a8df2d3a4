// Package flux asks Flux's own engines what they make of our objects: kstatus, and config/gitops/flux-kustomization.yaml.
package flux

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Verdict is what the engines must say of a recorded object.
type Verdict struct {
	Kstatus string `json:"kstatus"`
	Flux    string `json:"flux"`
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func object(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "objects", name+".json"))
	object := &unstructured.Unstructured{}
	if err == nil {
		err = object.UnmarshalJSON(text)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return object
}

func TestHealth(t *testing.T) {
	var verdicts map[string]Verdict
	read(t, "verdicts.json", &verdicts)
	var config struct {
		Spec struct {
			HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
		} `json:"spec"`
	}
	read(t, "../../config/gitops/flux-kustomization.yaml", &config)
	evaluators := map[string]*cel.StatusEvaluator{}
	for _, check := range config.Spec.HealthCheckExprs {
		evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			t.Fatalf("%s: %v", check.Kind, err)
		}
		evaluators[check.Kind] = evaluator
	}
	for name, verdict := range verdicts {
		object := object(t, name)
		plain, err := status.Compute(object)
		if err != nil || plain.Status.String() != verdict.Kstatus {
			t.Errorf("kstatus: %s is %v, not %s (%v)", name, plain, verdict.Kstatus, err)
		}
		checked, err := evaluators[object.GetKind()].Evaluate(context.Background(), object)
		if err != nil || checked.Status.String() != verdict.Flux {
			t.Errorf("Flux: %s is %v, not %s (%v)", name, checked, verdict.Flux, err)
		}
	}
}
