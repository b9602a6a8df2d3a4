// Package argocd asks Argo CD's own engine what it makes of our objects with config/gitops/argocd-cm.yaml.
package argocd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	appv1 "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Verdict is what the engines must say of a recorded object.
type Verdict struct {
	ArgoCD  string   `json:"argocd"`
	Actions []string `json:"actions"`
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

// overrides are the customizations as Argo CD reads them from its ConfigMap.
func overrides(t *testing.T) map[string]appv1.ResourceOverride {
	t.Helper()
	var config struct {
		Data map[string]string `json:"data"`
	}
	read(t, "../../config/gitops/argocd-cm.yaml", &config)
	of := func(part, kind string) string {
		return config.Data["resource.customizations."+part+".skytask.dev_"+kind]
	}
	return map[string]appv1.ResourceOverride{
		"skytask.dev/SkyTask":   {HealthLua: of("health", "SkyTask"), Actions: of("actions", "SkyTask")},
		"skytask.dev/SkyVolume": {HealthLua: of("health", "SkyVolume")},
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
	engine := lua.ResourceHealthOverrides(overrides(t))
	for name, verdict := range verdicts {
		health, err := engine.GetResourceHealth(object(t, name))
		if err != nil || health == nil {
			t.Fatalf("%s: %v", name, err)
		}
		if string(health.Status) != verdict.ArgoCD {
			t.Errorf("%s is %s, not %s", name, health.Status, verdict.ArgoCD)
		}
		if health.Message == "" {
			t.Errorf("%s: the health says nothing", name)
		}
	}
}

func TestActions(t *testing.T) {
	var verdicts map[string]Verdict
	read(t, "verdicts.json", &verdicts)
	vm := lua.VM{ResourceOverrides: overrides(t)}
	for name, verdict := range verdicts {
		task := object(t, name)
		if task.GetKind() != "SkyTask" {
			continue
		}
		scripts, err := vm.GetResourceActionDiscovery(task)
		if err != nil {
			t.Fatal(err)
		}
		actions, err := vm.ExecuteResourceActionDiscovery(task, scripts)
		if err != nil {
			t.Fatal(err)
		}
		enabled := map[string]bool{}
		for _, action := range actions {
			enabled[action.Name] = !action.Disabled
		}
		for _, action := range []string{"suspend", "resume", "stop"} {
			expected := false
			for _, allowed := range verdict.Actions {
				expected = expected || allowed == action
			}
			if enabled[action] != expected {
				t.Errorf("%s: %s is %v", name, action, enabled[action])
			}
		}
	}
}

func TestWhatActionsChange(t *testing.T) {
	vm := lua.VM{ResourceOverrides: overrides(t)}
	for action, expected := range map[string]string{
		"suspend": `{"suspend":true}`,
		"resume":  `{"suspend":false}`,
		"stop":    `{"stop":true}`,
	} {
		task := object(t, "running")
		task.Object["spec"] = map[string]any{}
		definition, err := vm.GetResourceAction(task, action)
		if err != nil {
			t.Fatal(err)
		}
		changed, err := vm.ExecuteResourceAction(task, definition.ActionLua, nil)
		if err != nil || len(changed) != 1 {
			t.Fatalf("%s: %v", action, err)
		}
		spec, err := json.Marshal(changed[0].UnstructuredObj.Object["spec"])
		if err != nil || string(spec) != expected {
			t.Errorf("%s: %s, not %s (%v)", action, spec, expected, err)
		}
	}
}
