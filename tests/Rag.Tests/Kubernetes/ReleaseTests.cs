using k8s.Models;
using Rag.Testing;
using Rag.Testing.Kubernetes;
using Rag.Tests.Slo;

namespace Rag.Tests.Kubernetes;

/// <summary>The scripts that put a release into service and take it back, with a kubectl that renders as the real one does and only notes what it would send.</summary>
public sealed class ReleaseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rag-release-").FullName;

    private string Sent => File.ReadAllText(Path.Combine(_folder, "sent"));

    public ReleaseTests()
    {
        string real = Deploy.Tool("kubectl"), stub = Path.Combine(_folder, "kubectl");
        File.WriteAllText(stub, $$"""
            #!/bin/bash
            case "$1" in
              kustomize) exec {{real}} "$@" ;;
              get) cat "{{_folder}}/$2$(echo "$*" | grep -o 'spec[.a-zA-Z]*\|data[.a-z]*' | head -n 1)" 2>/dev/null || true ;;
              apply) echo "$*" >> {{_folder}}/sent; cp "${@: -1}" {{_folder}}/applied.yaml ;;
              rollout) echo "$*" >> {{_folder}}/sent; [ ! -e {{_folder}}/stuck ] || [ "$2" != status ] ;;
            esac
            """);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(stub, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (string kind in (string[])["deployment", "hpa", "configmap"]) Directory.CreateDirectory(Path.Combine(_folder, kind));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_release_keeps_what_the_autoscaler_and_the_keeper_have_set()
    {
        Live("deployment/rag-systemspec.replicas", "12");
        Live("hpa/rag-systemspec.minReplicas", "5");
        Live("hpa/rag-systemspec.maxReplicas", "30");
        Live("configmap/rag-system-ceilingdata.ceiling", "30");
        await RunAsync("release", "production", "--image", "registry.example.org/rag-system:0.2.0");
        var applied = Applied();
        var deployment = (V1Deployment)applied.Single(m => m.Kind == "Deployment").Typed;
        (deployment.Spec.Replicas, deployment.Spec.Template.Spec.Containers[0].Image).ShouldBe((12, "registry.example.org/rag-system:0.2.0"));
        var scaler = ((V2HorizontalPodAutoscaler)applied.Single(m => m.Kind == "HorizontalPodAutoscaler").Typed).Spec;
        (scaler.MinReplicas, scaler.MaxReplicas, scaler.Behavior.ScaleDown.StabilizationWindowSeconds).ShouldBe((5, 30, 600));
        applied.ShouldNotContain(m => m.Name == "rag-system-ceiling" && m.Kind == "ConfigMap");
        Sent.ShouldContain("apply --server-side --force-conflicts");
        Sent.ShouldContain("rollout status deployment/rag-system");
    }

    [Fact]
    public async Task The_first_release_brings_everything()
    {
        await RunAsync("release", "small");
        var applied = Applied();
        ((V1Deployment)applied.Single(m => m.Kind == "Deployment").Typed).Spec.Replicas.ShouldBe(3);
        applied.ShouldContain(m => m.Name == "rag-system-ceiling" && m.Kind == "ConfigMap");
        ManifestLint.Check(applied).ShouldBeEmpty();
    }

    [Fact]
    public async Task Pods_that_do_not_get_ready_fail_the_release_which_says_how_to_go_back()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "stuck"), "", TestContext.Current.CancellationToken);
        (await Should.ThrowAsync<InvalidOperationException>(() => RunAsync("release", "small"))).Message.ShouldContain("deploy/kubernetes/rollback");
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("small", "--image", "rag-system")]
    [InlineData("small", "--image", "rag-system:latest")]
    [InlineData("small", "--wrong", "x")]
    public async Task What_is_no_release_is_refused_before_anything_is_sent(params string[] arguments)
    {
        await Should.ThrowAsync<InvalidOperationException>(() => RunAsync("release", arguments));
        File.Exists(Path.Combine(_folder, "sent")).ShouldBeFalse();
    }

    [Fact]
    public async Task One_command_goes_back()
    {
        await RunAsync("rollback");
        Sent.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldBe(["rollout undo deployment/rag-system --namespace rag-system --to-revision 0", "rollout status deployment/rag-system --namespace rag-system --timeout 30m"]);
    }

    private void Live(string name, string value) => File.WriteAllText(Path.Combine(_folder, name), value);

    private IReadOnlyList<Manifest> Applied() => Manifests.Parse(File.ReadAllText(Path.Combine(_folder, "applied.yaml")));

    private Task<string> RunAsync(string script, params string[] arguments) => ChildServer.RunAsync(
        Deploy.File($"kubernetes/{script}"), arguments, TestContext.Current.CancellationToken, environment: new Dictionary<string, string> { ["PATH"] = $"{_folder}:{Environment.GetEnvironmentVariable("PATH")}" });
}
