using System.Text.RegularExpressions;
using k8s.Models;

namespace Rag.Testing.Kubernetes;

/// <summary>
/// Rules that every rendered object keeps, after those of kube-linter and of Kubernetes' Pod Security Standards
/// ("restricted"). A line for each breach; an overlay without any is clean.
/// </summary>
public static partial class ManifestLint
{
    /// <summary>What drains after preStop must be over this long before Kubernetes kills, seconds.</summary>
    private const int SpareSeconds = 5;

    public static IReadOnlyList<string> Check(IReadOnlyList<Manifest> manifests)
    {
        var problems = new List<string>();
        foreach (var pod in PodTemplates.Of(manifests))
        {
            CheckPod(pod, problems);
            foreach (var container in All(pod.Spec)) CheckContainer(pod, container, problems);
        }
        foreach (var manifest in manifests) CheckObject(manifest, manifests, problems);
        CheckReferences(manifests, problems);
        CheckService(manifests, problems);
        return problems;
    }

    private static IEnumerable<V1Container> All(V1PodSpec spec) => [.. spec.InitContainers ?? [], .. spec.Containers];

    private static void CheckPod(PodTemplate pod, List<string> problems)
    {
        void Say(string problem) => problems.Add($"{pod.Owner}: {problem}");
        var (spec, security) = (pod.Spec, pod.Spec.SecurityContext);
        if (security?.RunAsNonRoot != true || security.RunAsUser is null or 0) Say("it may run as root");
        if (security?.SeccompProfile?.Type is not ("RuntimeDefault" or "Localhost")) Say("no seccomp profile");
        if (spec.HostNetwork == true || spec.HostPID == true || spec.HostIPC == true) Say("it shares something with its node");
        if ((spec.Volumes ?? []).Any(v => v.HostPath is not null)) Say("it mounts a folder of its node");
        if (spec.AutomountServiceAccountToken is not { } mounts) Say("it does not say whether it gets a token of Kubernetes");
        else if (mounts && spec.ServiceAccountName is null or "default") Say("it gets a token of the namespace's default account");
        if (spec.EnableServiceLinks != false) Say("addresses of services come into its environment");
        foreach (var volume in spec.Volumes ?? [])
        {
            if (volume.EmptyDir is { SizeLimit: null }) Say($"volume {volume.Name} has no bound");
            if (volume.Secret is { } secret && (secret.DefaultMode is not { } mode || (mode & 0b111) != 0)) Say($"everybody in the pod may read the secret {secret.SecretName}");
        }
        if (pod is { Serves: true, Owner.Kind: "Deployment" or "StatefulSet" } && spec.TopologySpreadConstraints is not { Count: > 0 }) Say("nothing spreads its pods");
    }

    private static void CheckContainer(PodTemplate pod, V1Container container, List<string> problems)
    {
        void Say(string problem) => problems.Add($"{pod.Owner} container {container.Name}: {problem}");
        var security = container.SecurityContext;
        if (security?.AllowPrivilegeEscalation != false) Say("privileges may grow");
        if (security?.Privileged == true) Say("it is privileged");
        if (security?.ReadOnlyRootFilesystem != true) Say("its root file system can be written");
        if (security?.Capabilities?.Drop?.Contains("ALL") != true || security.Capabilities.Add is { Count: > 0 }) Say("it has capabilities");
        foreach (string resource in (string[])["cpu", "memory"])
            if (container.Resources?.Requests?.ContainsKey(resource) != true || container.Resources?.Limits?.ContainsKey(resource) != true) Say($"{resource} is not asked for and bounded");
        if (container.Resources is { Requests: { } requests, Limits: { } limits } && requests.TryGetValue("memory", out var asked) && limits.TryGetValue("memory", out var bound) && asked.ToDecimal() != bound.ToDecimal() && pod.Serves)
            Say("it may use memory that nobody set aside");
        CheckImage(container.Image, Say);
        if (pod.Serves)
        {
            if (container.ReadinessProbe is null) Say("no readiness probe");
            if (container.LivenessProbe is null) Say("no liveness probe");
            if (container.LivenessProbe is { HttpGet.Path: { } alive } && container.ReadinessProbe is { HttpGet.Path: { } ready } && alive == ready) Say("it is restarted whenever it is not ready");
        }
        foreach (var variable in container.Env ?? [])
            if (variable.Value is { Length: > 0 } value && SecretName().IsMatch(variable.Name) && !Reference().IsMatch(value)) Say($"{variable.Name} looks like a secret in plain text");
    }

    private static void CheckImage(string? image, Action<string> say)
    {
        string last = (image ?? "").Split('/')[^1];
        if (last.Contains('@')) return;
        if (!last.Contains(':') || last.EndsWith(":latest", StringComparison.Ordinal)) say($"the image {image} has no version");
    }

    private static void CheckObject(Manifest manifest, IReadOnlyList<Manifest> manifests, List<string> problems)
    {
        void Say(string problem) => problems.Add($"{manifest}: {problem}");
        if (Manifests.ClusterWide.Contains(manifest.Kind) != manifest.Namespace is null) Say(manifest.Namespace is null ? "no namespace" : "a namespace, and it has none");
        switch (manifest.Typed)
        {
            case V1Secret: Say("a secret in the files: name it, and let it be made elsewhere"); break;
            case V1ConfigMap map:
                foreach (var (key, value) in map.Data ?? new Dictionary<string, string>())
                {
                    if (SecretName().IsMatch(key) && value.Length > 0) Say($"{key} looks like a secret in plain text");
                    if (PlainPassword().IsMatch(value)) Say($"{key} holds what looks like a password");
                }
                break;
            case V1Role role:
                CheckNames(role, manifests, Say);
                foreach (var rule in role.Rules)
                {
                    if (rule.Verbs.Contains("*") || rule.Resources?.Contains("*") == true || rule.ApiGroups?.Contains("*") == true) Say("everything is allowed with '*'");
                    if (rule.Resources?.Contains("secrets") == true) Say("it lets secrets be read");
                    if (rule.Verbs.Any(v => v is "escalate" or "bind" or "impersonate")) Say("it lets rights grow");
                }
                break;
            case V1ClusterRole or V1ClusterRoleBinding: Say("rights in the whole cluster"); break;
            case V1RoleBinding binding when manifests.All(m => m.Kind != binding.RoleRef.Kind || m.Name != binding.RoleRef.Name): Say($"there is no {binding.RoleRef.Kind} {binding.RoleRef.Name}"); break;
            case V1Ingress { Spec: { Tls: not { Count: > 0 } } }: Say("no TLS"); break;
            case V1Ingress { Spec: var ingress }:
                foreach (string host in ingress.Rules.Select(r => r.Host).Except(ingress.Tls.SelectMany(t => t.Hosts))) Say($"{host} is served without TLS");
                break;
            case V1Service { Spec.Type: "NodePort" or "LoadBalancer" }: Say("it is open to others than the ingress"); break;
            case V1Deployment { Spec: var deployment }:
                if (manifests.All(m => m.Typed is not V1PodDisruptionBudget budget || !Selects(budget.Spec.Selector, deployment.Template.Metadata.Labels))) Say("no disruption budget");
                if (deployment.Strategy?.RollingUpdate is not { } rolling || rolling.MaxUnavailable?.Value != "0" || rolling.MaxSurge?.Value is null or "0") Say("a release stops a pod before its successor is ready");
                break;
            case V1StatefulSet { Spec: var set } when manifests.All(m => m.Typed is not V1PodDisruptionBudget budget || !Selects(budget.Spec.Selector, set.Template.Metadata.Labels)): Say("no disruption budget"); break;
            case V1Namespace space when !(space.Metadata.Labels?.TryGetValue("pod-security.kubernetes.io/enforce", out string? level) == true && level == "restricted"): Say("pods may be anything: no pod security"); break;
        }
    }

    /// <summary>A right to something by its name is none where nothing has that name.</summary>
    private static void CheckNames(V1Role role, IReadOnlyList<Manifest> manifests, Action<string> say)
    {
        foreach (var rule in role.Rules.Where(r => r.ResourceNames is { Count: > 0 }))
            foreach (string resource in rule.Resources.Select(r => r.Split('/')[0]).Distinct())
                foreach (string name in rule.ResourceNames.Where(n => !manifests.Any(m => m.Name == n && (m.Kind + "s").Equals(resource, StringComparison.OrdinalIgnoreCase)))) say($"there is no {name} among the {resource}");
    }

    /// <summary>ConfigMaps and accounts that are named are there, mounts have volumes, and services find pods and ports.</summary>
    private static void CheckReferences(IReadOnlyList<Manifest> manifests, List<string> problems)
    {
        bool Has(string kind, string name) => manifests.Any(m => m.Kind == kind && m.Name == name);
        var pods = PodTemplates.Of(manifests).ToList();
        foreach (var pod in pods)
        {
            void Say(string problem) => problems.Add($"{pod.Owner}: {problem}");
            if (pod.Spec.ServiceAccountName is { } account && !Has("ServiceAccount", account)) Say($"there is no account {account}");
            var volumes = (pod.Spec.Volumes ?? []).ToDictionary(v => v.Name);
            foreach (var volume in volumes.Values)
            {
                if (volume.ConfigMap is { } map && !Has("ConfigMap", map.Name)) Say($"there is no ConfigMap {map.Name}");
                if (volume.PersistentVolumeClaim is { } claim && !Has("PersistentVolumeClaim", claim.ClaimName)) Say($"there is no claim {claim.ClaimName}");
            }
            foreach (var container in All(pod.Spec))
            {
                foreach (var mount in (container.VolumeMounts ?? []).Where(m => !volumes.ContainsKey(m.Name))) Say($"there is no volume {mount.Name}");
                foreach (string map in (container.EnvFrom ?? []).Where(e => e.ConfigMapRef is not null).Select(e => e.ConfigMapRef.Name).Where(n => !Has("ConfigMap", n))) Say($"there is no ConfigMap {map}");
            }
        }
        foreach (var (manifest, service) in manifests.Where(m => m.Typed is V1Service).Select(m => (m, (V1Service)m.Typed)))
        {
            var found = pods.Where(p => service.Spec.Selector.All(s => p.Labels.TryGetValue(s.Key, out string? value) && value == s.Value)).ToList();
            if (found.Count == 0) problems.Add($"{manifest}: it selects no pod");
            foreach (var port in service.Spec.Ports.Where(p => !found.Any(f => f.Spec.Containers.Any(c => (c.Ports ?? []).Any(cp => cp.Name == p.TargetPort?.Value || $"{cp.ContainerPort}" == p.TargetPort?.Value))))) problems.Add($"{manifest}: no pod has the port {port.TargetPort?.Value}");
        }
        foreach (var (manifest, ingress) in manifests.Where(m => m.Typed is V1Ingress).Select(m => (m, (V1Ingress)m.Typed)))
            foreach (string service in ingress.Spec.Rules.SelectMany(r => r.Http.Paths).Select(p => p.Backend.Service.Name).Where(s => !Has("Service", s))) problems.Add($"{manifest}: there is no Service {service}");
    }

    /// <summary>What this service in particular must have.</summary>
    private static void CheckService(IReadOnlyList<Manifest> manifests, List<string> problems)
    {
        const string Name = "rag-system";
        if (manifests.FirstOrDefault(m => m.Typed is V1Deployment && m.Name == Name) is not { Typed: V1Deployment deployment })
        {
            problems.Add("There is no Deployment rag-system.");
            return;
        }
        void Say(string problem) => problems.Add($"Deployment/{Name}: {problem}");
        var spec = deployment.Spec.Template.Spec;
        var container = spec.Containers.Single();
        if (deployment.Spec.Replicas != 3) Say($"{deployment.Spec.Replicas} replicas, and not 3");
        if (container.StartupProbe is null) Say("no start-up probe");
        var settings = Settings(manifests, Name);
        // One after the other, and all of it before the kill.
        double seconds = (container.Lifecycle?.PreStop?.Sleep?.Seconds ?? 0) + (Milliseconds(settings, "RAG__Server__DrainMs", 2_000) + Milliseconds(settings, "RAG__Server__StopTimeoutMs", 20_000)) / 1_000.0;
        if (container.Lifecycle?.PreStop is null) Say("no preStop");
        if (seconds + SpareSeconds > (spec.TerminationGracePeriodSeconds ?? 30)) Say($"stopping takes up to {seconds} s, and is killed after {spec.TerminationGracePeriodSeconds ?? 30} s");
        // Server:DrainMs must outlast what readiness takes to be noticed.
        if (container.ReadinessProbe is { } ready && ready.PeriodSeconds * ready.FailureThreshold >= Milliseconds(settings, "RAG__Server__DrainMs", 2_000) / 1_000.0) Say("it stops before its readiness probe has failed");
        var (requests, limits) = (container.Resources.Requests["cpu"], container.Resources.Limits["cpu"]);
        if (requests.ToDecimal() != limits.ToDecimal() || requests.ToDecimal() % 1 != 0) Say($"CPU {requests} asked for and {limits} allowed: the autoscaler and the product would see different shares");
        if (settings.GetValueOrDefault("RAG__Access__Mode") != "keys") Say("it would serve without keys");
        if (manifests.FirstOrDefault(m => m.Typed is V2HorizontalPodAutoscaler hpa && hpa.Spec.ScaleTargetRef.Name == Name) is not { Typed: V2HorizontalPodAutoscaler scaler }) Say("no autoscaler");
        else if (scaler.Spec is not { MinReplicas: 3, MaxReplicas: 20 }) Say($"the autoscaler goes from {scaler.Spec.MinReplicas} to {scaler.Spec.MaxReplicas}, and not from 3 to 20");
        foreach (string kind in (string[])["NetworkPolicy", "ValidatingAdmissionPolicy", "PodDisruptionBudget", "Ingress", "Service", "PersistentVolumeClaim"])
            if (manifests.All(m => m.Kind != kind)) Say($"no {kind}");
    }

    /// <summary>The environment of a Deployment's first container, ConfigMaps included; values that come from secrets or the pod itself are left out.</summary>
    public static Dictionary<string, string> Settings(IReadOnlyList<Manifest> manifests, string deployment)
    {
        var container = ((V1Deployment)manifests.Single(m => m.Typed is V1Deployment && m.Name == deployment).Typed).Spec.Template.Spec.Containers[0];
        var settings = new Dictionary<string, string>();
        foreach (var from in container.EnvFrom ?? [])
            foreach (var (key, value) in ((V1ConfigMap)manifests.Single(m => m.Kind == "ConfigMap" && m.Name == from.ConfigMapRef.Name).Typed).Data) settings[key] = value;
        foreach (var variable in container.Env ?? []) if (variable.Value is { } value) settings[variable.Name] = value;
        return settings;
    }

    public static bool Selects(V1LabelSelector? selector, IDictionary<string, string> labels)
    {
        // No selector selects nothing, an empty one everything.
        if (selector is null) return false;
        return (selector.MatchLabels ?? new Dictionary<string, string>()).All(s => labels.TryGetValue(s.Key, out string? value) && value == s.Value)
            && (selector.MatchExpressions ?? []).All(e => e.OperatorProperty switch
            {
                "In" => labels.TryGetValue(e.Key, out string? value) && e.Values.Contains(value),
                "NotIn" => !labels.TryGetValue(e.Key, out string? value) || !e.Values.Contains(value),
                "Exists" => labels.ContainsKey(e.Key),
                "DoesNotExist" => !labels.ContainsKey(e.Key),
                _ => throw new FormatException($"A selector has the operator {e.OperatorProperty}."),
            });
    }

    private static double Milliseconds(Dictionary<string, string> settings, string key, double otherwise) =>
        settings.TryGetValue(key, out string? value) ? double.Parse(value, System.Globalization.CultureInfo.InvariantCulture) : otherwise;

    /// <summary>A name that a secret has, and not that of a file which holds one.</summary>
    [GeneratedRegex("(PASSWORD|SECRET|TOKEN|APIKEY|API_KEY|PRIVATEKEY|ConnectionString)$", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName();

    /// <summary>What Kubernetes fills in: the value stands nowhere.</summary>
    [GeneratedRegex(@"\$\([A-Z_]+\)")]
    private static partial Regex Reference();

    [GeneratedRegex(@"(-----BEGIN [A-Z ]*PRIVATE KEY|[Pp]assword\s*=\s*[^$\s;""']{4,}\s*(;|$)|://[^/\s:]+:[^@\s$]+@)")]
    private static partial Regex PlainPassword();
}
