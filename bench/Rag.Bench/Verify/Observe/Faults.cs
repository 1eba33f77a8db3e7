using System.Net.Http.Json;
using Npgsql;
using Rag.Bench.Verify.Production;
using Rag.Security;
using Rag.Testing;

namespace Rag.Bench.Verify.Observe;

/// <summary>What a fault may use.</summary>
/// <param name="Cluster">Two replicas: the first takes many questions at a time into its queue, the second one and no more.</param>
internal sealed record Stage(ProductionCluster Cluster, FastMonitoring Monitoring, Inbox Inbox)
{
    public const string Slow = "replica-1", Strict = "replica-2";

    /// <summary>Of both: one core of the machine's, and room for whoever asks. Settings that differ must not be the cluster's own, which go before.</summary>
    public static readonly IReadOnlyDictionary<string, string> Environment = new Dictionary<string, string> { ["DOTNET_PROCESSOR_COUNT"] = "1", ["RAG__Server__MaxQuestions"] = "4" };

    public Uri SlowAddress => Cluster.Servers.Replicas[0];

    public Uri StrictAddress => Cluster.Servers.Replicas[1];

    public HttpClient StrictReplica => Cluster.Replicas[1];

    public async Task RestartStrictAsync(CancellationToken ct, params (string Name, string Value)[] environment)
    {
        await Cluster.Servers.StopAsync(Strict, ct);
        await Cluster.Servers.StartAsync(Strict, ct, new Dictionary<string, string>([.. Environment, .. environment.Select(e => KeyValuePair.Create(e.Name, e.Value))])
        {
            ["RAG__Server__MaxQuestions"] = "1",
            ["RAG__Server__QueuedQuestions"] = "0",
        });
    }
}

/// <summary>Something that goes wrong, and who must hear of it.</summary>
/// <param name="Alerts">What must arrive.</param>
/// <param name="Pages">Pages that belong to it and may arrive, those of <paramref name="Alerts"/> among them.</param>
/// <param name="StandIn">Whether its metric is not the product's, in this release or in this check, and a series of the same name stands in for it.</param>
/// <param name="BeginAsync">Makes it go wrong; what it returns makes it right again.</param>
/// <param name="Limit">How long the alerts may take to arrive, where that is longer than others take.</param>
internal sealed record Fault(string Name, string[] Alerts, string[] Pages, bool StandIn, Func<Stage, CancellationToken, Task<Func<Task>>> BeginAsync, TimeSpan? Limit = null);

/// <summary>A fault for each alert.</summary>
internal static class Faults
{

    public static readonly IReadOnlyList<Fault> All =
    [
        Given("no backup was ever made", ["BackupTooOld", "BackupUnverified"], [], _ => () => { }),
        new("for three hours no checkpoint of the audit record could be copied outside", ["AuditCheckpointTooOld"], [], false, BlockCheckpointsAsync),
        new("certificates run out", ["CertificateExpires", "CertificateExpiresSoon"], ["CertificateExpires"], false, async (stage, ct) =>
        {
            TlsServer[] servers = [TlsServer.Start(TimeSpan.FromDays(2)), TlsServer.Start(TimeSpan.FromDays(10))];
            await stage.RestartStrictAsync(ct, ("RAG__Diagnosis__Certificates", string.Join(',', servers.Select(s => s.At))));
            return async () =>
            {
                await stage.RestartStrictAsync(CancellationToken.None);
                foreach (var server in servers) await server.DisposeAsync();
            };
        }),
        new("a canary is read", ["CanaryRead"], ["CanaryRead"], false, async (stage, ct) =>
        {
            var canary = await ProductionCluster.PostAsync(stage.StrictReplica, "/admin/v1/security/canaries", new { collection = "default", title = $"Register of severance payments {Guid.NewGuid():N}" }, ct);
            string id = canary.GetProperty("document").GetString()!;
            // The replica must have heard of it.
            await Task.Delay(Canaries.RefreshEvery + TimeSpan.FromSeconds(1), ct);
            using var read = await stage.StrictReplica.GetAsync($"/v1/collections/default/documents/{id}/text", ct);
            return async () => { using var removed = await stage.StrictReplica.DeleteAsync($"/admin/v1/security/canaries/{id}", CancellationToken.None); };
        }),
        new("somebody reads far more than ever before", ["UnusualReading"], [], false, ReadFarMoreAsync),
        new("one in 250 questions is refused", ["AvailabilityBurnSlow", "ErrorsBurnSlow"], [], false, (stage, ct) => WhileAsync(stop => FewRefusedAsync(stage, stop), ct)),
        new("one in five questions is slow", ["LatencyBurnSlow"], [], false, (stage, ct) => WhileAsync(stop => SomeSlowAsync(stage, stop), ct)),
        new("no question was asked before", ["CacheHitRateLow"], [], false, (stage, ct) => WhileAsync(stop => LoadAsync(stage.SlowAddress, stage.Cluster.NewBodies(), 4, 40, stop), ct)),
        new("a replica has little memory", ["MemoryHigh"], [], false, async (stage, ct) =>
        {
            await stage.RestartStrictAsync(ct, ("DOTNET_GCHeapHardLimit", "0x8000000"));
            return () => stage.RestartStrictAsync(CancellationToken.None);
        }),
        new("far more is asked than a replica can answer", ["LatencyBurnFast", "SlowResponseTime", "CpuHigh"], ["LatencyBurnFast"], false,
            (stage, ct) => WhileAsync(stop => LoadAsync(stage.SlowAddress, stage.Cluster.UncachedBodies(), 500, null, stop), ct)),
        new("a replica refuses what it has no room for", ["AvailabilityBurnFast", "ErrorsBurnFast", "HighErrorRate", "ProbeFailing"], ["AvailabilityBurnFast", "ErrorsBurnFast"], false,
            (stage, ct) => WhileAsync(stop => LoadAsync(stage.StrictAddress, stage.Cluster.UncachedBodies(), 12, 400, stop), ct)),
        new("somebody tries foreign host names", ["AttackPattern"], [], false, (stage, ct) => WhileAsync(stop => ForeignHostsAsync(stage, stop), ct)),
        new("Redis is killed", ["RedisDown"], [], false, async (stage, ct) =>
        {
            await stage.Cluster.Servers.KillAsync("redis", ct);
            return () => stage.Cluster.Servers.StartAsync("redis", CancellationToken.None);
        }),
        new("a replica has no embedding model", ["EmbeddingsDown"], [], false, async (stage, ct) =>
        {
            await stage.RestartStrictAsync(ct, ("RAG__Inference__ModelPath", "/nonexistent"));
            return () => stage.RestartStrictAsync(CancellationToken.None);
        }),
        new("a replica has no language model", ["LanguageModelDown"], [], false, async (stage, ct) =>
        {
            // Nothing listens at the discard port.
            await stage.RestartStrictAsync(ct, ("RAG__Generation__Provider", "openai"), ("RAG__Generation__Endpoint", "http://127.0.0.1:9/v1"), ("RAG__Generation__Model", "away"));
            return () => stage.RestartStrictAsync(CancellationToken.None);
        }),
        new("a replica works on another record", ["TwoLeaders"], [], false, async (stage, ct) =>
        {
            string folder = Directory.CreateTempSubdirectory("rag-other-").FullName;
            var other = ServerProcess.StartRag(folder);
            await other.WaitReadyAsync(ct);
            stage.Monitoring.Scrape("other", other.Port);
            return async () =>
            {
                stage.Monitoring.Forget("other");
                await other.DisposeAsync();
                Directory.Delete(folder, recursive: true);
            };
        }),
        new("nobody can take the lead", ["NoLeader"], [], false, (stage, ct) => LockAsync(stage, "LOCK TABLE leases IN ACCESS EXCLUSIVE MODE", ct)),
        new("a replica cannot read what changed", ["ChangeLogStuck"], ["ChangeLogStuck"], false, async (stage, ct) =>
        {
            // Nothing else may want the table that is locked: what waits for it long enough looks like a database that is away.
            await stage.Cluster.SettleAsync(ct);
            await stage.Cluster.Servers.PauseAsync(Stage.Strict, ct);
            await stage.Cluster.IngestAsync(stage.Cluster.Replicas[0], "default", [($"stuck/{Guid.NewGuid()}.txt", stage.Cluster.Text.Later[0])], ct);
            var unlock = await LockAsync(stage, "LOCK TABLE document_versions IN ACCESS EXCLUSIVE MODE", ct);
            await stage.Cluster.Servers.ContinueAsync(Stage.Strict, ct);
            return unlock;
        }),
        // What is ten minutes without movement where it ships is ten seconds here, which the first documents may take.
        new("a replica stands still while documents come in, and follows slowly", ["ReplicaDown", "IndexLag"], ["ChangeLogStuck"], false, FallBehindAsync),
        new("PostgreSQL is killed", ["DatabaseDown", "ProvenanceDropped"], ["DatabaseDown"], false, async (stage, ct) =>
        {
            await stage.Cluster.Servers.KillAsync("postgres", ct);
            var end = await WhileAsync(stop => LoadAsync(stage.SlowAddress, stage.Cluster.UncachedBodies(), 4, 60, stop), ct);
            return async () =>
            {
                await end();
                await stage.Cluster.Servers.StartAsync("postgres", CancellationToken.None);
            };
        }),
        new("every replica is killed", ["MetricsAbsent", "ReplicaDown"], ["MetricsAbsent"], false, async (stage, ct) =>
        {
            await stage.Cluster.Servers.KillAsync(Stage.Slow, ct);
            await stage.Cluster.Servers.KillAsync(Stage.Strict, ct);
            return async () =>
            {
                await stage.Cluster.Servers.StartAsync(Stage.Slow, CancellationToken.None);
                await stage.RestartStrictAsync(CancellationToken.None);
            };
        }),
        new("nobody takes what the product has to tell", ["NotificationFailing", "NobodyNotified"], ["NobodyNotified"], false, async (stage, ct) =>
        {
            // An address at which nobody listens, and more messages than one that fails by chance.
            await stage.RestartStrictAsync(ct, ("RAG__Contacts__OnCallEngineer__Webhook", $"http://127.0.0.1:{ChildServer.FreePort()}/"));
            for (int n = 0; n < 8; n++) await ProductionCluster.PostAsync(stage.StrictReplica, "/admin/v1/incidents", new { title = $"Nobody hears of this one, {n}", severity = "P3" }, ct);
            return () => stage.RestartStrictAsync(CancellationToken.None);
        }),
        new("nobody does the reviews", ["ReviewOverdue"], [], false, async (stage, ct) =>
        {
            // Eight seconds from one to the next, which nobody keeps up with.
            await stage.RestartStrictAsync(ct, ("RAG__Compliance__Reviews__Certificates", "0.0001"));
            return () => stage.RestartStrictAsync(CancellationToken.None);
        }),
        // Four hours are four minutes here.
        new("read-only mode is left on", ["ReadOnlyLeftOn"], [], false, async (stage, ct) =>
        {
            const string path = "/admin/v1/maintenance/read-only";
            await ProductionCluster.PostAsync(stage.Cluster.Replicas[0], path, new { reason = "forgotten", @for = "1d", owner = "verify" }, ct);
            return async () =>
            {
                using var off = await stage.Cluster.Replicas[0].DeleteAsync(path, CancellationToken.None);
                off.EnsureSuccessStatusCode();
            };
        }, TimeSpan.FromMinutes(6)),
    ];

    private static Fault Given(string name, string[] alerts, string[] pages, Func<Stage, Action> begin, bool standIn = false) => new(name, alerts, pages, standIn, (stage, _) =>
    {
        var end = begin(stage);
        return Task.FromResult<Func<Task>>(() =>
        {
            end();
            return Task.CompletedTask;
        });
    });

    /// <summary>Goes on in the background until it is ended.</summary>
    private static async Task<Func<Task>> WhileAsync(Func<CancellationToken, Task> work, CancellationToken ct)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var running = Task.Run(() => work(stop.Token), ct);
        await Task.Yield();
        return async () =>
        {
            await stop.CancelAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (running.IsFaulted) throw running.Exception;
            stop.Dispose();
        };
    }

    private static async Task LoadAsync(Uri address, Func<long, byte[]> bodies, int askers, double? perSecond, CancellationToken stop)
    {
        await using var load = QuestionLoad.Start([address], bodies, askers, perSecond, stop);
        await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await load.StopAsync();
    }

    /// <summary>Good questions at a pace, and between them some at once that the strict replica has no room for: 0.4 % of all.</summary>
    private static async Task FewRefusedAsync(Stage stage, CancellationToken stop)
    {
        await using var good = QuestionLoad.Start([stage.SlowAddress], stage.Cluster.ZipfBodies(21), 4, 100, stop);
        var uncached = stage.Cluster.UncachedBodies();
        long refused = 0;
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(100, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (refused > 0.004 * good.Done - 2) continue;
            await using var burst = QuestionLoad.Start([stage.StrictAddress], uncached, 3, null, CancellationToken.None, limit: 3);
            refused += (await burst.EndAsync()).Failed;
        }
        await good.StopAsync();
    }

    /// <summary>Good questions at a pace, and between them so many at once that the last of them wait more than half a second: a fifth of all.</summary>
    private static async Task SomeSlowAsync(Stage stage, CancellationToken stop)
    {
        await using var good = QuestionLoad.Start([stage.StrictAddress], stage.Cluster.ZipfBodies(22), 1, 40, stop);
        var uncached = stage.Cluster.UncachedBodies();
        long slow = 0, all = 0;
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(100, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (good.Done < 20 || slow > 0.2 * (good.Done + all)) continue;
            await using var burst = QuestionLoad.Start([stage.SlowAddress], uncached, 120, null, CancellationToken.None, limit: 120);
            var result = await burst.EndAsync();
            all += result.Count;
            slow += result.Times.Count(t => t.Ms > 500);
        }
        await good.StopAsync();
    }

    private static async Task ForeignHostsAsync(Stage stage, CancellationToken stop)
    {
        for (int n = 0; n < 60 && !stop.IsCancellationRequested; n++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/collections") { Headers = { Host = $"host{n}.example" } };
            using var response = await stage.StrictReplica.SendAsync(request, stop);
        }
    }

    /// <summary>The folder of the checkpoints is gone, the last copy was made three hours ago, and a new term begins, which knows of nothing younger.</summary>
    private static async Task<Func<Task>> BlockCheckpointsAsync(Stage stage, CancellationToken ct)
    {
        string folder = Path.Combine(stage.Cluster.Servers.State, "checkpoints"), aside = folder + ".aside";
        Directory.Move(folder, aside);
        await File.WriteAllTextAsync(folder, "", ct);
        await using var connection = new NpgsqlConnection(stage.Cluster.Servers.PostgresConnection);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand("UPDATE audit_checkpoints SET outside_at = outside_at - 10800000000; UPDATE leases SET holder = 'nobody', until_at = 0", connection);
        await command.ExecuteNonQueryAsync(ct);
        return () =>
        {
            File.Delete(folder);
            Directory.Move(aside, folder);
            return Task.CompletedTask;
        };
    }

    /// <summary>Whoever asks from this machine has thirty hours behind them in which they read a few documents; now they open a hundred.</summary>
    private static async Task<Func<Task>> ReadFarMoreAsync(Stage stage, CancellationToken ct)
    {
        const int documents = 100;
        const string collection = "far-more";
        await stage.Cluster.IngestAsync(stage.StrictReplica, collection, Enumerable.Range(0, documents).Select(i => ($"{i}.txt", $"Number {i} is on shelf {i % 7}.")), ct);
        var profile = new AccessProfile();
        var now = TimeProvider.System.GetUtcNow();
        for (int hour = 40; hour > 0; hour--) profile.Take(now.AddHours(-hour), Enumerable.Range(0, 3).Select(n => (collection, $"known-{n}")), int.MaxValue);
        await using (var connection = new NpgsqlConnection(stage.Cluster.Servers.PostgresConnection))
        {
            await connection.OpenAsync(ct);
            await using var command = new NpgsqlCommand(
                "INSERT INTO access_profiles (caller, name, updated_at, state) VALUES ('address:127.0.0.1', 'this machine', 0, $1) ON CONFLICT (caller) DO UPDATE SET state = $1", connection) { Parameters = { new() { Value = profile.ToBytes() } } };
            await command.ExecuteNonQueryAsync(ct);
        }
        var list = await stage.StrictReplica.GetFromJsonAsync<System.Text.Json.JsonElement>($"/v1/collections/{collection}/documents?limit={documents}", ct);
        foreach (var document in list.GetProperty("documents").EnumerateArray())
            using (await stage.StrictReplica.GetAsync($"/v1/collections/{collection}/documents/{document.GetProperty("id").GetString()}/text", ct)) { }
        return async () => { using var deleted = await stage.StrictReplica.DeleteAsync($"/v1/collections/{collection}", CancellationToken.None); };
    }

    /// <summary>A transaction that holds a lock until the fault ends.</summary>
    private static async Task<Func<Task>> LockAsync(Stage stage, string sql, CancellationToken ct)
    {
        var connection = new NpgsqlConnection(stage.Cluster.Servers.PostgresConnection);
        await connection.OpenAsync(ct);
        var transaction = await connection.BeginTransactionAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection, transaction);
        await command.ExecuteNonQueryAsync(ct);
        return async () =>
        {
            await transaction.RollbackAsync(CancellationToken.None);
            await connection.DisposeAsync();
        };
    }

    private static async Task<Func<Task>> FallBehindAsync(Stage stage, CancellationToken ct)
    {
        const string collection = "behind";
        const int batches = 60, batch = 100;
        var proxy = stage.Cluster.Servers.PostgresProxy!;
        await stage.Cluster.Servers.PauseAsync(Stage.Strict, ct);
        var paused = Task.Delay(TimeSpan.FromSeconds(75), ct);
        for (int n = 0; n < batches; n++)
            await stage.Cluster.IngestAsync(stage.Cluster.Replicas[0], collection, Enumerable.Range(n * batch, batch).Select(i => ($"{i}.txt", $"Number {i} is on shelf {i % 97}.")), ct);
        await paused;
        proxy.Latency = TimeSpan.FromMilliseconds(1);
        await stage.Cluster.Servers.ContinueAsync(Stage.Strict, ct);
        return async () =>
        {
            proxy.Latency = TimeSpan.Zero;
            using var deleted = await stage.Cluster.Replicas[0].DeleteAsync($"/v1/collections/{collection}", CancellationToken.None);
        };
    }
}
