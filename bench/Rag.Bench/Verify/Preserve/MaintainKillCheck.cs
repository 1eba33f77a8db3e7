using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Npgsql;
using Rag.Testing;

namespace Rag.Bench.Verify.Preserve;

/// <summary>
/// Kills the real server with SIGKILL at random moments of a maintenance of the database and of a run of retention, on SQLite
/// and on PostgreSQL. After each restart the maintenance must come to its end, done or undone, with writes taken again; every
/// document that was acknowledged must be there, and of what retention removed exactly as much be said as is gone.
/// </summary>
internal static class MaintainKillCheck
{
    private const int Kills = 50, QuickKills = 4, ClusterKills = 8, QuickClusterKills = 1;
    private const int Documents = 200, OldAnswers = 40_000, YoungAnswers = 500;
    private const int KeepDays = 30;
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(90);

    public static Check Check { get; } = new(
        "maintain-kill", "runs that neither ended nor were undone, writes left out, documents lost, and removals that were not said right, after kill -9 at random moments of maintenance and retention", Relation.AtMost, 0, MeasureAsync);

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var wrong = new List<string>();
        var (alone, aloneNote) = await AloneAsync(context, wrong, ct);
        var (cluster, clusterNote) = LocalCluster.Missing is { } missing ? (0, missing) : await ClusterAsync(context, wrong, ct);
        string note = $"{aloneNote}; {clusterNote}";
        if (context.Quick) note += $"; smaller: {alone + cluster} kills of {Kills + ClusterKills}";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong.Take(8))}");
    }

    /// <summary>One server on SQLite.</summary>
    private static async Task<(int Kills, string Note)> AloneAsync(CheckContext context, List<string> wrong, CancellationToken ct)
    {
        int kills = context.Quick ? QuickKills : Kills, interrupted = 0, done = 0, undone = 0, cutShort = 0;
        string folder = Directory.CreateTempSubdirectory("rag-maintain-kill-").FullName;
        var random = new Random();
        double length = 1.5;
        long inserted = 0;
        string[] settings = ["Inference:Provider=none", $"Answering:KeepDays={KeepDays}", "Server:DrainMs=0"];
        try
        {
            string? run = null;
            for (int kill = 0; kill <= kills; kill++)
            {
                if (kill > 0) inserted += await InsertAnswersAsync(new SqliteConnection($"Data Source={Path.Combine(folder, "rag.db")}"), context.Quick ? OldAnswers / 10 : OldAnswers, kill == 1 ? YoungAnswers : 0);
                await using var server = ServerProcess.StartRag(folder, settings);
                await server.WaitReadyAsync(ct);
                await server.WaitSaidAsync(ct);
                if (run is not null) switch (await LookAsync(server.Http, run, $"after kill {kill}", wrong, ct))
                {
                    case "done": done++; break;
                    case { } other when other.Length > 0: undone++; break;
                }
                if (kill == 0) await FillAsync(server.Http, "alone", ct);
                await CountAsync(server.Http, "alone", Documents, wrong, ct);
                if (kill == kills)
                {
                    await RetentionAsync(server.Http, wrong, ct);
                    break;
                }
                // Retention first, so that a kill may meet either, or both.
                using (await server.Http.PostAsync("/admin/v1/schedules/retention/runs", null, ct)) { }
                long started = Stopwatch.GetTimestamp();
                run = await StartAsync(server.Http, ct);
                await Task.Delay(TimeSpan.FromSeconds(random.NextDouble() * length), ct);
                var state = await RunAsync(server.Http, run, ct);
                if (!state.TryGetProperty("ended_at", out _)) interrupted++;
                // The moments follow how long a run takes here.
                else length = Math.Clamp(Stopwatch.GetElapsedTime(started).TotalSeconds, 0.5, 10);
                await server.KillAsync();
                await using var file = new SqliteConnection($"Data Source={Path.Combine(folder, "rag.db")}");
                if (await file.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM schedule_runs WHERE ended_at IS NULL") > 0) cutShort++;
            }
            await using var last = new SqliteConnection($"Data Source={Path.Combine(folder, "rag.db")}");
            await BalanceAsync(last, inserted, wrong);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        if (interrupted == 0 && !context.Quick) throw new CannotMeasureException("No kill met a maintenance, so that nothing was tested.");
        return (kills, $"SQLite: {kills} kills, {interrupted} in the middle of a maintenance and {cutShort} of retention; {done} maintenances done and {undone} undone; {inserted} old records removed and accounted for");
    }

    /// <summary>Two replicas on PostgreSQL: the one that leads is killed, the other goes on.</summary>
    private static async Task<(int Kills, string Note)> ClusterAsync(CheckContext context, List<string> wrong, CancellationToken ct)
    {
        int kills = context.Quick ? QuickClusterKills : ClusterKills, interrupted = 0, done = 0, undone = 0;
        var random = new Random();
        string keys = Path.Combine(Directory.CreateTempSubdirectory("rag-backup-key-").FullName, "keys.pem");
        Backup.BackupKeys.Create(keys);
        await using var cluster = await LocalCluster.StartAsync(2, ["Inference:Provider=none", $"Answering:KeepDays={KeepDays}", $"Backup:KeyFile={keys}", $"Backup:Directory={Path.GetDirectoryName(keys)}/backups", "Server:DrainMs=0"], proxies: false, ct);
        try
        {
            using var balancer = new HttpClient { BaseAddress = cluster.Balancer, Timeout = TimeSpan.FromMinutes(1) };
            await FillAsync(balancer, "cluster", ct);
            long inserted = 0;
            for (int kill = 1; kill <= kills; kill++)
            {
                inserted += await InsertAnswersAsync(new NpgsqlConnection(cluster.PostgresConnection), context.Quick ? OldAnswers / 10 : OldAnswers, kill == 1 ? YoungAnswers : 0);
                string leader = LocalCluster.Replica(1 + await LeaderAsync(cluster, ct));
                using (await balancer.PostAsync("/admin/v1/schedules/retention/runs", null, ct)) { }
                string run = await StartAsync(balancer, ct);
                await Task.Delay(TimeSpan.FromSeconds(random.NextDouble() * 4), ct);
                if (!(await RunAsync(balancer, run, ct)).TryGetProperty("ended_at", out _)) interrupted++;
                await cluster.KillAsync(leader, ct);
                if (await LookAsync(balancer, run, $"PostgreSQL, kill {kill}", wrong, ct) == "done") done++;
                else undone++;
                await CountAsync(balancer, "cluster", Documents, wrong, ct);
                await cluster.StartAllAsync(ct);
            }
            await RetentionAsync(balancer, wrong, ct);
            await using var record = new NpgsqlConnection(cluster.PostgresConnection);
            await BalanceAsync(record, inserted, wrong);
            return (kills, $"PostgreSQL: {kills} kills of the leader, {interrupted} in the middle; {done} done and {undone} undone by the other");
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(keys)!, recursive: true);
        }
    }

    /// <summary>The run ends, and writes are taken: says how it ended.</summary>
    private static async Task<string> LookAsync(HttpClient http, string run, string when, List<string> wrong, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        JsonElement state = default;
        while (Stopwatch.GetElapsedTime(started) < EndLimit)
        {
            try
            {
                state = await RunAsync(http, run, ct);
                if (state.TryGetProperty("ended_at", out _)) break;
            }
            catch (HttpRequestException)
            {
                // A replica that was killed just now.
            }
            await Task.Delay(100, ct);
        }
        if (state.ValueKind == JsonValueKind.Undefined || !state.TryGetProperty("ended_at", out _))
        {
            wrong.Add($"{when}: the run has not ended after {EndLimit.TotalSeconds:0} s: {state}");
            return "";
        }
        string outcome = state.GetProperty("outcome").GetString()!;
        if (outcome != "done") wrong.Add($"{when}: the run was not done but {outcome}: {(state.TryGetProperty("problem", out var problem) ? problem : default)}");
        var readOnly = await http.GetFromJsonAsync<JsonElement>("/admin/v1/maintenance/read-only", ct);
        if (readOnly.GetProperty("on").GetBoolean() || readOnly.GetProperty("guarded").GetArrayLength() > 0) wrong.Add($"{when}: writes are left out: {readOnly.GetProperty("guarded")}");
        using var written = await http.PostAsJsonAsync("/v1/collections/kills/documents", new { uri = "after.txt", text = $"After {when} {Guid.NewGuid()}." }, ct);
        if (!written.IsSuccessStatusCode) wrong.Add($"{when}: a write got {(int)written.StatusCode}");
        return outcome;
    }

    private static async Task<string> StartAsync(HttpClient http, CancellationToken ct)
    {
        using var response = await http.PostAsJsonAsync("/admin/v1/maintenance/runs", new { reason = "measured", @for = "10m", owner = "verify", backup = true }, ct);
        string body = await response.Content.ReadAsStringAsync(ct);
        if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"No maintenance began: {(int)response.StatusCode} {body}");
        using var parsed = JsonDocument.Parse(body);
        return parsed.RootElement.GetProperty("id").GetString()!;
    }

    private static Task<JsonElement> RunAsync(HttpClient http, string run, CancellationToken ct) => http.GetFromJsonAsync<JsonElement>($"/admin/v1/maintenance/runs/{run}", ct);

    private static async Task FillAsync(HttpClient http, string collection, CancellationToken ct)
    {
        var text = new GeneratedText(3);
        foreach (var batch in Enumerable.Range(0, Documents).Chunk(50))
        {
            using var response = await http.PostAsJsonAsync($"/v1/collections/{collection}/documents", new { documents = batch.Select(n => new { uri = $"{n}.txt", text = text.Document(3) }) }, ct);
            response.EnsureSuccessStatusCode();
        }
    }

    private static async Task CountAsync(HttpClient http, string collection, int documents, List<string> wrong, CancellationToken ct)
    {
        var there = await http.GetFromJsonAsync<JsonElement>($"/v1/collections/{collection}", ct);
        if (there.GetProperty("documents").GetInt64() != documents) wrong.Add($"{collection} has {there.GetProperty("documents")} documents of {documents}");
    }

    /// <summary>A run of retention to its end, which removes what is left.</summary>
    private static async Task RetentionAsync(HttpClient http, List<string> wrong, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        string? asked = null;
        while (Stopwatch.GetElapsedTime(started) < EndLimit)
        {
            if (asked is null)
            {
                // One that was interrupted may still be done again.
                using var response = await http.PostAsync("/admin/v1/schedules/retention/runs", null, ct);
                if (response.IsSuccessStatusCode) asked = (await response.Content.ReadFromJsonAsync<JsonElement>(ct)).GetProperty("id").GetString();
            }
            else if ((await http.GetFromJsonAsync<JsonElement>($"/admin/v1/schedules/runs/{asked}", ct)).TryGetProperty("outcome", out var outcome))
            {
                if (outcome.GetString() != "done") wrong.Add($"the last run of retention {outcome}");
                return;
            }
            await Task.Delay(100, ct);
        }
        wrong.Add("the last run of retention did not end");
    }

    /// <summary>Records of where answers came from, of times past what is kept and within it.</summary>
    private static async Task<long> InsertAnswersAsync(System.Data.Common.DbConnection connection, int old, int young)
    {
        await using (connection)
        {
            await connection.OpenAsync();
            await using var tx = await connection.BeginTransactionAsync();
            var now = TimeProvider.System.GetUtcNow();
            foreach (var (count, days) in new[] { (old, KeepDays + 5), (young, KeepDays - 5) })
            {
                long at = Foundation.Clock.ToMicroseconds(now.AddDays(-days));
                foreach (var rows in Enumerable.Range(0, count).Chunk(500))
                    await connection.ExecuteAsync($"INSERT INTO answers (id, collection_id, created_at, outcome, body) VALUES {string.Join(", ", rows.Select(n => $"('{Guid.CreateVersion7()}', 'kill', {at + n}, 'answered', '{{}}')"))}", transaction: tx);
            }
            await tx.CommitAsync();
            return old;
        }
    }

    /// <summary>All that is old is gone and was said to be, each once; all that is young is there.</summary>
    private static async Task BalanceAsync(System.Data.Common.DbConnection record, long inserted, List<string> wrong)
    {
        long before = Foundation.Clock.ToMicroseconds(TimeProvider.System.GetUtcNow().AddDays(-KeepDays));
        long old = await record.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM answers WHERE collection_id = 'kill' AND created_at < @before", new { before });
        long young = await record.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM answers WHERE collection_id = 'kill' AND created_at >= @before", new { before });
        long said = await record.ExecuteScalarAsync<long>("SELECT CAST(COALESCE(SUM(deleted), 0) AS BIGINT) FROM retention_deletions WHERE rule = 'provenance'");
        if (old != 0) wrong.Add($"{old} old records are left");
        if (young != YoungAnswers) wrong.Add($"{young} of {YoungAnswers} young records are there");
        if (said != inserted) wrong.Add($"{said} removals are said, and {inserted} records were removed");
    }

    private static async Task<int> LeaderAsync(LocalCluster cluster, CancellationToken ct)
    {
        while (true)
        {
            for (int n = 0; n < cluster.Replicas.Count; n++)
            {
                using var http = new HttpClient { BaseAddress = cluster.Replicas[n] };
                if (await Production.ProductionCluster.MetricAsync(http, "rag_leader", ct) == 1) return n;
            }
            await Task.Delay(200, ct);
        }
    }
}
