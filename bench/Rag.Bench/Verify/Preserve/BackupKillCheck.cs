using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Rag.Testing;

namespace Rag.Bench.Verify.Preserve;

/// <summary>
/// Kills the real server with SIGKILL at random moments of a backup and of a restore, on both engines. After each restart the record
/// is what it was or what the backup holds, nothing half-made is listed as good, and a backup can be made and read.
/// </summary>
internal static class BackupKillCheck
{
    private const int Kills = 50, QuickKills = 4;
    private const int Documents = 120;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2), Poll = TimeSpan.FromMilliseconds(15);

    public static IEnumerable<Check> All()
    {
        yield return new("backup-kill", "records that were neither as before nor as in the backup, half-made backups that were listed as good, and backups that could not be made or read afterwards, after kill -9 at random moments of backup and restore",
            Relation.AtMost, 0, MeasureAsync);
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        int kills = context.Quick ? QuickKills : Kills;
        var wrong = new List<string>();
        var met = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (bool postgres in new[] { false, true })
        {
            if (postgres) BackupStores.RequirePostgres();
            await using var stores = new BackupStores();
            await using var run = new Killing(stores, postgres, wrong, met);
            await run.StartAsync(ct);
            for (int k = 0; k < kills / 2; k++) await run.KillAsync(restore: k % 2 == 1, ct);
        }
        string note = $"{kills} kills: {string.Join(", ", met.Select(m => $"{m.Value} {m.Key}"))}";
        if (context.Quick) note += $"; smaller: {QuickKills} kills of {Kills}";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(10))}");
    }

    private sealed class Killing(BackupStores stores, bool postgres, List<string> wrong, SortedDictionary<string, int> met) : IAsyncDisposable
    {
        private readonly Random _random = new();
        private readonly GeneratedText _text = new(11);
        private readonly string _data = Path.Combine(stores.Folder, "data");
        private string[] _flags = [];
        private ServerProcess? _server;
        private string _good = "", _inBackup = "";
        private TimeSpan _backupTakes, _restoreTakes;
        private int _round;

        public async ValueTask DisposeAsync()
        {
            if (_server is not null) await _server.DisposeAsync();
        }

        public async Task StartAsync(CancellationToken ct)
        {
            string[] record = postgres ? ["Storage:Provider=postgres", "Storage:Postgres:ConnectionString=" + await (await stores.PostgresAsync(ct)).CreateDatabaseAsync(ct)] : [];
            _flags = stores.Flags([.. record, "Backup:PartMb=1"]);
            await RestartAsync(ct);
            await ChangeAsync(Documents, ct);
            // Once in full, to know how long each takes.
            long started = Stopwatch.GetTimestamp();
            _good = (await FollowAsync(await BeginAsync("", new { kind = "daily" }, ct), ct)).GetProperty("result").GetProperty("id").GetString()!;
            _backupTakes = Stopwatch.GetElapsedTime(started);
            _inBackup = await FingerprintAsync(ct);
            started = Stopwatch.GetTimestamp();
            await FollowAsync(await BeginAsync($"/{_good}/restore", new { into = "running" }, ct), ct);
            _restoreTakes = Stopwatch.GetElapsedTime(started);
            if (await FingerprintAsync(ct) != _inBackup) wrong.Add("a restore that nobody disturbed gave another record");
        }

        public async Task KillAsync(bool restore, CancellationToken ct)
        {
            string what = $"{(postgres ? "postgres" : "sqlite")}, {(restore ? "restore" : "backup")} {++_round}";
            await ChangeAsync(3, ct);
            string before = await FingerprintAsync(ct);
            string operation = restore ? await BeginAsync($"/{_good}/restore", new { into = "running" }, ct) : await BeginAsync("", new { kind = "daily" }, ct);
            await Task.Delay(TimeSpan.FromMilliseconds(_random.NextDouble() * 1.1 * (restore ? _restoreTakes : _backupTakes).TotalMilliseconds), ct);
            await _server!.DisposeAsync();
            await RestartAsync(ct);
            string after = await FingerprintAsync(ct);
            bool done = restore ? after == _inBackup : after == before;
            if (!done && after != before) wrong.Add($"{what}: the record is neither as before nor as in the backup");
            if (!restore && after != before) wrong.Add($"{what}: a backup changed the record");
            Note(restore ? done ? "restores done" : "restores undone" : "backups cut off");
            if (!(await PostAsync("/admin/v1/index/verify", null, ct)).GetProperty("clean").GetBoolean()) wrong.Add($"{what}: the index differs from the record");
            var op = await GetAsync("/admin/v1/backups/operations/" + operation, ct);
            if (!postgres && op.GetProperty("state").GetString() == "running") wrong.Add($"{what}: the operation is said to run still");
            // What is listed as whole must be readable, and a backup that was cut off must not stand in the way of the next.
            string made = (await FollowAsync(await BeginWhenFreeAsync(new { kind = "daily" }, ct), ct)).GetProperty("result").GetProperty("id").GetString()!;
            foreach (var backup in (await GetAsync("/admin/v1/backups", ct)).GetProperty("backups").EnumerateArray())
            {
                string id = backup.GetProperty("id").GetString()!, state = backup.GetProperty("state").GetString()!;
                // Those of earlier rounds have been read.
                if (state is "failed" or "verified") continue;
                if (state is "running" or "damaged") wrong.Add($"{what}: the backup {id} is listed as {state}");
                else if ((await FollowAsync(await BeginAsync($"/{id}/verify", null, ct), ct)).GetProperty("state").GetString() != "done") wrong.Add($"{what}: the backup {id} is listed as {state} and cannot be read");
            }
            (_good, _inBackup) = (made, await FingerprintAsync(ct));
        }

        private void Note(string what) => met[what] = met.GetValueOrDefault(what) + 1;

        private async Task RestartAsync(CancellationToken ct)
        {
            _server = ServerProcess.StartRag(_data, _flags);
            await _server.WaitReadyAsync(ct);
            await _server.WaitSaidAsync(ct);
        }

        private async Task ChangeAsync(int documents, CancellationToken ct)
        {
            for (int i = 0; i < documents; i++)
            {
                string uri = string.Create(CultureInfo.InvariantCulture, $"d{_random.Next(Documents)}.txt");
                await PostAsync("/v1/collections/default/documents", new { documents = new[] { new { uri, text = _text.Document(documents > 10 ? 30 : 5) } } }, ct);
            }
        }

        /// <summary>Of every document: address, version and content.</summary>
        private async Task<string> FingerprintAsync(CancellationToken ct)
        {
            var all = new StringBuilder();
            string after = "";
            while (true)
            {
                var page = await GetAsync($"/v1/collections/default/documents?limit=500&after={Uri.EscapeDataString(after)}", ct);
                foreach (var d in page.GetProperty("documents").EnumerateArray()) all.AppendLine(d.GetRawText());
                if (!page.TryGetProperty("next", out var next) || next.ValueKind == JsonValueKind.Null) break;
                after = next.GetString()!;
            }
            return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(all.ToString())));
        }

        private async Task<string> BeginAsync(string path, object? body, CancellationToken ct) => (await PostAsync("/admin/v1/backups" + path, body, ct)).GetProperty("id").GetString()!;

        /// <summary>A process that was killed keeps its lease on PostgreSQL until it runs out.</summary>
        private async Task<string> BeginWhenFreeAsync(object body, CancellationToken ct)
        {
            long started = Stopwatch.GetTimestamp();
            while (true)
            {
                string id = await BeginAsync("", body, ct);
                var ended = await FollowAsync(id, ct);
                if (ended.GetProperty("state").GetString() == "done") return id;
                if (!ended.GetProperty("problem").GetString()!.Contains("already", StringComparison.Ordinal) || Stopwatch.GetElapsedTime(started) > Limit) throw new InvalidOperationException($"A backup after the kill failed: {ended}");
                await Task.Delay(500, ct);
            }
        }

        private async Task<JsonElement> FollowAsync(string id, CancellationToken ct)
        {
            long started = Stopwatch.GetTimestamp();
            while (true)
            {
                var operation = await GetAsync("/admin/v1/backups/operations/" + id, ct);
                if (operation.GetProperty("state").GetString() != "running") return operation;
                if (Stopwatch.GetElapsedTime(started) > Limit) throw new InvalidOperationException($"The operation did not end: {operation}");
                await Task.Delay(Poll, ct);
            }
        }

        private async Task<JsonElement> GetAsync(string path, CancellationToken ct)
        {
            using var response = await _server!.Http.GetAsync(path, ct);
            return await ReadAsync(response, path, ct);
        }

        private async Task<JsonElement> PostAsync(string path, object? body, CancellationToken ct)
        {
            using var response = body is null ? await _server!.Http.PostAsync(path, null, ct) : await _server!.Http.PostAsJsonAsync(path, body, ct);
            return await ReadAsync(response, path, ct);
        }

        private static async Task<JsonElement> ReadAsync(HttpResponseMessage response, string path, CancellationToken ct)
        {
            string text = await response.Content.ReadAsStringAsync(ct);
            if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"{path} answered {(int)response.StatusCode}: {text}");
            using var parsed = JsonDocument.Parse(text);
            return parsed.RootElement.Clone();
        }
    }
}
