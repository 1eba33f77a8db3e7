using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Rag.Bench.Verify.Production;
using Rag.Testing;
using Rag.Testing.Kubernetes;

namespace Rag.Bench.Verify.Kubernetes;

/// <summary>
/// The program as a pod runs it, without a pod: account 1654, no capabilities, no new privileges, a root file system that cannot be
/// written, and the folders of the overlay's volumes that can. The record is in SQLite, because the pod's PostgreSQL is not here.
/// </summary>
internal static class PodCheck
{
    private const string Account = "1654";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        if (!Environment.IsPrivilegedProcess || ChildServer.Find("unshare") is null || ChildServer.Find("setpriv") is null) throw new CannotMeasureException("it takes root, unshare and setpriv to make a file system that cannot be written");
        using var files = new SettingsFiles();
        var settings = files.Place(ManifestLint.Settings(await Manifests.LoadAsync("small", ct), "rag-system"));
        foreach (string key in settings.Keys.Where(k => k.StartsWith("RAG__Storage__P", StringComparison.Ordinal) || k.StartsWith("RAG__Caching__Redis", StringComparison.Ordinal)).ToList()) settings.Remove(key);
        string[] volumes = [settings["RAG__Storage__DataDirectory"], Path.Combine(files.Root, "var/lib/rag-kept"), Directory.CreateDirectory(Path.Combine(files.Root, "tmp")).FullName];
        await ChildServer.RunAsync("chmod", ["755", files.Root], ct);
        await ChildServer.RunAsync("chown", ["-R", $"{Account}:{Account}", files.Root], ct);
        string program = Path.Combine(AppContext.BaseDirectory, "rag"), script = Path.Combine(files.Root, "run");
        int port = ChildServer.FreePort();
        await File.WriteAllTextAsync(script, $"""
            set -e
            mount --make-rprivate /
            for volume in {string.Join(' ', volumes)}; do mount --bind "$volume" "$volume"; done
            mount -o remount,bind,ro /
            cd {volumes[0]}
            exec setpriv --reuid {Account} --regid {Account} --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all sh -c '
              for place in / {Path.GetDirectoryName(program)} {Path.Combine(files.Root, "etc")}; do if touch "$place/written" 2> /dev/null; then echo "written: $place"; fi; done
              exec "$0" "$@"' {program} "$@"
            """.ReplaceLineEndings("\n"), ct);
        settings["TMPDIR"] = volumes[2];
        settings["HOME"] = "/";
        // The pod's first key is made in its record; here it is in the data directory, before the server has it.
        settings["RAG__Storage__Provider"] = "sqlite";
        await ChildServer.RunAsync("setpriv", ["--reuid", Account, "--regid", Account, "--clear-groups", "sh", "-c", $"\"{program}\" keys create first --role admin > {volumes[2]}/admin"], ct, environment: settings);
        await using var server = ChildServer.Start("unshare", ["--mount", "sh", script, "serve", "--urls", $"http://0.0.0.0:{port.ToString(CultureInfo.InvariantCulture)}"], settings);
        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}"), Timeout = Limit };
        await server.WaitUntilAsync(async token => (await http.GetAsync("/readyz", token)).IsSuccessStatusCode, Limit, ct);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(volumes[2], "admin"), ct)).Trim());
        int failed = 0;
        var steps = new List<string>();
        async Task StepAsync(string name, Func<Task<bool>> step)
        {
            try
            {
                if (await step()) steps.Add(name);
                else throw new InvalidOperationException("no");
            }
            catch (Exception e) when (e is HttpRequestException or JsonException or InvalidOperationException or KeyNotFoundException)
            {
                failed++;
                steps.Add($"{name} FAILED: {e.Message}");
            }
        }
        await StepAsync("probes", async () => (await Task.WhenAll(((string[])["/livez", "/startupz", "/readyz"]).Select(p => http.GetAsync(p, ct)))).All(r => r.IsSuccessStatusCode));
        // HTML is read by a process of its own.
        long position = 0;
        await StepAsync("a document by a parser process", async () =>
        {
            var taken = await ProductionCluster.PostAsync(http, "/v1/collections/default/documents", new { uri = "pod.html", text = "<h1>Pods</h1><p>The cellar of the old mill holds forty barrels of cider.</p>", media_type = "text/html" }, ct);
            position = taken.GetProperty("position").GetInt64();
            return taken.GetProperty("files")[0].GetProperty("status").GetString() != "failed";
        });
        await StepAsync("an answer", async () => (await ProductionCluster.PostAsync(http, "/v1/ask", new { question = "What does the cellar of the old mill hold?", options = new { wait_for = position } }, ct)).GetProperty("outcome").GetString() == "answered");
        await StepAsync("a backup", async () => (await ProductionCluster.PostAsync(http, "/admin/v1/backups", new { kind = "daily" }, ct)).TryGetProperty("id", out _));
        await StepAsync("metrics", async () => (await http.GetStringAsync("/metrics", ct)).Contains("rag_index_position"));
        var written = server.Output.Split('\n').Where(l => l.StartsWith("written:", StringComparison.Ordinal)).ToList();
        return new(failed + written.Count, $"as account {Account}, without capabilities, root file system read-only: {string.Join(", ", steps)}{(written.Count == 0 ? "" : $"; {string.Join(", ", written)}")}");
    }
}
