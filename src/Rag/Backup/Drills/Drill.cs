using System.Diagnostics.Metrics;
using System.Globalization;
using Dapper;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Rag.Audit;
using Rag.Backup.OffSite;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Inference;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Backup.Drills;

/// <summary>
/// Proves a backup: restores it into a scratch store, compares every table, makes the index, asks, and puts the evidence on the
/// record and its digest on the audit record, in one transaction. One drill at a time of all processes.
/// </summary>
internal sealed class Drill(
    Database database, StorageOptions storage, BackupCatalog catalog, OffSiteCopier copier, OffSiteCopies copies, DrillRecord drills, BackupOptions options, ConfigurationSections sections, DataDirectory data,
    AuditTrail audit, AuditOptions auditOptions, Embedder embedder, ChangeLog changes, Leases leases, TimeProvider time, ILogger<Drill> log)
{
    private const string LeaseName = "backup-drill", FolderPrefix = "drill-";

    /// <param name="id">Null: the newest that is whole.</param>
    /// <param name="offSite">Whether the copy off-site is restored.</param>
    /// <returns>The evidence, also of a drill that did not pass.</returns>
    /// <exception cref="RagException">The drill could not be done, which says nothing of the backup: NotFound, Conflict, Unsupported (of a newer release), Unavailable, StorageFull.</exception>
    public async Task<DrillEvidence> RunAsync(string? id, bool offSite, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        await using var lease = await leases.TryTakeAsync(LeaseName, ct) ?? throw new RagException(ErrorKind.Conflict, "A drill is under way already.", "Wait until it is done: 'rag backup drills' shows it then.");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct, lease.Lost);
        limit.CancelAfter(TimeSpan.FromHours(options.LimitHours));
        id ??= offSite ? (await copier.ListAsync(limit.Token)).FirstOrDefault(c => c.Whole)?.BackupId : (await catalog.ListAsync(limit.Token)).FirstOrDefault(b => b.State is BackupState.Complete or BackupState.Verified or BackupState.Drilled)?.Id;
        if (id is null) throw new RagException(ErrorKind.NotFound, offSite ? "There is no copy off-site." : "There is no backup.", offSite ? "Copy one: 'rag backup copy ID'." : "Make one: 'rag backup create'.");
        string drill = Ids.New(time);
        await audit.RecordAsync(AuditEvent.Administrative("backup.drill_start", "backup:" + id, new Dictionary<string, string> { ["drill"] = drill, ["off_site"] = offSite ? "yes" : "no" }), limit.Token);
        string root = options.ScratchDirectory.Length > 0 ? Path.GetFullPath(options.ScratchDirectory) : Path.Combine(data.Path, "scratch");
        await RemoveLeftAsync(root, limit.Token);
        string folder = Path.Combine(root, FolderPrefix + drill);
        try
        {
            Directory.CreateDirectory(folder);
            return await RunAsync(drill, id, offSite, folder, progress, limit.Token);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw e is IOException io ? Durable.Translate(io, root) : new RagException(ErrorKind.Unavailable, $"{root} cannot be written to: {e.Message}", "Name another folder in Backup:ScratchDirectory.", e);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new RagException(ErrorKind.Unavailable, lease.Lost.IsCancellationRequested ? "The record could not be asked for so long that another process may drill now." : $"The drill took longer than {options.LimitHours} hours.", "Try again, or raise Backup:LimitHours.", e);
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<DrillEvidence> RunAsync(string drill, string id, bool offSite, string folder, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        var startedAt = time.GetUtcNow();
        long started = time.GetTimestamp();
        double fetch = 0, read = 0;
        BackupReader? reader = null;
        DrillRun? run = null;
        string? unreadable = null;
        try
        {
            if (offSite)
            {
                string fetched = Path.Combine(folder, "fetched");
                Directory.CreateDirectory(fetched);
                reader = await BackupReader.OpenAsync(await copier.FetchAsync(id, fetched, progress, ct), catalog.Keys(), ct);
                fetch = time.GetElapsedTime(started).TotalSeconds;
            }
            else reader = await catalog.OpenAsync(id, ct);
            long reading = time.GetTimestamp();
            await reader.VerifyAsync(progress, ct);
            read = time.GetElapsedTime(reading).TotalSeconds;
            await using var store = await ScratchStore.CreateAsync(Settings(folder), ct, Path.Combine(folder, "store"), SchemaPrefix(), Replace);
            run = new(reader, store, options, time, progress);
            await run.RestoreAsync(ct);
            await run.CompareAsync(ct);
            await run.IndexAsync(ct);
            await run.VerifyIndexAsync(ct);
            await run.AskAsync(ct);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Invalid)
        {
            unreadable = e.Message;
        }
        var checks = new List<DrillCheck> { new("read", unreadable is null, unreadable ?? $"All of it was read, {reader!.Manifest.Parts.Count} parts, {reader.Manifest.StoredBytes / 1e6:F1} MB.") };
        checks.AddRange(run?.Checks ?? []);
        string? problem = checks.Find(c => !c.Passed)?.Found;
        double answered = run is null ? 0 : fetch + read + run.RestoreSeconds + run.IndexSeconds + run.QuestionSeconds;
        var evidence = new DrillEvidence(
            drill, id, reader?.Manifest.Kind ?? "unknown", offSite, reader?.ManifestSha256 ?? "", database.Provider, Product.Version, startedAt, time.GetUtcNow(), problem is null, problem,
            new(Round(fetch), Round(read), Round(run?.RestoreSeconds ?? 0), Round(run?.IndexSeconds ?? 0), Round(answered), Round(time.GetElapsedTime(started).TotalSeconds)),
            await LossAsync(reader?.Manifest.Position ?? 0, startedAt, ct), run?.Questions ?? new(0, 0, 0, 0, 0), checks, run?.Tables ?? []);
        await KeepAsync(evidence, reader, wrong: unreadable is not null || run?.RecordIsWrong == true, ct);
        return evidence;
    }

    /// <summary>In one transaction: the evidence, what it says of the backup, and its digest on the audit record.</summary>
    private async Task KeepAsync(DrillEvidence evidence, BackupReader? reader, bool wrong, CancellationToken ct)
    {
        string id = evidence.BackupId;
        if (wrong)
        {
            if (evidence.OffSite) await copies.NoteDamagedAsync(id, evidence.Problem!, ct);
            else await catalog.NoteDamagedAsync(id, evidence.Problem!, ct);
        }
        // All of it was read on the way.
        else if (evidence.OffSite) await copies.NoteVerifiedAsync(reader!.Manifest, reader.ManifestSha256, ct);
        else await catalog.NoteVerifiedAsync(id, ct);
        await database.WriteAsync(async tx =>
        {
            string sha256 = await drills.AddAsync(tx, evidence);
            if (evidence.Passed) await (evidence.OffSite ? copies.NoteDrilledAsync(tx, id) : catalog.NoteDrilledAsync(tx, id));
            else if (!wrong) await tx.Connection!.ExecuteAsync(
                $"UPDATE {(evidence.OffSite ? "off_site_copies" : "backups")} SET problem = @problem, drilled_at = NULL WHERE {(evidence.OffSite ? "backup_id" : "id")} = @id", new { problem = "The drill did not pass: " + evidence.Problem, id }, tx);
            await audit.AppendAsync(tx, AuditEvent.Administrative("backup.drill", "backup:" + id, new Dictionary<string, string>
            {
                ["drill"] = evidence.Id, ["evidence"] = sha256, ["off_site"] = evidence.OffSite ? "yes" : "no", ["position"] = Text(evidence.Loss.BackupPosition), ["first_answer_seconds"] = Text(evidence.Seconds.FirstAnswer),
                ["loss_seconds"] = Text(evidence.Loss.Seconds), ["problem"] = evidence.Problem ?? "",
            }) with { Succeeded = evidence.Passed });
        }, ct);
        if (evidence.Passed) log.DrillPassed(evidence.Id, id, evidence.Seconds.FirstAnswer);
        else log.DrillNotPassed(evidence.Id, id, evidence.Problem!);
    }

    private async Task<DrillLoss> LossAsync(long position, DateTimeOffset now, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var (count, oldest) = await connection.QuerySingleAsync<(long, long?)>(new CommandDefinition(
            "SELECT COUNT(*), MIN(at) FROM change_log WHERE seq > @position AND at <= @until", new { position, until = Clock.ToMicroseconds(now) }, commandTimeout: Database.LongCommandSeconds, cancellationToken: ct));
        return new(position, await changes.LastAsync(ct), count, oldest is { } at ? Round(Math.Max(0, (now - Clock.FromMicroseconds(at)).TotalSeconds)) : 0);
    }

    /// <summary>The configuration of this service, on a data directory of its own, with the real keys and without what others share.</summary>
    private IConfiguration Settings(string folder) => new ConfigurationBuilder().AddConfiguration(sections.Configuration).AddInMemoryCollection(
    [
        new("Audit:KeyFile", auditOptions.KeyFile.Length > 0 ? auditOptions.KeyFile : Path.Combine(data.Path, "audit", "key.pem")),
        new("Caching:Enabled", "false"), new("Backup:Directory", Path.Combine(folder, "backups")), new("Storage:Postgres:MaxPoolSize", "8"),
    ]).Build();

    /// <summary>The embedding model is not loaded twice, and what the scratch store measures is not this service's.</summary>
    private void Replace(IServiceCollection services)
    {
        services.Replace(ServiceDescriptor.Singleton(embedder));
        services.Replace(ServiceDescriptor.Singleton<IMeterFactory, ScratchMeters>());
    }

    /// <summary>What a drill left whose process was killed; nobody else drills now.</summary>
    private async Task RemoveLeftAsync(string root, CancellationToken ct)
    {
        if (Directory.Exists(root))
            foreach (string left in Directory.EnumerateDirectories(root, FolderPrefix + "*")) Directory.Delete(left, recursive: true);
        await ScratchRecord.RemoveLeftAsync(storage, SchemaPrefix(), ct);
    }

    /// <summary>Several services may keep their records in one database, each in a schema.</summary>
    private string SchemaPrefix() => storage.Provider == "postgres" ? $"rag_drill_{Sha256.Hex(storage.Postgres.Read().SearchPath ?? "public")[..12]}_" : "";

    private static double Round(double seconds) => Math.Round(seconds, 3);

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>Meters under names that no exporter of this process looks for.</summary>
    private sealed class ScratchMeters : IMeterFactory
    {
        private readonly Lock _gate = new();
        private readonly List<Meter> _meters = [];

        public Meter Create(MeterOptions options)
        {
            var meter = new Meter("scratch/" + options.Name);
            lock (_gate) _meters.Add(meter);
            return meter;
        }

        public void Dispose()
        {
            lock (_gate)
                foreach (var meter in _meters) meter.Dispose();
        }
    }
}
