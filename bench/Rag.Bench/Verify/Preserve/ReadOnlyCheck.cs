using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Rag.Bench.Verify.Production;
using Rag.Testing;

namespace Rag.Bench.Verify.Preserve;

/// <summary>
/// Three replicas on PostgreSQL, writers at each of them and on raw connections with the product's own role, and read-only
/// mode turned on and off at random moments. From the moment at which turning it on returned to the one at which turning it
/// off was asked for, the documents must not change by a byte, questions must be answered, and refusals say when to come again.
/// </summary>
internal static class ReadOnlyCheck
{
    private const int Replicas = 3, Rounds = 20, QuickRounds = 2;
    private static readonly TimeSpan On = TimeSpan.FromSeconds(3), QuickOn = TimeSpan.FromSeconds(1.5), Between = TimeSpan.FromMilliseconds(700);

    /// <summary>All that the documents are made of, in one figure, in one snapshot.</summary>
    private const string Fingerprint = """
        SELECT md5(string_agg(part, '|' ORDER BY part)) FROM (
          SELECT 'c' || md5(COALESCE(string_agg(t::text, '' ORDER BY t::text), '')) AS part FROM collections t
          UNION ALL SELECT 'd' || md5(COALESCE(string_agg(t::text, '' ORDER BY t::text), '')) FROM documents t
          UNION ALL SELECT 'v' || md5(COALESCE(string_agg(t::text, '' ORDER BY t::text), '')) FROM document_versions t
          UNION ALL SELECT 'k' || md5(COALESCE(string_agg(t::text, '' ORDER BY t::text), '')) FROM chunks t
          UNION ALL SELECT 'l' || md5(COALESCE(string_agg(t::text, '' ORDER BY t::text), '')) FROM change_log t) parts
        """;

    private static readonly string[] RawWrites =
    [
        "INSERT INTO collections (id, name, language, created_at) VALUES (gen_random_uuid()::text, 'raw-' || gen_random_uuid(), 'english', 0)",
        "UPDATE documents SET title = title || '!' WHERE id = (SELECT MIN(id) FROM documents)",
        "DELETE FROM chunks WHERE version_no = (SELECT MIN(version_no) FROM chunks)",
        "INSERT INTO change_log (kind, collection_id, at) VALUES ('collection.put', 'none', 0)",
        "WITH gone AS (DELETE FROM document_versions WHERE no = (SELECT MIN(no) FROM document_versions) RETURNING 1) SELECT COUNT(*) FROM gone",
    ];

    public static Check Check { get; } = new(
        "read-only", "writes that got in while read-only mode was on, over three replicas and raw connections of the product's own role, and refusals or answers that were not as promised", Relation.AtMost, 0, MeasureAsync);

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        if (LocalCluster.Missing is { } missing) throw new CannotMeasureException($"{missing}; deploy/local/README.md says what to install");
        int rounds = context.Quick ? QuickRounds : Rounds;
        await using var cluster = await LocalCluster.StartAsync(Replicas, ["Inference:Provider=none", "Server:DrainMs=300"], proxies: false, ct);
        var replicas = cluster.Replicas.Select(r => new HttpClient { BaseAddress = r, Timeout = TimeSpan.FromSeconds(60) }).ToList();
        var random = new Random();
        var wrong = new List<string>();
        var counts = new Counts();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        try
        {
            foreach (var replica in replicas) await PutAsync(replica, "first", ct);
            var work = replicas.SelectMany((r, n) => new[] { WriteAsync(r, n, counts, wrong, stop.Token), AskAsync(r, counts, wrong, stop.Token) })
                .Append(WriteRawAsync(cluster.PostgresConnection, counts, wrong, oldSnapshot: false, stop.Token)).Append(WriteRawAsync(cluster.PostgresConnection, counts, wrong, oldSnapshot: true, stop.Token)).ToList();
            await Task.Delay(Between, ct);
            for (int round = 0; round < rounds; round++)
            {
                using (var on = await replicas[random.Next(Replicas)].PostAsJsonAsync("/admin/v1/maintenance/read-only", new { reason = "measured", @for = "10m", owner = "verify" }, ct))
                {
                    string body = await on.Content.ReadAsStringAsync(ct);
                    if (on.StatusCode != HttpStatusCode.OK) throw new InvalidOperationException($"Read-only mode was not turned on: {(int)on.StatusCode} {body}");
                    using var parsed = JsonDocument.Parse(body);
                    if (parsed.RootElement.GetProperty("behind").GetArrayLength() > 0) Say(wrong, $"round {round}: {parsed.RootElement.GetProperty("behind")} did not hear of it in time");
                }
                // From here on nothing may get in.
                counts.Closed();
                string before = await FingerprintAsync(cluster.PostgresConnection, ct);
                await Task.Delay((context.Quick ? QuickOn : On) * (0.5 + random.NextDouble()), ct);
                foreach (var replica in replicas)
                    if (await ProductionCluster.MetricAsync(replica, "rag_read_only", ct) != 1) Say(wrong, $"round {round}: rag_read_only of {replica.BaseAddress} is not 1");
                string after = await FingerprintAsync(cluster.PostgresConnection, ct);
                if (before != after) Say(wrong, $"round {round}: the documents changed");
                counts.Opened();
                using (var off = await replicas[random.Next(Replicas)].DeleteAsync("/admin/v1/maintenance/read-only", ct))
                    if (off.StatusCode != HttpStatusCode.OK) throw new InvalidOperationException($"Read-only mode was not turned off: {(int)off.StatusCode} {await off.Content.ReadAsStringAsync(ct)}");
                int acknowledged = counts.Acknowledged;
                await Task.Delay(Between, ct);
                if (counts.Acknowledged == acknowledged) Say(wrong, $"round {round}: nothing was written within {Between.TotalSeconds:0.0} s after it was turned off");
            }
            await stop.CancelAsync();
            await Task.WhenAll(work);
        }
        finally
        {
            await stop.CancelAsync();
            foreach (var replica in replicas) replica.Dispose();
        }
        if (counts.Acknowledged == 0 || counts.Refused == 0 || counts.RawRefused == 0 || counts.RawDone == 0 || counts.Answered == 0)
            throw new CannotMeasureException($"{counts.Acknowledged} writes acknowledged, {counts.Refused} refused, {counts.RawDone} raw statements done, {counts.RawRefused} refused, {counts.Answered} questions answered, so that not everything was tested");
        string note = $"{rounds} times on and off; over HTTP {counts.Acknowledged} writes acknowledged and {counts.Refused} refused, on raw connections {counts.RawDone} statements done while it was off and {counts.RawRefused} refused while it was on, {counts.Answered} questions answered";
        if (context.Quick) note += $"; smaller: {QuickRounds} rounds of {Rounds}";
        lock (wrong) return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong.Take(8))}");
    }

    /// <summary>What happened, and whether read-only mode was on for all of it.</summary>
    private sealed class Counts
    {
        private long _changes;

        public int Acknowledged;
        public int Refused;
        public int RawDone;
        public int RawRefused;
        public int Answered;

        /// <summary>Odd while it is on for sure.</summary>
        public long State => Interlocked.Read(ref _changes);

        public void Closed() => Interlocked.Increment(ref _changes);

        public void Opened() => Interlocked.Increment(ref _changes);

        /// <summary>Whether it was on from then until now without a break.</summary>
        public bool WasOn(long since) => since % 2 == 1 && State == since;
    }

    private static async Task WriteAsync(HttpClient http, int writer, Counts counts, List<string> wrong, CancellationToken stop)
    {
        for (int n = 0; !stop.IsCancellationRequested; n++)
        {
            long state = counts.State;
            try
            {
                using var response = await http.PostAsJsonAsync("/v1/collections/default/documents", new { uri = $"{writer}/{n}.txt", text = $"Number {n} of writer {writer} is on shelf {n % 97}." }, CancellationToken.None);
                string body = await response.Content.ReadAsStringAsync(CancellationToken.None);
                if (response.StatusCode == HttpStatusCode.OK)
                {
                    if (counts.WasOn(state)) Say(wrong, $"a write was acknowledged: {body[..Math.Min(200, body.Length)]}");
                    else Interlocked.Increment(ref counts.Acknowledged);
                }
                else if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
                {
                    Interlocked.Increment(ref counts.Refused);
                    // While it is on for sure the door refuses, and knows until when.
                    if (counts.WasOn(state) && (response.Headers.RetryAfter?.Delta is not { TotalSeconds: > 60 and <= 601 } || !body.Contains("read_only", StringComparison.Ordinal)))
                        Say(wrong, $"a refusal without its time: {response.Headers.RetryAfter} {body[..Math.Min(200, body.Length)]}");
                }
                else Say(wrong, $"a write got {(int)response.StatusCode}: {body[..Math.Min(200, body.Length)]}");
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                Say(wrong, $"a write had no answer: {e.Message}");
            }
            await Task.Delay(20, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task AskAsync(HttpClient http, Counts counts, List<string> wrong, CancellationToken stop)
    {
        for (int n = 0; !stop.IsCancellationRequested; n++)
        {
            using var response = await http.PostAsJsonAsync("/v1/ask", new { question = $"On which shelf is number {n % 50}?" }, CancellationToken.None);
            if (response.StatusCode == HttpStatusCode.OK) Interlocked.Increment(ref counts.Answered);
            else Say(wrong, $"a question got {(int)response.StatusCode}");
            await Task.Delay(100, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>What a program could do that has the product's own name and password, each statement rolled back where it is let in.</summary>
    private static async Task WriteRawAsync(string connectionString, Counts counts, List<string> wrong, bool oldSnapshot, CancellationToken stop)
    {
        for (int n = 0; !stop.IsCancellationRequested; n++)
        {
            await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
            await connection.OpenAsync(CancellationToken.None);
            await RunAsync("SET default_transaction_read_only = off; SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; SET lock_timeout = '2s'");
            await RunAsync(oldSnapshot ? "BEGIN ISOLATION LEVEL REPEATABLE READ" : "BEGIN");
            // A snapshot from before: it must see what is closed all the same.
            if (oldSnapshot)
            {
                await RunAsync("SELECT COUNT(*) FROM collections");
                await Task.Delay(400, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            long state = counts.State;
            string write = RawWrites[n % RawWrites.Length];
            try
            {
                await RunAsync(write);
                if (counts.WasOn(state)) Say(wrong, $"a raw connection wrote: {write}");
                else Interlocked.Increment(ref counts.RawDone);
            }
            catch (PostgresException e)
            {
                if (e.SqlState is PostgresErrorCodes.InsufficientPrivilege or "RAG01") Interlocked.Increment(ref counts.RawRefused);
                else if (e.SqlState is not (PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.ForeignKeyViolation)) Say(wrong, $"a raw connection got {e.SqlState}: {e.MessageText}");
            }
            await Task.Delay(20, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            async Task RunAsync(string sql)
            {
                await using var command = new NpgsqlCommand(sql, connection);
                await command.ExecuteNonQueryAsync(CancellationToken.None);
            }
        }
    }

    private static async Task<string> FingerprintAsync(string connectionString, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(Fingerprint, connection) { CommandTimeout = 120 };
        return (string)(await command.ExecuteScalarAsync(ct))!;
    }

    private static async Task PutAsync(HttpClient http, string uri, CancellationToken ct)
    {
        using var response = await http.PostAsJsonAsync("/v1/collections/default/documents", new { uri, text = "The first is on shelf 1." }, ct);
        response.EnsureSuccessStatusCode();
    }

    private static void Say(List<string> wrong, string what)
    {
        lock (wrong) wrong.Add(what);
    }
}
