using System.Text.RegularExpressions;
using k8s.Models;
using Rag.Testing;
using Rag.Testing.Kubernetes;
using Rag.Tests.Slo;

namespace Rag.Tests.Kubernetes;

public sealed class ManifestTests
{
    public static TheoryData<string> Overlays => [.. Manifests.Overlays];

    [Fact]
    public void There_are_overlays_for_small_clusters_for_production_with_operators_and_for_older_clusters() =>
        Manifests.Overlays.ShouldBe(["older-clusters", "operators", "production", "small"]);

    [Theory, MemberData(nameof(Overlays))]
    public async Task Every_object_of_an_overlay_is_what_its_type_says_and_keeps_the_rules(string overlay)
    {
        var manifests = await Rendered.LoadAsync(overlay);
        manifests.Count.ShouldBeGreaterThan(20);
        ManifestLint.Check(manifests).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("maxReplicas: 20", "maxReplica: 20")]
    [InlineData("readinessProbe:", "readynessProbe:")]
    [InlineData("terminationGracePeriodSeconds:", "gracePeriodSeconds:")]
    [InlineData("policyTypes:", "policyType:")]
    [InlineData("unhealthyPodEvictionPolicy:", "unhealthyEvictionPolicy:")]
    [InlineData("jobLabel:", "jobLabels:")]
    [InlineData("isWALArchiver:", "walArchiver:")]
    [InlineData("matchConditions:", "matchCondition:")]
    [InlineData("imageName:", "image:")]
    [InlineData("kind: PodDisruptionBudget", "kind: PodDisruptionBudgets")]
    [InlineData("policy/v1", "policy/v1beta1")]
    [InlineData("maxReplicas: 20", "maxReplicas: twenty")]
    public async Task What_its_type_does_not_know_is_refused(string there, string wrong)
    {
        string text = await Rendered.TextAsync("operators");
        text.ShouldContain(there);
        Should.Throw<FormatException>(() => Manifests.Parse(new Regex(Regex.Escape(there)).Replace(text, wrong, 1)));
    }

    public static TheoryData<string, string, string> Breaches => new()
    {
        { "runAsNonRoot: true", "runAsNonRoot: false", "may run as root" },
        { "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "can be written" },
        { "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "may grow" },
        { "            - ALL\n", "            - NET_RAW\n", "has capabilities" },
        { "image: rag-system:0.1.0", "image: rag-system:latest", "no version" },
        { "image: rag-system:0.1.0", "image: rag-system", "no version" },
        { "type: RuntimeDefault", "type: Unconfined", "seccomp" },
        { "replicas: 3\n  revisionHistoryLimit", "replicas: 2\n  revisionHistoryLimit", "not 3" },
        { "maxReplicas: 20", "maxReplicas: 30", "not from 3 to 20" },
        { "maxUnavailable: 0", "maxUnavailable: 1", "before its successor" },
        { "terminationGracePeriodSeconds: 60", "terminationGracePeriodSeconds: 45", "killed after 45" },
        { "RAG__Access__Mode: keys", "RAG__Access__Mode: open", "without keys" },
        { "RAG__Server__DrainMs: \"10000\"", "RAG__Server__DrainMs: \"3000\"", "before its readiness probe" },
        { "  type: ClusterIP\n", "  type: LoadBalancer\n", "open to others" },
        { "    - rag.example.org\n", "    - elsewhere.example.org\n", "served without TLS" },
        { "claimName: rag-system-kept", "claimName: rag-system-keep", "no claim" },
        { "kind: Role\n  name: rag-system-operator", "kind: Role\n  name: rag-system-operators", "there is no Role" },
        { "  resourceNames:\n  - rag-system\n", "  resourceNames:\n  - rag-systems\n", "no rag-systems among" },
        { "cpu: \"1\"", "cpu: 500m", "different shares" },
        { "RAG__Telemetry__LogFormat: json", "RAG__Telemetry__LogFormat: json\n  DATABASE_PASSWORD: hunter2", "secret in plain text" },
        { "RAG__Telemetry__LogFormat: json", "RAG__Telemetry__LogFormat: Host=db;Password=hunter22;", "looks like a password" },
        { "path: /livez", "path: /readyz", "restarted whenever" },
        { "pod-security.kubernetes.io/enforce: restricted", "pod-security.kubernetes.io/enforce: baseline", "no pod security" },
        { "defaultMode: 288", "defaultMode: 292", "everybody in the pod" },
        { "automountServiceAccountToken: false\n      containers", "containers", "does not say whether" },
    };

    [Theory, MemberData(nameof(Breaches))]
    public async Task A_breach_of_a_rule_is_found(string there, string wrong, string said)
    {
        string text = await Rendered.TextAsync("small");
        text.ShouldContain(there);
        ManifestLint.Check(Manifests.Parse(new Regex(Regex.Escape(there)).Replace(text, wrong, 1))).ShouldContain(p => p.Contains(said), said);
    }

    [Fact]
    public async Task A_secret_in_the_files_is_found()
    {
        string text = await Rendered.TextAsync("small") + "\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  namespace: rag-system\nstringData:\n  password: x\n";
        ManifestLint.Check(Manifests.Parse(text)).ShouldContain(p => p.Contains("Secret/s"));
    }

    /// <summary>The settings that the pods get are what this program takes: every key, every value, with the files where the secrets would be.</summary>
    [Theory, MemberData(nameof(Overlays))]
    public async Task The_program_accepts_the_settings_of_an_overlay(string overlay)
    {
        using var files = new SettingsFiles();
        var environment = files.Place(ManifestLint.Settings(await Rendered.LoadAsync(overlay), "rag-system"));
        string program = Path.Combine(AppContext.BaseDirectory, "rag");
        await ChildServer.RunAsync(program, ["config", "check"], TestContext.Current.CancellationToken, environment: environment);
        environment["RAG__Caching__Redis__Endpoint"] = "wrong:1";
        (await Should.ThrowAsync<InvalidOperationException>(() => ChildServer.RunAsync(program, ["config", "check"], TestContext.Current.CancellationToken, environment: environment))).Message.ShouldContain("Endpoint");
    }

    [Fact]
    public async Task The_rules_of_the_operator_are_those_of_Prometheus()
    {
        var rules = (await Rendered.LoadAsync("production")).Select(m => m.Typed).OfType<PrometheusRule>().Single(r => r.Metadata.Name == "rag-system");
        string file = await File.ReadAllTextAsync(Deploy.File("prometheus/rag-system.rules.yml"), TestContext.Current.CancellationToken);
        rules.Spec!.Groups.Sum(g => g.Rules.Count).ShouldBe(Regex.Count(file, @"^ +- (alert|record):", RegexOptions.Multiline));
        rules.Spec.Groups.SelectMany(g => g.Rules).Select(r => r.Alert).ShouldContain("HighErrorRate");
    }

    [Fact]
    public async Task Every_dashboard_is_a_ConfigMap()
    {
        var maps = (await Rendered.LoadAsync("production")).Select(m => m.Typed).OfType<V1ConfigMap>().Where(m => m.Metadata.Labels?.ContainsKey("grafana_dashboard") == true).ToList();
        var files = Directory.GetFiles(Deploy.File("grafana/dashboards"), "*.json");
        maps.SelectMany(m => m.Data).Count().ShouldBe(files.Length);
        foreach (string file in files) maps.Single(m => m.Data.ContainsKey(Path.GetFileName(file))).Data[Path.GetFileName(file)].TrimEnd().ShouldBe((await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).TrimEnd());
        // Kubernetes keeps what was applied in an annotation of at most 256 KiB, and an object of at most 1 MiB.
        foreach (var map in maps) map.Data.Sum(d => d.Value.Length).ShouldBeLessThan(262_144);
    }
}
