{{/* Names. `sky.operator` and `sky.gateway` are `sky-operator` and `sky-api-gateway` in a release called `sky`. */}}
{{- define "sky.operator" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-operator
{{- end }}

{{- define "sky.gateway" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-api-gateway
{{- end }}

{{/* Labels that select the pods of one program. Called with the root and the component: (list $ "operator"). */}}
{{- define "sky.selector" -}}
app.kubernetes.io/name: sky
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Labels of every object. No managed-by: Helm adds its own, and the rendered manifests in config/ are not Helm's. */}}
{{- define "sky.labels" -}}
{{ include "sky.selector" . }}
app.kubernetes.io/part-of: skytask
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
{{- end }}

{{- define "sky.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What the operator may do. The same rules in each watched namespace, or in all of them. */}}
{{- define "sky.operatorRules" -}}
- apiGroups: [skytask.dev]
  resources: [skytasks, skyvolumes]
  verbs: [get, list, watch]
# What is over for longer than its retainSeconds.
- apiGroups: [skytask.dev]
  resources: [skytasks]
  verbs: [delete]
- apiGroups: [skytask.dev]
  resources: [skytasks/status, skyvolumes/status]
  verbs: [patch]
# Owner references with blockOwnerDeletion, where the OwnerReferencesPermissionEnforcement plugin checks them.
- apiGroups: [skytask.dev]
  resources: [skytasks/finalizers, skyvolumes/finalizers]
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  # Deleted when a task is stopped, suspended or started again; otherwise garbage collection follows the owner references.
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# Deleted when a finished task is over for longer than its ttlSecondsAfterFinished.
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, create, delete]
{{- $kinds := append .Values.operator.expose.allow .Values.operator.expose.default }}
{{- if has "LoadBalancer" $kinds }}
# The address that a load balancer has been given.
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
{{- end }}
{{- if has "Ingress" $kinds }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch, create, delete]
{{- end }}
# Never read: the token by which the nodes of a task know each other is written once.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch]
# Quota and admission refusals of a Job's pods are told by events only.
- apiGroups: [""]
  resources: [events]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{/* How the ports of tasks are reached, as flags. */}}
{{- define "sky.exposeArgs" -}}
{{- with .Values.operator.expose -}}
- --expose={{ .default }}
{{- range .allow }}
- --allow-expose={{ . }}
{{- end }}
{{- range .allowAnnotations }}
- --allow-expose-annotation={{ . }}
{{- end }}
{{- with .loadBalancer }}
{{- with .class }}
- --load-balancer-class={{ . }}
{{- end }}
{{- range $key, $value := .annotations }}
- {{ printf "--load-balancer-annotation=%s=%s" $key $value | quote }}
{{- end }}
{{- range .sourceRanges }}
- --load-balancer-source-range={{ . }}
{{- end }}
{{- end }}
{{- with .ingress }}
{{- range .classes }}
- --ingress-class={{ . }}
{{- end }}
{{- with .host }}
- {{ printf "--ingress-host=%s" . | quote }}
{{- end }}
{{- range .allowHosts }}
- {{ printf "--allow-ingress-host=%s" . | quote }}
{{- end }}
{{- with .path }}
- {{ printf "--ingress-path=%s" . | quote }}
{{- end }}
{{- range $key, $value := .annotations }}
- {{ printf "--ingress-annotation=%s=%s" $key $value | quote }}
{{- end }}
{{- if .tls }}
- --ingress-tls
{{- end }}
{{- with .tlsSecret }}
- --ingress-tls-secret={{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The restricted pod security standard, for both programs. */}}
{{- define "sky.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "sky.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "sky.probes" -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: admin
  periodSeconds: 10
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 2
  failureThreshold: 3
{{- end }}

{{- define "sky.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A resource definition from files/crd, where the Rust types are written out. Called with (list $ "skytasks"). */}}
{{- define "sky.crd" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.crds.install -}}
{{- $crd := $root.Files.Get (printf "files/crd/%s.yaml" (index . 1)) | fromYaml -}}
{{- if $root.Values.crds.keep -}}
{{- $annotations := merge (dict "helm.sh/resource-policy" "keep") ($crd.metadata.annotations | default dict) -}}
{{- $_ := set $crd.metadata "annotations" $annotations -}}
{{- end -}}
{{ toYaml $crd }}
{{- end -}}
{{- end }}
