using System.Globalization;
using Dapper;
using Rag.Foundation;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.Diagnosis;

/// <summary>This machine's clock beside the record's, and the other replicas' by the heartbeats that they write with their own.</summary>
internal sealed class ClockDiagnosis(Database database, TimeProvider time, Replicas? replicas) : IDiagnosis
{
    /// <summary>A little goes apart everywhere; leases are given for seconds.</summary>
    private const double ApartSeconds = 1, FarSeconds = 5;

    private const int Samples = 5;

    /// <summary>Heartbeats come every ten seconds.</summary>
    private static readonly TimeSpan WatchLimit = TimeSpan.FromSeconds(12), WatchStep = TimeSpan.FromMilliseconds(500);

    public string Area => Areas.Clock;

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        string evidence = "the record lies on this machine and has no clock of its own";
        try
        {
            if (database.Shared)
            {
                var (apart, wide) = await MeasureAsync(ct);
                evidence = string.Create(CultureInfo.InvariantCulture, $"this machine is {Math.Abs(apart):F3} s {(apart < 0 ? "behind" : "ahead of")} the database server, give or take {wide:F3} s");
                if (Math.Abs(apart) - wide > ApartSeconds)
                    Apart(findings, "differs", "This machine's clock and the database server's go apart.", evidence, Math.Abs(apart));
                if (replicas is not null)
                {
                    await HeartbeatsAsync(findings, apart, ct);
                    if (request.Thorough) await WatchAsync(findings, apart, ct);
                }
            }
        }
        catch (Exception e) when (e is RagException or System.Data.Common.DbException)
        {
            findings.Notice("unseen", "The database server's clock cannot be read.", e.Message, "Whether the clocks agree is not known.", "rag doctor database");
        }
        if (findings.Well && findings.Count == 0) findings.Ok("agrees", "The clocks agree.", evidence);
        return findings;
    }

    /// <summary>How far this clock is ahead of the record's, seconds, by the shortest of several round trips; and the most that this may be wrong.</summary>
    private async Task<(double Apart, double Wide)> MeasureAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        (double Apart, double Wide) best = (0, double.MaxValue);
        for (int i = 0; i < Samples; i++)
        {
            long before = time.Microseconds(), started = time.GetTimestamp();
            long theirs = await connection.ExecuteScalarAsync<long>(new CommandDefinition($"SELECT {database.Dialect.Now}", cancellationToken: ct));
            double half = time.GetElapsedTime(started).TotalSeconds / 2;
            if (half < best.Wide) best = ((before - theirs) / 1e6 + half, half);
        }
        return best;
    }

    /// <summary>A heartbeat that comes from the future, or that is renewed and yet old, was written by a clock that is wrong.</summary>
    private async Task HeartbeatsAsync(Findings findings, double apart, CancellationToken ct)
    {
        foreach (var replica in await replicas!.ListAsync(ct))
        {
            double ahead = (replica.SeenAt - time.GetUtcNow()).TotalSeconds + apart;
            if (ahead <= ApartSeconds) continue;
            string evidence = string.Create(CultureInfo.InvariantCulture, $"replica {replica.Name} was last seen {ahead:F1} s in the future, by the database server's clock");
            Apart(findings, "replica_ahead", $"The clock of replica {replica.Name} is ahead.", evidence, ahead);
        }
    }

    /// <summary>Waits until each heartbeat is renewed: what is old in that moment was written by a clock that is behind.</summary>
    private async Task WatchAsync(Findings findings, double apart, CancellationToken ct)
    {
        var before = (await replicas!.ListAsync(ct)).GroupBy(r => (r.Name, r.StartedAt)).ToDictionary(g => g.Key, g => g.Max(r => r.SeenAt));
        if (before.Count < 2) return;
        long started = time.GetTimestamp();
        while (before.Count > 0 && time.GetElapsedTime(started) < WatchLimit)
        {
            await Task.Delay(WatchStep, time, ct);
            foreach (var replica in await replicas.ListAsync(ct))
            {
                if (!before.TryGetValue((replica.Name, replica.StartedAt), out var was) || replica.SeenAt == was) continue;
                before.Remove((replica.Name, replica.StartedAt));
                double behind = (time.GetUtcNow() - replica.SeenAt).TotalSeconds - apart;
                if (behind < ApartSeconds + 2 * WatchStep.TotalSeconds) continue;
                string evidence = string.Create(CultureInfo.InvariantCulture, $"a heartbeat of replica {replica.Name} was {behind:F1} s old when it was written, by the database server's clock");
                Apart(findings, "replica_behind", $"The clock of replica {replica.Name} is behind.", evidence, behind);
            }
        }
    }

    private static void Apart(Findings findings, string name, string what, string evidence, double seconds)
    {
        const string Meaning = "Times in the record, lags and deadlines are wrong by as much, and the lead may change hands too early.";
        if (seconds > FarSeconds) findings.Critical(name, what, evidence, Meaning, "timedatectl status");
        else findings.Warning(name, what, evidence, Meaning, "timedatectl status");
    }
}
