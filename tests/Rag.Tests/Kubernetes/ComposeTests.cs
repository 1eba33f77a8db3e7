using System.Text.RegularExpressions;
using Rag.Testing;
using Rag.Testing.Kubernetes;
using Rag.Tests.Slo;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Rag.Tests.Kubernetes;

/// <summary>docker-compose.yml as far as it can be looked at without containers.</summary>
public sealed partial class ComposeTests
{
    private static readonly string ComposePath = Path.Combine(Deploy.Root, "docker-compose.yml");

    private static readonly ComposeFile Compose = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).WithDuplicateKeyChecking().Build().Deserialize<ComposeFile>(File.ReadAllText(ComposePath));

    [Fact]
    public void It_runs_all_that_a_laptop_needs() => Compose.Services.Keys.Order().ShouldBe(["alertmanager", "database", "grafana", "prometheus", "rag", "redis"]);

    [Fact]
    public void Images_have_versions_memory_has_bounds_and_nothing_is_open_to_others()
    {
        foreach (var (name, service) in Compose.Services)
        {
            service.Image.ShouldMatch(@"^[a-z0-9./-]+:[a-z]*[0-9][\w.-]*$", name);
            service.MemLimit.ShouldNotBeNullOrEmpty(name);
            service.Restart.ShouldBe("unless-stopped", name);
            foreach (string port in service.Ports) port.ShouldStartWith("127.0.0.1:");
            foreach (string secret in service.Secrets) Compose.Secrets.ShouldContainKey(secret);
            foreach (var (key, value) in service.Environment) if (SecretName().IsMatch(key)) value.ShouldBeNull($"{name} {key}");
        }
        Compose.Services["rag"].ReadOnly.ShouldBeTrue();
        Compose.Services["rag"].CapDrop.ShouldBe(["ALL"]);
    }

    [Fact]
    public void What_it_mounts_is_there_or_is_made_by_its_script()
    {
        foreach (string mount in Compose.Services.Values.SelectMany(s => s.Volumes))
        {
            string source = mount.Split(':')[0];
            if (!source.StartsWith('.')) Compose.Volumes.ShouldContainKey(source);
            else if (!source.Contains("/secrets/")) Path.Exists(Path.Combine(Deploy.Root, source)).ShouldBeTrue(source);
        }
    }

    [Fact]
    public async Task The_program_accepts_its_settings_with_what_the_script_makes()
    {
        string secrets = Directory.CreateTempSubdirectory("rag-compose-").FullName, program = Path.Combine(AppContext.BaseDirectory, "rag");
        try
        {
            var made = new Dictionary<string, string> { ["RAG_COMPOSE_SECRETS"] = secrets };
            for (int times = 0; times < 2; times++) await ChildServer.RunAsync(Deploy.File("compose/prepare"), ["--rag", program], TestContext.Current.CancellationToken, environment: made);
            foreach (var (name, secret) in Compose.Secrets) File.Exists(Path.Combine(secrets, Path.GetRelativePath("deploy/compose/secrets", secret.File))).ShouldBeTrue(name);
            var environment = Compose.Services["rag"].Environment.ToDictionary(e => e.Key, e => e.Value!.Replace("/run/secrets", secrets).Replace("/var/lib/rag", Path.Combine(secrets, "data")));
            await ChildServer.RunAsync(program, ["config", "check"], TestContext.Current.CancellationToken, environment: environment);
        }
        finally
        {
            Directory.Delete(secrets, recursive: true);
        }
    }

    [Fact]
    public async Task Prometheus_and_Alertmanager_accept_their_configurations()
    {
        using var files = new SettingsFiles();
        string rules = Path.Combine(files.Root, "rag-system.rules.yml"), keys = Path.Combine(files.Root, "keys"), prometheus = Path.Combine(files.Root, "prometheus.yml");
        Directory.CreateDirectory(keys);
        await File.WriteAllTextAsync(Path.Combine(keys, "prometheus"), "key", TestContext.Current.CancellationToken);
        File.Copy(Deploy.File("prometheus/rag-system.rules.yml"), rules);
        await File.WriteAllTextAsync(prometheus, (await File.ReadAllTextAsync(Deploy.File("compose/prometheus.yml"), TestContext.Current.CancellationToken)).Replace("/etc/prometheus/rag-system.rules.yml", rules).Replace("/etc/prometheus/keys", keys), TestContext.Current.CancellationToken);
        (await Deploy.RunAsync("promtool", "check", "config", prometheus)).ShouldContain("SUCCESS");
        (await Deploy.RunAsync("amtool", "check-config", Deploy.File("compose/alertmanager.yml"))).ShouldContain("SUCCESS");
        (await File.ReadAllTextAsync(Deploy.File("compose/alertmanager.yml"), TestContext.Current.CancellationToken)).ShouldContain("credentials_file");
    }

    [Fact]
    public void The_images_are_of_the_same_base_and_the_same_account_however_they_are_made()
    {
        string docker = File.ReadAllText(Path.Combine(Deploy.Root, "Dockerfile")), project = File.ReadAllText(Path.Combine(Deploy.Root, "src/Rag.App/Rag.App.csproj"));
        docker.ShouldContain("aspnet:10.0-noble-chiseled");
        project.ShouldContain("<ContainerFamily>noble-chiseled</ContainerFamily>");
        docker.ShouldContain("USER 1654");
        project.ShouldContain("<ContainerUser>1654</ContainerUser>");
        foreach (Match variable in Regex.Matches(project, @"ContainerEnvironmentVariable Include=""(\w+)"" Value=""([^""]+)""")) docker.ShouldContain($"{variable.Groups[1].Value}={variable.Groups[2].Value}");
        foreach (string path in Regex.Matches(docker, @"^COPY (?!--from)(.+) \S+$", RegexOptions.Multiline).SelectMany(m => m.Groups[1].Value.Split(' '))) Path.Exists(Path.Combine(Deploy.Root, path)).ShouldBeTrue(path);
    }

    [GeneratedRegex("(PASSWORD|SECRET|TOKEN)$")]
    private static partial Regex SecretName();

    /// <summary>What is used of the Compose specification; a key that is not here is refused.</summary>
    private sealed class ComposeFile
    {
        public string? Name { get; set; }
        public Dictionary<string, ComposeService> Services { get; set; } = [];
        public Dictionary<string, object?> Volumes { get; set; } = [];
        public Dictionary<string, ComposeSecret> Secrets { get; set; } = [];
    }

    private sealed class ComposeSecret
    {
        public string File { get; set; } = "";
    }

    private sealed class ComposeHealth
    {
        public List<string> Test { get; set; } = [];
        public string? Interval { get; set; }
        public string? Timeout { get; set; }
        public int Retries { get; set; }
    }

    private sealed class ComposeDependency
    {
        public string? Condition { get; set; }
    }

    private sealed class ComposeService
    {
        public string Image { get; set; } = "";
        public string? Build { get; set; }
        public List<string> Command { get; set; } = [];
        public string? Restart { get; set; }
        public bool ReadOnly { get; set; }
        public List<string> CapDrop { get; set; } = [];
        public List<string> SecurityOpt { get; set; } = [];
        public string? StopGracePeriod { get; set; }
        public string? StopSignal { get; set; }
        public string? MemLimit { get; set; }
        public string? Cpus { get; set; }
        public Dictionary<string, string?> Environment { get; set; } = [];
        public List<string> Secrets { get; set; } = [];
        public List<string> Volumes { get; set; } = [];
        public List<string> Tmpfs { get; set; } = [];
        public List<string> Ports { get; set; } = [];
        public Dictionary<string, ComposeDependency> DependsOn { get; set; } = [];
        public ComposeHealth? Healthcheck { get; set; }
    }
}
