using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Rag.Testing;

namespace Rag.Bench.Verify.Production;

/// <summary>
/// Two replicas under random kills and pauses while clients write and read: what they saw is recorded and checked against the
/// record, rule by rule (<see cref="History.Violations"/>).
/// </summary>
internal static class HistoryCheck
{
    private const int Replicas = 2;
    private const int Writers = 2, KeysPerWriter = 25, Readers = 2;
    private const int MaxAttempts = 3;
    private const string Collection = "history";
    private static readonly TimeSpan Run = TimeSpan.FromMinutes(10), QuickRun = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(4), ReadLimit = TimeSpan.FromSeconds(12);

    public static IEnumerable<Check> All()
    {
        yield return new("history", "acknowledged writes lost or applied twice, reads older than the position they waited for, and second leaders, in a history of two replicas under random kills and pauses",
            Relation.AtMost, 0, MeasureAsync);
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ProductionAsync(ct);
        await cluster.MendAsync(ct);
        await cluster.Servers.KillAsync(LocalCluster.Replica(3), ct);
        var run = new Recording(cluster);
        await cluster.IngestAsync(cluster.Balancer, Collection, [("first.txt", "The first document of this collection.")], ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var clients = new List<Task>();
        for (int w = 0; w < Writers; w++) clients.Add(run.WriteAsync(w, stop.Token));
        for (int r = 0; r < Readers; r++) clients.Add(run.ReadAsync(stop.Token));
        clients.Add(run.WatchAsync(stop.Token));
        var (kills, pauses) = await run.DisturbAsync(context.Quick ? QuickRun : Run, context.Quick, ct);
        await stop.CancelAsync();
        await Task.WhenAll(clients);
        await run.ReadAllAsync(ct);
        var history = await run.EndAsync(ct);
        var violations = history.Violations();
        int acknowledged = history.Writes.Count(w => w.Acknowledged);
        if (acknowledged == 0 || history.Reads.Count == 0 || history.Leases.Count == 0 || !history.Claims.Any(c => c.Leads))
            throw new CannotMeasureException($"{acknowledged} writes acknowledged, {history.Reads.Count} reads, {history.Leases.Count} looks at the lease, {history.Claims.Count(c => c.Leads)} claims to lead, so that not every rule was tested");
        string note = $"{(context.Quick ? QuickRun : Run).TotalSeconds:F0} s, {kills} kills and {pauses} pauses; {acknowledged} of {history.Writes.Count} writes acknowledged, {history.Reads.Count} reads that waited for a position, " +
            $"{history.Record.Count} entries of the change log, {history.Claims.Count} times asked who leads, {history.Leases.Select(l => l.Epoch).Distinct().Count()} terms";
        if (context.Quick) note += $"; smaller: {QuickRun.TotalSeconds:F0} s of {Run.TotalMinutes:F0} minutes";
        return new(violations.Count, violations.Count == 0 ? note : $"{note}; {string.Join(" | ", violations.Take(10))}");
    }

    private sealed class Recording(ProductionCluster cluster)
    {
        private readonly string _run = $"r{Stopwatch.GetTimestamp():x}";
        private readonly ConcurrentQueue<HistoryWrite> _writes = new();
        private readonly ConcurrentQueue<HistoryRead> _reads = new();
        private readonly ConcurrentQueue<HistoryClaim> _claims = new();
        private readonly ConcurrentQueue<HistoryLease> _leases = new();

        /// <summary>Last acknowledged position of each key.</summary>
        private readonly ConcurrentDictionary<string, long> _acknowledged = new();
        private int _values;

        private HttpClient Any() => cluster.Replicas[Random.Shared.Next(Replicas)];

        private static string Name(HttpClient replica, ProductionCluster cluster) => LocalCluster.Replica(cluster.Replicas.ToList().IndexOf(replica) + 1);

        /// <summary>One write after the other, each key this writer's own. A write without an answer is tried again, at any replica, under the same Idempotency-Key.</summary>
        public async Task WriteAsync(int writer, CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                string key = $"{_run}w{writer}k{Random.Shared.Next(KeysPerWriter)}";
                string value = $"{_run}v{Interlocked.Increment(ref _values)}";
                string idempotency = Guid.NewGuid().ToString();
                long invoked = Stopwatch.GetTimestamp();
                (long Version, long? Position)? acknowledged = null;
                for (int attempt = 0; attempt < MaxAttempts && acknowledged is null && !(attempt > 0 && stop.IsCancellationRequested); attempt++) acknowledged = await TryWriteAsync(key, value, idempotency);
                _writes.Enqueue(new(key, value, invoked, Stopwatch.GetTimestamp(), acknowledged is not null, acknowledged?.Version, acknowledged?.Position));
                if (acknowledged?.Position is { } position) _acknowledged[key] = position;
                await Task.Delay(Random.Shared.Next(20, 80), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        private async Task<(long Version, long? Position)?> TryWriteAsync(string key, string value, string idempotency)
        {
            using var limit = new CancellationTokenSource(WriteLimit);
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/collections/{Collection}/documents")
                {
                    Content = JsonContent.Create(new { uri = key, text = $"The register {key} holds {value} now." }),
                    Headers = { { "Idempotency-Key", idempotency } },
                };
                using var response = await Any().SendAsync(request, limit.Token);
                if (!response.IsSuccessStatusCode) return null;
                var body = await response.Content.ReadFromJsonAsync<JsonElement>(limit.Token);
                var file = body.GetProperty("files")[0];
                if (file.GetProperty("status").GetString() is "failed") return null;
                return (file.GetProperty("version").GetInt64(), body.TryGetProperty("position", out var position) ? position.GetInt64() : null);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or JsonException)
            {
                // Whether it was applied is not known.
                await Task.Delay(100, CancellationToken.None);
                return null;
            }
        }

        public async Task ReadAsync(CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                var keys = _acknowledged.ToList();
                if (keys.Count > 0)
                {
                    var (key, position) = keys[Random.Shared.Next(keys.Count)];
                    await TryReadAsync(Any(), key, position);
                }
                await Task.Delay(Random.Shared.Next(10, 50), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        /// <summary>Every key on every replica, at the last position of all.</summary>
        public async Task ReadAllAsync(CancellationToken ct)
        {
            if (_acknowledged.IsEmpty) return;
            long last = _acknowledged.Values.Max();
            foreach (var replica in cluster.Replicas.Take(Replicas))
                foreach (string key in _acknowledged.Keys)
                    if (!await TryReadAsync(replica, key, last)) throw new InvalidOperationException($"{Name(replica, cluster)} does not answer at {last} after the disturbances.");
        }

        private async Task<bool> TryReadAsync(HttpClient replica, string key, long position)
        {
            long invoked = Stopwatch.GetTimestamp();
            using var limit = new CancellationTokenSource(ReadLimit);
            try
            {
                var found = await ProductionCluster.PostAsync(replica, "/v1/search", new { query = key, collection = Collection, mode = "lexical", k = 5, wait_for = position }, limit.Token);
                var hits = found.GetProperty("hits").EnumerateArray().Where(h => h.GetProperty("uri").GetString() == key).ToList();
                JsonElement? hit = hits.Count == 0 ? null : hits[0];
                string? value = hit?.GetProperty("text").GetString()!.Split(" holds ")[1].Split(' ')[0];
                _reads.Enqueue(new(Name(replica, cluster), key, invoked, Stopwatch.GetTimestamp(), position, found.GetProperty("index_position").GetInt64(), hit?.GetProperty("version").GetInt64(), value));
                return true;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or JsonException)
            {
                // A read that failed says nothing.
                return false;
            }
        }

        /// <summary>Asks each replica whether it leads, and the record who does.</summary>
        public async Task WatchAsync(CancellationToken stop)
        {
            await using var record = NpgsqlDataSource.Create(cluster.Servers.PostgresConnection);
            while (!stop.IsCancellationRequested)
            {
                foreach (var replica in cluster.Replicas.Take(Replicas))
                {
                    long invoked = Stopwatch.GetTimestamp();
                    // A replica that stands still answers when it goes on; meanwhile the others are asked.
                    _ = ClaimAsync(replica, invoked, stop);
                }
                try
                {
                    long invoked = Stopwatch.GetTimestamp();
                    await using var command = record.CreateCommand("SELECT holder, epoch FROM leases WHERE name = 'leader'");
                    await using var reader = await command.ExecuteReaderAsync(stop);
                    if (await reader.ReadAsync(stop)) _leases.Enqueue(new(invoked, Stopwatch.GetTimestamp(), reader.GetString(0), reader.GetInt64(1)));
                }
                catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
                {
                    // Nothing was seen.
                }
                await Task.Delay(150, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        private async Task ClaimAsync(HttpClient replica, long invoked, CancellationToken stop)
        {
            try
            {
                double? leads = await ProductionCluster.MetricAsync(replica, "rag_leader", stop);
                if (leads is { } value) _claims.Enqueue(new(Name(replica, cluster), invoked, Stopwatch.GetTimestamp(), value == 1));
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                // It is gone, or was not asked to the end.
            }
        }

        /// <summary>Kills one of the replicas, or lets it stand still for a while, again and again; all run at the end.</summary>
        public async Task<(int Kills, int Pauses)> DisturbAsync(TimeSpan duration, bool quick, CancellationToken ct)
        {
            var random = new Random();
            int kills = 0, pauses = 0;
            long started = Stopwatch.GetTimestamp();
            await Task.Delay(random.Next(500, 1_500), ct);
            while (Stopwatch.GetElapsedTime(started) < duration)
            {
                string replica = LocalCluster.Replica(random.Next(Replicas) + 1);
                if (random.Next(2) == 0)
                {
                    kills++;
                    await cluster.Servers.KillAsync(replica, ct);
                    await Task.Delay(random.Next(0, quick ? 500 : 5_000), ct);
                    await cluster.Servers.StartAsync(replica, ct);
                }
                else
                {
                    pauses++;
                    await cluster.Servers.PauseAsync(replica, ct);
                    // Some pauses outlast the leader's lease.
                    await Task.Delay(quick ? random.Next(200, 2_500) : random.Next(200, 15_000), ct);
                    await cluster.Servers.ContinueAsync(replica, ct);
                }
                await Task.Delay(random.Next(200, quick ? 800 : 2_000), ct);
            }
            await cluster.Servers.StartAllAsync(ct);
            return (kills, pauses);
        }

        public async Task<History> EndAsync(CancellationToken ct)
        {
            var entries = new List<HistoryEntry>();
            await using var record = NpgsqlDataSource.Create(cluster.Servers.PostgresConnection);
            await using var command = record.CreateCommand("""
                SELECT c.seq, d.uri, c.version, COALESCE(v.text, '') FROM change_log c
                JOIN documents d ON d.id = c.document_id
                JOIN collections k ON k.id = d.collection_id
                LEFT JOIN document_versions v ON v.document_id = c.document_id AND v.version = c.version
                WHERE c.kind = 'document.put' AND k.name = $1 AND d.uri LIKE $2 ORDER BY c.seq
                """);
            command.Parameters.AddWithValue(Collection);
            command.Parameters.AddWithValue(_run + "%");
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                string text = reader.GetString(3);
                entries.Add(new(reader.GetInt64(0), reader.GetString(1), reader.GetInt64(2), text.Contains(" holds ", StringComparison.Ordinal) ? text.Split(" holds ")[1].Split(' ')[0] : "nothing"));
            }
            return new([.. _writes], [.. _reads], entries, [.. _claims], [.. _leases]);
        }
    }
}
