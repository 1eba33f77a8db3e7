using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Dapper;
using Rag.Diagnosis;
using Rag.Foundation;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Tests.Diagnosis;

/// <summary>Diagnoses inside a running service: clock, index, certificates, growth. What is provoked from outside is in the tests of the command.</summary>
public sealed class DiagnosisTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<DoctorReport> LookAsync(TestService service, string area, bool verify = false) => await service.Get<Doctor>().LookAsync(Doctor.Request([area], heap: false, verify), Cancel);

    [Theory]
    [InlineData(0, null)]
    [InlineData(3, Severity.Warning)]
    [InlineData(-30, Severity.Critical)]
    public async Task A_clock_that_goes_wrong_is_told_from_one_that_agrees(int seconds, string? severity)
    {
        TestRecord.RequirePostgres();
        await using var service = await TestService.StartAsync(engine: Engine.Postgres, time: new ShiftedTime(TimeSpan.FromSeconds(seconds)));
        var report = await LookAsync(service, Areas.Clock);
        if (severity is null) report.Findings.ShouldHaveSingleItem().Name.ShouldBe("clock.agrees");
        else report.Findings.ShouldContain(f => f.Name == "clock.differs" && f.Severity == severity);
    }

    [Fact]
    public async Task A_replica_whose_heartbeats_come_from_the_future_or_are_old_when_they_are_written_is_named()
    {
        TestRecord.RequirePostgres();
        await using var service = await TestService.StartAsync(engine: Engine.Postgres);
        // What replicas with right, fast and slow clocks write.
        (string Name, double Seconds)[] replicas = [("right", 0), ("fast", 20), ("slow", -8)];
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var writing = WriteAsync(service.Get<Database>(), replicas, stop.Token);
        await Task.Delay(500, Cancel);
        var report = await LookAsync(service, Areas.Clock);
        await stop.CancelAsync();
        await writing;
        report.Findings.Select(f => (f.Name, f.What)).ShouldBe([("clock.replica_ahead", "The clock of replica fast is ahead."), ("clock.replica_behind", "The clock of replica slow is behind.")]);

        static async Task WriteAsync(Database database, (string Name, double Seconds)[] replicas, CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                foreach (var (name, seconds) in replicas)
                    await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                        """
                        INSERT INTO replicas (id, name, version, started_at, seen_at, index_position, leads, cpu_share, memory_share) VALUES (@name, @name, '0', 0, @seen, 0, 0, 0, 0)
                        ON CONFLICT (id) DO UPDATE SET seen_at = @seen
                        """, new { name, seen = TimeProvider.System.Microseconds() + (long)(seconds * 1e6) }, tx), CancellationToken.None);
                await Task.Delay(2_000, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task An_index_that_differs_from_the_record_is_found_when_it_is_verified(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        await service.PutAsync("b.txt", "Egrets are white.");
        var well = await LookAsync(service, Areas.Index, verify: true);
        (well.NeedsSomebody, well.Findings.Any(f => f.Name == "index.verified")).ShouldBe((false, true));
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync("DELETE FROM chunks WHERE version_no = (SELECT MAX(version_no) FROM chunks)", transaction: tx), Cancel);
        (await LookAsync(service, Areas.Index, verify: true)).Findings.ShouldContain(f => f.Name == "index.differs" && f.Severity == Severity.Critical && f.Next == "rag index rebuild --collection default");
    }

    [Fact]
    public async Task While_the_record_is_away_every_area_that_needs_it_says_so_and_none_fails()
    {
        TestRecord.RequirePostgres();
        await using var postgres = await PostgresServer.StartAsync(Cancel);
        await using var service = await TestService.StartAsync(settings: new() { ["Storage:Provider"] = "postgres", ["Audit:KeyFile"] = AuditKeyFile.Shared, ["Storage:Postgres:ConnectionString"] = postgres.ConnectionString() });
        var well = await service.Get<Doctor>().LookAsync(Doctor.Request(null, false, false), Cancel);
        well.Findings.Where(f => f.Area is Areas.Database or Areas.Index or Areas.Clock && Severity.Rank(f.Severity) > Severity.Rank(Severity.Notice)).ShouldBeEmpty();
        await postgres.KillAsync();
        var report = await service.Get<Doctor>().LookAsync(Doctor.Request(null, false, false), Cancel);
        foreach (string name in new[] { "database.refused", "index.record_away", "clock.unseen" }) report.Findings.ShouldContain(f => f.Name == name);
        report.Findings.ShouldNotContain(f => f.Name.EndsWith("undiagnosed"));
    }

    [Fact]
    public async Task When_a_watched_certificate_expires_is_a_metric_from_the_start()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("rag-cert-").FullName, "watched.pem");
        var until = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + 5 * 86_400);
        using (var key = ECDsa.Create(ECCurve.NamedCurves.nistP256))
        using (var certificate = new CertificateRequest("CN=watched", key, HashAlgorithmName.SHA256).CreateSelfSigned(until.AddDays(-90), until))
            await File.WriteAllTextAsync(file, certificate.ExportCertificatePem(), Cancel);
        await using var service = await TestService.StartAsync(settings: new() { ["Diagnosis:Certificates"] = file });
        double? seen = null;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == "rag_certificate_expiry_timestamp_seconds") l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) =>
        {
            if (tags.Length == 1 && tags[0] is { Key: "name", Value: string name } && name == file) seen = value;
        });
        listener.Start();
        for (int i = 0; i < 200 && seen is null; i++)
        {
            listener.RecordObservableInstruments();
            await Task.Delay(20, Cancel);
        }
        seen.ShouldBe(until.ToUnixTimeSeconds());
        // Within three weeks of its end, somebody must act.
        (await LookAsync(service, Areas.Certificates)).Findings.ShouldHaveSingleItem().Name.ShouldBe("certificates.expiring");
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    [Fact]
    public void Growth_is_told_from_the_floors_between_collections()
    {
        var start = DateTimeOffset.UnixEpoch;
        IReadOnlyList<MemorySample> sawtooth = [.. Enumerable.Range(0, 120).Select(i => new MemorySample(start.AddMinutes(i), 0, 100_000_000 + (i % 7 * 30_000_000)))];
        Growth.Of(sawtooth, s => s.HeapBytes).Any(g => g.Steady).ShouldBeFalse();
        // The same teeth on a floor that rises, in the last hour only.
        IReadOnlyList<MemorySample> leak = [.. sawtooth.Select((s, i) => s with { HeapBytes = s.HeapBytes + (Math.Max(0, i - 60) * 5_000_000L) })];
        Growth.Of(leak, s => s.HeapBytes).ShouldContain(g => g.Steady && g.To - g.From > 150_000_000 && g.Over == TimeSpan.FromMinutes(59));
        Growth.Of([.. sawtooth.Take(11)], s => s.HeapBytes).ShouldBeEmpty();
    }

    [Fact]
    public void An_area_that_there_is_not_is_refused_with_those_that_there_are()
    {
        var e = Should.Throw<RagException>(() => Doctor.Request(["network"], false, false));
        (e.Kind, e.Remedy.Contains("certificates", StringComparison.Ordinal)).ShouldBe((ErrorKind.Invalid, true));
    }

    /// <summary>A machine whose clock is wrong by so much.</summary>
    private sealed class ShiftedTime(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
    }
}
