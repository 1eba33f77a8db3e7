using System.Globalization;
using System.Text.RegularExpressions;
using Rag.Foundation;
using Rag.Slo;
using Rag.Slo.Export;
using Rag.Testing;

namespace Rag.Bench.Verify.Observe;

/// <summary>
/// A Prometheus and an Alertmanager with the rules and routes that ship, whose durations are a sixtieth: what takes
/// an hour there takes a minute here. Thresholds are as they ship. Targets can come and go.
/// </summary>
internal sealed partial class FastMonitoring : IAsyncDisposable
{
    /// <summary>A minute becomes a second.</summary>
    private const double Faster = 60;

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private readonly string _folder;
    private readonly Dictionary<string, string> _targets = [];
    private ChildServer? _alertmanager, _prometheus;

    private FastMonitoring(string folder, int port) => (_folder, Api) = (folder, new(new($"http://127.0.0.1:{port}")));

    public PrometheusApi Api { get; }

    /// <param name="webhook">Where Alertmanager posts.</param>
    public static async Task<FastMonitoring> StartAsync(Uri webhook, CancellationToken ct)
    {
        int prometheus = ChildServer.FreePort(), alertmanager = ChildServer.FreePort();
        string folder = Directory.CreateTempSubdirectory("rag-monitoring-").FullName;
        var monitoring = new FastMonitoring(folder, prometheus);
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "rules.yml"), Sped(PrometheusRules.Generate()), ct);
            await File.WriteAllTextAsync(Path.Combine(folder, "alertmanager.yml"), SpedRoutes(AlertmanagerConfig.Generate().Replace(AlertmanagerConfig.DefaultServer + AlertmanagerConfig.Endpoint, webhook.ToString(), StringComparison.Ordinal)), ct);
            await File.WriteAllTextAsync(Path.Combine(folder, "prometheus.yml"),
                $$"""
                global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
                rule_files: [rules.yml]
                scrape_configs:
                  - job_name: {{Objectives.Job}}
                    file_sd_configs: [{ files: [targets.json], refresh_interval: 1s }]
                alerting:
                  alertmanagers: [{ static_configs: [{ targets: ["127.0.0.1:{{alertmanager}}"] }] }]
                """, ct);
            await File.WriteAllTextAsync(Path.Combine(folder, "targets.json"), "[]", ct);
            monitoring._alertmanager = ChildServer.Start(Program("prometheus-alertmanager"),
                [$"--config.file={folder}/alertmanager.yml", $"--storage.path={folder}/alertmanager", $"--web.listen-address=127.0.0.1:{alertmanager}", "--cluster.listen-address=", "--log.level=warn"]);
            monitoring._prometheus = ChildServer.Start(Program("prometheus"),
                [$"--config.file={folder}/prometheus.yml", $"--storage.tsdb.path={folder}/data", $"--web.listen-address=127.0.0.1:{prometheus}", "--log.level=warn"]);
            using var http = new HttpClient();
            foreach (var (server, port) in new[] { (monitoring._alertmanager, alertmanager), (monitoring._prometheus, prometheus) })
                await server.WaitUntilAsync(async token => (await http.GetAsync($"http://127.0.0.1:{port}/-/ready", token)).IsSuccessStatusCode, StartLimit, ct);
            return monitoring;
        }
        catch
        {
            await monitoring.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has a server scraped under a name; taken up within a second or two.</summary>
    public void Scrape(string replica, int port)
    {
        _targets[replica] = $"{{\"targets\":[\"127.0.0.1:{port}\"],\"labels\":{{\"replica\":\"{replica}\"}}}}";
        Write();
    }

    public void Forget(string replica)
    {
        _targets.Remove(replica);
        Write();
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        if (_prometheus is not null) await _prometheus.DisposeAsync();
        if (_alertmanager is not null) await _alertmanager.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private void Write()
    {
        // Put in place whole: Prometheus looks at it whenever it likes.
        string file = Path.Combine(_folder, "targets.json");
        File.WriteAllText(file + ".new", $"[{string.Join(',', _targets.Values)}]");
        File.Move(file + ".new", file, overwrite: true);
    }

    private static string Program(string name) => ChildServer.Find(name) ?? throw new CannotMeasureException($"not installed: {name}; deploy/prometheus/README.md says what to install");

    /// <summary>Ranges, subqueries and holds divided; names of series and labels stay.</summary>
    private static string Sped(string rules) => Hold().Replace(Range().Replace(rules, m => Duration().Replace(m.Value, Divided)), m => m.Groups[1].Value + Divided(Duration().Match(m.Groups[2].Value)));

    /// <summary>Long enough for the alert that silences its consequences to be there, and no longer.</summary>
    private static string SpedRoutes(string routes) => Pace().Replace(routes, m => $"{m.Groups[1].Value}: {(m.Groups[1].Value == "repeat_interval" ? "1h" : "2s")}");

    private static string Divided(Match duration) =>
        string.Create(CultureInfo.InvariantCulture, $"{Durations.Parse(duration.Value, "a duration", TimeSpan.Zero, TimeSpan.MaxValue).TotalMilliseconds / Faster:F0}ms");

    [GeneratedRegex(@"\[\d[^\]]*\]")]
    private static partial Regex Range();

    [GeneratedRegex(@"\d+[smhd]")]
    private static partial Regex Duration();

    [GeneratedRegex(@"(\bfor: )(\d+[smhd])")]
    private static partial Regex Hold();

    [GeneratedRegex(@"\b(group_wait|group_interval|repeat_interval): \w+")]
    private static partial Regex Pace();
}
