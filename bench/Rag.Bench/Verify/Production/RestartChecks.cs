using System.Diagnostics;
using Rag.Testing;

namespace Rag.Bench.Verify.Production;

/// <summary>Replicas come and go under load; nobody who asks notices.</summary>
internal static class RestartChecks
{
    private const int Rounds = 5;
    private const int Requests = 20_000, QuickRequests = 2_000;
    private const int Kills = 10;
    private const int Askers = 8;

    /// <summary>Enough for 20,000 requests within a restart of three replicas, and little enough that no queue forms.</summary>
    private const double PerSecond = 1_000, QuickPerSecond = 300;

    public static IEnumerable<Check> All()
    {
        yield return new("rolling-restart", "failed questions of at least 20,000 in each of five rolling restarts of three replicas", Relation.AtMost, 0, RollingRestartAsync);
        yield return new("replica-killed", "failed questions while one replica after the other is killed with -9, with the balancer's one retry", Relation.AtMost, 0, ReplicaKilledAsync);
    }

    private static async Task<Measured> RollingRestartAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ProductionAsync(ct);
        await cluster.MendAsync(ct);
        int rounds = context.Quick ? 1 : Rounds, atLeast = context.Quick ? QuickRequests : Requests, failed = 0;
        var counts = new List<string>();
        var failures = new List<string>();
        for (int round = 0; round < rounds; round++)
        {
            await using var load = QuestionLoad.Start([cluster.Servers.Balancer], cluster.ZipfBodies(20 + round), Askers, context.Quick ? QuickPerSecond : PerSecond, ct);
            long started = Stopwatch.GetTimestamp();
            var before = Enumerable.Range(1, cluster.Servers.ReplicaCount).Select(n => cluster.Servers.Pid(LocalCluster.Replica(n))).ToList();
            await cluster.Servers.RollingRestartAsync(ct);
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            if (Enumerable.Range(1, cluster.Servers.ReplicaCount).Any(n => before.Contains(cluster.Servers.Pid(LocalCluster.Replica(n))))) throw new InvalidOperationException("A replica was not restarted.");
            await load.WaitForAsync(atLeast, ct);
            var result = await load.StopAsync();
            failed += result.Failed;
            counts.Add($"{result.Failed} of {result.Count}, restarts took {seconds:F1} s, p95 {result.P95():F1} ms");
            if (result.Failed > 0) failures.Add(result.FailureText);
        }
        string note = $"failed in each restart: {string.Join("; ", counts)}";
        if (context.Quick) note += $"; smaller: 1 restart of {Rounds}, {QuickRequests} requests of {Requests}";
        return new(failed, failures.Count == 0 ? note : $"{note}; {string.Join(" | ", failures)}");
    }

    private static async Task<Measured> ReplicaKilledAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ProductionAsync(ct);
        await cluster.MendAsync(ct);
        int kills = context.Quick ? 1 : Kills;
        await using var load = QuestionLoad.Start([cluster.Servers.Balancer], cluster.ZipfBodies(30), Askers, context.Quick ? QuickPerSecond : PerSecond, ct);
        await Task.Delay(300, ct);
        for (int kill = 0; kill < kills; kill++)
        {
            string replica = LocalCluster.Replica(kill % cluster.Servers.ReplicaCount + 1);
            await cluster.Servers.KillAsync(replica, ct);
            await Task.Delay(500, ct);
            await cluster.Servers.StartAsync(replica, ct);
            // The balancer must have taken it back before another may go.
            await Task.Delay(500, ct);
        }
        var result = await load.StopAsync();
        string note = $"{kills} kills, {result.Failed} of {result.Count} questions failed, p95 {result.P95():F1} ms, slowest {result.Times.Max(t => t.Ms):F0} ms";
        if (context.Quick) note += $"; smaller: {kills} of {Kills} kills";
        return new(result.Failed, result.Failed == 0 ? note : $"{note}; {result.FailureText}");
    }
}
